"""The base compose file: the service, what its settings say it works with, and nothing of a mode."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dockertools.conf import Config
from dockertools.project.facts import DatabaseFacts, ProjectFacts
from dockertools.rendering import tools
from dockertools.rendering.commands import exec_form, manage_argv
from dockertools.rendering.environment import DATA, data_variables, is_secret, main_engine, writes_beside_code
from dockertools.rendering.templates import render

_PORTS = {"postgresql": 5432, "postgis": 5432, "mysql": 3306}
_SCHEMES = {"postgresql": "postgres", "postgis": "postgis", "mysql": "mysql"}
_BROKERS = {"redis": "redis", "rediss": "redis", "amqp": "rabbitmq", "pyamqp": "rabbitmq", "memcached": "memcached"}
_REDIS_CLIENTS = frozenset({"redis", "django-redis", "channels-redis", "django-rq", "rq"})
_HOST_NAMES = re.compile(r"(^|_)(REDIS|MEMCACHED|RABBITMQ|BROKER)_HOST(NAME)?$")
_BACKENDS = {
    "postgresql": "django.db.backends.postgresql",
    "postgis": "django.contrib.gis.db.backends.postgis",
    "mysql": "django.db.backends.mysql",
}
_DATABASE_PART = re.compile(
    r"(?:[A-Z]+_)?(?:DB|DATABASE|SQL|PG|POSTGRES|POSTGRESQL|MYSQL|MARIADB)_?"
    r"(?:(?P<HOST>HOST|HOSTNAME|SERVER)|(?P<PORT>PORT)|(?P<USER>USER|USERNAME)|(?P<PASSWORD>PASS|PASSWORD)"
    r"|(?P<NAME>NAME|DB|DATABASE)|(?P<ENGINE>ENGINE|BACKEND))"
)
_GIVEN_IN_IMAGE = ("DJANGO_SETTINGS_MODULE",)


@dataclass(frozen=True)
class _Services:
    """The services beside the application; `database` is an engine."""

    database: str | None
    redis: bool
    rabbitmq: bool
    memcached: bool


def render_compose(facts: ProjectFacts, config: Config) -> str:
    """Return docker-compose.yml, neutral as to development and production."""
    services = _find_services(facts)
    beside_code = writes_beside_code(facts)
    user = facts.name.replace("-", "_")
    volumes = list(_application_volumes(facts))
    context: dict[str, Any] = {
        "name": facts.name,
        "user": user,
        "image": config.image,
        "dockerfile": "" if config.dockerfile == "Dockerfile" else config.dockerfile,
        "image_variable": f"{user.upper()}_IMAGE",
        "port": config.port,
        "environment": list(_environment(facts, services, user)),
        "volumes": volumes,
        "volume_names": [volume.partition(":")[0] for volume in volumes],
        "is_read_only": not beside_code,
        "database": services.database,
        "database_image": tools.SERVICES[facts.python.suite].get(services.database or "", ""),
        "services": services,
        "redis": tools.REDIS,
        "rabbitmq": tools.RABBITMQ,
        "memcached": tools.MEMCACHED,
        "workers": [{"name": worker.name, "command": exec_form(worker.argv)} for worker in facts.workers],
        "checks": facts.settings.has_app("dockertools"),
        "check": exec_form(manage_argv(facts, "docker_check", "--wait", "30")),
        "migrates": bool(facts.settings.databases) and not beside_code,
        "migrate": exec_form(manage_argv(facts, "migrate", "--noinput")),
        "dependencies": [name for name, wanted in _dependencies(services) if wanted],
    }
    return render("docker-compose.yml", context)


def _dependencies(services: _Services) -> tuple[tuple[str, bool], ...]:
    return (
        ("db", services.database is not None),
        ("redis", services.redis),
        ("rabbitmq", services.rabbitmq),
        ("memcached", services.memcached),
    )


def _find_services(facts: ProjectFacts) -> _Services:
    engine = main_engine(facts)
    brokers = {_BROKERS.get(url.scheme) for url in facts.settings.urls}
    names = facts.manifest.names
    has_workers = any(worker.argv[0] == "celery" for worker in facts.workers)
    asks_redis = bool(names & _REDIS_CLIENTS) and (has_workers or any("REDIS" in name for name in _names(facts)))
    return _Services(
        database=engine if engine in _PORTS else None,
        redis="redis" in brokers or ("rabbitmq" not in brokers and asks_redis),
        rabbitmq="rabbitmq" in brokers or (has_workers and not brokers - {None} and not names & _REDIS_CLIENTS),
        memcached="memcached" in brokers,
    )


def _names(facts: ProjectFacts) -> list[str]:
    return [variable.name for variable in facts.settings.variables]


def _application_volumes(facts: ProjectFacts) -> Iterator[str]:
    media = facts.settings.media_root
    if media and not media.startswith("/"):
        yield f"media:/app/{media}"
    if data_variables(facts):
        yield f"data:{DATA}"


def _environment(facts: ProjectFacts, services: _Services, user: str) -> Iterator[tuple[str, str]]:
    """Yield each variable that the settings read: what the services decide, what must be set, what may be."""
    given = {**dict(_database_values(facts, services, user)), **dict(_service_values(facts, services))}
    in_image = {variable.name for variable in data_variables(facts)} | set(_GIVEN_IN_IMAGE)
    for variable in facts.settings.variables:
        name = variable.name
        if name in in_image or name.startswith("STATIC_"):
            continue
        if name in given:
            yield name, given[name]
        elif variable.is_required or is_secret(name):
            yield name, f"${{{name}:?set it in .env}}" if _is_wanted(facts, name) else ""
        elif name.endswith("ALLOWED_HOSTS"):
            yield name, f"${{{name}:-localhost,127.0.0.1}}"
        else:
            yield name, ""


def _is_wanted(facts: ProjectFacts, name: str) -> bool:
    """Tell whether the service does not start without it: a secret with a default is the project's own matter."""
    required = {variable.name for variable in facts.settings.variables if variable.is_required}
    return name in required or "SECRET_KEY" in name


