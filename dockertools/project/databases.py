"""Which database is used, where the settings leave it to the environment or do not say."""

from __future__ import annotations

from dataclasses import replace

from dockertools.project.facts import DatabaseFacts, ManifestFacts, Note, SettingsFacts

_DRIVERS = (
    (frozenset({"psycopg", "psycopg-c", "psycopg-binary", "psycopg2", "psycopg2-binary"}), "postgresql"),
    (frozenset({"mysqlclient", "pymysql", "mysql-connector-python"}), "mysql"),
)
_DRIVER_OF = {"postgis": "postgresql"}
_FROM_ENVIRONMENT = {"URL", "ENGINE"}


def settle_databases(settings: SettingsFacts, manifest: ManifestFacts) -> tuple[SettingsFacts, tuple[Note, ...]]:
    """Return the settings with the engine that a driver is installed for, where the environment decides on it.

    Where the settings say nothing at all, a driver among the requirements says that there is a database.
    """
    drivers = [engine for names, engine in _DRIVERS if names & manifest.names]
    if settings.databases:
        settled = tuple(_settle(database, settings, drivers) for database in settings.databases)
        return replace(settings, databases=settled), ()
    if not drivers:
        return settings, ()
    engine = _spatial(drivers[0], settings)
    message = f"no database can be read from it; {engine} is assumed, whose driver is among the requirements"
    return replace(settings, databases=(DatabaseFacts("default", engine),)), (Note(message, settings.path or ""),)


def _settle(database: DatabaseFacts, settings: SettingsFacts, drivers: list[str]) -> DatabaseFacts:
    if not _FROM_ENVIRONMENT & set(database.variables):
        return database
    if _DRIVER_OF.get(database.engine, database.engine) in drivers:
        return database
    if drivers:
        return replace(database, engine=_spatial(drivers[0], settings))
    return replace(database, engine="sqlite") if database.engine == "url" else database


def _spatial(engine: str, settings: SettingsFacts) -> str:
    return "postgis" if engine == "postgresql" and settings.has_app("django.contrib.gis") else engine
