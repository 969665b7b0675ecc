"""Read an image into a catalog: every entry, the documents of package managers, the ELF objects beside theirs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dockertools.image.archive import OpenContent, Visitor
from dockertools.image.catalog import Catalog, key_to_path
from dockertools.image.files import FileFacts, FileKind
from dockertools.image.objects import read_object

LARGEST_DOCUMENT = 16 * 2**20
_DOCUMENT = re.compile(
    r"[^\0]*\.dist-info/(METADATA|RECORD)"
    r"|var/lib/dpkg/(status|status\.d/[^/]+|info/[^/]+\.list)"
    r"|var/lib/apt/extended_states"
    r"|lib/apk/db/installed"
)
# What the distribution's own packages hold: they say themselves what they depend on, and are stripped.
_OF_DISTRIBUTION = re.compile(r"(usr/)?(lib|lib32|lib64|libexec|bin|sbin|share)/")
SMALLEST_OBJECT = 1024


@dataclass(frozen=True)
class Document:
    """A file that says something about the image, as it is in the end; `place` is the layer it is from."""

    path: str
    content: bytes
    place: int


def survey(catalog: Catalog) -> Visitor:
    """Return a visitor that fills the catalog."""

    def visit(facts: FileFacts, open_content: OpenContent) -> None:
        catalog.add(facts)
        if facts.kind is not FileKind.FILE:
            return
        if _DOCUMENT.fullmatch(facts.path):
            catalog.add_document(facts, open_content().read(LARGEST_DOCUMENT))
        elif _may_be_object(facts):
            found = read_object(open_content())
            if found:
                catalog.add_object(facts, found.needed, found.strippable_bytes)

    return visit


def read_documents(catalog: Catalog, pattern: str) -> tuple[Document, ...]:
    """Return the documents of the final image whose path matches."""
    rows = catalog.db.execute(
        "SELECT documents.rowid, files.key, place FROM documents JOIN places USING (blob) JOIN files USING (key, place)"
        " WHERE hidden_by IS NULL ORDER BY files.key"
    )
    wanted = [(row, path, place) for row, key, place in rows if re.fullmatch(pattern, path := key_to_path(key))]
    return tuple(Document(path, _content(catalog, row), place) for row, path, place in wanted)


def _content(catalog: Catalog, row: int) -> bytes:
    (content,) = catalog.db.execute("SELECT content FROM documents WHERE rowid = ?", (row,)).fetchone()
    return bytes(content)


def _may_be_object(facts: FileFacts) -> bool:
    if facts.size < SMALLEST_OBJECT or _OF_DISTRIBUTION.match(facts.path):
        return False
    return bool(facts.mode & 0o111) or ".so" in facts.path.rpartition("/")[2]
