"""Ask BuildKit what it sends: many contexts, each with rules of its own, in one build."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from dockertools.context.ignore_file import read_ignore_file
from dockertools.context.matcher import Matcher
from dockertools.context.walk import walk_context
from dockertools.process import run

BUILD = ("docker", "buildx", "build", "--progress=plain", "--provenance=false", "--no-cache")
DOCKERFILE = "FROM scratch\nCOPY . /\n"


class BuildRefusedError(Exception):
    """What BuildKit said instead of building."""


def what_we_say(context: Path, dockerfile: Path | None = None) -> dict[str, int]:
    """Return the files that we say BuildKit sends, and their sizes."""
    matcher = Matcher(read_ignore_file(context, dockerfile).rules)
    return {entry.path: entry.size for entry in walk_context(context, matcher, with_excluded=False)}


def what_buildkit_sends(contexts: Sequence[Path], scratch: Path) -> list[dict[str, int]]:
    """Return, for each context, the files that BuildKit sends and their sizes.

    Each is a named context, which BuildKit reads by its own ignore file. Raises BuildRefusedError for all together.
    """
    names = [f"case{number}" for number in range(len(contexts))]
    (scratch / "main").mkdir(parents=True)
    (scratch / "main" / "Dockerfile").write_text(
        "FROM scratch\n" + "".join(f"COPY --from={name} . /{name}/\n" for name in names)
    )
    named = [f"--build-context={name}={path}" for name, path in zip(names, contexts, strict=True)]
    sent: list[dict[str, int]] = [{} for _ in contexts]
    for path, size in _build(scratch / "main", scratch / "image.tar", *named):
        case, _, inner = path.partition("/")
        sent[int(case.removeprefix("case"))][inner] = size
    return sent


def what_one_build_sends(context: Path, scratch: Path, *options: str) -> dict[str, int]:
    """Build the context itself with its own Dockerfile, or one that `options` name."""
    return dict(_build(context, scratch / "image.tar", *options))


def _build(context: Path, target: Path, *options: str) -> Iterator[tuple[str, int]]:
    done = run((*BUILD, f"--output=type=tar,dest={target}", *options, os.fspath(context)), timeout=600)
    if done.returncode:
        raise BuildRefusedError(done.stderr)
    with tarfile.open(target, errors="surrogateescape") as archive:
        for member in archive:
            if not member.isdir():
                yield member.name, member.size
    target.unlink()
