"""Where scripts/engine reads the mirror's address."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.private_engine.apt_sources import (
    DEFAULT_KEYRING,
    AptSource,
    find_archive,
    find_security,
    parse_deb822,
    parse_one_line,
    read_apt_sources,
    sources_for_suite,
)
from scripts.private_engine.errors import COULD_NOT_RUN, EngineError

DEB822 = """\
# The archive
Types: deb deb-src
URIs: http://mirror.example/debian http://second.example/debian
# a comment within
Suites: bookworm
 bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/own.gpg

Types: deb-src
URIs: http://sources.example/debian
Suites: bookworm
Components: main

enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBGPL0BUBEADmW5NdOOHwPIJlgPu6JDcKw/NZJPR8lsD3K87ZM18gzyQZJD+w
 -----END PGP PUBLIC KEY BLOCK-----
"""
SUITES = ("bookworm", "bookworm-updates")
ARCHIVE = AptSource("http://mirror.example/debian", SUITES, ("main", "contrib"), "/usr/share/keyrings/own.gpg")
SECURITY = AptSource("http://security.example/debian-security", ("bookworm-security",), ("main",))


def test_a_sources_file_is_read_with_comments_lists_and_switches() -> None:
    second = AptSource("http://second.example/debian", SUITES, ("main", "contrib"), "/usr/share/keyrings/own.gpg")
    assert parse_deb822(DEB822) == [ARCHIVE, second, SECURITY]


def test_a_list_file_is_read_with_comments_and_options() -> None:
    text = """\
# deb http://commented.example/debian bookworm main
deb http://mirror.example/debian bookworm main contrib # the archive
deb-src http://mirror.example/debian bookworm main
deb [ arch=amd64 signed-by=/usr/share/keyrings/own.gpg ] http://own.example/debian bookworm main
deb http://flat.example/debian ./
"""
    assert parse_one_line(text) == [
        AptSource("http://mirror.example/debian", ("bookworm",), ("main", "contrib")),
        AptSource("http://own.example/debian", ("bookworm",), ("main",), "/usr/share/keyrings/own.gpg"),
    ]


WORDS = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=8)
SOURCES = st.builds(
    AptSource,
    uri=WORDS.map(lambda word: f"http://{word}.example/debian"),
    suites=st.lists(WORDS, min_size=1, max_size=3).map(tuple),
    components=st.lists(WORDS, min_size=1, max_size=3).map(tuple),
    keyring=WORDS.map(lambda word: f"/usr/share/keyrings/{word}.gpg"),
)


@given(st.lists(SOURCES, max_size=4))
def test_what_is_written_is_read_back(sources: list[AptSource]) -> None:
    assert parse_deb822("\n".join(source.as_deb822() for source in sources)) == sources


@given(st.text(max_size=300))
def test_no_text_makes_the_parsers_fail(text: str) -> None:
    parse_deb822(text)
    parse_one_line(text)


def test_the_sources_of_a_machine_are_those_of_all_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    (tmp_path / "sources.list").write_text(
        "deb cdrom:[Debian]/ bookworm main\ndeb http://a.example/debian bookworm main\n"
    )
    (folder / "debian.sources").write_text(DEB822)
    (folder / "off.sources.disabled").write_text(DEB822)
    (folder / "other.list").write_text("deb https://b.example/other stable main\n")
    uris = [source.uri for source in read_apt_sources(tmp_path)]
    assert uris == [
        "http://a.example/debian",
        "https://b.example/other",
        "http://mirror.example/debian",
        "http://second.example/debian",
        "http://security.example/debian-security",
    ]
    assert read_apt_sources(tmp_path / "missing") == []


def test_a_mirror_list_stands_for_its_first_address(tmp_path: Path) -> None:
    (tmp_path / "mirrors").write_text("https://first.example/debian\nhttps://second.example/debian\n")
    (tmp_path / "sources.list").write_text(
        f"deb mirror+file:{tmp_path}/mirrors bookworm main\ndeb mirror+file:{tmp_path}/missing bookworm main\n"
    )
    assert [source.uri for source in read_apt_sources(tmp_path)] == ["https://first.example/debian"]


@pytest.mark.parametrize("suite", ["bookworm", "stable", "oldstable"])
def test_the_archive_is_the_source_of_the_machines_own_suite(suite: str) -> None:
    other = AptSource("https://own.example/tools", (suite,), ("tools",))
    archive = AptSource("http://mirror.example/debian", (suite,), ("main",))
    assert find_archive([other, SECURITY, archive], "bookworm") == archive


def test_a_machine_without_debians_archive_is_told_so() -> None:
    with pytest.raises(EngineError, match="suite 'bookworm'") as caught:
        find_archive([SECURITY], "bookworm")
    assert caught.value.code == COULD_NOT_RUN
    assert caught.value.hint


def test_another_suite_gets_the_same_mirrors() -> None:
    archive, security = sources_for_suite([ARCHIVE, SECURITY], "bookworm", "trixie")
    assert archive == AptSource(ARCHIVE.uri, ("trixie", "trixie-updates"), ("main",), DEFAULT_KEYRING)
    assert security == AptSource(SECURITY.uri, ("trixie-security",), ("main",), DEFAULT_KEYRING)
    assert find_security([ARCHIVE]) is None
    assert sources_for_suite([ARCHIVE], "bookworm", "trixie") == [archive]
