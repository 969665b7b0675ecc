"""`.env`: the owned lines change, every other byte stays."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.compose.env_file import (
    FILES,
    GID,
    UID,
    changed_lines,
    decode,
    edit_env,
    encode,
    read_value,
    values_of,
)
from dockertools.errors import DockertoolsError
from tests.docker import require_compose

DEV, PROD = "docker-compose.yml:docker-compose.dev.yml", "docker-compose.yml:docker-compose.prod.yml"
IDS = (1000, 1001)

names = st.from_regex(r"[A-Z_][A-Z0-9_.]{0,6}", fullmatch=True).filter(lambda name: name not in (FILES, UID, GID))
plain = st.text(st.characters(exclude_characters="\r\n\"'#\\$", exclude_categories=["Cs", "Cc"]), max_size=12)
quoted = st.text(st.characters(exclude_characters="\"'\\$\x00", exclude_categories=["Cs"]), max_size=20)
values = st.one_of(
    plain,
    quoted.map(lambda text: f'"{text}"'),
    quoted.map(lambda text: f"'{text}'"),
    st.sampled_from(
        ['"two\nlines"', "'a\nCOMPOSE_FILE=no.yml\nb'", '"\\"" # said', "x#y", "'#'", '"a\\\\"', "${OTHER:-1}"]
    ),
)
assignments = st.tuples(st.sampled_from(["", "export ", "  "]), names, st.sampled_from(["=", " = ", ": "]), values).map(
    "".join
)
own_lines = st.sampled_from(
    ["COMPOSE_FILE=docker-compose.yml", 'export COMPOSE_FILE = "docker-compose.yml" # mine', "COMPOSE_FILE='a.yml'"]
)
lines = st.one_of(
    assignments, st.sampled_from(["", "# a comment", "#COMPOSE_FILE=x", "   ", "\t# indented", "NAME_ALONE"])
)


@st.composite
def env_texts(draw: st.DrawFn) -> str:
    """Return a file as somebody may have written it: line ends, byte order mark, last line, one of our lines."""
    content = draw(st.lists(lines, max_size=8))
    if draw(st.booleans()):
        content.insert(draw(st.integers(0, len(content))), draw(own_lines))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = end.join(line.replace("\r", "").replace("\n", end) for line in content)
    if content and content[-1] == "NAME_ALONE":
        return f"{draw(st.sampled_from(['', chr(0xFEFF)]))}{text}{end}"
    return f"{draw(st.sampled_from(['', chr(0xFEFF)]))}{text}{draw(st.sampled_from(['', end]))}"


def others(text: str) -> dict[str, str]:
    return {key: value for key, value in values_of(text).items() if key not in (FILES, UID, GID)}


@settings(max_examples=200, deadline=None)
@given(env_texts())
def test_there_and_back_gives_the_same_bytes(text: str) -> None:
    dev = edit_env(text, DEV, IDS)
    prod = edit_env(dev, PROD, None)
    assert edit_env(prod, DEV, IDS) == dev
    assert edit_env(edit_env(prod, DEV, IDS), PROD, None) == prod
    assert edit_env(dev, DEV, IDS) == dev


@settings(max_examples=200, deadline=None)
@given(env_texts())
def test_only_the_owned_variables_change(text: str) -> None:
    dev = edit_env(text, DEV, IDS)
    assert others(dev) == others(text)
    assert {key: values_of(dev)[key] for key in (FILES, UID, GID)} == {FILES: DEV, UID: "1000", GID: "1001"}
    prod = edit_env(dev, PROD, None)
    assert others(prod) == others(text)
    assert values_of(prod)[FILES] == PROD
    assert UID not in values_of(prod)


@settings(max_examples=200, deadline=None)
@given(env_texts())
def test_every_other_line_keeps_its_bytes(text: str) -> None:
    entry = read_value(text, FILES)
    dev = edit_env(text, DEV, IDS)
    if entry is None:
        assert dev.startswith(text)
    else:
        assert dev.startswith(text[: entry.start])
        assert dev.endswith(text[entry.end :].partition("\n")[2])


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_survive_reading_and_writing(data: bytes) -> None:
    assert encode(decode(data)) == data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", f"COMPOSE_FILE={DEV}\n{UID}=1\n{GID}=2\n"),
        ("A=1\n", f"A=1\nCOMPOSE_FILE={DEV}\n{UID}=1\n{GID}=2\n"),
        ("A=1", f"A=1\nCOMPOSE_FILE={DEV}\n{UID}=1\n{GID}=2"),
        ("A=1\r\n", f"A=1\r\nCOMPOSE_FILE={DEV}\r\n{UID}=1\r\n{GID}=2\r\n"),
        ("COMPOSE_FILE=x.yml # mine\nB=2\n", f"COMPOSE_FILE={DEV} # mine\n{UID}=1\n{GID}=2\nB=2\n"),
        (f'{UID}="7"\nCOMPOSE_FILE=x\n', f'{UID}="1"\nCOMPOSE_FILE={DEV}\n{GID}=2\n'),
        ("COMPOSE_FILE=a\nCOMPOSE_FILE=b\n", f"COMPOSE_FILE=a\nCOMPOSE_FILE={DEV}\n{UID}=1\n{GID}=2\n"),
    ],
)
def test_where_the_lines_go(text: str, expected: str) -> None:
    assert edit_env(text, DEV, (1, 2)) == expected


def test_a_name_that_needs_quotes_gets_them() -> None:
    assert edit_env("", "a b.yml", None) == "COMPOSE_FILE='a b.yml'\n"
    assert values_of(edit_env("", "it's $x.yml", None)) == {FILES: "it's \\$x.yml"}


def test_the_quotes_of_a_value_stay() -> None:
    assert edit_env('COMPOSE_FILE="a.yml"\n', "b.yml", None) == 'COMPOSE_FILE="b.yml"\n'


def test_an_open_quote_is_told_with_its_line() -> None:
    with pytest.raises(DockertoolsError) as caught:
        values_of("A=1\nB='x\n")
    assert caught.value.code == "env-broken"
    assert "B" in caught.value.message
    assert "line 2" in caught.value.message


def test_the_difference_shows_no_other_line() -> None:
    old = "SECRET=hush\nCOMPOSE_FILE=a.yml\n"
    assert changed_lines(old, edit_env(old, "b.yml", (1, 2))) == (
        "-COMPOSE_FILE=a.yml",
        "+COMPOSE_FILE=b.yml",
        "+DOCKERTOOLS_UID=1",
        "+DOCKERTOOLS_GID=2",
    )


@pytest.mark.parametrize(
    "text",
    [
        "A=1\nB=\"x # y\" # z\nC='$A'\nD = d #e\nexport F: f\nG='two\nlines'\n",
        "\ufeffA=1\r\nB=2 \r\n# C=3\r\nD='4'",
        "A='it \\'s'\nB=b#c\nCOMPOSE_PROFILES=dev\n",
    ],
)
def test_values_are_read_as_compose_reads_them(text: str, tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("services: {}\n")
    (tmp_path / ".env").write_bytes(text.encode())
    argv = ("docker", "compose", "config", "--environment")
    require_compose()
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)
    shown = dict(line.partition("=")[::2] for line in done.stdout.splitlines() if "=" in line)
    for key, value in values_of(text).items():
        assert shown[key] == value.partition("\n")[0]
