import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockertools.context import inspect_context, summarize_context
from dockertools.context.facts import FolderSize, Oddity, SentFile
from dockertools.context.ignore_file import IgnoreFileError
from dockertools.errors import DockertoolsError
from tests.context_trees import write_tree


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "manage.py": "x" * 10,
        "app/models.py": "x" * 20,
        "app/__pycache__/models.pyc": "x" * 30,
        "node_modules/lib/index.js": "x" * 40,
        "node_modules/lib/package.json": "x" * 50,
        ".dockerignore": "node_modules\n**/__pycache__\n# nothing:\n*.log\n",
    }
    return write_tree(tmp_path / "project", files)


def test_files_and_bytes_are_counted_on_both_sides(project: Path) -> None:
    facts = inspect_context(project)
    ignore_size = (project / ".dockerignore").stat().st_size
    assert (facts.files, facts.size) == (3, 30 + ignore_size)
    assert (facts.excluded_files, facts.excluded_size) == (3, 120)
    assert [(use.rule.text, use.files, use.size) for use in facts.rules] == [
        ("node_modules", 2, 90),
        ("**/__pycache__", 1, 30),
        ("*.log", 0, 0),
    ]


def test_the_summary_says_the_same(project: Path) -> None:
    facts = inspect_context(project)
    summary = summarize_context(project)
    assert (summary.files, summary.size) == (facts.files, facts.size)


def test_the_largest_files_and_the_heaviest_folders_are_known(project: Path) -> None:
    (project / ".dockerignore").unlink()
    facts = inspect_context(project)
    assert facts.largest(1) == [SentFile("node_modules/lib/package.json", 50)]
    assert facts.folders(3) == [
        FolderSize("node_modules/", 2, 90),
        FolderSize("app/", 2, 50),
        FolderSize("app/__pycache__/", 1, 30),
    ]


def test_links_are_sent_as_links_and_those_that_leave_the_context_are_told(project: Path) -> None:
    (project / "inside").symlink_to("app/models.py")
    (project / "app" / "up").symlink_to("../manage.py")
    (project / "out").symlink_to("../elsewhere")
    (project / "absolute").symlink_to("/etc/hostname")
    (project / "folder").symlink_to("app")
    facts = inspect_context(project)
    assert {("inside", 0), ("folder", 0), ("out", 0)} <= set(facts.sent)
    assert not any(path.startswith("folder/") for path, _ in facts.sent)
    assert set(facts.oddities) == {
        Oddity("out", "link-out-of-context", "../elsewhere"),
        Oddity("absolute", "link-out-of-context", "/etc/hostname"),
    }


@pytest.fixture
def bound_socket(project: Path) -> Iterator[Path]:
    before = Path.cwd()
    os.chdir(project)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("app.sock")
        os.chdir(before)
        yield project / "app.sock"


def test_sockets_and_pipes_are_told(project: Path, bound_socket: Path) -> None:
    os.mkfifo(project / "pipe")
    facts = inspect_context(project)
    assert set(facts.oddities) == {
        Oddity(bound_socket.name, "special-file", "socket"),
        Oddity("pipe", "special-file", "named pipe"),
    }


def test_a_name_that_is_not_utf_8_is_told_unless_it_is_left_out(project: Path) -> None:
    Path(os.fsdecode(os.fsencode(project) + b"/caf\xe9.txt")).touch()
    (oddity,) = inspect_context(project).oddities
    assert (oddity.path.encode("utf-8", "surrogateescape"), oddity.code) == (b"caf\xe9.txt", "not-utf-8")
    (project / ".dockerignore").write_text("caf?.txt\n")
    assert inspect_context(project).oddities == ()


def test_two_names_of_one_file_are_sent_once(project: Path) -> None:
    before = inspect_context(project)
    os.link(project / "manage.py", project / "zz.py")
    after = inspect_context(project)
    assert (after.files, after.size) == (before.files + 1, before.size)


def test_a_file_that_is_listed_and_then_refused_has_no_bytes(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {"a/b/c.txt": "xxx", ".dockerignore": "*\n!a/b/c.txt\n**/b\n"})
    facts = inspect_context(root)
    assert facts.sent == (SentFile("a/b/c.txt", 0),)
    assert facts.oddities == (Oddity("a/b/c.txt", "refused-when-opened", ""),)


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """Give a folder of its own to a user who may not read everything, and be that user."""
    with tempfile.TemporaryDirectory() as folder:
        user = os.geteuid() or 65534
        os.chown(folder, user, -1)
        before = os.geteuid()
        os.seteuid(user)
        try:
            yield Path(folder)
        finally:
            os.seteuid(before)


def test_what_cannot_be_read_is_told(as_nobody: Path) -> None:
    write_tree(as_nobody, {"a.txt": "xxx", "b/c.txt": "xxx"})
    (as_nobody / "a.txt").chmod(0)
    (as_nobody / "b").chmod(0)
    facts = inspect_context(as_nobody)
    (as_nobody / "b").chmod(0o755)
    assert facts.sent == (SentFile("a.txt", 0),)
    assert {(oddity.path, oddity.code) for oddity in facts.oddities} == {
        ("a.txt", "unreadable-file"),
        ("b", "unreadable-folder"),
    }


def test_a_broken_rule_is_an_error_with_its_line_once_it_is_needed(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {".dockerignore": "# x\n[z-a]\n"})
    with pytest.raises(
        IgnoreFileError, match=r"\.dockerignore, line 2: BuildKit refuses the rule `\[z-a\]`: the range"
    ):
        inspect_context(root)


def test_a_context_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DockertoolsError, match="is not a folder"):
        inspect_context(tmp_path / "missing")


def test_the_room_needs_the_standard_library_only() -> None:
    code = "import sys, dockertools.context; sys.exit(bool({'django', 'rich', 'docker'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
