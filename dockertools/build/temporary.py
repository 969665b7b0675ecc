"""An image that is built for a while, and forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from dockertools.build.driver import Listener, build_image
from dockertools.build.options import BuildOptions

if TYPE_CHECKING:
    from docker import DockerClient


@contextmanager
def temporary_image(
    client: DockerClient, options: BuildOptions, watch: AbstractContextManager[Listener]
) -> Iterator[str]:
    """Build an image and yield its tag, which is removed at the end; `watch` shows the build.

    Raises as `build_image` does.
    """
    try:
        with watch as listener:
            build_image(options, listener)
        yield options.tag
    finally:
        _forget(client, options.tag)


def _forget(client: DockerClient, tag: str) -> None:
    from docker.errors import APIError  # noqa: PLC0415  # the SDK comes with the extra [engine]

    api: Any = client.api
    try:
        api.remove_image(tag)
    except APIError:  # the build failed, and there is none
        return
