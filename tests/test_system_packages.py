"""The table of Debian's packages, and what it makes of requirements."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockertools.conf import Config
from dockertools.project.facts import ManifestFacts, ManifestKind, Requirement, SystemPackages
from dockertools.project.layout import Layout
from dockertools.project.python_version import SUITES
from dockertools.project.settings_facts import inspect_settings
from dockertools.project.system_packages import find_system_packages, name_in, read_table
from tests.docker import docker
from tests.golden import PROJECTS
from tests.test_rendered_images import needs

IMAGES = {"bookworm": "python:3.11-slim-bookworm", "trixie": "python:3.13-slim-trixie"}


def packages(
    *requirements: Requirement, suite: str = "trixie", everything: bool = False, settings: str = "", **config: object
) -> SystemPackages:
    manifest = ManifestFacts(ManifestKind.REQUIREMENTS, ("requirements.txt",), requirements, everything, False)
    layout = Layout(PROJECTS / (settings or "uv"), "manage.py", "config.settings", (PROJECTS / (settings or "uv"),), ())
    options = Config(root=Path(), image="x", **config)  # type: ignore[arg-type]
    return find_system_packages(manifest, inspect_settings(layout)[0], suite, options)[0]


def test_the_table_has_at_least_120_distributions() -> None:
    assert len([name for name in read_table() if ":" not in name]) >= 120


@pytest.mark.parametrize("name", read_table())
def test_a_row_is_well_formed(name: str) -> None:
    row = read_table()[name]
    assert row.build or row.opens or row.programs or row.requires or row.extras or row.wheels
    assert all(package.count("|") <= 1 for package in (*row.build, *row.runtime, *row.opens, *row.programs.values()))
    known = {*read_table(), "psycopg-binary", "pyvips-binary"}
    assert {*row.requires, *(other for names in row.extras.values() for other in names)} <= known


@pytest.mark.engine
@pytest.mark.matrix
@pytest.mark.parametrize("suite", SUITES)
def test_every_package_is_in_the_suite(engine: object, suite: str) -> None:
    needs(IMAGES[suite])
    script = "apt-get update -qq >/dev/null && apt-cache dumpavail | sed -n 's/^Package: //p'"
    available = set(docker("run", "--rm", IMAGES[suite], "sh", "-c", script).split())
    assert len(available) > 50_000
    wrong = {
        (name, package)
        for name, row in read_table().items()
        for package in (*row.build, *row.runtime, *row.opens, *row.programs.values())
        if (found := name_in(suite, package)) and found not in available
    }
    assert wrong == set()


@pytest.mark.parametrize(
    ("requirement", "build", "runtime"),
    [
        (Requirement("psycopg", ("binary",)), (), ()),
        (Requirement("psycopg", ("c",)), ("gcc", "libc6-dev", "libpq-dev"), ("libpq5",)),
        (Requirement("psycopg"), (), ("libpq5",)),
        (Requirement("pillow"), (), ()),
        (Requirement("lxml", from_source=True), ("gcc", "libc6-dev", "libxml2-dev", "libxslt1-dev", "zlib1g-dev"),
         ("libxml2", "libxslt1.1")),
        (Requirement("django-auth-ldap"), ("gcc", "libc6-dev", "libldap-dev", "libsasl2-dev"),
         ("libldap2", "libsasl2-2")),
        (Requirement("unheard-of"), (), ()),
    ],
)  # fmt: skip
def test_what_a_requirement_needs(requirement: Requirement, build: tuple[str, ...], runtime: tuple[str, ...]) -> None:
    found = packages(requirement)
    assert (found.build, found.runtime) == (build, runtime)


def test_the_binary_wheel_beside_psycopg_brings_its_own_library() -> None:
    locked = (Requirement("psycopg"), Requirement("psycopg-binary"))
    assert packages(*locked, everything=True).runtime == ()


def test_names_are_those_of_the_suite() -> None:
    assert packages(Requirement("python-magic"), suite="bookworm").runtime == ("libmagic1",)
    assert packages(Requirement("python-magic"), suite="trixie").runtime == ("libmagic1t64",)


def test_a_package_that_the_suite_lacks_is_a_note() -> None:
    manifest = ManifestFacts(ManifestKind.REQUIREMENTS, ("r",), (Requirement("pdfkit"),), False, False)
    layout = Layout(PROJECTS / "uv", "manage.py", "config.settings", (PROJECTS / "uv",), ())
    settings = inspect_settings(layout)[0]
    found, notes = find_system_packages(manifest, settings, "trixie", Config(root=Path(), image="x"))
    assert found.programs == ()
    assert str(notes[0]) == "pdfkit runs wkhtmltopdf, which trixie has no package of"


def test_programs_come_with_their_packages() -> None:
    found = packages(Requirement("pdf2image"))
    assert (found.programs, found.runtime) == (("pdftoppm",), ("poppler-utils",))


def test_geodjango_opens_its_libraries_by_name() -> None:
    assert packages(settings="geodjango").runtime == ("libgdal36", "libgeos-c1t64", "libproj25")


def test_a_backup_needs_the_client_of_its_database() -> None:
    assert packages(Requirement("django-dbbackup"), settings="mysqlclient").programs == ("mysqldump",)


def test_the_configuration_adds_to_the_inferred_ones_or_replaces_them() -> None:
    requirement = Requirement("psycopg")
    assert packages(requirement, runtime_packages=("...", "tini")).runtime == ("libpq5", "tini")
    assert packages(requirement, runtime_packages=("tini",)).runtime == ("tini",)
