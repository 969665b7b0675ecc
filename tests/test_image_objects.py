from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

from dockertools.image import objects
from dockertools.image.objects import read_object
from tests.elf import compile_library


@pytest.mark.parametrize("in_memory", [objects.IN_MEMORY, 1000])
def test_an_object_tells_what_it_needs_and_what_only_a_debugger_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(objects, "IN_MEMORY", in_memory)
    needed = compile_library(tmp_path / "libneeded.so", soname="libneeded.so.1")
    library = compile_library(tmp_path / "libshop.so", needs=[needed], options=["-g"])
    facts = read_object(io.BytesIO(library.read_bytes()))
    assert facts
    assert "libneeded.so.1" in facts.needed
    assert facts.strippable_bytes > 500
    subprocess.run(("strip", "--strip-unneeded", library), check=True)
    stripped = read_object(io.BytesIO(library.read_bytes()))
    assert stripped
    assert (stripped.needed, stripped.strippable_bytes) == (facts.needed, 0)


@pytest.mark.parametrize("content", [b"", b"\x7fEL", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF" + b"\xff" * 500])
def test_what_is_no_object_is_none(content: bytes) -> None:
    assert read_object(io.BytesIO(content)) is None


def test_an_object_that_was_cut_off_is_no_failure(tmp_path: Path) -> None:
    whole = compile_library(tmp_path / "libshop.so").read_bytes()
    for length in range(64, len(whole), len(whole) // 30):
        read_object(io.BytesIO(whole[:length]))
