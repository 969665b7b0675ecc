import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockertools.errors import DockertoolsError
from dockertools.files import Ownership, mark, ownership, read_text, unified_diff, write_atomically, write_together


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r")))
def test_a_marked_file_is_ours_until_it_is_edited(body: str) -> None:
    text = mark(body)
    assert ownership(text) is Ownership.OURS
    assert ownership(text + "x") is Ownership.EDITED


def test_the_marker_comes_after_parser_directives() -> None:
    lines = mark("# syntax=docker/dockerfile:1\n# escape=`\nFROM scratch\n").splitlines()
    assert lines[0] == "# syntax=docker/dockerfile:1"
    assert lines[1] == "# escape=`"
    assert lines[2].startswith("# Written by django-dockertools ")
    assert lines[3] == "FROM scratch"


@pytest.mark.parametrize("text", ["", "FROM scratch\n", "# Written by hand\nFROM scratch\n"])
def test_an_unmarked_file_is_the_users(text: str) -> None:
    assert ownership(text) is Ownership.THEIRS


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    assert ownership(read_text(tmp_path / "Dockerfile")) is Ownership.MISSING


def test_a_difference_is_shown_with_a_missing_line_end() -> None:
    assert unified_diff("x", "a\n", "b") == ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\n")


def test_reading_keeps_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a\r\nb\n")
    assert read_text(path) == "a\r\nb\n"


def test_a_file_that_is_not_utf_8_is_named_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"ab\xff")
    with pytest.raises(DockertoolsError, match=r"is not UTF-8 \(byte 2\)"):
        read_text(path)


def test_a_folder_cannot_be_read_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(DockertoolsError, match="cannot be read: Is a directory"):
        read_text(tmp_path)


def test_writing_replaces_the_content_and_keeps_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "entrypoint"
    path.write_text("old")
    path.chmod(0o750)
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o7777 == 0o750
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_gets_the_usual_mode(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    write_atomically(tmp_path / "new", b"")
    assert (tmp_path / "new").stat().st_mode == usual.stat().st_mode


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_text("old")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DockertoolsError, match="No space left on device"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DockertoolsError, match="cannot be written: No such file or directory"):
        write_atomically(tmp_path / "gone" / "x", "")


def test_of_several_files_none_is_changed_when_one_cannot_be_written(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.write_text("old")
    with pytest.raises(DockertoolsError, match="third cannot be written: No such file or directory"):
        write_together({first: "new", tmp_path / "second": "new", tmp_path / "none" / "third": "new"})
    assert first.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["first"]


def test_line_ends_of_windows_are_no_edit() -> None:
    assert ownership(mark("a\nb\n").replace("\n", "\r\n")) is Ownership.OURS
    assert ownership(mark("a\nb\n").replace("\n", "\r\n") + "c\r\n") is Ownership.EDITED
