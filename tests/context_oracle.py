"""Ask BuildKit what it sends: many contexts, each with rules of its own, in one build."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dockertools.process import run

BUILD = ("docker", "buildx", "build", "--progress=plain", "--provenance=false", "--no-cache")


@dataclass(frozen=True)
class Refused:
    """What BuildKit said instead."""

    message: str


def what_buildkit_sends(contexts: Sequence[Path], scratch: Path) -> list[dict[str, int]]:
    """Return, for each context, the files BuildKit sends with their sizes; every context must be acceptable."""
    names = [f"case{number}" for number in range(len(contexts))]
    dockerfile = "FROM scratch\n" + "".join(f"COPY --from={name} . /{name}/\n" for name in names)
    main = scratch / "main"
    main.mkdir()
    (main / "Dockerfile").write_text(dockerfile)
    target = scratch / "image.tar"
    named = [f"--build-context={name}={path}" for name, path in zip(names, contexts, strict=True)]
    done = run((*BUILD, f"--output=type=tar,dest={target}", *named, os.fspath(main)), timeout=600)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, int]] = {name: {} for name in names}
    for path, size in _files(target):
        case, _, inner = path.partition("/")
        if inner:
            found[case][inner] = size
    return [found[name] for name in names]


def what_one_build_sends(context: Path, target: Path, *options: str) -> dict[str, int] | Refused:
    """Build with the context itself; `options` may name a Dockerfile, which must hold `COPY . /`."""
    done = run((*BUILD, f"--output=type=tar,dest={target}", *options, os.fspath(context)), timeout=600)
    if done.returncode:
        return Refused(done.stderr)
    return dict(_files(target))


def _files(archive: Path) -> Iterable[tuple[str, int]]:
    with tarfile.open(archive, errors="surrogateescape") as tar:
        for member in tar:
            if not member.isdir():
                yield member.name, member.size
