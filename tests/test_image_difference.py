"""Two archives side by side: the first difference, whatever it is."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.image.difference import Difference, find_difference
from tests.archives import Entry, Image, folder, make_layer, make_oci_archive

BASE = [folder("etc"), Entry("etc/os-release", b"12", mtime=5)]
FILE = Entry("app/views.py", b"print()", mtime=9)
CHANGES = {
    "content": replace(FILE, content=b"print(1)"),
    "mode": replace(FILE, mode=0o600),
    "owner": replace(FILE, uid=1000),
    "time": replace(FILE, mtime=10),
    "link": replace(FILE, content=b"", kind=tarfile.SYMTYPE, link="/a"),
}


def compare(
    tmp_path: Path, *layers: list[Entry], config: tuple[dict[str, object], ...] = ({}, {})
) -> Difference | None:
    """Return the difference between images of one base and one more layer each."""
    paths = [tmp_path / "one.tar", tmp_path / "two.tar"]
    for path, entries, settings_ in zip(paths, layers, config, strict=True):
        image = Image([make_layer(BASE), make_layer(entries)], ["FROM base", "COPY . /"], settings_)
        path.write_bytes(make_oci_archive(image, bytes))
    return find_difference(*paths)


def test_equal_images_have_no_difference(tmp_path: Path) -> None:
    assert compare(tmp_path, [folder("app"), FILE], [folder("app"), FILE]) is None


@pytest.mark.parametrize("kind", ["content", "mode", "owner", "time"])
def test_the_kind_of_a_difference_is_named(tmp_path: Path, kind: str) -> None:
    found = compare(tmp_path, [folder("app"), FILE], [folder("app"), CHANGES[kind]])
    assert found is not None
    assert (found.kind, found.path, found.layer, found.files) == (kind, "app/views.py", 1, 1)
    assert (found.instruction, found.place) == ("COPY . /", 1)
    assert found.first != found.second


def test_links_and_other_kinds_of_files_are_told(tmp_path: Path) -> None:
    link = CHANGES["link"]
    other = compare(tmp_path, [link], [replace(link, link="/b")])
    assert other is not None
    assert (other.kind, other.first, other.second) == ("link", "/a", "/b")
    kinds = compare(tmp_path, [FILE], [link])
    assert kinds is not None
    assert (kinds.kind, kinds.first, kinds.second) == ("kind", "file", "symlink")


def test_a_file_of_one_image_alone_is_missing(tmp_path: Path) -> None:
    found = compare(tmp_path, [FILE], [FILE, Entry("app/x")])
    assert found is not None
    assert (found.kind, found.path, found.first, found.second) == ("missing", "app/x", "missing", "there")


def test_the_time_of_a_folder_is_named_after_the_file_that_differs(tmp_path: Path) -> None:
    changed = replace(folder("app"), mtime=7)
    found = compare(tmp_path, [folder("app"), FILE], [changed, CHANGES["content"]])
    assert found is not None
    assert (found.path, found.files) == ("app/views.py", 2)
    alone = compare(tmp_path, [folder("app"), FILE], [changed, FILE])
    assert alone is not None
    assert (alone.path, alone.kind) == ("app", "time")


def test_another_order_of_equal_files_is_told(tmp_path: Path) -> None:
    found = compare(tmp_path, [FILE, Entry("app/x")], [Entry("app/x"), FILE])
    assert found is not None
    assert (found.kind, found.path, found.files) == ("order", "", 0)


def test_equal_layers_leave_the_configuration(tmp_path: Path) -> None:
    labels: tuple[dict[str, object], ...] = ({"Labels": {"built": "1"}}, {"Labels": {"built": "2"}})
    found = compare(tmp_path, [FILE], [FILE], config=labels)
    assert found == Difference("configuration", "config.Labels.built", "1", "2")


def test_another_number_of_layers_is_told(tmp_path: Path) -> None:
    one, two = tmp_path / "one.tar", tmp_path / "two.tar"
    one.write_bytes(make_oci_archive(Image([make_layer(BASE)]), bytes))
    two.write_bytes(make_oci_archive(Image([make_layer(BASE), make_layer([FILE])]), bytes))
    assert find_difference(one, two) == Difference("layers", "", "1", "2")


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=8), min_size=1), st.data())
def test_the_first_of_several_files_is_named(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], data: st.DataObject
) -> None:
    changed = data.draw(st.sets(st.sampled_from(sorted(files)), min_size=1))
    first = [Entry(name, content) for name, content in sorted(files.items())]
    second = [replace(entry, content=entry.content + b"!") if entry.name in changed else entry for entry in first]
    found = compare(tmp_path_factory.mktemp("images"), first, second)
    assert found is not None
    assert (found.path, found.kind, found.files) == (min(changed), "content", len(changed))


def test_what_is_told_can_be_written_as_json(tmp_path: Path) -> None:
    found = compare(tmp_path, [Entry("näme\n")], [Entry("näme\n", b"x")])
    assert found is not None
    assert json.loads(json.dumps(found.path)) == "näme\n"
