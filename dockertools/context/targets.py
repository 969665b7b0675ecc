"""Which context, and which Dockerfile: the project's own, or the one named; `compose.targets` knows the services'."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dockertools.errors import DockertoolsError

DOCKERFILE_NAME = "Dockerfile"


@dataclass(frozen=True)
class ContextTarget:
    """A folder to send and the Dockerfile that is built with it, None when it is not a file on the disk."""

    root: Path
    dockerfile: Path | None


def project_target(root: Path, dockerfile: str, *, context: str | None, file: str | None) -> ContextTarget:
    """Return the project's context and Dockerfile, or those that the user names, relative to the current folder.

    Without `file`, another context is built with the Dockerfile in it, as `docker build` does.
    Raises DockertoolsError for a context that is no folder, or a named Dockerfile that does not exist.
    """
    folder = Path(context) if context else root
    if not folder.is_dir():
        raise DockertoolsError(f"The context {folder} is not a folder.", hint="Name an existing folder with --context.")
    if file and not Path(file).is_file():
        raise DockertoolsError(f"There is no Dockerfile at {file}.", hint="Name an existing one with --file.")
    path = Path(file) if file else folder / (DOCKERFILE_NAME if context else dockerfile)
    return ContextTarget(absolute(folder), as_on_disk(absolute(path)))


def as_on_disk(dockerfile: Path) -> Path | None:
    """Return the Dockerfile under the name that the builder finds it by: `dockerfile` will do; None without any."""
    try:
        names = {path.name for path in dockerfile.parent.iterdir()}
    except OSError:
        return None
    if dockerfile.name in names:
        return dockerfile
    lower = dockerfile.name.lower()
    return dockerfile.with_name(lower) if dockerfile.name == DOCKERFILE_NAME and lower in names else None


def absolute(path: Path) -> Path:
    """Return the path from the root, without `..` in it; links are left alone."""
    return Path(os.path.normpath(Path.cwd() / path))
