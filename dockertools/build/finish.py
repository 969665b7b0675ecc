"""What comes after a build: the tag, the push, and an image that must go."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dockertools.build.command import push_argv
from dockertools.build.redact import Redact
from dockertools.build.result import BuildResult
from dockertools.engine import engine_errors
from dockertools.errors import DockertoolsError
from dockertools.process import stream
from dockertools.sizes import format_size

if TYPE_CHECKING:
    from docker import DockerClient

TICK_SECONDS = 0.1
"""How often, in silence, a listener hears of the build."""


class OverBudgetError(DockertoolsError):
    """The image is larger than it may be; the tag is where it was. `result` is the build that was thrown away."""

    code = "over-budget"

    def __init__(self, result: BuildResult) -> None:
        size = result.image.size_bytes if result.image else 0
        limit = result.budget.limit_bytes if result.budget else 0
        super().__init__(
            f"The image has {format_size(size)}, {format_size(size - limit)} over the budget of {format_size(limit)}."
            f" {result.tag} was not moved.",
            hint="The largest layers are above; make them smaller, or raise --max-size or DOCKERTOOLS['MAX_SIZE'].",
        )
        self.result = result


def list_image_ids(client: DockerClient) -> frozenset[str]:
    """Return the ids of the images that the engine has."""
    api: Any = client.api
    with engine_errors():
        return frozenset(image["Id"] for image in api.images(all=True))


def tag_image(client: DockerClient, image_id: str, tag: str) -> None:
    """Name a finished image.

    Raises DockertoolsError when the engine refuses.
    """
    api: Any = client.api
    repository, _, version = tag.rpartition(":")
    with engine_errors(f"The image was built as {image_id}, but could not be tagged {tag!r}"):
        api.tag(image_id, repository, version)


def discard_image(client: DockerClient, image_id: str) -> None:
    """Remove an image that this build made, unless somebody gave it a name meanwhile."""
    api: Any = client.api
    with engine_errors(f"The image {image_id} could not be removed"):
        if not api.inspect_image(image_id).get("RepoTags"):
            api.remove_image(image_id)


def push_image(tag: str, redact: Redact, on_tick: Callable[[], None]) -> None:
    """Send the tagged image to its registry with the docker command, which has the credentials.

    Raises DockertoolsError when the registry refuses; the local tag then has moved.
    """
    said = []
    with stream(push_argv(tag)) as process:
        for line in process.lines(tick=TICK_SECONDS):
            if line.strip():
                said.append(line.decode(errors="replace"))
            on_tick()
        if process.wait() == 0:
            return
    words = redact("\n".join(said).strip())
    denied = any(sign in words for sign in ("denied", "unauthorized", "no basic auth", "401", "403"))
    raise DockertoolsError(
        f"{tag} was built and tagged here, but not pushed: {words}",
        hint="Log in with `docker login`, and check that you may write there."
        if denied
        else f"Check the registry's name and the network, then run `docker push {tag}`: nothing need be built again.",
        code="push-failed",
    )
