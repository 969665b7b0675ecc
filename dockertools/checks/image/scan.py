"""Read every file of every layer once: into the catalog, and through the search for secrets.

At most one piece of a file is in memory, whatever the image; what is found is bounded too.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import IO, cast

from dockertools.checks.image.secrets import find_secret, is_own_byte_code
from dockertools.image.archive import OpenContent, Visitor
from dockertools.image.catalog import Catalog
from dockertools.image.files import FileFacts, FileKind
from dockertools.image.objects import MAGIC
from dockertools.image.survey import survey

PIECE = 1_000_000
OVERLAP = 4096
"""Bytes of a piece that are searched again with the next one: a key that lies across the border is longer."""
HEAD = 4096
MOST_FOUND = 1000
LARGEST_SCRIPT = 64 * 1024

_KEPT = re.compile(r"etc/passwd|etc/os-release|usr/lib/os-release")
_NO_TEXT = re.compile(
    r".*\.(png|jpe?g|gif|webp|ico|pdf|woff2?|[to]tf|so|whl|zip|gz|bz2|xz|zst|mo|mp[34]|webm|deb|a)", re.IGNORECASE
)


@dataclass(frozen=True)
class FoundSecret:
    """A secret in the content of a file of a blob."""

    blob: str
    path: str
    code: str
    reason: str


@dataclass
class Scan:
    """Fills the catalog and `found`, entry by entry."""

    catalog: Catalog
    found: list[FoundSecret] = field(default_factory=list)

    def visitor(self) -> Visitor:
        """Return what the archive's reader is to call."""
        note = survey(self.catalog)

        def visit(facts: FileFacts, open_content: OpenContent) -> None:
            if facts.kind is not FileKind.FILE or not facts.size:
                note(facts, open_content)
                return
            stream = _buffered(open_content())
            head = stream.peek(HEAD)[:HEAD]
            note(facts, lambda: stream)
            # What the catalog did not read to the end may be text.
            if stream.tell() <= len(MAGIC) and not head.startswith(MAGIC) and not _NO_TEXT.fullmatch(facts.path):
                self._search(facts, head[: stream.tell()], head, stream)

        return visit

    def _search(self, facts: FileFacts, read: bytes, head: bytes, stream: IO[bytes]) -> None:
        if b"\0" in head and not is_own_byte_code(facts.path):
            return
        piece = read + stream.read(PIECE - len(read))
        self._keep(facts, piece)
        while piece and len(self.found) < MOST_FOUND:
            found = find_secret(facts.path, piece)
            if found:
                self.found.append(FoundSecret(facts.blob, facts.path, *found))
                return
            more = stream.read(PIECE)
            piece = piece[-OVERLAP:] + more if more else b""

    def _keep(self, facts: FileFacts, content: bytes) -> None:
        is_script = content.startswith(b"#!") and facts.mode & 0o111 and facts.size <= LARGEST_SCRIPT
        if _KEPT.fullmatch(facts.path) or (is_script and not facts.path.startswith(("usr/bin/", "usr/sbin/"))):
            self.catalog.add_document(facts, content)


def _buffered(stream: IO[bytes]) -> io.BufferedReader:
    """Return the stream with a look ahead; tarfile's own have one."""
    if isinstance(stream, io.BufferedReader):
        return stream
    return io.BufferedReader(cast("io.RawIOBase", stream))
