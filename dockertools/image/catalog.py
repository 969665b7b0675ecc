"""The entries of all layers in a temporary database: memory stays bounded, whatever the image.

SQLite keeps an unnamed database in its page cache and, beyond that, in a file that nobody else sees and that is gone
when the connection is (https://www.sqlite.org/inmemorydb.html#temp_db). Paths are stored with NUL for `/`: sorted so,
what a folder holds follows the folder.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from dockertools.image.files import FileFacts, FileKind

CACHE_KIB = 24 * 1024
BATCH = 2000
_KIND_NUMBERS = {kind: number for number, kind in enumerate(FileKind)}
KINDS = tuple(FileKind)
_SCHEMA = """
    CREATE TABLE blobs (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
    CREATE TABLE places (place INTEGER, blob INTEGER);
    CREATE TABLE entries (
        blob INTEGER, key BLOB, kind INTEGER, size INTEGER, stored INTEGER,
        mode INTEGER, uid INTEGER, gid INTEGER, mtime INTEGER, link BLOB
    );
    CREATE TABLE documents (blob INTEGER, key BLOB, content BLOB);
    CREATE TABLE objects (blob INTEGER, key BLOB, needed TEXT, strippable INTEGER);
    CREATE TABLE files (
        key BLOB, place INTEGER, number INTEGER, kind INTEGER, size INTEGER, stored INTEGER, uid INTEGER,
        hidden_by INTEGER, how TEXT, PRIMARY KEY (key, place, number)
    ) WITHOUT ROWID;
    CREATE TABLE owners (key BLOB, owner TEXT, PRIMARY KEY (key, owner)) WITHOUT ROWID;
"""
INSERT_ENTRY = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Catalog:
    """What was read of one image. `db` is open to the modules of this room."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self._blobs: dict[str, int] = {}
        self._batch: list[tuple[object, ...]] = []

    def add(self, facts: FileFacts) -> None:
        """Note an entry."""
        self._batch.append(
            (
                self.blob_id(facts.blob),
                path_to_key(facts.path),
                _KIND_NUMBERS[facts.kind],
                facts.size,
                facts.stored_bytes,
                facts.mode,
                facts.uid,
                facts.gid,
                facts.mtime,
                path_to_key(facts.link) if facts.link else None,
            )
        )
        if len(self._batch) >= BATCH:
            self.flush()

    def add_document(self, facts: FileFacts, content: bytes) -> None:
        """Keep the content of a file."""
        row = (self.blob_id(facts.blob), path_to_key(facts.path), content)
        self.db.execute("INSERT INTO documents VALUES (?, ?, ?)", row)

    def add_object(self, facts: FileFacts, needed: tuple[str, ...], strippable_bytes: int) -> None:
        """Note what an ELF object needs, and what stripping it would save."""
        row = (self.blob_id(facts.blob), path_to_key(facts.path), "\n".join(needed), strippable_bytes)
        self.db.execute("INSERT INTO objects VALUES (?, ?, ?, ?)", row)

    def flush(self) -> None:
        """Write what was noted."""
        self.db.executemany(INSERT_ENTRY, self._batch)
        self._batch.clear()

    def blob_id(self, name: str) -> int:
        """Return the number of a blob."""
        number = self._blobs.get(name)
        if number is None:
            number = self._blobs[name] = len(self._blobs)
            self.db.execute("INSERT INTO blobs VALUES (?, ?)", (number, name))
        return number


@contextmanager
def open_catalog() -> Iterator[Catalog]:
    """Make an empty catalog for the time of the block."""
    db = sqlite3.connect("", isolation_level=None)
    try:
        db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -{CACHE_KIB};")
        db.executescript(_SCHEMA)
        db.execute("BEGIN")
        yield Catalog(db)
    finally:
        db.close()


def path_to_key(path: str) -> bytes:
    """Return the path so that sorting puts a folder's content right behind it."""
    return os.fsencode(path).replace(b"/", b"\0")


def key_to_path(key: bytes) -> str:
    """Return the path of a key."""
    return os.fsdecode(key.replace(b"\0", b"/"))
