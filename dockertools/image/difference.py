"""Two archives of what should be one image -> the first difference between them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from dockertools.image.archive import OpenContent, read_archive
from dockertools.image.compression import PIECE
from dockertools.image.files import ArchiveFacts, FileFacts, FileKind

CONTENT, MODE, TIME, OWNER, MISSING, KIND, LINK, ORDER, CONFIGURATION, LAYERS = (
    *("content", "mode", "time", "owner", "missing", "kind", "link", "order", "configuration", "layers"),
)
"""In what a file, or the image around the files, differs; `order`: its layer has the same files in another order."""


@dataclass(frozen=True)
class Difference:
    """The first thing that differs: a file of a layer, or a key of the configuration (then `layer` is None).

    `first` and `second` are what each image has, as text. `layer` counts from 0, the base's included; `history` holds
    the instructions of the first image, oldest first, and `place` which of them made the layer.
    """

    kind: str
    path: str
    first: str
    second: str
    layer: int | None = None
    instruction: str = ""
    files: int = 1
    """How many files of the layer differ."""
    history: tuple[str, ...] = ()
    place: int | None = None


@dataclass(frozen=True)
class _File:
    facts: FileFacts
    digest: str


@dataclass(frozen=True)
class _Image:
    archive: ArchiveFacts
    layers: Mapping[str, Mapping[str, _File]]
    """The files of each layer by the layer's name, in the order in which they are stored."""


def find_difference(first: Path, second: Path) -> Difference | None:
    """Return the first difference between two image archives, in the order of layers and paths; None for none.

    Raises DamagedArchiveError for what is no image archive.
    """
    one, other = _read(first), _read(second)
    for number, (layer, twin) in enumerate(zip_longest(one.archive.layers, other.archive.layers)):
        if layer is None or twin is None:
            return Difference(LAYERS, "", str(len(one.archive.layers)), str(len(other.archive.layers)))
        if layer.blob != twin.blob:
            return _in_layer(one, number, layer.instruction, one.layers.get(layer.blob, {}), _of(other, twin.blob))
    key = next(_different_keys(one.archive.config, other.archive.config), None)
    return None if key is None else Difference(CONFIGURATION, *key)


def _of(image: _Image, blob: str) -> Mapping[str, _File]:
    return image.layers.get(blob, {})


def _read(path: Path) -> _Image:
    layers: dict[str, dict[str, _File]] = {}

    def visit(facts: FileFacts, open_content: OpenContent) -> None:
        digest = _digest(open_content) if facts.kind is FileKind.FILE else ""
        layers.setdefault(facts.blob, {})[facts.path] = _File(facts, digest)

    with path.open("rb") as stream:
        archive = read_archive(stream, visit)
    return _Image(archive, layers)


def _digest(open_content: OpenContent) -> str:
    digest = hashlib.sha256()
    content = open_content()
    for piece in iter(partial(content.read, PIECE), b""):
        digest.update(piece)
    return digest.hexdigest()


def _in_layer(
    image: _Image, number: int, instruction: str, first: Mapping[str, _File], second: Mapping[str, _File]
) -> Difference:
    found = [
        (path, *difference)
        for path in sorted({*first, *second})
        if (difference := _compare(first.get(path), second.get(path)))
    ]
    # The time of a folder tells only that something in it was made at another moment.
    found.sort(key=lambda item: item[1] == TIME and _is_folder(first[item[0]]))
    path, kind, one, other = found[0] if found else ("", ORDER, "", "")
    history = tuple(str(entry.get("created_by") or "") for entry in image.archive.config.get("history") or ())
    return Difference(kind, path, one, other, number, instruction, len(found), history, _place(image, number))


def _is_folder(file: _File) -> bool:
    return file.facts.kind is FileKind.DIRECTORY


def _place(image: _Image, number: int) -> int | None:
    """Return which entry of the history made the layer."""
    history = image.archive.config.get("history") or ()
    made = [place for place, entry in enumerate(history) if not entry.get("empty_layer")]
    return made[number] if len(made) == len(image.archive.layers) else None


def _compare(first: _File | None, second: _File | None) -> tuple[str, str, str] | None:
    """Return the kind of the weightiest difference between two files, and what each has."""
    if first is None or second is None:
        return MISSING, "missing" if first is None else "there", "missing" if second is None else "there"
    for kind, one, other in _aspects(first, second):
        if one != other:
            return kind, one, other
    return None


def _aspects(first: _File, second: _File) -> Iterator[tuple[str, str, str]]:
    one, other = first.facts, second.facts
    yield KIND, one.kind.value, other.kind.value
    yield CONTENT, _content(first), _content(second)
    yield LINK, one.link, other.link
    yield MODE, f"{one.mode:04o}", f"{other.mode:04o}"
    yield OWNER, f"{one.uid}:{one.gid}", f"{other.uid}:{other.gid}"
    yield TIME, str(one.mtime), str(other.mtime)


def _content(file: _File) -> str:
    return f"{file.facts.size} bytes, sha256 {file.digest[:12]}" if file.digest else ""


def _different_keys(first: Any, second: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield where two documents differ: the key as `history[3].created`, and the values."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in sorted({*first, *second}):
            yield from _different_keys(first.get(key), second.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            yield from _different_keys(one, other, f"{path}[{number}]")
    elif first != second:
        yield path, str(first), str(second)
