"""Environment variables of the project: what they are set to while the image is built, in it, and by compose."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dockertools.project.facts import EnvironmentVariable, ProjectFacts

DATA = "/data"
_PLACEHOLDERS = {
    "bool": "0",
    "int": "1",
    "cache": "redis://127.0.0.1/0",
    "email": "smtp://127.0.0.1",
    "url": "http://127.0.0.1",
    "folder": "/tmp",  # noqa: S108  # nothing is written there
}
_URL_SCHEMES = {"postgresql": "postgres", "postgis": "postgis", "mysql": "mysql", "sqlite": "sqlite"}


@dataclass(frozen=True)
class Variable:
    """A variable and its value."""

    name: str
    value: str


def is_secret(name: str) -> bool:
    """Tell whether a variable of this name holds something that nobody else may know."""
    return bool(re.search(r"SECRET|PASSWORD|PASSWD|TOKEN|PRIVATE_KEY|API_KEY|CREDENTIAL", name))


def main_engine(facts: ProjectFacts) -> str | None:
    """Return the engine of the default database."""
    databases = facts.settings.databases
    default = next((found for found in databases if found.alias == "default"), databases[0] if databases else None)
    return default.engine if default else None


def build_variables(facts: ProjectFacts) -> tuple[Variable, ...]:
    """Return what the settings must find while the image is built: none of it is a secret, or stays in the image."""
    return tuple(
        Variable(variable.name, _placeholder(facts, variable))
        for variable in facts.settings.variables
        if variable.is_required or "SECRET_KEY" in variable.name
    )


def _placeholder(facts: ProjectFacts, variable: EnvironmentVariable) -> str:
    if variable.kind == "database":
        scheme = _URL_SCHEMES.get(main_engine(facts) or "sqlite", "sqlite")
        return "sqlite://:memory:" if scheme == "sqlite" else f"{scheme}://build:build@127.0.0.1/build"
    if variable.name.endswith("_DSN"):
        return "http://build@127.0.0.1/1"
    return _PLACEHOLDERS.get(variable.kind, "only-for-the-build")


def data_variables(facts: ProjectFacts) -> tuple[Variable, ...]:
    """Return where the image keeps what the project writes: folders and SQLite files whose place is a variable."""
    folders = [
        variable.name
        for variable in facts.settings.variables
        if variable.kind == "folder" and not re.search(r"STATIC|ASSET|TEMPLATE|LOCALE|BASE", variable.name)
    ]
    found = {name: DATA if len(folders) == 1 else f"{DATA}/{_slug(name)}" for name in folders}
    for database in facts.settings.databases:
        name = database.variables.get("NAME")
        if name and database.engine in ("sqlite", "spatialite"):
            found[name] = f"{DATA}/{database.alias}.sqlite3"
    return tuple(Variable(name, value) for name, value in sorted(found.items()))


def _slug(name: str) -> str:
    words = [word for word in name.lower().split("_") if word not in ("dir", "root", "path", "folder", "django")]
    return "-".join(words) or "files"


def development_variables(facts: ProjectFacts) -> tuple[Variable, ...]:
    """Return what makes the settings those of a developer."""
    names = [variable.name for variable in facts.settings.variables if variable.name.endswith("DEBUG")]
    return tuple(Variable(name, "1") for name in names)


def writes_beside_code(facts: ProjectFacts) -> bool:
    """Tell whether SQLite's file is kept in the folder of the code, whatever the environment says."""
    return any(
        database.engine in ("sqlite", "spatialite") and not database.variables and database.name != ":memory:"
        for database in facts.settings.databases
    )


def words(variables: tuple[Variable, ...]) -> tuple[str, ...]:
    """Return `NAME=value` for each."""
    return tuple(f"{variable.name}={variable.value}" for variable in variables)
