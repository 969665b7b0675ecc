"""What is known of an image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerFacts:
    """A layer: the instruction that made it and its uncompressed size in bytes."""

    instruction: str
    size_bytes: int


@dataclass(frozen=True)
class ImageFacts:
    """An image in the engine's store.

    `size_bytes` is the sum of the uncompressed layers; `compressed_bytes` is what a push sends, None where the store
    does not know it without compressing. `layers` are in the order in which they were made;
    `history` has the entries without a layer between them.
    """

    reference: str
    id: str
    size_bytes: int
    compressed_bytes: int | None
    user: str
    layers: tuple[LayerFacts, ...]
    history: tuple[LayerFacts, ...] = ()
