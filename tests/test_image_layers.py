from __future__ import annotations

import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.image.analysis import ImageAnalysis
from dockertools.image.layers import METADATA, REMOVED, REWRITTEN
from tests.analysed import analyse
from tests.archives import Entry, folder, hard_link


def wasted(analysis: ImageAnalysis) -> list[tuple[int, int, str, int, int, str]]:
    return [(item.stored_in, item.hidden_by, item.how, item.files, item.bytes, item.largest) for item in analysis.waste]


def test_a_file_that_is_removed_rewritten_or_changed_hands_is_waste_of_the_layer_that_does_it() -> None:
    analysis = analyse(
        [Entry("a", b"a" * 100), Entry("b", b"b" * 200), Entry("c", b"c" * 400), Entry("d", b"d")],
        [Entry(".wh.a"), Entry("b", b"x" * 50), Entry("c", b"c" * 400, uid=1000)],
    )
    assert wasted(analysis) == [
        (0, 1, METADATA, 1, 400, "c"),
        (0, 1, REWRITTEN, 1, 200, "b"),
        (0, 1, REMOVED, 1, 100, "a"),
    ]
    assert [layer.use.wasted_bytes for layer in analysis.layers] == [0, 700]
    assert [layer.use.hidden_bytes for layer in analysis.layers] == [700, 0]
    assert analysis.wasted_bytes == 700
    assert analysis.efficiency == pytest.approx(1 - 700 / (701 + 450))


def test_a_folder_that_is_removed_takes_all_below_it() -> None:
    analysis = analyse(
        [folder("app"), Entry("app/a", b"1"), Entry("app/deep/b", b"22"), Entry("apple", b"4444")],
        [Entry("app/c", b"333")],
        [Entry(".wh.app")],
    )
    assert wasted(analysis) == [(0, 2, REMOVED, 2, 3, "app/deep/b"), (1, 2, REMOVED, 1, 3, "app/c")]


def test_an_opaque_folder_hides_what_was_in_it_but_not_what_comes_with_it() -> None:
    analysis = analyse(
        [folder("app"), Entry("app/a", b"old"), Entry("app/b", b"gone")],
        [Entry("app/.wh..wh..opq"), Entry("app/a", b"new!!")],
    )
    assert sorted(wasted(analysis)) == [(0, 1, REMOVED, 1, 4, "app/b"), (0, 1, REWRITTEN, 1, 3, "app/a")]


def test_a_folder_that_becomes_a_file_or_a_link_hides_its_content() -> None:
    for successor in (Entry("app", b"x"), Entry("app", kind=tarfile.SYMTYPE, link="srv")):
        analysis = analyse([folder("app"), Entry("app/a", b"old")], [successor])
        assert wasted(analysis) == [(0, 1, REMOVED, 1, 3, "app/a")]


def test_a_file_that_lives_on_under_a_hard_link_is_no_waste() -> None:
    analysis = analyse([Entry("a", b"abc"), hard_link("b", "a")], [Entry(".wh.a")])
    assert analysis.waste == ()


def test_a_file_of_one_name_twice_in_a_layer_counts_its_first_as_waste_of_that_layer() -> None:
    assert wasted(analyse([Entry("a", b"first"), Entry("a", b"second")])) == [(0, 0, REWRITTEN, 1, 5, "a")]


def test_names_that_are_not_utf8_are_kept_apart() -> None:
    analysis = analyse([Entry("caf\udce9", b"1"), Entry("café", b"22")], [Entry(".wh.caf\udce9")])
    assert wasted(analysis) == [(0, 1, REMOVED, 1, 1, "caf\udce9")]


NAMES = st.sampled_from(["a", "b", "b/c", "b/d", "b/d/e", "f"])
CHANGES = st.lists(
    st.tuples(NAMES, st.sampled_from(["write", "remove", "empty"]), st.integers(1, 50)), max_size=4, unique_by=id
)


@settings(deadline=None, max_examples=60)
@given(st.lists(CHANGES, min_size=1, max_size=4))
def test_what_is_not_wasted_is_what_the_image_shows(changes: list[list[tuple[str, str, int]]]) -> None:
    layers, shown, stored = [], dict[str, int](), 0
    for change in changes:
        before, entries = dict(shown), []
        for name, what, size in {item[0]: item for item in change}.values():
            if any(name.startswith(f"{other[0]}/") and other[1] != "empty" for other in change):
                continue  # a layer that removes or replaces a folder holds nothing else below it
            if any(other[0].startswith(f"{name}/") for other in change):
                continue
            parent, _, last = name.rpartition("/")
            if what == "write":
                entries.append(Entry(name, b"x" * size))
                stored += size
            else:
                entries.append(Entry(f"{parent}/.wh.{last}" if what == "remove" else f"{name}/.wh..wh..opq"))
            shown = {path: old for path, old in shown.items() if not path.startswith(f"{name}/") or path not in before}
            shown.pop(name, None)
            # what stood where a folder is now has gone
            for depth in range(1, name.count("/") + 1):
                shown.pop("/".join(name.split("/")[:depth]), None)
            if what == "write":
                shown[name] = size
            elif what == "empty" and name in before and name in shown:
                del shown[name]
        layers.append(with_folders(entries))
    analysis = analyse(*layers)
    assert analysis.file_bytes == stored
    assert analysis.file_bytes - analysis.wasted_bytes == sum(shown.values())


def with_folders(entries: list[Entry]) -> list[Entry]:
    """Put the folders in front, as every writer of layers does."""
    names = {
        "/".join(entry.name.split("/")[:depth])
        for entry in entries
        for depth in range(1, entry.name.count("/") + 1)
        if entry.name.split("/")[depth - 1]
    }
    return [folder(name) for name in sorted(names)] + entries
