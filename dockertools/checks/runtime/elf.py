"""What an ELF file says about the libraries it needs; nothing is executed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.construct.core import ConstructError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment

MAGIC = b"\x7fELF"
NODEFLIB = 0x800
"""DF_1_NODEFLIB of DT_FLAGS_1: the default folders and the cache are not searched."""


@dataclass(frozen=True)
class ElfFacts:
    """The dynamic section of one file.

    Paths are as the file has them, `$ORIGIN` included. `damage` says why the file cannot be loaded, if so.
    """

    path: Path
    bits: int = 0
    machine: str = ""
    soname: str | None = None
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    interpreter: str | None = None
    no_default_folders: bool = False
    is_dynamic: bool = False
    damage: str | None = None


def find_elf_files(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the files in `folders` that are shared objects or programs, links and files that cannot be read left out.

    Looked into are those that may be one by their name or mode: `.so` in the name, or executable.
    """
    for folder in folders:
        for parent, names, files in os.walk(folder):
            # An interpreter's own site-packages are not part of a virtual environment that is made from it.
            names[:] = sorted(name for name in names if name not in ("site-packages", "dist-packages"))
            for name in sorted(files):
                path = os.path.join(parent, name)  # noqa: PTH118  # ten thousand times: Path is too slow
                if _may_be_elf(name, path) and has_elf_magic(Path(path)):
                    yield Path(path)


def _may_be_elf(name: str, path: str) -> bool:
    if name.endswith((".py", ".pyc", ".pyi", ".a", ".o", ".txt")):
        return False
    return (".so" in name or ("." not in name and os.access(path, os.X_OK))) and not os.path.islink(path)  # noqa: PTH114


def has_elf_magic(path: Path) -> bool:
    """Return whether the file begins like an ELF file."""
    try:
        with path.open("rb") as stream:
            return stream.read(4) == MAGIC
    except OSError:
        return False


class _LoadedFile(ELFFile):
    """A file as the dynamic linker sees it: by its program headers alone, which also is much faster."""

    def num_sections(self) -> int:
        """Return 0, so that pyelftools finds the strings by `DT_STRTAB`, as the linker does."""
        return 0


def read_elf(path: Path, *, headers_only: bool = False) -> ElfFacts:
    """Return the facts of the file; one that is cut off or garbled has `damage`.

    With `headers_only`, which is much faster, what the dynamic section holds is left out.

    The format: https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html
    """
    try:
        with path.open("rb") as stream:
            return _read(path, _LoadedFile(stream), os.fstat(stream.fileno()).st_size, headers_only)
    except (ELFError, ConstructError, ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        # What pyelftools raises over garbled input is not only its own.
        return ElfFacts(path, damage=f"not a whole ELF file: {error or type(error).__name__}")
    except OSError as error:
        # EINVAL is what the kernel says to an offset that no file can have.
        state = "not a whole ELF file" if error.errno == errno.EINVAL else "cannot be read"
        return ElfFacts(path, damage=f"{state}: {error.strerror}")


def _read(path: Path, elf: ELFFile, size: int, headers_only: bool) -> ElfFacts:
    interpreter = None
    tags: list[tuple[str, str | int]] = []
    is_dynamic = False
    segments = tuple(elf.iter_segments())
    ends = (segment["p_offset"] + segment["p_filesz"] for segment in segments if segment["p_type"] == "PT_LOAD")
    end = max(ends, default=0)
    damage = f"cut off: {size} bytes of {end}" if end > size else None
    for segment in () if damage or headers_only else segments:
        if isinstance(segment, InterpSegment):
            interpreter = segment.get_interp_name()
        elif isinstance(segment, DynamicSegment):
            is_dynamic = True
            tags = list(_read_tags(segment))
    return ElfFacts(
        path=path,
        bits=elf.elfclass,
        machine=elf["e_machine"],
        soname=next((str(value) for tag, value in tags if tag == "DT_SONAME"), None),
        needed=tuple(str(value) for tag, value in tags if tag == "DT_NEEDED"),
        rpath=_split_paths(tags, "DT_RPATH"),
        runpath=_split_paths(tags, "DT_RUNPATH"),
        interpreter=interpreter,
        no_default_folders=any(tag == "DT_FLAGS_1" and int(value) & NODEFLIB for tag, value in tags),
        is_dynamic=is_dynamic,
        damage=damage,
    )


def _read_tags(segment: DynamicSegment) -> Iterator[tuple[str, str | int]]:
    attributes = {"DT_NEEDED": "needed", "DT_SONAME": "soname", "DT_RPATH": "rpath", "DT_RUNPATH": "runpath"}
    for tag in segment.iter_tags():
        name = tag.entry.d_tag
        if name in attributes:
            yield name, getattr(tag, attributes[name])
        elif name == "DT_FLAGS_1":
            yield name, tag.entry.d_val


def _split_paths(tags: Iterable[tuple[str, str | int]], wanted: str) -> tuple[str, ...]:
    return tuple(path for tag, value in tags if tag == wanted for path in str(value).split(":"))
