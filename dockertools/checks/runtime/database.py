"""Group `database`: each database answers, fits, is migrated, and has connections to give."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Generator, Iterator
from importlib.util import find_spec
from typing import Any

from django.db import NotSupportedError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor

from dockertools.checks.context import CheckContext
from dockertools.checks.isolation import End, Ended, isolate
from dockertools.checks.registry import register_check
from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.checks.runtime.connections import UNRECOGNIZED, explain_failure
from dockertools.checks.runtime.gunicorn_config import inspect_gunicorn
from dockertools.middleware import NO_DATABASE, unapplied_migrations

GROUP = "database"
ANSWER_SECONDS = 5.0
MIGRATION_SECONDS = 30.0
SHOWN = 3

_NOT_REACHED = {
    "no-database": "Skipped: the settings have no database.",
    "no-connection": "Skipped: there is no connection. See dockertools.C301.",
}


@register_check(
    "dockertools.C301",
    group=GROUP,
    title="connection",
    timeout=60,
    retry_codes=(
        "refused",
        "unknown-host",
        "too-slow",
        "starting-up",
        "no-connection-free",
    ),
    needs_setup=False,
    codes={
        "refused": "Nothing listens at the address, or it closes the connection.",
        "unknown-host": "The host's name cannot be resolved.",
        "wrong-password": "The server refuses the password, or wants one.",
        "unknown-user": "The server does not know the user.",
        "unknown-database": "The server has no such database.",
        "not-allowed": "The server does not let this user in from here.",
        "too-slow": f"There is no answer to `SELECT 1` within {ANSWER_SECONDS:g} seconds.",
        "tls-refused": "Client and server do not agree on TLS, or a certificate does not hold.",
        "starting-up": "The server is starting.",
        "no-connection-free": "All connections of the server are in use.",
        "cannot-write": "The database's file cannot be opened or written.",
        "driver-broken": "The driver cannot be loaded.",
        UNRECOGNIZED: "The connection fails for another reason; the message is the driver's.",
        "no-database": "Skipped: the settings have no database.",
    },
)
def check_connection(context: CheckContext) -> Iterator[Outcome]:
    """Connect to each database of DATABASES and ask it `SELECT 1`."""
    aliases = _aliases()
    if not aliases:
        yield skipped("no-database", "the settings have no database")
    for alias in aliases:
        yield _judge_connection(alias, _ask(alias, _select_one))


@register_check(
    "dockertools.C302",
    group=GROUP,
    title="server version",
    timeout=60,
    codes={"server-too-old": "Django does not support this version of the server.", **_NOT_REACHED},
)
def check_version(context: CheckContext) -> Iterator[Outcome]:
    """Ask each server for its version and hold it against the least that Django supports."""
    for alias in (yield from _reached(context)):
        ended = _ask(alias, _read_version)
        if ended.end is End.RETURNED:
            yield passed(f"{alias}: {ended.value}", alias=alias, version=ended.value)
        elif ended.error_type == NotSupportedError.__name__:
            hint = "Upgrade the server (a major version needs dump and restore), or stay with an older Django."
            yield failed("server-too-old", f"{alias}: {ended.error}", hint, alias=alias)
        else:
            yield _lost(alias, ended)


@register_check(
    "dockertools.C303",
    group=GROUP,
    title="migrations",
    timeout=120,
    codes={
        "migrations-unapplied": "The database lacks migrations that this code needs.",
        "history-inconsistent": "A migration is applied before one that it depends on.",
        "migrations-conflict": "An app has more than one last migration.",
        **_NOT_REACHED,
    },
)
def check_migrations(context: CheckContext) -> Iterator[Outcome]:
    """Compare each database's applied migrations with those of the code."""
    for alias in (yield from _reached(context)):
        yield _judge_migrations(alias, _ask(alias, _read_migrations, MIGRATION_SECONDS))


@register_check(
    "dockertools.C304",
    group=GROUP,
    title="connections free",
    timeout=60,
    codes={
        "too-few-connections": "The server gives fewer connections than workers and threads may open together.",
        "limit-unknown": "Skipped: this kind of server is not asked for its limits, or gunicorn is not installed.",
        **_NOT_REACHED,
    },
)
def check_free_connections(context: CheckContext) -> Iterator[Outcome]:
    """Set the connections that a PostgreSQL server still gives against gunicorn's workers times threads."""
    if find_spec("gunicorn") is None:
        yield skipped("limit-unknown", "gunicorn is not installed")
        return
    facts = inspect_gunicorn(context.root)
    for alias in (yield from _reached(context)):
        ended = _ask(alias, _read_limits)
        if ended.end is not End.RETURNED:
            yield _lost(alias, ended)
        elif ended.value is None:
            yield skipped("limit-unknown", f"{alias}: not asked for on this kind of server", alias=alias)
        else:
            yield judge_connections(alias, facts.concurrency, **ended.value)


