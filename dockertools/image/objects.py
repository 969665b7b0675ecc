"""ELF objects: what they need, and how much of them only a debugger reads."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any

from elftools.common.exceptions import ELFError
from elftools.common.utils import parse_cstring_from_stream, struct_parse
from elftools.construct import ConstructError
from elftools.elf.structs import ELFStructs

MAGIC = b"\x7fELF"
IN_MEMORY = 8 * 2**20
"""Bytes up to which an object is read in memory; a larger one goes to a temporary file."""
_FOR_DEBUGGERS = (b".debug", b".zdebug", b".symtab", b".strtab")
_CLASSES = {1: 32, 2: 64}
_BYTE_ORDERS = {1: True, 2: False}
"""Of EI_DATA: whether it is little-endian."""


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
            elf = _open(file)
            return ObjectFacts(tuple(_needed(elf)), _strippable(elf))
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


@dataclass(frozen=True)
class _Object:
    """An open object; `header` is the ELF header, `structs` read the rest."""

    stream: IO[bytes]
    structs: ELFStructs
    header: Any

    def headers(self, kind: str) -> Iterator[Any]:
        """Yield the program headers (`ph`) or the section headers (`sh`)."""
        return (self.get_header(kind, number) for number in range(self.header[f"e_{kind}num"]))

    def get_header(self, kind: str, number: int) -> Any:
        """Return one of them."""
        struct = self.structs.Elf_Phdr if kind == "ph" else self.structs.Elf_Shdr
        position = self.header[f"e_{kind}off"] + number * self.header[f"e_{kind}entsize"]
        return struct_parse(struct, self.stream, stream_pos=position)


def _open(stream: IO[bytes]) -> _Object:
    """Open an object as pyelftools' ELFFile does, which makes its structs anew for each: a third of all the work."""
    stream.seek(len(MAGIC))
    elf_class, byte_order = stream.read(2)
    basics = (_BYTE_ORDERS[byte_order], _CLASSES[elf_class])
    header = struct_parse(_structs(*basics).Elf_Ehdr, stream, stream_pos=0)
    return _Object(
        stream, _structs(*basics, header["e_type"], header["e_machine"], header["e_ident"]["EI_OSABI"]), header
    )


@lru_cache(64)
def _structs(little_endian: bool, elf_class: int, *kind: str) -> ELFStructs:
    structs = ELFStructs(little_endian, elf_class)
    structs.create_basic_structs()
    structs.create_advanced_structs(*kind)
    return structs


def _needed(elf: _Object) -> Iterator[str]:
    """Yield the sonames, as a loader finds them: by the program headers alone.

    pyelftools' own segments look through all sections for each dynamic one, and its tags each ask anew for the table of
    strings: images have thousands of objects.
    """
    headers = list(elf.headers("ph"))
    loaded = [header for header in headers if header["p_type"] == "PT_LOAD"]
    for header in headers:
        if header["p_type"] != "PT_DYNAMIC" or not header["p_filesz"]:
            continue
        tags = list(_dynamic_tags(elf, header["p_offset"]))
        strings = next((_offset(loaded, value) for tag, value in tags if tag == "DT_STRTAB"), None)
        if strings is not None:
            yield from (_string(elf, strings + value) for tag, value in tags if tag == "DT_NEEDED")


def _dynamic_tags(elf: _Object, position: int) -> Iterator[tuple[str | int, int]]:
    """Yield the tags of the dynamic section up to its end, each with its value."""
    struct = elf.structs.Elf_Dyn
    while (tag := struct_parse(struct, elf.stream, stream_pos=position))["d_tag"] != "DT_NULL":
        yield tag["d_tag"], tag["d_val"]
        position += struct.sizeof()


def _string(elf: _Object, position: int) -> str:
    text = parse_cstring_from_stream(elf.stream, position)
    return text.decode(errors="replace") if text else ""


def _strippable(elf: _Object) -> int:
    """Return the bytes of sections for debuggers; the table of their names tells at once that there are none."""
    if elf.header["e_shstrndx"] >= elf.header["e_shnum"]:
        return 0
    table = elf.get_header("sh", elf.header["e_shstrndx"])
    elf.stream.seek(table["sh_offset"])
    names = elf.stream.read(table["sh_size"])
    if not any(name in names for name in _FOR_DEBUGGERS):
        return 0
    sections = elf.headers("sh")
    return sum(section["sh_size"] for section in sections if names.startswith(_FOR_DEBUGGERS, section["sh_name"]))


def _offset(loaded: Sequence[Any], address: int) -> int | None:
    """Return where in the file an address comes from."""
    for header in loaded:
        if header["p_vaddr"] <= address < header["p_vaddr"] + header["p_filesz"]:
            return int(address - header["p_vaddr"] + header["p_offset"])
    return None
