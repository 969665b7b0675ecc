"""Ask the engine about an image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dockertools.engine import engine_errors
from dockertools.errors import DockertoolsError
from dockertools.image.facts import ImageFacts, LayerFacts

if TYPE_CHECKING:
    from docker import DockerClient

_SHELL_FORM = re.compile(r"^(?:RUN )?/bin/sh -c (?P<nop>#\(nop\)\s+)?")
_BUILD_ARGUMENTS = re.compile(r"^RUN \|\d+ .*?/bin/sh -c ")


def inspect_image(client: DockerClient, reference: str) -> ImageFacts:
    """Return the facts of an image in the engine's store.

    Raises DockertoolsError when there is no such image, CouldNotRunError when the engine is lost.
    """
    from docker.errors import ImageNotFound  # noqa: PLC0415  # the SDK comes with the extra [engine]

    api: Any = client.api
    with engine_errors(f"The image {reference!r} could not be inspected"):
        try:
            attributes: dict[str, Any] = api.inspect_image(reference)
            history: list[dict[str, Any]] = api.history(reference)
        except ImageNotFound as error:
            hint = "Build it with `docker_build`, or name another."
            raise DockertoolsError(f"There is no image {reference!r}.", hint=hint, code="no-image") from error
    entries = tuple(LayerFacts(clean_instruction(entry["CreatedBy"]), entry["Size"]) for entry in reversed(history))
    layers = tuple(entry for entry in entries if entry.size_bytes)
    return ImageFacts(
        reference=reference,
        id=attributes["Id"],
        size_bytes=sum(layer.size_bytes for layer in layers),
        compressed_bytes=_compressed_bytes(attributes),
        user=attributes["Config"].get("User") or "root",
        layers=layers,
        history=entries,
    )


def clean_instruction(created_by: str) -> str:
    """Return a history entry as it stood in the Dockerfile, on one line."""
    text = " ".join(created_by.removesuffix("# buildkit").split())
    text = _BUILD_ARGUMENTS.sub("RUN ", text)
    return _SHELL_FORM.sub(lambda match: "" if match["nop"] else "RUN ", text)


def _compressed_bytes(attributes: dict[str, Any]) -> int | None:
    """Return the size of the blobs; only the containerd image store keeps them, and says so by a descriptor.

    The field: https://docs.docker.com/reference/api/engine/version/v1.48/#tag/Image/operation/ImageInspect
    """
    return int(attributes["Size"]) if attributes.get("Descriptor") else None