def judge_connections(alias: str, needed: int, *, limit: int, used: int) -> Outcome:
    """Return whether `needed` connections are left of the server's limit."""
    free = limit - used
    evidence = {"alias": alias, "limit": limit, "used": used, "needed": needed}
    if needed > free:
        message = f"{alias}: workers and threads may open {needed} connections, {free} of {limit} are free"
        hint = "Raise the server's or the role's limit, have fewer threads, or put a pooler such as PgBouncer between."
        return warned("too-few-connections", message, hint, **evidence)
    return passed(f"{alias}: {free} of {limit} free, {needed} needed", **evidence)


def _aliases() -> tuple[str, ...]:
    # With Django's own defaults: an alias without ENGINE is no database, and NAME may come from elsewhere.
    return tuple(alias for alias, values in connections.settings.items() if values["ENGINE"] != NO_DATABASE)


def _reached(context: CheckContext) -> Generator[Outcome, None, tuple[str, ...]]:
    """Yield what there is to say about databases that cannot be asked, and return the aliases of the others."""
    aliases = _aliases()
    if not aliases:
        yield skipped("no-database", "the settings have no database")
    unreachable = context.failed_values("dockertools.C301", "alias")
    for alias in aliases:
        if alias in unreachable:
            yield skipped("no-connection", f"{alias}: no connection", alias=alias)
    return tuple(alias for alias in aliases if alias not in unreachable)


def _ask(alias: str, question: Callable[[BaseDatabaseWrapper], Any], timeout: float | None = None) -> Ended:
    return isolate(functools.partial(_answer, alias, question), timeout=timeout or ANSWER_SECONDS)


def _answer(alias: str, question: Callable[[BaseDatabaseWrapper], Any]) -> Any:
    connections.close_all()  # a connection of the parent process cannot be shared
    connection = connections[alias]
    try:
        return question(connection)
    finally:
        connection.close()


def _select_one(connection: BaseDatabaseWrapper) -> float:
    started = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1{connection.features.bare_select_suffix}")
        cursor.fetchone()
    return time.monotonic() - started


def _read_version(connection: BaseDatabaseWrapper) -> str:
    connection.check_database_version_supported()
    version = connection.get_database_version()
    return f"{connection.display_name} {'.'.join(map(str, version))}"


def _read_migrations(connection: BaseDatabaseWrapper) -> dict[str, list[str]]:
    executor = MigrationExecutor(connection)
    executor.loader.check_consistent_history(connection)
    return {
        "unapplied": list(unapplied_migrations(connection)),
        "conflicts": sorted(executor.loader.detect_conflicts()),
    }


def _read_limits(connection: BaseDatabaseWrapper) -> dict[str, int] | None:
    """Return the least of the server's, the database's and the role's limit, and the connections in use.

    https://www.postgresql.org/docs/current/runtime-config-connection.html#GUC-MAX-CONNECTIONS
    """
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,"
            " (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),"
            " (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user),"
            " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') - 1"
        )
        server, database, role, used = cursor.fetchone()
    return {"limit": min(value for value in (server, database, role) if value >= 0), "used": used}


def _judge_connection(alias: str, ended: Ended) -> Outcome:
    values = connections.settings[alias]
    engine = values["ENGINE"].rpartition(".")[2]
    place = f"{values.get('HOST') or 'local'}:{values['PORT']}" if values.get("PORT") else values.get("HOST") or "local"
    evidence = {"alias": alias, "engine": engine, "host": str(values.get("HOST", "")), "name": str(values["NAME"])}
    if ended.end is End.RETURNED:
        return passed(f"{alias}: {engine} at {place} answers in {1000 * ended.value:.0f} ms", **evidence)
    failure = explain_failure(ended, ANSWER_SECONDS)
    message = f"{alias}: {engine} at {place}: {failure.message}"
    return failed(failure.code, message, failure.hint, **evidence)


def _judge_migrations(alias: str, ended: Ended) -> Outcome:
    if ended.error_type == InconsistentMigrationHistory.__name__:
        hint = "Restore the history from a backup, or correct the table django_migrations by hand."
        return failed("history-inconsistent", f"{alias}: {ended.error}", hint, alias=alias)
    if ended.end is not End.RETURNED:
        return _lost(alias, ended)
    unapplied, conflicts = ended.value["unapplied"], ended.value["conflicts"]
    if conflicts:
        message = f"{alias}: more than one last migration in {', '.join(conflicts)}"
        return failed("migrations-conflict", message, "Run `python manage.py makemigrations --merge`.", alias=alias)
    if unapplied:
        names = ", ".join(unapplied[:SHOWN]) + (" ..." if len(unapplied) > SHOWN else "")
        hint = f"Run once, before this: python manage.py migrate{'' if alias == 'default' else f' --database {alias}'}"
        message = f"{alias}: {len(unapplied)} not applied: {names}"
        return failed("migrations-unapplied", message, hint, alias=alias, migrations=unapplied)
    return passed(f"{alias}: all applied", alias=alias)


def _lost(alias: str, ended: Ended) -> Outcome:
    failure = explain_failure(ended, ANSWER_SECONDS)
    return failed(failure.code, f"{alias}: {failure.message}", failure.hint, alias=alias)
