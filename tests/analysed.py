"""An analysis of layers made by hand, without an engine."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dockertools.image.analysis import ImageAnalysis, analyse_archive
from dockertools.image.archive import read_archive
from dockertools.image.catalog import Catalog, open_catalog
from dockertools.image.facts import ImageFacts, LayerFacts
from dockertools.image.layers import stack_layers
from dockertools.image.survey import survey
from tests.archives import Entry, Image, make_docker_archive, make_layer


@contextmanager
def analysed(
    *layers: Sequence[Entry],
    instructions: Sequence[str] = (),
    base_layers: int = 0,
    languages: Sequence[str] = (),
    name: str = "example:latest",
) -> Iterator[tuple[ImageAnalysis, Catalog]]:
    """Look at an image of these layers."""
    image = Image([make_layer(entries) for entries in layers], instructions, {"User": "app"}, name)
    with open_catalog() as catalog:
        archive = read_archive(io.BytesIO(make_docker_archive(image)), survey(catalog))
        stack_layers(catalog, archive)
        sizes = [sum(len(entry.content) for entry in entries) for entries in layers]
        known = tuple(
            LayerFacts(layer.instruction, size) for layer, size in zip(archive.layers, sizes, strict=True) if size
        )
        facts = ImageFacts(name, f"sha256:{'0' * 64}", sum(sizes), None, "app", known)
        yield analyse_archive(facts, archive, catalog, base_layers=base_layers, languages=languages), catalog


def analyse(
    *layers: Sequence[Entry], instructions: Sequence[str] = (), base_layers: int = 0, languages: Sequence[str] = ()
) -> ImageAnalysis:
    """Return the analysis of an image of these layers."""
    with analysed(*layers, instructions=instructions, base_layers=base_layers, languages=languages) as (
        found,
        _catalog,
    ):
        return found
