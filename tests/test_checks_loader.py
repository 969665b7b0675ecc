from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.checks.runtime.elf import ElfFacts
from dockertools.checks.runtime.loader import (
    LinkerSystem,
    Loaded,
    ReadElf,
    Unresolved,
    candidates,
    load,
    resolve,
    search_folders,
)

SYSTEM = LinkerSystem(("/lib",), {"libc.so.6": ("/lib/libc.so.6",)})
PATHS = st.lists(st.sampled_from(["/a", "/b", "$ORIGIN", "${ORIGIN}/../c", "/d/$LIB"]), max_size=3).map(tuple)


def elf(path: str, **values: object) -> ElfFacts:
    return ElfFacts(Path(path), bits=64, machine="EM_X86_64", is_dynamic=True, **values)  # type: ignore[arg-type]


def reader(*files: ElfFacts) -> ReadElf:
    return {facts.path: facts for facts in files}.get


def test_the_order_is_rpath_library_path_runpath_cache_defaults() -> None:
    system = LinkerSystem(("/lib",), {"x.so": ("/cached/x.so",)}, library_path=("/env",))
    with_rpath = Loaded(elf("/app/m.so", rpath=("/rpath",)))
    assert list(candidates("x.so", with_rpath, system)) == ["/rpath/x.so", "/env/x.so", "/cached/x.so", "/lib/x.so"]
    with_runpath = Loaded(elf("/app/m.so", runpath=("/runpath",)))
    assert list(candidates("x.so", with_runpath, system)) == ["/env/x.so", "/runpath/x.so", "/cached/x.so", "/lib/x.so"]


def test_a_name_with_a_slash_is_a_path() -> None:
    needing = Loaded(elf("/app/m.so"))
    assert list(candidates("/opt/x.so", needing, SYSTEM)) == ["/opt/x.so"]
    assert list(candidates("$ORIGIN/x.so", needing, SYSTEM)) == ["/app/x.so"]


def test_an_object_may_forbid_the_cache_and_the_defaults() -> None:
    needing = Loaded(elf("/app/m.so", no_default_folders=True))
    assert list(candidates("libc.so.6", needing, SYSTEM)) == []


def test_origin_and_lib_are_filled_in() -> None:
    needing = Loaded(elf("/app/m.so", runpath=("$ORIGIN/../libs", "${ORIGIN}", "/opt/$LIB", "")))
    assert search_folders(needing, SYSTEM) == ("/app/../libs", "/app", "/opt/lib", ".")


def test_musl_hands_the_paths_of_both_kinds_down() -> None:
    system = LinkerSystem(("/lib",), is_musl=True, library_path=("/env",))
    needing = Loaded(elf("/b/inner.so", rpath=("/1",)), Loaded(elf("/a/m.so", runpath=("/2",))))
    assert search_folders(needing, system) == ("/env", "/1", "/2")


def test_what_is_loaded_already_needs_no_search() -> None:
    module = elf("/app/m.so", needed=("libpython.so",))
    objects, missing = load(
        Loaded(module), SYSTEM, reader(), present=[elf("/usr/libpython.so.1", soname="libpython.so")]
    )
    assert (objects, missing) == ((module,), ())


def test_the_needs_of_needs_are_found_breadth_first() -> None:
    module = elf("/app/m.so", needed=("one.so", "two.so"))
    one = elf("/lib/one.so", needed=("three.so",))
    files = (one, elf("/lib/two.so"), elf("/lib/three.so"))
    objects, missing = load(Loaded(module), SYSTEM, reader(*files))
    assert [facts.path.name for facts in objects] == ["m.so", "one.so", "two.so", "three.so"]
    assert missing == ()


def test_objects_that_need_each_other_end() -> None:
    first, second = elf("/lib/a.so", needed=("b.so",)), elf("/lib/b.so", needed=("a.so",))
    objects, missing = load(Loaded(first), SYSTEM, reader(first, second))
    assert (set(objects), missing) == ({first, second}, ())


def test_a_file_of_another_class_is_passed_over() -> None:
    foreign = ElfFacts(Path("/a/x.so"), bits=32, machine="EM_386", is_dynamic=True)
    fitting = elf("/lib/x.so")
    needing = Loaded(elf("/app/m.so", runpath=("/a",)))
    assert resolve("x.so", needing, SYSTEM, reader(foreign, fitting)) == fitting
    found = resolve("x.so", needing, SYSTEM, reader(foreign))
    assert isinstance(found, Unresolved)
    assert found.misfits == ("/a/x.so (32 bit, EM_386)",)


@given(own=PATHS, others=st.lists(PATHS, max_size=3))
@settings(deadline=None, max_examples=100)
def test_runpath_never_carries_over(own: tuple[str, ...], others: list[tuple[str, ...]]) -> None:
    chain = None
    for position, paths in enumerate(others):
        chain = Loaded(elf(f"/outer{position}/x.so", runpath=paths), chain)
    alone = search_folders(Loaded(elf("/inner/x.so", runpath=own)), SYSTEM)
    assert search_folders(Loaded(elf("/inner/x.so", runpath=own), chain), SYSTEM) == alone


@given(own=PATHS, outer=PATHS)
@settings(deadline=None, max_examples=100)
def test_rpath_carries_over_unless_the_object_has_a_runpath(own: tuple[str, ...], outer: tuple[str, ...]) -> None:
    loader = Loaded(elf("/outer/x.so", rpath=outer))
    inherited = search_folders(Loaded(elf("/inner/x.so", rpath=own), loader), SYSTEM)
    assert inherited == (
        *search_folders(Loaded(elf("/inner/x.so", rpath=own)), SYSTEM),
        *search_folders(loader, SYSTEM),
    )
    if own:
        by_runpath = search_folders(Loaded(elf("/inner/x.so", runpath=own), loader), SYSTEM)
        assert by_runpath == search_folders(Loaded(elf("/inner/x.so", runpath=own)), SYSTEM)


@given(names=st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=5, unique=True), data=st.data())
@settings(deadline=None, max_examples=100)
def test_every_need_is_either_an_object_or_missing(names: list[str], data: st.DataObject) -> None:
    needs = {name: tuple(data.draw(st.lists(st.sampled_from("abcde"), max_size=3), label=name)) for name in names}
    files = [elf(f"/lib/{name}", needed=needs[name]) for name in names]
    root = elf("/app/m.so", needed=("a", "b"))
    objects, missing = load(Loaded(root), SYSTEM, reader(*files))
    loaded = {facts.path.name for facts in objects}
    assert {name for facts in objects for name in facts.needed} == (loaded - {"m.so"}) | {item.name for item in missing}
    assert loaded.isdisjoint(item.name for item in missing)


@pytest.mark.parametrize("reference", ["$ORIGIN", "${ORIGIN}"])
def test_origin_is_the_folder_of_the_object_that_says_it(reference: str) -> None:
    chain = Loaded(elf("/inner/x.so"), Loaded(elf("/outer/y.so", rpath=(reference,))))
    assert search_folders(chain, SYSTEM) == ("/outer",)
