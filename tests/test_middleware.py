import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory, override_settings

from dockertools.middleware import HealthMiddleware, unapplied_migrations

READY = {"status": "ok", "checks": {"database:default": "ok", "migrations:default": "ok"}}
PASSED_ON = 299


def pass_on(_request: HttpRequest) -> HttpResponseBase:
    return HttpResponse(status=PASSED_ON)


def ask(path: str, method: str = "GET", middleware: HealthMiddleware | None = None) -> Any:
    return (middleware or HealthMiddleware(pass_on))(RequestFactory().generic(method, path))


def ask_async(path: str) -> Any:
    async def pass_on_async(_request: HttpRequest) -> HttpResponseBase:
        return HttpResponse(status=PASSED_ON)

    return async_to_sync(HealthMiddleware(pass_on_async))(RequestFactory().get(path))  # type: ignore[arg-type]


@pytest.fixture
def only_database(monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any) -> Iterator[Callable[..., None]]:
    """A function that makes one database, with the given settings, the project's only one."""

    def replace(alias: str, **values: Any) -> None:
        monkeypatch.setattr(connections, "settings", {alias: connections.settings["default"] | values})

    with django_db_blocker.unblock():
        yield replace


@pytest.fixture
def unmigrated() -> Iterator[None]:
    """The database as it was before the first migration was applied, as far as Django knows."""
    MigrationRecorder(connection).record_unapplied("cvimprover", "0001_initial")
    yield
    MigrationRecorder(connection).record_applied("cvimprover", "0001_initial")


def test_alive_needs_no_database() -> None:
    response = ask("/healthz")
    assert (response.status_code, json.loads(response.content)) == (200, {"status": "ok"})
    assert response["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_ready_when_the_database_answers_and_is_migrated() -> None:
    response = ask("/readyz")
    assert (response.status_code, json.loads(response.content)) == (200, READY)
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Length"] == str(len(response.content))


@pytest.mark.django_db
@pytest.mark.usefixtures("unmigrated")
def test_not_ready_before_the_migrations() -> None:
    response = ask("/readyz")
    checks = json.loads(response.content)["checks"]
    assert response.status_code == 503
    assert checks["migrations:default"] == "1 not applied, the first is cvimprover.0001_initial"


@pytest.mark.django_db
def test_migrations_are_looked_at_until_they_are_applied(django_assert_num_queries: Any) -> None:
    middleware = HealthMiddleware(pass_on)
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("cvimprover", "0001_initial")
    assert ask("/readyz", middleware=middleware).status_code == 503
    recorder.record_applied("cvimprover", "0001_initial")
    assert ask("/readyz", middleware=middleware).status_code == 200
    with django_assert_num_queries(1):
        assert ask("/readyz", middleware=middleware).status_code == 200


def test_a_database_that_does_not_answer_is_named_without_its_secrets(
    only_database: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    address = {"HOST": "127.0.0.1", "PORT": "1", "USER": "hidden", "PASSWORD": "hidden-password", "NAME": "hidden"}
    only_database("broken", ENGINE="django.db.backends.postgresql", OPTIONS={}, **address)
    response = ask("/readyz")
    body = {"status": "not ready", "checks": {"database:broken": "does not answer"}}
    assert (response.status_code, json.loads(response.content)) == (503, body)
    assert "'broken' does not answer" in caplog.text
    assert "hidden-password" not in caplog.text


def test_a_database_that_is_set_up_wrongly_is_not_ready(only_database: Callable[..., None]) -> None:
    only_database("nameless", ENGINE="django.db.backends.sqlite3", NAME="")
    assert json.loads(ask("/readyz").content)["checks"] == {"database:nameless": "does not answer"}


def test_a_project_without_a_database_is_ready(only_database: Callable[..., None]) -> None:
    only_database("default", ENGINE="django.db.backends.dummy")
    response = ask("/readyz")
    assert (response.status_code, json.loads(response.content)) == (200, {"status": "ok", "checks": {}})


class KeepsAway:
    """A router under which the service's tables belong to no database here."""

    def allow_migrate(self, _database: str, app_label: str, **_hints: Any) -> bool:
        return app_label != "cvimprover"


@pytest.mark.django_db
@pytest.mark.usefixtures("unmigrated")
def test_migrations_that_a_router_keeps_from_a_database_are_not_waited_for() -> None:
    assert unapplied_migrations(connection) == ("cvimprover.0001_initial",)
    with override_settings(DATABASE_ROUTERS=[KeepsAway()]):
        assert unapplied_migrations(connection) == ()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_only_get_and_head_are_answered(path: str, method: str) -> None:
    response = ask(path, method)
    assert (response.status_code, response["Allow"], response["Cache-Control"]) == (405, "GET, HEAD", "no-store")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_head_is_answered(client: Client, path: str) -> None:
    response = client.head(path)
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("path", ["/", "/healthz/", "/healthz/x", "/ready", "/api/healthz"])
def test_other_paths_are_passed_on(path: str) -> None:
    assert ask(path).status_code == ask_async(path).status_code == PASSED_ON


@pytest.mark.django_db
def test_the_paths_are_configured() -> None:
    with override_settings(DOCKERTOOLS={"HEALTH_PATH": "/-/alive", "READY_PATH": "/-/ready"}):
        middleware = HealthMiddleware(pass_on)
    statuses = [ask(path, middleware=middleware).status_code for path in ("/-/alive", "/-/ready", "/healthz")]
    assert statuses == [200, 200, PASSED_ON]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_an_asynchronous_server_gets_the_same_answers(path: str) -> None:
    assert ask_async(path).content == ask(path).content


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_answers_before_the_host_check_and_the_redirect_to_https(client: Client, path: str) -> None:
    with override_settings(SECURE_SSL_REDIRECT=True, ALLOWED_HOSTS=["cv.example"]):
        assert client.get(path, headers={"host": "10.0.0.7"}).status_code == 200
        assert client.get("/", headers={"host": "cv.example"}).status_code == 301
