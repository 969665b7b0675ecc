"""Health and readiness, answered before anything else can refuse the question."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from dockertools.conf import get_config

OK = "ok"
NO_DATABASE = "django.db.backends.dummy"

_logger = logging.getLogger("dockertools.health")

Answer = HttpResponseBase | Awaitable[HttpResponseBase]


class HealthMiddleware:
    """Answer HEALTH_PATH (the process is alive) and READY_PATH (its databases answer and are migrated).

    It belongs first in MIDDLEWARE: a probe asks by address and over plain http, which the host check and the
    redirect to https refuse. The answers name what is not ready; why it is not is for the log alone.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        config = get_config()
        self.get_response = get_response
        self.health_path = config.health_path
        self.ready_path = config.ready_path
        self.migrated: set[str] = set()  # building the graph of migrations is too costly for every probe
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        if self.is_async:
            return self._answer_async(request)
        if request.path_info not in (self.health_path, self.ready_path):
            return self.get_response(request)
        return self._answer(request)

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info not in (self.health_path, self.ready_path):
            return await cast("Awaitable[HttpResponseBase]", self.get_response(request))
        return await sync_to_async(self._answer)(request)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return _no_store(JsonResponse({"status": "method not allowed"}, status=405, headers={"Allow": "GET, HEAD"}))
        if request.path_info == self.health_path:
            return _no_store(JsonResponse({"status": OK}))
        checks = {
            name: state
            for alias in connections
            if connections.settings[alias]["ENGINE"] != NO_DATABASE
            for name, state in self._check_database(alias).items()
        }
        is_ready = all(state == OK for state in checks.values())
        body = {"status": OK if is_ready else "not ready", "checks": checks}
        return _no_store(JsonResponse(body, status=200 if is_ready else 503))

    def _check_database(self, alias: str) -> dict[str, str]:
        connection = connections[alias]
        try:
            _ask(connection)
            waiting = () if alias in self.migrated else unapplied_migrations(connection)
        except (Error, ImproperlyConfigured) as error:
            _logger.warning("The database %r does not answer: %s", alias, error)
            return {f"database:{alias}": "does not answer"}
        if waiting:
            return {
                f"database:{alias}": OK,
                f"migrations:{alias}": f"{len(waiting)} not applied, the first is {waiting[0]}",
            }
        self.migrated.add(alias)
        return {f"database:{alias}": OK, f"migrations:{alias}": OK}


def unapplied_migrations(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    """Return the migrations, as `app.name`, that the connection's database still waits for."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return tuple(
        f"{migration.app_label}.{migration.name}"
        for migration, _ in plan
        if router.allow_migrate(connection.alias, migration.app_label)
    )


def _ask(connection: BaseDatabaseWrapper) -> None:
    if connection.connection is not None and not connection.is_usable():
        connection.close()  # kept from an earlier request, and the server has gone since
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1{connection.features.bare_select_suffix}")


def _no_store(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    response["Content-Length"] = str(len(response.content))
    return response
