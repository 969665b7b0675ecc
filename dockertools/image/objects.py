"""ELF objects: what they need, and how much of them only a debugger reads."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from elftools.common.exceptions import ELFError
from elftools.common.utils import parse_cstring_from_stream, struct_parse
from elftools.construct import ConstructError
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
    return ObjectFacts(tuple(_needed(elf)), _strippable(elf))


def _needed(elf: ELFFile) -> Iterator[str]:
    """Yield the sonames, as a loader finds them: by the program headers alone.

    pyelftools' own segments look through all sections for each dynamic one, and its tags each ask anew for the table of
    strings: images have thousands of objects.
    """
    headers = [_header(elf, elf.structs.Elf_Phdr, "ph", number) for number in range(elf.num_segments())]
    loaded = [header for header in headers if header["p_type"] == "PT_LOAD"]
    for header in headers:
        if header["p_type"] != "PT_DYNAMIC" or not header["p_filesz"]:
            continue
        tags = list(_dynamic_tags(elf, header["p_offset"]))
        strings = next((_offset(loaded, value) for tag, value in tags if tag == "DT_STRTAB"), None)
        if strings is not None:
            yield from (_string(elf, strings + value) for tag, value in tags if tag == "DT_NEEDED")


def _dynamic_tags(elf: ELFFile, position: int) -> Iterator[tuple[str | int, int]]:
    """Yield the tags of the dynamic section up to its end, each with its value."""
    struct = elf.structs.Elf_Dyn
    while (tag := struct_parse(struct, elf.stream, stream_pos=position))["d_tag"] != "DT_NULL":
        yield tag["d_tag"], tag["d_val"]
        position += struct.sizeof()


def _string(elf: ELFFile, position: int) -> str:
    text = parse_cstring_from_stream(elf.stream, position)
    return text.decode(errors="replace") if text else ""


def _strippable(elf: ELFFile) -> int:
    """Return the bytes of sections for debuggers; the table of their names tells at once that there are none."""
    place = elf.get_shstrndx() if elf.num_sections() else 0
    if not place:
        return 0
    names = _header(elf, elf.structs.Elf_Shdr, "sh", place)
    elf.stream.seek(names["sh_offset"])
    text = elf.stream.read(names["sh_size"])
    if not any(name.encode() in text for name in _FOR_DEBUGGERS):
        return 0
    return sum(section.header.sh_size for section in elf.iter_sections() if section.name.startswith(_FOR_DEBUGGERS))


def _header(elf: ELFFile, struct: Any, kind: str, number: int) -> Any:
    """Return a program header (`ph`) or a section header (`sh`)."""
    position = elf[f"e_{kind}off"] + number * elf[f"e_{kind}entsize"]
    return struct_parse(struct, elf.stream, stream_pos=position)


def _offset(loaded: Sequence[Any], address: int) -> int | None:
    """Return where in the file an address comes from."""
    for header in loaded:
        if header["p_vaddr"] <= address < header["p_vaddr"] + header["p_filesz"]:
            return int(address - header["p_vaddr"] + header["p_offset"])
    return None
