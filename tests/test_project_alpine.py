"""The variant alpine: names of packages and wheels for musl."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dockertools.project.alpine import on_alpine, translate, with_musl_wheels
from dockertools.project.facts import ManifestFacts, ManifestKind, PythonFacts, Requirement, SystemPackages
from dockertools.project.python_version import SUITES
from dockertools.project.system_packages import name_in, read_table
from dockertools.tables import read_table as read_data
from tests.golden import GOLDEN, inspect_shape
from tests.test_system_packages import packages


def manifest_of(*requirements: Requirement) -> ManifestFacts:
    return ManifestFacts(ManifestKind.UV, ("uv.lock",), requirements, True, True)


def test_the_base_image_has_its_release_pinned_and_gives_way_to_a_configured_one() -> None:
    python = PythonFacts("3.13", "trixie", "python:3.13-slim-trixie", "here")
    assert on_alpine(python, None).base_image == "python:3.13-alpine3.22"
    assert on_alpine(python, None).suite == "trixie"
    assert on_alpine(python, "example/python:alpine").base_image == "example/python:alpine"


def test_names_are_alpines_and_each_is_there_once() -> None:
    found = packages(Requirement("psycopg-c"), Requirement("pycairo"), Requirement("weasyprint"), variant="alpine")
    assert {"gcc", "musl-dev", "libpq-dev", "cairo-dev"} <= set(found.build)
    assert {"libpq", "cairo", "pango"} <= set(found.runtime)
    assert len(set(found.runtime)) == len(found.runtime)
    assert found.reasons["libpq"] == ("psycopg-c",)


def test_configured_names_of_debian_are_translated_and_others_taken_as_they_are() -> None:
    found = packages(variant="alpine", runtime_packages=("...", "fonts-dejavu-core", "cairo-tools"))
    assert found.runtime[-2:] == ("font-dejavu", "cairo-tools")


def test_a_package_without_a_counterpart_is_told() -> None:
    found, notes = translate(
        SystemPackages((), ("libsystemd0",), (), {"libsystemd0": ("a",)}), frozenset(["libsystemd0"])
    )
    assert (found.runtime, found.reasons) == ((), {})
    assert "libsystemd0 has no known counterpart in Alpine" in str(notes[0])


def test_what_has_no_wheel_for_musl_is_built() -> None:
    manifest, notes = with_musl_wheels(
        manifest_of(
            Requirement("django", has_musl_wheel=True),
            Requirement("asyncpg", has_musl_wheel=False),
            Requirement("shop"),
        )
    )
    assert [item.is_compiled for item in manifest.requirements] == [False, True, False]
    assert "built from source, for there is no wheel for musl: asyncpg" in str(notes[1])
    assert "does not tell which of its 1 requirements have wheels for musl" in str(notes[2])


def test_a_lock_file_tells_which_wheels_there_are(tmp_path: Path) -> None:
    facts = inspect_shape("uv")
    assert all(item.has_musl_wheel for item in facts.manifest.requirements)


def test_the_golden_file_has_nothing_of_debians() -> None:
    text = (GOLDEN / "alpine" / "Dockerfile").read_text()
    assert not re.search(r"apt-get|dpkg|ldconfig|useradd|groupadd|bookworm|trixie", text)
    assert "addgroup -g 1000 django" in text
    assert "no Alpine image can be had there" in text


@pytest.mark.parametrize("name", read_data("alpine_packages"))
def test_every_name_of_the_table_is_used(name: str) -> None:
    used = {
        name_in(SUITES[0], package)
        for row in read_table().values()
        for package in (*row.build, *row.runtime, *row.opens, *row.programs.values())
    }
    assert name in used | {"binutils", "ca-certificates", "git", "g++", "libc6-dev", "fonts-dejavu-core"}
