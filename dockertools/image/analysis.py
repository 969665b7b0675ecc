"""All that is known of an image when every file of every layer has been looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dockertools.image.archive import ProgressListener, Visitor, read_image
from dockertools.image.catalog import Catalog, open_catalog
from dockertools.image.facts import ImageFacts
from dockertools.image.files import ArchiveFacts
from dockertools.image.inspect import clean_instruction, inspect_image
from dockertools.image.layers import LayerUse, Waste, find_waste, measure_layers, stack_layers
from dockertools.image.packages import PythonPackage, find_python_packages
from dockertools.image.savings import Saving, find_savings
from dockertools.image.survey import survey
from dockertools.image.system_packages import SystemPackage, find_system_packages
from dockertools.image.tree import TreeNode, make_trees

if TYPE_CHECKING:
    from docker import DockerClient

PROJECT_LABEL = "io.dockertools.project"
LIST_ATTEMPTS = 5


@dataclass(frozen=True)
class AnalysedLayer:
    """A layer: the engine's size of it, what it holds, and its files as a tree.

    `entry` is its place in the image's history; None where that has lost count of the layers.
    """

    instruction: str
    entry: int | None
    size_bytes: int
    compressed_bytes: int
    use: LayerUse
    tree: TreeNode
    is_base: bool


@dataclass(frozen=True)
class ImageAnalysis:
    """An image with all its files looked at; `history` are all instructions, also those that made no layer."""

    image: ImageFacts
    history: tuple[str, ...]
    layers: tuple[AnalysedLayer, ...]
    waste: tuple[Waste, ...]
    python_packages: tuple[PythonPackage, ...]
    system_packages: tuple[SystemPackage, ...]
    savings: tuple[Saving, ...]

    @property
    def wasted_bytes(self) -> int:
        """Bytes of all layers that the final image does not show."""
        return sum(item.bytes for item in self.waste)

    @property
    def file_bytes(self) -> int:
        """Bytes of the files of all layers, hidden ones included."""
        return sum(layer.use.bytes for layer in self.layers)

    @property
    def efficiency(self) -> float:
        """Share of the bytes that the final image shows, from 0 to 1."""
        return 1 - self.wasted_bytes / self.file_bytes if self.file_bytes else 1.0


@contextmanager
def analyse_image(
    client: DockerClient,
    reference: str,
    *,
    languages: Sequence[str] = (),
    on_progress: ProgressListener | None = None,
) -> Iterator[tuple[ImageAnalysis, Catalog]]:
    """Look at every file of an image; its catalog can be asked further until the block ends.

    `languages` are those whose translations are no saving. Raises as `read_image` does.
    """
    image = inspect_image(client, reference)
    with open_catalog() as catalog:
        archive, base = read_stacked(client, reference, catalog, survey(catalog), _with_total(on_progress, image))
        yield analyse_archive(image, archive, catalog, base_layers=base, languages=languages), catalog


def read_stacked(
    client: DockerClient, reference: str, catalog: Catalog, visit: Visitor, on_progress: ProgressListener | None = None
) -> tuple[ArchiveFacts, int]:
    """Read an image into the catalog by a visitor, and stack its layers; return it with the count of its base's.

    Raises as `read_image` does.
    """
    # The engine answers for one image after the other, while the archive is read.
    with ThreadPoolExecutor(1) as executor:
        counting = executor.submit(count_base_layers, client, reference)
        archive = read_image(client, reference, visit, on_progress)
        base = counting.result()
    stack_layers(catalog, archive)
    return archive, base


def _with_total(listener: ProgressListener | None, image: ImageFacts) -> ProgressListener | None:
    """Return a listener that is told about how much is coming: stored layers are compressed, or they are not."""
    if listener is None:
        return None
    total = image.compressed_bytes if image.compressed_bytes is not None else image.size_bytes
    return lambda progress: listener(replace(progress, total_bytes=total))


def count_base_layers(client: DockerClient, reference: str) -> int:
    """Return how many of an image's layers are those of the image it is made from.

    That is the tagged image of the store with the longest common beginning that is no stage of the same project; where
    it is not in the store, the first layer is taken for it.
    """
    from docker.errors import ImageNotFound  # noqa: PLC0415  # the SDK comes with the extra [engine]

    api: Any = client.api
    attributes = api.inspect_image(reference)
    layers = _layers(attributes)
    longest = 1
    for summary in _smaller_images(_list_images(api), attributes["Id"]):
        if _project(summary):
            continue
        try:
            other = _layers(api.inspect_image(summary["Id"]))
        except ImageNotFound:  # removed since it was listed
            continue
        if len(other) < len(layers) and other == layers[: len(other)]:
            longest = max(longest, len(other))
    return longest


def _smaller_images(summaries: Sequence[Mapping[str, Any]], image_id: str) -> Iterator[Mapping[str, Any]]:
    """Yield those that can be the image's base: asking for each one's layers takes its time where there are many."""
    sizes = {str(summary["Id"]): int(summary["Size"]) for summary in summaries}
    largest = sizes.get(image_id)
    for summary in summaries:
        if largest is None or int(summary["Size"]) <= largest:
            yield summary


def _list_images(api: Any) -> list[dict[str, Any]]:
    """Return the store's images; the engine cannot list them at the moment at which one is removed."""
    from docker.errors import NotFound  # noqa: PLC0415  # the SDK comes with the extra [engine]

    for _attempt in range(LIST_ATTEMPTS):
        with suppress(NotFound):
            return list(api.images(filters={"dangling": False}))
    return []


