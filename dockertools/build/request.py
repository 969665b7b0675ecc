"""Config and command line -> BuildOptions."""

from __future__ import annotations

from pathlib import Path

from dockertools.build.options import BuildOptions
from dockertools.conf import Config, image_name
from dockertools.errors import DockertoolsError


def make_build_options(
    config: Config,
    *,
    tag: str | None = None,
    file: str | None = None,
    target: str | None = None,
    no_cache: bool = False,
) -> BuildOptions:
    """Return what to build for this project.

    `file` is relative to the current folder, as for `docker build`; the configured one to the project's root.
    Raises DockertoolsError when there is no Dockerfile.
    """
    dockerfile = Path(file).resolve() if file else config.root / config.dockerfile
    if not dockerfile.is_file():
        raise DockertoolsError(
            f"There is no Dockerfile at {dockerfile}.",
            hint="Write one with `docker_init`, or name it with --file or DOCKERTOOLS['DOCKERFILE'].",
            code="no-dockerfile",
        )
    return BuildOptions(
        context=config.root,
        dockerfile=dockerfile,
        tag=tag or config.image,
        target=target,
        no_cache=no_cache,
        labels=(("io.dockertools.project", image_name(config.root)),),
    )
