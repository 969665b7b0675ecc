"""Which context, and which Dockerfile, compose builds a service from."""

from __future__ import annotations

from pathlib import Path

from dockertools.compose.config import read_compose_config
from dockertools.context.targets import ContextTarget, absolute, as_on_disk
from dockertools.errors import DockertoolsError, UsageError


def service_target(root: Path, name: str) -> ContextTarget:
    """Return what compose builds for a service.

    Raises DockertoolsError when compose cannot read its files, or the service builds nothing from this machine;
    CouldNotRunError when compose is missing.
    """
    services = read_compose_config(root).services
    if name not in services:
        known = ", ".join(services) or "none"
        raise UsageError(f"There is no service {name!r} in the compose files.", hint=f"The services are: {known}.")
    build = services[name].build
    if build is None:
        raise DockertoolsError(
            f"The service {name!r} has no `build:`; nothing is sent for it.",
            hint=f"It uses the image {services[name].image}.",
        )
    if not Path(build.context).is_dir():
        raise DockertoolsError(
            f"The context of the service {name!r} is {build.context}, which is no folder of this machine.",
            hint="Nothing is sent from here when the builder fetches the context itself.",
        )
    if build.dockerfile_inline is not None:
        return ContextTarget(Path(build.context), None)
    return ContextTarget(Path(build.context), as_on_disk(absolute(build.dockerfile_path)))