def _layers(attributes: Mapping[str, Any]) -> list[str]:
    return list((attributes.get("RootFS") or {}).get("Layers") or ())


def _project(summary: Mapping[str, Any]) -> str:
    return str((summary.get("Labels") or {}).get(PROJECT_LABEL, ""))


def analyse_archive(
    image: ImageFacts, archive: ArchiveFacts, catalog: Catalog, *, base_layers: int = 1, languages: Sequence[str] = ()
) -> ImageAnalysis:
    """Return what is known of an image whose archive was read into the catalog, and its layers stacked."""
    uses = measure_layers(catalog, len(archive.layers))
    waste = find_waste(catalog)
    python_packages = find_python_packages(catalog)
    system_packages = find_system_packages(catalog, _started(archive))
    instructions = [layer.instruction for layer in archive.layers]
    return ImageAnalysis(
        image=image,
        history=_history(archive),
        layers=_analysed_layers(image, archive, uses, make_trees(catalog, uses), base_layers),
        waste=waste,
        python_packages=python_packages,
        system_packages=system_packages,
        savings=find_savings(
            catalog,
            base_layers=base_layers,
            languages=languages,
            waste=waste,
            packages=system_packages,
            instructions=instructions,
        ),
    )


def _analysed_layers(
    image: ImageFacts, archive: ArchiveFacts, uses: Sequence[LayerUse], trees: Sequence[TreeNode], base: int
) -> tuple[AnalysedLayer, ...]:
    sizes = _engine_sizes(image, archive, uses)
    return tuple(
        AnalysedLayer(layer.instruction, entry, size, layer.stored_bytes, use, tree, is_base=place < base)
        for place, (layer, entry, size, use, tree) in enumerate(
            zip(archive.layers, _entries(archive), sizes, uses, trees, strict=True)
        )
    )


def _history(archive: ArchiveFacts) -> tuple[str, ...]:
    return tuple(clean_instruction(entry.get("created_by") or "") for entry in archive.config.get("history") or ())


def _entries(archive: ArchiveFacts) -> tuple[int | None, ...]:
    """Return the place in the history of what made each layer."""
    history = archive.config.get("history") or ()
    places = tuple(place for place, entry in enumerate(history) if not entry.get("empty_layer"))
    return places if len(places) == len(archive.layers) else (None,) * len(archive.layers)


def _engine_sizes(image: ImageFacts, archive: ArchiveFacts, uses: Sequence[LayerUse]) -> list[int]:
    """Return the engine's size of each layer, matched in order: the engine lists none that it holds to be empty."""
    known = list(image.layers)
    sizes = []
    for layer, use in zip(archive.layers, uses, strict=True):
        is_known = bool(known) and known[0].instruction == layer.instruction
        sizes.append(known.pop(0).size_bytes if is_known else use.bytes)
    return sizes


def _started(archive: ArchiveFacts) -> tuple[str, ...]:
    """Return the programs that the image's configuration names."""
    config = archive.config.get("config") or {}
    check = (config.get("Healthcheck") or {}).get("Test") or ()
    commands = (config.get("Entrypoint"), config.get("Cmd"), check[1:])
    return tuple(str(command[0]) for command in commands if command)
