"""The database of a project whose settings leave it open."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockertools.project.databases import settle_databases
from dockertools.project.facts import DatabaseFacts, ManifestFacts, ManifestKind, Requirement, SettingsFacts
from tests.test_project_settings import facts


def manifest(*names: str) -> ManifestFacts:
    requirements = tuple(Requirement(name) for name in names)
    return ManifestFacts(ManifestKind.REQUIREMENTS, ("requirements.txt",), requirements, False, False)


def settle(settings: SettingsFacts, *names: str) -> tuple[DatabaseFacts, ...]:
    return settle_databases(settings, manifest(*names))[0].databases


@pytest.mark.parametrize(
    ("source", "names", "engine"),
    [
        ("DATABASES = {'default': dj_database_url.config()}", ["psycopg"], "postgresql"),
        ("DATABASES = {'default': dj_database_url.config()}", ["mysqlclient"], "mysql"),
        ("DATABASES = {'default': dj_database_url.config()}", [], "sqlite"),
        ("DATABASES = {'default': dj_database_url.config(default='mysql://x')}", ["psycopg2-binary"], "postgresql"),
        ("DATABASES = {'default': dj_database_url.config(default='mysql://x')}", ["mysqlclient", "psycopg"], "mysql"),
        ("INSTALLED_APPS = ['django.contrib.gis']\nDATABASES = {'default': env.db()}", ["psycopg"], "postgis"),
        ("DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3'}}", ["psycopg"], "sqlite"),
    ],
)
def test_a_driver_decides_where_the_environment_does(
    tmp_path: Path, source: str, names: list[str], engine: str
) -> None:
    assert settle(facts(tmp_path, source), *names)[0].engine == engine


def test_a_driver_stands_for_a_database_that_cannot_be_read(tmp_path: Path) -> None:
    settings, notes = settle_databases(facts(tmp_path, "DATABASES = read()"), manifest("psycopg-binary"))
    assert settings.databases == (DatabaseFacts("default", "postgresql"),)
    assert str(notes[0]) == (
        "site/settings.py: no database can be read from it; postgresql is assumed, "
        "whose driver is among the requirements"
    )


def test_without_a_driver_nothing_is_assumed(tmp_path: Path) -> None:
    assert settle_databases(facts(tmp_path, ""), manifest("django")) == (facts(tmp_path, ""), ())
