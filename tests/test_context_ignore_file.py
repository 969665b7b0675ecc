import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.context.ignore_file import (
    IgnoreFileError,
    Rule,
    find_ignore_file,
    parse_ignore_file,
    read_ignore_file,
)


def patterns(text: str) -> list[str]:
    return [("!" if rule.keeps else "") + rule.pattern for rule in parse_ignore_file(text.encode())]


def test_lines_are_trimmed_and_cleaned() -> None:
    text = "test1\n/test2\n/a/file/here\n\nlastfile\n# this is a comment\n! /inverted/abs/path\n  a//b/./c/ \t\n"
    assert patterns(text) == ["test1", "test2", "a/file/here", "lastfile", "!inverted/abs/path", "a/b/c"]


def test_lines_keep_their_numbers() -> None:
    assert parse_ignore_file(b"# x\n\na\n !b ") == (Rule(3, "a", "a"), Rule(4, "!b", "b", keeps=True))


def test_a_comment_begins_in_the_first_column_only() -> None:
    assert patterns("#a\n  #b\nc #d\n") == ["#b", "c #d"]


def test_a_byte_order_mark_is_skipped_at_the_start_of_the_file_only() -> None:
    assert patterns("\ufeffa\n\ufeffb\n") == ["a", "\ufeffb"]
    assert patterns("\ufeff# a\n") == []


def test_line_ends_of_windows_do_not_belong_to_the_rule() -> None:
    assert patterns("a\r\n!b\r\n") == ["a", "!b"]


def test_go_s_white_space_is_trimmed_and_python_s_own_is_not() -> None:
    assert patterns("\u3000a\x85\n\x1fb\x1f\n") == ["a", "\x1fb\x1f"]


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("/!x", "!x"),  # both readers clean, and the second sees the `!`
        ("!../../x", "x"),  # `!..` is a folder to the second, and cleaned away
        ("!!x", "!!x"),
        ("/ x", "x"),
        ("/#x", "#x"),
        ("../x", "../x"),
        ("/", "/"),
        ("./", "."),
        ("//x", "x"),
    ],
)
def test_a_line_is_cleaned_twice(line: str, pattern: str) -> None:
    assert patterns(line) == [pattern]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"ok\n\n[a-\n", "line 3: BuildKit refuses the rule `[a-`"),
        (b"!\n", "line 1: BuildKit refuses the rule `!`: `!` brings back nothing"),
        (b"! \n", "line 1"),
        (b"!/\n", "line 1"),
        (b"/!\n", "line 1"),
        (b"a\nb\\\n", "line 2: BuildKit refuses the rule `b\\`: a backslash at the end"),
        (b"[]a]\n", "`]` inside `[...]` needs a backslash"),
        (b"[\xe9]\n", "not UTF-8"),
        (b"x\n" + b"a" * 65536, "line 2: longer than 65535 bytes"),
    ],
)
def test_what_buildkit_refuses_is_an_error_with_its_line(content: bytes, words: str) -> None:
    with pytest.raises(IgnoreFileError) as caught:
        parse_ignore_file(content)
    assert words in caught.value.message
    assert caught.value.hint


def test_a_line_of_the_longest_length_is_read() -> None:
    assert len(parse_ignore_file(b"a" * 65535 + b"\nb")) == 2


def test_what_is_not_utf_8_becomes_the_replacement_character() -> None:
    assert patterns("x") == ["x"]
    (rule,) = parse_ignore_file(b"caf\xe9")
    assert rule.pattern == "caf\ufffd"


@given(st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_content_is_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(IgnoreFileError):
        assert all(0 < rule.line <= content.count(b"\n") + 1 for rule in parse_ignore_file(content))


def test_the_dockerfile_s_own_ignore_file_comes_first_even_when_empty(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("a\n")
    dockerfile = tmp_path / "docker" / "web.Dockerfile"
    dockerfile.parent.mkdir()
    assert find_ignore_file(tmp_path, dockerfile) == tmp_path / ".dockerignore"
    own = dockerfile.with_name("web.Dockerfile.dockerignore")
    own.write_text("")
    assert find_ignore_file(tmp_path, dockerfile) == own
    assert read_ignore_file(tmp_path, dockerfile).rules == ()


def test_an_ignore_file_that_is_a_folder_or_a_link_out_is_as_good_as_none(tmp_path: Path) -> None:
    context = tmp_path / "context"
    (context / ".dockerignore").mkdir(parents=True)
    assert read_ignore_file(context, None).path is None
    (context / ".dockerignore").rmdir()
    (tmp_path / "rules").write_text("a\n")
    (context / ".dockerignore").symlink_to("../rules")
    assert read_ignore_file(context, None).path is None
    (context / "rules").write_text("a\n")
    (context / ".dockerignore").unlink()
    (context / ".dockerignore").symlink_to("rules")
    assert len(read_ignore_file(context, None).rules) == 1