def _database_values(facts: ProjectFacts, services: _Services, user: str) -> Iterator[tuple[str, str]]:
    if services.database is None:
        return
    values = {
        "NAME": user,
        "USER": user,
        "PASSWORD": "${POSTGRES_PASSWORD:?set it in .env}",
        "HOST": "db",
        "PORT": str(_PORTS[services.database]),
    }
    if services.database == "mysql":
        values["PASSWORD"] = "${MARIADB_PASSWORD:?set it in .env}"  # noqa: S105  # a reference, no password
    values["URL"] = f"{_SCHEMES[services.database]}://{user}:{values['PASSWORD']}@db:{values['PORT']}/{user}"
    values["ENGINE"] = _BACKENDS[services.database]
    for database in _with_engine(facts.settings.databases):
        by_name = () if "URL" in database.variables or database.alias != "default" else _conventional(facts)
        for key, variable in (*by_name, *database.variables.items()):
            if key in values:
                yield variable, values[key] if key != "PORT" else f'"{values[key]}"'


def _conventional(facts: ProjectFacts) -> Iterator[tuple[str, str]]:
    """Yield the variables that are a database's by their names: its entry in the settings may be put together later."""
    for variable in facts.settings.variables:
        if (match := _DATABASE_PART.fullmatch(variable.name)) and match.lastgroup:
            yield match.lastgroup, variable.name


def _with_engine(databases: tuple[DatabaseFacts, ...]) -> tuple[DatabaseFacts, ...]:
    return tuple(database for database in databases if database.engine not in ("sqlite", "spatialite"))


def _service_values(facts: ProjectFacts, services: _Services) -> Iterator[tuple[str, str]]:
    urls = {
        "redis": "redis://redis:6379/{number}",
        "rabbitmq": "amqp://guest:guest@rabbitmq:5672//",
        "memcached": "memcached:11211",
    }
    number = 0
    for url in facts.settings.urls:
        service = _BROKERS.get(url.scheme) or ("redis" if services.redis else "rabbitmq" if services.rabbitmq else None)
        if url.variable and service:
            path = (url.default or "").rpartition("/")[2]
            yield url.variable, urls[service].format(number=path if path.isdigit() else number)
            number += service == "redis" and not path.isdigit()
    for variable in facts.settings.variables:
        if services.redis and variable.name in ("REDIS_URL", "CELERY_BROKER_URL"):
            yield variable.name, urls["redis"].format(number=0)
        if _HOST_NAMES.search(variable.name):
            yield variable.name, "redis" if services.redis else "rabbitmq" if services.rabbitmq else "memcached"
