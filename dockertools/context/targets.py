"""Which context, and which Dockerfile: the project's own, the one named, or that of a compose service."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockertools.errors import CouldNotRunError, DockertoolsError, UsageError
from dockertools.process import run

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
    return ContextTarget(_absolute(folder), as_on_disk(_absolute(path)))


def service_target(root: Path, name: str) -> ContextTarget:
    """Return what compose builds for a service.

    Raises DockertoolsError when compose cannot read its files, or the service builds nothing from this machine;
    CouldNotRunError when compose is missing.
    """
    services = _read_services(root)
    if name not in services:
        known = ", ".join(sorted(services)) or "none"
        raise UsageError(f"There is no service {name!r} in the compose files.", hint=f"The services are: {known}.")
    build = services[name].get("build")
    if not build:
        raise DockertoolsError(f"The service {name!r} has no `build:`; nothing is sent for it.")
    context = str(build["context"])
    if not Path(context).is_dir():
        raise DockertoolsError(
            f"The context of the service {name!r} is {context}, which is no folder of this machine.",
            hint="Nothing is sent from here when the builder fetches the context itself.",
        )
    if build.get("dockerfile_inline"):
        return ContextTarget(Path(context), None)
    dockerfile = Path(context, build.get("dockerfile") or DOCKERFILE_NAME)
    return ContextTarget(Path(context), as_on_disk(_absolute(dockerfile)))


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


def _absolute(path: Path) -> Path:
    return Path(os.path.normpath(Path.cwd() / path))


def _read_services(root: Path) -> dict[str, Any]:
    done = run(("docker", "compose", "--profile", "*", "config", "--format", "json"), cwd=root)
    if done.returncode and "is not a docker command" in done.stderr + done.stdout:
        raise CouldNotRunError("Docker has no `compose` command.", hint="Install the compose plugin, 2.24 or newer.")
    if done.returncode:
        raise DockertoolsError(
            f"Compose cannot read its files: {done.stderr.strip()}",
            hint="Correct them; `docker compose config` shows the same error.",
            code="compose-config",
        )
    services: dict[str, Any] = json.loads(done.stdout).get("services") or {}
    return services
