"""Manifests and configurations of an archive -> which image it is, and the order of its layers.

docker-archive's manifest.json: https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format
OCI's index.json: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dockertools.image.compression import DamagedArchiveError
from dockertools.image.files import ArchiveFacts, ArchiveLayer
from dockertools.image.inspect import clean_instruction

DEEPEST_INDEX = 4


@dataclass
class Blobs:
    """What came by: small documents whole, of layers their sizes, and the other names of either."""

    documents: dict[str, bytes] = field(default_factory=dict)
    layers: dict[str, tuple[int, int]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    def add_layer(self, name: str, tar_bytes: int, stored_bytes: int) -> None:
        """Note a layer that was read."""
        self.layers[name] = (tar_bytes, stored_bytes)

    def load(self, name: str) -> Any:
        """Return a JSON document. Raises DamagedArchiveError when it is not there, or no JSON."""
        name = self.aliases.get(name, name)
        try:
            return json.loads(self.documents[name])
        except (KeyError, ValueError, RecursionError) as error:
            raise DamagedArchiveError(
                f"The archive has no readable document {name!r}.", hint="Write it with `docker save`."
            ) from error


@dataclass(frozen=True)
class _Image:
    config: str
    layers: tuple[str, ...]
    names: tuple[str, ...]


def find_image(blobs: Blobs, reference: str) -> ArchiveFacts:
    """Return the image that bears the name, or the first one.

    Raises DamagedArchiveError when there is none, or a layer of it is missing.
    """
    try:
        images = tuple(_images(blobs))
        image = next((image for image in images if reference in image.names), images[0])
        config = blobs.load(image.config)
        instructions = _instructions(config, len(image.layers))
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise DamagedArchiveError(
            "The archive names no image.", hint="Write it with `docker save`, or buildx's `--output type=oci`."
        ) from error
    layers = tuple(_layer(blobs, name, text) for name, text in zip(image.layers, instructions, strict=True))
    return ArchiveFacts(image.names, config, layers)


def _layer(blobs: Blobs, name: str, instruction: str) -> ArchiveLayer:
    name = blobs.aliases.get(name, name)
    if name not in blobs.layers:
        raise DamagedArchiveError(f"The archive lacks the layer {name!r}.", hint="Save the image again.")
    tar_bytes, stored_bytes = blobs.layers[name]
    return ArchiveLayer(name, instruction, tar_bytes, stored_bytes)


def _instructions(config: dict[str, Any], count: int) -> tuple[str, ...]:
    """Return what made each layer; the history of an image that was put together by hand can lack entries."""
    history = config.get("history") or []
    texts = [clean_instruction(entry.get("created_by") or "") for entry in history if not entry.get("empty_layer")]
    return tuple(texts) if len(texts) == count else ("",) * count


def _images(blobs: Blobs) -> Iterator[_Image]:
    if "manifest.json" in blobs.documents:
        for entry in blobs.load("manifest.json"):
            yield _Image(entry["Config"], tuple(entry["Layers"] or ()), tuple(entry.get("RepoTags") or ()))
        return
    yield from _images_of_index(blobs, blobs.load("index.json"), (), DEEPEST_INDEX)


def _images_of_index(blobs: Blobs, index: dict[str, Any], names: tuple[str, ...], depth: int) -> Iterator[_Image]:
    for entry in index["manifests"]:
        annotations = entry.get("annotations") or {}
        blob = _blob_name(entry["digest"])
        if "vnd.docker.reference.type" in annotations or blob not in blobs.documents:  # an attestation, or not stored
            continue
        named = tuple(filter(None, (annotations.get("io.containerd.image.name"),))) or names
        manifest = blobs.load(blob)
        if "manifests" in manifest and depth:
            yield from _images_of_index(blobs, manifest, named, depth - 1)
        elif "layers" in manifest:
            layers = tuple(_blob_name(layer["digest"]) for layer in manifest["layers"])
            yield _Image(_blob_name(manifest["config"]["digest"]), layers, named)


def _blob_name(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"
