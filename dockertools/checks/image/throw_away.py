"""A container that is gone afterwards, and this package in it."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dockertools
from dockertools.checks.guest import FALLBACK
from dockertools.errors import CouldNotRunError
from dockertools.process import ProgramTimeoutError, run

FOLDER = "/.dockertools-check"
LABEL = "io.dockertools.check"
ENGINE_SECONDS = 300.0
"""How long a single answer of the engine may take; a busy one takes long to make a container."""
_NEEDED = ("elftools", "packaging")


@dataclass
class ThrowAwayContainer:
    """A container; after its block `is_left` tells that the engine did not remove it."""

    name: str
    is_left: bool = False


@contextmanager
def throw_away_container(argv: Sequence[str]) -> Iterator[ThrowAwayContainer]:
    """Make a container by the arguments of `docker create`; it is removed at the block's end, whatever happens.

    Raises CouldNotRunError when the engine cannot make it.
    """
    container = ThrowAwayContainer(f"dockertools-check-{uuid.uuid4().hex[:12]}")
    try:
        done = run(("docker", "create", "--name", container.name, *argv), timeout=ENGINE_SECONDS)
        if done.returncode:
            raise CouldNotRunError(
                f"The engine cannot make a container of the image: {done.stderr.strip()}",
                hint="`docker run` with the same options shows it.",
                code="container-refused",
            )
        yield container
    finally:
        container.is_left = not _remove(container.name)


def _remove(name: str) -> bool:
    """Remove a container; what was found counts more than an engine that hangs at the end."""
    try:
        return run(("docker", "rm", "--force", "--volumes", name), timeout=ENGINE_SECONDS).returncode == 0
    except ProgramTimeoutError:
        return False


def copy_package(container: str) -> None:
    """Copy this package, and beside it what it needs itself, into a container that need not run.

    Raises CouldNotRunError when that cannot be.
    """
    with packed_package() as folder:
        done = run(("docker", "cp", f"{folder}/.", f"{container}:{FOLDER}"), timeout=ENGINE_SECONDS)
        if done.returncode:
            raise CouldNotRunError(f"The package cannot be copied into the container: {done.stderr.strip()}")


@contextmanager
def packed_package() -> Iterator[Path]:
    """Yield a folder with this package, and beside it what it needs itself, readable for everybody."""
    with tempfile.TemporaryDirectory(prefix="dockertools-") as name:
        folder = Path(name, "package")
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(dockertools.__file__).parent, folder / "dockertools", ignore=ignored)
        for package in _NEEDED:
            spec = importlib.util.find_spec(package)
            if spec and spec.origin:
                shutil.copytree(Path(spec.origin).parent, folder / FALLBACK / package, ignore=ignored)
        for path in (folder, *folder.rglob("*")):  # whatever the umask is here, the image's user reads it
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield folder
