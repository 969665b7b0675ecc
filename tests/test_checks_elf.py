import struct
import sys
import tempfile
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.enums import ENUM_D_TAG
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.checks.runtime.elf import find_elf_files, read_elf
from tests.elf import compile_library


def test_what_the_linker_reads_is_read(tmp_path: Path) -> None:
    gears = compile_library(tmp_path / "libgears.so.1", soname="libgears.so.1")
    engine = compile_library(tmp_path / "libengine.so.2", soname="libengine.so.2", needs=[gears], rpath="$ORIGIN:/opt")
    facts = read_elf(engine)
    assert (facts.soname, facts.needed[0], facts.rpath) == ("libengine.so.2", "libgears.so.1", ("$ORIGIN", "/opt"))
    assert (facts.is_dynamic, facts.damage, facts.bits) == (True, None, 64)


def test_a_file_without_section_headers_is_whole(tmp_path: Path) -> None:
    """The linker does not read them; sstrip and packers take them out."""
    library = compile_library(tmp_path / "libgears.so.1", soname="libgears.so.1", runpath="$ORIGIN")
    content = bytearray(library.read_bytes())
    content[40:48] = bytes(8)  # e_shoff
    content[60:64] = bytes(4)  # e_shnum, e_shstrndx
    library.write_bytes(content)
    facts = read_elf(library)
    assert (facts.damage, facts.soname, facts.runpath) == (None, "libgears.so.1", ("$ORIGIN",))


def test_a_file_whose_strings_are_nowhere_is_damaged(tmp_path: Path) -> None:
    library = compile_library(tmp_path / "libgears.so.1", soname="libgears.so.1")
    content = library.read_bytes()
    with library.open("rb") as stream:
        dynamic = next(iter(ELFFile(stream).iter_segments("PT_DYNAMIC")))["p_offset"]
    place = content.index(struct.pack("<Q", ENUM_D_TAG["DT_STRTAB"]), dynamic)
    library.write_bytes(content[:place] + struct.pack("<Q", ENUM_D_TAG["DT_DEBUG"]) + content[place + 8 :])
    assert str(read_elf(library).damage).startswith("not a whole ELF file")


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    assert read_elf(tmp_path).damage == "cannot be read: Is a directory"


def test_only_what_may_be_one_is_looked_into(tmp_path: Path) -> None:
    library = compile_library(tmp_path / "libgears.so.1")
    (tmp_path / "notes.so.txt").write_bytes(library.read_bytes())
    (tmp_path / "libgears.so").symlink_to(library)
    (tmp_path / "empty.so").touch()
    (tmp_path / "dangling.so").symlink_to("nowhere")
    assert list(find_elf_files([tmp_path])) == [library]


@given(
    changes=st.lists(st.tuples(st.integers(4, 1023), st.sampled_from([0, 1, 2, 127, 128, 255])), min_size=1),
    length=st.sampled_from([64, 700, 65536]),
)
@settings(deadline=None, max_examples=60)
def test_a_garbled_file_is_read_or_damaged_and_nothing_else(changes: list[tuple[int, int]], length: int) -> None:
    content = bytearray(Path(sys.executable).resolve().read_bytes()[:length])
    for position, value in changes:
        content[position % length] = value
    with tempfile.NamedTemporaryFile(suffix=".so") as stream:
        stream.write(content)
        stream.flush()
        damage = read_elf(Path(stream.name)).damage
    assert damage is None or damage.startswith(("not a whole ELF file: ", "cut off: "))
