"""Layers one on top of the other -> what each file's fate is, and what of a layer nobody sees any more.

How layers stack: https://github.com/opencontainers/image-spec/blob/main/layer.md#applying-changesets
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from dockertools.image.catalog import KINDS, Catalog, key_to_path
from dockertools.image.files import ArchiveFacts, FileKind

REMOVED = "removed"
REWRITTEN = "rewritten"
METADATA = "owner or mode changed"

_FILE = KINDS.index(FileKind.FILE)
_DIRECTORY = KINDS.index(FileKind.DIRECTORY)
_HARD_LINK = KINDS.index(FileKind.HARD_LINK)
_WHITEOUT = KINDS.index(FileKind.WHITEOUT)
_OPAQUE = KINDS.index(FileKind.OPAQUE)

_ENTRIES = """
    SELECT key, place, kind, size, stored, mode, uid, gid, mtime
    FROM entries JOIN places USING (blob) ORDER BY key, place, entries.rowid
"""
_INSERT_FILE = "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
# A file that is hidden under its own name lives on under a hard link of the same layer.
_LIVING_LINKS = """
    UPDATE files SET hidden_by = NULL, how = NULL
    WHERE kind = :file AND hidden_by IS NOT NULL AND (key, place) IN (
        SELECT link, places.place FROM entries JOIN places USING (blob)
        JOIN files AS names ON names.key = entries.key AND names.place = places.place
        WHERE entries.kind = :hard_link AND names.hidden_by IS NULL
    )
"""

Row = tuple[Any, ...]


@dataclass(frozen=True)
class LayerUse:
    """What a layer holds: its files, their bytes, and of these what later layers hide.

    `wasted_bytes` is what this layer hides in earlier ones: it is the line to change.
    """

    files: int
    bytes: int
    hidden_bytes: int
    wasted_bytes: int


@dataclass(frozen=True)
class Waste:
    """Bytes that are shipped and never seen: stored by one layer, hidden by another, in one way."""

    stored_in: int
    hidden_by: int
    how: str
    files: int
    bytes: int
    largest: str


def stack_layers(catalog: Catalog, archive: ArchiveFacts) -> None:
    """Work out the fate of every entry, into the catalog's table `files`."""
    catalog.flush()
    places = [(place, catalog.blob_id(layer.blob)) for place, layer in enumerate(archive.layers)]
    catalog.db.executemany("INSERT INTO places VALUES (?, ?)", places)
    catalog.db.executemany(_INSERT_FILE, _fates(catalog.db.execute(_ENTRIES)))
    catalog.db.execute(_LIVING_LINKS, {"file": _FILE, "hard_link": _HARD_LINK})


def measure_layers(catalog: Catalog, count: int) -> tuple[LayerUse, ...]:
    """Return what each of `count` layers holds, and wastes."""
    held = {
        place: (files, total, hidden)
        for place, files, total, hidden in catalog.db.execute(
            "SELECT place, count(*), sum(stored), sum(iif(hidden_by IS NULL, 0, stored)) FROM files"
            " WHERE kind NOT IN (?, ?) GROUP BY place",
            (_WHITEOUT, _OPAQUE),
        )
    }
    wasted = dict(catalog.db.execute("SELECT hidden_by, sum(stored) FROM files GROUP BY hidden_by"))
    return tuple(LayerUse(*held.get(place, (0, 0, 0)), wasted.get(place, 0)) for place in range(count))


def find_waste(catalog: Catalog) -> tuple[Waste, ...]:
    """Return what is wasted, the most first; SQLite gives the row of the maximum along with it."""
    rows = catalog.db.execute(
        "SELECT place, hidden_by, how, count(*), sum(stored) AS total, key, max(stored) FROM files"
        " WHERE hidden_by IS NOT NULL AND stored > 0 GROUP BY place, hidden_by, how"
        " ORDER BY total DESC, place, hidden_by, how"
    )
    return tuple(
        Waste(place, hidden_by, how, files, total, key_to_path(key))
        for place, hidden_by, how, files, total, key, _largest in rows
    )


def _fates(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield each entry with the layer that hides it; rows come sorted, so that only the open folders are kept."""
    open_folders: list[tuple[bytes, list[int]]] = []
    for key, group in groupby(rows, itemgetter(0)):
        while open_folders and not key.startswith(open_folders[-1][0]):
            open_folders.pop()
        above = open_folders[-1][1] if open_folders else []
        entries = list(group)
        yield from _fates_of_path(key, entries, above)
        removals = [entry[1] for entry in entries if entry[2] != _DIRECTORY]
        if removals or any(entry[2] == _DIRECTORY for entry in entries):
            open_folders.append((key + b"\0" if key else b"", sorted({*above, *removals})))


def _fates_of_path(key: bytes, entries: list[Row], above: list[int]) -> Iterator[Row]:
    for number, (_key, place, kind, size, stored, mode, uid, gid, mtime) in enumerate(entries):
        hidden_by, how = None, None
        later = bisect_right(above, place)
        if later < len(above):
            hidden_by, how = above[later], REMOVED
        successor = next((entry for entry in entries[number + 1 :] if entry[2] != _OPAQUE), None)
        if successor and (hidden_by is None or successor[1] <= hidden_by):
            hidden_by, how = successor[1], _manner((kind, size, mtime), (mode, uid, gid), successor)
        yield key, place, number, kind, size, stored, uid, hidden_by, how


def _manner(content: tuple[int, int, int], rights: tuple[int, int, int], successor: Row) -> str:
    _key, _place, kind, size, _stored, mode, uid, gid, mtime = successor
    if kind == _WHITEOUT:
        return REMOVED
    same_content = content == (kind, size, mtime)
    return METADATA if same_content and rights != (mode, uid, gid) else REWRITTEN
