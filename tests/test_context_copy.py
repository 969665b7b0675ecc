"""A copy of the context that no checkout's times, modes or places show in."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.context.copy import copy_context
from dockertools.errors import DockertoolsError

TIME = 1_700_000_000
NAMES = st.sampled_from(["a", "b.py", "run.sh", "ü", "with space", "-x"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TREES = st.dictionaries(PATHS, st.tuples(st.binary(max_size=20), st.booleans()), max_size=8)


def entries(folder: Path) -> Iterator[tuple[object, ...]]:
    """Yield all that a build can see of a folder."""
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None  # noqa: PTH115  # its text
        mode = None if path.is_symlink() else stat.S_IMODE(status.st_mode)
        yield path.relative_to(folder), mode, status.st_mtime_ns, status.st_nlink if content else 0, content


def copied(root: Path, target: Path) -> list[tuple[object, ...]]:
    target.mkdir()
    copy_context(root, None, target, TIME)
    assert target.stat().st_mtime == TIME
    return list(entries(target))


def write_tree(root: Path, tree: dict[str, tuple[bytes, bool]], umask: int, time: int) -> None:
    before = os.umask(umask)
    try:
        root.mkdir()
        for path, (content, is_executable) in tree.items():
            file = root / path
            if any(parent.is_file() for parent in file.parents) or file.is_dir():
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod((0o777 if is_executable else 0o666) & ~umask)
            os.utime(file, (time, time))
    finally:
        os.umask(before)


@settings(max_examples=40, deadline=None)
@given(TREES, st.sampled_from([0o002, 0o022, 0o077]), st.integers(0, 2 * TIME))
def test_two_checkouts_have_one_copy(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, tuple[bytes, bool]], umask: int, time: int
) -> None:
    top = tmp_path_factory.mktemp("checkouts")
    write_tree(top / "one", tree, 0o022, TIME)
    write_tree(top / "two", tree, umask, time)
    (top / "two" / "empty" / "folder").mkdir(parents=True)
    assert copied(top / "one", top / "first") == copied(top / "two", top / "second")


def test_only_what_is_sent_is_copied(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "code").mkdir(parents=True)
    for name in ("code/views.py", "code/secret.key", "notes.md", ".dockerignore"):
        (root / name).write_text("**/*.key\n*.md\n")
    assert [str(path) for path, *_ in copied(root, tmp_path / "copy")] == [".dockerignore", "code", "code/views.py"]


def test_links_stay_and_second_names_become_files(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_text("text")
    os.link(root / "file", root / "same")
    (root / "link").symlink_to("./nowhere//at/../all")
    listed = {str(path): rest for path, *rest in copied(root, tmp_path / "copy")}
    assert listed["file"] == listed["same"] == [0o644, TIME * 10**9, 1, b"text"]
    assert listed["link"][3] == "./nowhere//at/../all"
    assert listed["link"][1] == TIME * 10**9


def test_pipes_sockets_and_special_bits_are_left_behind(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
    (root / "tool").write_text("")
    (root / "tool").chmod(0o6711)
    assert [(str(path), mode) for path, mode, *_ in copied(root, tmp_path / "copy")] == [("tool", 0o755)]


def test_a_file_that_cannot_be_copied_is_named(tmp_path: Path) -> None:
    root, target = tmp_path / "root", tmp_path / "copy"
    root.mkdir()
    (root / "file").write_text("text")
    target.mkdir()
    (target / "file").mkdir()
    with pytest.raises(DockertoolsError, match=r"file cannot be copied to .*: Is a directory") as caught:
        copy_context(root, None, target, TIME)
    assert caught.value.code == "context-not-copied"
