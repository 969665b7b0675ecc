from __future__ import annotations

from collections.abc import Sequence

from dockertools.image.compare import Change, Comparison, compare_images
from tests.analysed import analysed
from tests.archives import Entry


def compare(
    before: Sequence[Sequence[Entry]], after: Sequence[Sequence[Entry]], *instructions: Sequence[str]
) -> Comparison:
    words = instructions or ((), ())
    with (
        analysed(*before, instructions=words[0]) as (other, other_catalog),
        analysed(*after, instructions=words[1]) as (this, this_catalog),
    ):
        return compare_images(other, other_catalog, this, this_catalog)


def metadata(name: str, version: str, size: int) -> list[Entry]:
    folder = f"venv/lib/python3.11/site-packages/{name}-{version}.dist-info"
    return [
        Entry(f"{folder}/METADATA", f"Name: {name}\nVersion: {version}\n".encode()),
        Entry(f"{folder}/RECORD", f"{name}.py,,\n".encode()),
        Entry(f"venv/lib/python3.11/site-packages/{name}.py", b"x" * size),
    ]


def test_files_that_came_went_and_grew_come_the_largest_change_first() -> None:
    before = [[Entry("gone", b"x" * 30), Entry("same", b"x" * 99), Entry("grown", b"x" * 5)]]
    after = [[Entry("new", b"x" * 10), Entry("same", b"y" * 99), Entry("grown", b"x" * 55)]]
    comparison = compare(before, after)
    assert comparison.files == (Change("grown", 5, 55), Change("gone", 30, None), Change("new", None, 10))
    assert comparison.bytes == 30


def test_a_file_that_a_later_layer_hides_is_in_neither_image() -> None:
    assert compare([[Entry("a", b"x")]], [[Entry("a", b"x")], [Entry("b", b"y")], [Entry(".wh.b")]]).files == ()


def test_layers_are_compared_by_what_made_them_the_second_of_two_with_the_second() -> None:
    steps = ("COPY . .", "COPY . .")
    comparison = compare(
        [[Entry("a", b"1")], [Entry("b", b"22")]], [[Entry("a", b"1")], [Entry("b", b"4444")]], steps, steps
    )
    assert comparison.layers == (Change("COPY . .", 2, 4),)


def test_packages_tell_their_versions() -> None:
    comparison = compare(
        [metadata("shop", "1.0", 50), metadata("old", "3", 70)], [metadata("shop", "1.1", 60), metadata("new", "2", 10)]
    )
    notes = {change.name: change.note for change in comparison.packages}
    assert notes == {"shop": "1.0 -> 1.1", "old": "3", "new": "2"}
    assert {change.name for change in comparison.packages if change.before is None} == {"new"}
    assert {change.name for change in comparison.packages if change.after is None} == {"old"}


def test_like_images_differ_in_nothing() -> None:
    layers = [metadata("shop", "1.0", 50)]
    comparison = compare(layers, layers)
    assert (comparison.bytes, comparison.layers, comparison.packages, comparison.files) == (0, (), (), ())
