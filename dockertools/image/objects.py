"""ELF objects: what they need, and how much of them only a debugger reads."""

from __future__ import annotations

import io
import shutil
import tempfile
from dataclasses import dataclass
from typing import IO

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile

MAGIC = b"\x7fELF"
IN_MEMORY = 8 * 2**20
"""Bytes up to which an object is read in memory; a larger one goes to a temporary file."""
_FOR_DEBUGGERS = (".debug", ".zdebug", ".symtab", ".strtab")


@dataclass(frozen=True)
class ObjectFacts:
    """`needed` are sonames; `strippable_bytes` is what `strip --strip-unneeded` would take away, about."""

    needed: tuple[str, ...]
    strippable_bytes: int


def read_object(content: IO[bytes]) -> ObjectFacts | None:
    """Return the facts of an ELF object; None when it is none, or damaged."""
    head = content.read(len(MAGIC))
    if head != MAGIC:
        return None
    with _seekable(head, content) as file:
        try:
            return _read(ELFFile(file))
        except (ELFError, ConstructError, ValueError, KeyError, IndexError, io.UnsupportedOperation):
            return None  # whatever is in the file, it is not an object that a loader takes


def _seekable(head: bytes, content: IO[bytes]) -> IO[bytes]:
    """Return the whole content as a file; a spooled one would be slower for the thousands of reads of each object."""
    start = head + content.read(IN_MEMORY)
    if len(start) <= IN_MEMORY:
        return io.BytesIO(start)
    file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by the caller
    file.write(start)
    shutil.copyfileobj(content, file, 256 * 1024)
    return file


def _read(elf: ELFFile) -> ObjectFacts:
    needed = tuple(
        str(getattr(tag, "needed", ""))  # pyelftools names the attribute after the tag
        for segment in elf.iter_segments()
        if isinstance(segment, DynamicSegment)
        for tag in segment.iter_tags("DT_NEEDED")
    )
    strippable = sum(
        section.header.sh_size for section in elf.iter_sections() if section.name.startswith(_FOR_DEBUGGERS)
    )
    return ObjectFacts(needed, strippable)
