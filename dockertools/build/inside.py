"""How to look inside a stage as it was before its failing step."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from dockertools.build.explain import Failure
from dockertools.build.options import BuildOptions
from dockertools.build.progress import is_instruction_name
from dockertools.build.redact import looks_secret


def inside_command(options: BuildOptions, failure: Failure) -> str | None:
    """Return a shell command that opens the stage as it was before the step that failed; None where none can.

    The Dockerfile is cut off before the failing instruction, so that what is left builds from the cache.
    """
    line = failure.line
    if line is None or not is_instruction_name(failure.step) or options.dockerfile_text is not None:
        return None
    target = f" --target {shlex.quote(failure.stage)}" if failure.stage else ""
    arguments = "".join(f" --build-arg {shlex.quote(_argument(*pair))}" for pair in options.build_args)
    return (
        f"head -n {line - 1} {_short(options.dockerfile)} | docker build{target}{arguments} --tag look --file - "
        f"{_short(options.context)} && docker run --rm --interactive --tty look sh"
    )


def _argument(key: str, value: str | None) -> str:
    """Return a build argument to type; a secret one is taken from the environment."""
    return key if value is None or looks_secret(key, value) else f"{key}={value}"


def _short(path: Path) -> str:
    """Return the path as the user's shell finds it: relative only where the process still stands in its folder."""
    relative = os.path.relpath(path)
    is_at_home = os.environ.get("PWD") == str(Path.cwd())
    return shlex.quote(relative if is_at_home and not relative.startswith("..") else str(path))
