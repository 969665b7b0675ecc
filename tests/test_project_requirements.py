"""Requirements files as pip reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.project.facts import Requirement, Source
from dockertools.project.requirements import decode, logical_lines, parse_requirement, read_requirements


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def names(root: Path, path: str = "requirements.txt") -> list[str]:
    return [requirement.name for requirement in read_requirements(root, path, python_version="3.13").requirements]


def test_included_files_are_read_once_and_constraints_ask_for_nothing(tmp_path: Path) -> None:
    write(
        tmp_path,
        requirements__prod="-r base.txt\n--requirement=base.txt\n-cpins.txt\ngunicorn\n",
        requirements__base="Django\n",
        requirements__pins="gunicorn==27.0.1\nunused==1\n",
    )
    read = read_requirements(tmp_path, "requirements/prod.txt", python_version="3.13")
    assert read.files == ("requirements/prod.txt", "requirements/base.txt", "requirements/pins.txt")
    assert [requirement.name for requirement in read.requirements] == ["django", "gunicorn"]
    assert read.constrained == {"gunicorn", "unused"}


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    write(tmp_path, requirements="-r other.txt\nDjango\n", other="-r requirements.txt\ncelery\n")
    assert names(tmp_path) == ["celery", "django"]


def test_a_missing_include_is_a_note_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, requirements="Django\n-r gone.txt\n")
    (note,) = read_requirements(tmp_path, "requirements.txt").notes
    assert str(note) == "requirements.txt:2: gone.txt cannot be read (No such file or directory); it is left out"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, end: str) -> None:
    (tmp_path / "requirements.txt").write_bytes(f"Django==5.2{end}psycopg[binary]{end}".encode(encoding))
    read = read_requirements(tmp_path, "requirements.txt")
    assert [requirement.name for requirement in read.requirements] == ["django", "psycopg"]
    assert bool(read.utf16_files) == (encoding in ("utf-16", "utf-32"))


def test_what_is_no_text_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"Django\n\xff\xfe\xfa")
    (note,) = read_requirements(tmp_path, "requirements.txt").notes
    assert "is not UTF-8 (byte 7)" in note.message


def test_markers_are_those_of_linux_and_the_version(tmp_path: Path) -> None:
    write(
        tmp_path,
        requirements="pywin32 ; sys_platform == 'win32'\nuvloop ; sys_platform != 'win32'\n"
        "tomli ; python_version < '3.11'\ntyping-extensions ; python_full_version < '3.14'\n",
    )
    assert names(tmp_path) == ["typing-extensions", "uvloop"]


def test_hashes_count_only_when_every_line_has_one(tmp_path: Path) -> None:
    hashed = "Django==5.2 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
    write(tmp_path, requirements=hashed, mixed=f"{hashed}celery==5\n")
    assert read_requirements(tmp_path, "requirements.txt").has_hashes
    assert not read_requirements(tmp_path, "mixed.txt").has_hashes


def test_options_that_change_what_is_installed(tmp_path: Path) -> None:
    write(tmp_path, requirements="--no-binary=lxml,Pillow\n--pre\n--index-url https://example.org\nlxml\nnumpy\n")
    read = read_requirements(tmp_path, "requirements.txt")
    assert [(item.name, item.from_source) for item in read.requirements] == [("lxml", True), ("numpy", False)]
    assert read.options == ("--prerelease=allow",)


@pytest.mark.parametrize(
    ("text", "requirement", "folder"),
    [
        ("Django", Requirement("django"), None),
        ("Zope.Interface==6.1", Requirement("zope-interface", version="6.1"), None),
        ("django==5.*", Requirement("django"), None),
        ("celery[redis, msgpack]>=5", Requirement("celery", ("msgpack", "redis")), None),
        ("shop @ git+https://example.org/shop.git@v1", Requirement("shop", source=Source.REPOSITORY), None),
        ("git+ssh://git@example.org/shop.git#egg=Shop", Requirement("shop", source=Source.REPOSITORY), None),
        ("git+https://example.org/my_shop.git@main", Requirement("my-shop", source=Source.REPOSITORY), None),
        ("shop @ https://example.org/shop.whl", Requirement("shop", source=Source.URL), None),
        (".", None, "."),
        ("./libs/shop[extra]", None, "./libs/shop"),
        ("file:libs/shop", None, "libs/shop"),
        ("not a requirement", None, None),
    ],
)
def test_one_requirement(text: str, requirement: Requirement | None, folder: str | None) -> None:
    assert parse_requirement(text, "3.13") == (requirement, folder)


def test_folders_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    write(tmp_path, requirements__all="-e ../libs/shop\n--editable=.\n")
    assert read_requirements(tmp_path, "requirements/all.txt").local_paths == ("libs/shop", "requirements")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a # b\n#c\nd#e\n", [(1, "a"), (3, "d#e")]),
        ("a \\\n  b\nc\n", [(1, "a   b"), (3, "c")]),
        ("a \\\n# b\nc", [(1, "a"), (3, "c")]),
        ("last \\", [(1, "last")]),
        ("", []),
    ],
)
def test_lines_are_joined_and_comments_taken_off(text: str, lines: list[tuple[int, str]]) -> None:
    assert list(logical_lines(text)) == lines


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    for _, line in logical_lines(text):
        parse_requirement(line, "3.13")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.from_regex(r"[a-z][a-z0-9]{0,8}(==[0-9]{1,2}\.[0-9])?", fullmatch=True), max_size=8))
def test_what_is_written_a_line_is_read_a_line(lines: list[str]) -> None:
    text, _ = decode("\n".join(lines).encode())
    assert [line for _, line in logical_lines(text)] == lines


def test_what_pip_compile_leaves_out_is_known(tmp_path: Path) -> None:
    comment = "# The following packages are considered to be unsafe in a requirements file:\n# setuptools\n"
    write(tmp_path, requirements=f"Django==5.2 --hash=sha256:aa\n\n{comment}")
    read = read_requirements(tmp_path, "requirements.txt")
    assert (read.has_hashes, read.left_out) == (True, ("setuptools",))
