"""The dynamic linker of this system: its cache, its folders, and whether it is glibc's or musl's."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from dockertools.checks.runtime.elf import ElfFacts
from dockertools.checks.runtime.loader import LinkerSystem

_MAGIC = b"glibc-ld.so.cache1.1"
_HEADER = struct.Struct("=20s2I20x")
_ENTRY = struct.Struct("=i2I4xQ")
_MUSL_FOLDERS = ("/lib", "/usr/local/lib", "/usr/lib")
_TRIPLETS = {
    ("EM_X86_64", 64): "x86_64-linux-gnu",
    ("EM_AARCH64", 64): "aarch64-linux-gnu",
    ("EM_ARM", 32): "arm-linux-gnueabihf",
    ("EM_386", 32): "i386-linux-gnu",
    ("EM_PPC64", 64): "powerpc64le-linux-gnu",
    ("EM_RISCV", 64): "riscv64-linux-gnu",
    ("EM_S390", 64): "s390x-linux-gnu",
}
"""Debian's folders by machine: https://wiki.debian.org/Multiarch/Tuples"""


def inspect_linker(interpreter: ElfFacts, root: Path = Path("/")) -> LinkerSystem:
    """Return the linker that loads `interpreter`, the program that the process runs."""
    library_path = tuple(path for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if path)
    if interpreter.interpreter and "ld-musl" in interpreter.interpreter:
        return LinkerSystem(_musl_folders(interpreter, root), {}, library_path, is_musl=True)
    triplet = _TRIPLETS.get((interpreter.machine, interpreter.bits), "")
    plain = ("/lib64", "/usr/lib64", "/lib", "/usr/lib") if interpreter.bits == 64 else ("/lib", "/usr/lib")
    folders = (f"/lib/{triplet}", f"/usr/lib/{triplet}", *plain) if triplet else plain
    return LinkerSystem(folders, read_cache(root / "etc/ld.so.cache"), library_path, f"lib/{triplet}".rstrip("/"))


def read_cache(path: Path) -> dict[str, tuple[str, ...]]:
    """Return the paths by name of an `ld.so.cache`; empty when there is none, or none of a format known since 1999.

    The format: `struct cache_file_new` in glibc's sysdeps/generic/dl-cache.h.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    start = data.find(_MAGIC)  # a cache for old linkers may come first
    if start < 0:
        return {}
    try:
        return _parse_cache(data[start:])
    except (struct.error, ValueError):
        return {}


def _parse_cache(data: bytes) -> dict[str, tuple[str, ...]]:
    _, count, _ = _HEADER.unpack_from(data)
    found: dict[str, list[str]] = {}
    for position in range(count):
        _, key, value, _ = _ENTRY.unpack_from(data, _HEADER.size + position * _ENTRY.size)
        found.setdefault(_text_at(data, key), []).append(_text_at(data, value))
    return {name: tuple(paths) for name, paths in found.items()}


def _text_at(data: bytes, start: int) -> str:
    return os.fsdecode(data[start : data.index(b"\0", start)])


def _musl_folders(interpreter: ElfFacts, root: Path) -> tuple[str, ...]:
    """Return the folders of `/etc/ld-musl-ARCH.path`, or the built-in ones."""
    name = Path(interpreter.interpreter or "").name.removesuffix(".so.1")
    try:
        text = (root / "etc" / f"{name}.path").read_text(encoding="utf-8")
    except OSError:
        return _MUSL_FOLDERS
    return tuple(text.replace(":", "\n").split()) or _MUSL_FOLDERS
