"""How to look inside a stage as it was before its failing step."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from dockertools.build.options import BuildOptions


def inside_command(options: BuildOptions, line: int | None, stage: str | None) -> str | None:
    """Return a shell command that opens the stage as it was before `line` of the Dockerfile; None where none can.

    The Dockerfile is cut off before the failing instruction, so that what is left builds from the cache.
    """
    if line is None or line < 2 or options.dockerfile_text is not None:
        return None
    target = f" --target {shlex.quote(stage)}" if stage else ""
    arguments = "".join(f" --build-arg {shlex.quote(key)}" for key, _ in options.build_args)
    return (
        f"head -n {line - 1} {_short(options.dockerfile)} | docker build{target}{arguments} --tag look --file - "
        f"{_short(options.context)} && docker run --rm --interactive --tty look sh"
    )


def _short(path: Path) -> str:
    """Return the path as the user's shell finds it: relative only where the process still stands in its folder."""
    relative = os.path.relpath(path)
    is_at_home = os.environ.get("PWD") == str(Path.cwd())
    return shlex.quote(relative if is_at_home and not relative.startswith("..") else str(path))
