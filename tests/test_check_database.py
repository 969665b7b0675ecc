import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.check_project import CheckProject, make_project
from tests.services import PASSWORD, PostgreSQL, free_port, running_postgresql

ARGUMENTS = ("--group", "database")
MODELS = "from django.db import models\nclass Item(models.Model):\n    name = models.TextField()\n"
MIGRATION = """
from django.db import migrations, models
class Migration(migrations.Migration):
    initial = True
    dependencies = []
    fields = [("id", models.BigAutoField(primary_key=True)), ("name", models.TextField())]
    operations = [migrations.CreateModel("Item", fields)]
"""
SECOND_MIGRATION = """
from django.db import migrations
class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = []
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with running_postgresql() as server:
        yield server


@pytest.fixture
def database(server: PostgreSQL, request: pytest.FixtureRequest) -> Iterator[str]:
    with server.database(f"shop_{abs(hash(request.node.name))}") as name:
        yield name


@pytest.fixture
def project(tmp_path: Path) -> CheckProject:
    project = make_project(tmp_path)
    project.write("shop/models.py", MODELS)
    project.write("shop/migrations/__init__.py", "")
    project.write("shop/migrations/0001_initial.py", MIGRATION)
    return project


def migrate(server: PostgreSQL, database: str, *names: str) -> None:
    """Leave the table of applied migrations as `migrate` would."""
    with server.connect(database) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS django_migrations"
            " (id bigserial PRIMARY KEY, app varchar(255), name varchar(255), applied timestamptz)"
        )
        for name in names:
            connection.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('shop', %s, now())", (name,))


def test_a_server_in_order_passes_every_check(server: PostgreSQL, database: str, project: CheckProject) -> None:
    project.add_settings(server.settings(NAME=database))
    migrate(server, database, "0001_initial")
    run = project.check(*ARGUMENTS, env={"WEB_CONCURRENCY": "2"})
    assert [result["status"] for result in run.document["results"]] == ["pass"] * 4
    assert run.exit_code == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"HOST": "no-such-host.invalid"}, "unknown-host"),
        ({"PASSWORD": "an0ther-p4ssw0rd"}, "wrong-password"),
        ({"PASSWORD": ""}, "wrong-password"),
        ({"NAME": "no_such_database"}, "unknown-database"),
        ({"USER": "outsider"}, "not-allowed"),
        ({"OPTIONS": {"sslmode": "require"}}, "tls-refused"),
        ({"OPTIONS": {"sslmode": "verify-full", "sslrootcert": "/nowhere/root.crt"}}, "tls-refused"),
        ({"OPTIONS": {"no_such_option": 1}}, "connection-failed"),
    ],
)
def test_each_way_in_which_a_connection_fails_has_its_code(
    server: PostgreSQL, project: CheckProject, changes: dict[str, object], code: str
) -> None:
    project.add_settings(server.settings(**changes))
    run = project.check(*ARGUMENTS)
    assert run.codes("C301") == {code}
    assert run.codes("C302") == run.codes("C303") == run.codes("C304") == {"no-connection"}
    assert run.exit_code == 1
    password = str(changes.get("PASSWORD", PASSWORD))
    assert not password or password not in run.stdout + run.stderr


def test_nothing_listens(project: CheckProject) -> None:
    project.add_settings(PostgreSQL.settings(PostgreSQL(free_port(), None)))  # type: ignore[arg-type]
    assert project.check(*ARGUMENTS).codes("C301") == {"refused"}


def test_a_server_that_does_not_answer_is_too_slow(server: PostgreSQL, project: CheckProject) -> None:
    project.add_settings(server.settings())
    project.add_settings("import dockertools.checks.runtime.database as d; d.ANSWER_SECONDS = 1.0")
    with server.paused():
        assert project.check(*ARGUMENTS).codes("C301") == {"too-slow"}


def test_a_user_with_no_connection_left(server: PostgreSQL, project: CheckProject) -> None:
    server.execute(f"CREATE ROLE crowded LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 0")
    project.add_settings(server.settings(USER="crowded"))
    assert project.check(*ARGUMENTS).codes("C301") == {"no-connection-free"}


def test_an_sqlite_file_in_a_folder_that_is_not_there(project: CheckProject) -> None:
    project.add_settings("DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': '/nowhere/db'}}")
    assert project.check(*ARGUMENTS).codes("C301") == {"cannot-write"}


def test_a_backend_that_is_not_installed(project: CheckProject) -> None:
    project.write("shop/models.py", "")
    project.add_settings("DATABASES = {'default': {'ENGINE': 'django.db.backends.oracle', 'NAME': 'shop'}}")
    assert project.check(*ARGUMENTS).codes("C301") == {"driver-broken"}


def test_one_database_of_two_is_down(server: PostgreSQL, database: str, project: CheckProject) -> None:
    migrate(server, database, "0001_initial")
    project.add_settings(server.settings(NAME=database))
    project.add_settings(f"DATABASES['other'] = {{**DATABASES['default'], 'PORT': {free_port()}}}")
    run = project.check(*ARGUMENTS)
    found = {(result["evidence"]["alias"], result["status"]) for result in run.results("C303")}
    assert found == {("default", "pass"), ("other", "skip")}


def test_no_database_is_no_finding(project: CheckProject) -> None:
    run = project.check(*ARGUMENTS, "--group", "environment")
    assert run.codes("C301") == {"no-database"}


@pytest.mark.parametrize("values", [{}, {"NAME": "shop"}])
def test_an_alias_without_engine_is_no_database(project: CheckProject, values: dict[str, str]) -> None:
    """Django itself has it so, for projects whose router never chooses `default`."""
    project.add_settings(f"DATABASES = {{'default': {values!r}}}")
    assert project.check(*ARGUMENTS, "--group", "environment").codes("C301") == {"no-database"}


def test_a_database_that_a_service_file_names(project: CheckProject) -> None:
    values = {"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"service": "shop"}}
    project.add_settings(f"DATABASES = {{'default': {values!r}}}")
    result = project.check(*ARGUMENTS).result("C301")
    assert (result["status"], '"shop"' in result["message"]) == ("fail", True)


def test_a_server_that_django_no_longer_supports(server: PostgreSQL, project: CheckProject) -> None:
    project.write("newer/__init__.py", "")
    project.write(
        "newer/base.py",
        """
        from django.db.backends.postgresql import base
        from django.db.backends.postgresql.features import DatabaseFeatures
        class Features(DatabaseFeatures):
            minimum_database_version = (99,)
        class DatabaseWrapper(base.DatabaseWrapper):
            features_class = Features
        """,
    )
    # Django asks for the version itself on the first connection, so that the check of the connection says it too.
    project.add_settings(server.settings(ENGINE="newer"))
    run = project.check(*ARGUMENTS, "--silence", "dockertools.C301=to see the next one")
    result = run.result("C302")
    assert (result["status"], result["evidence"]["code"]) == ("fail", "server-too-old")
    assert "PostgreSQL 99 or later is required" in result["message"]


def test_migrations_that_wait(server: PostgreSQL, database: str, project: CheckProject) -> None:
    project.add_settings(server.settings(NAME=database))
    result = project.check(*ARGUMENTS).result("C303")
    assert result["evidence"]["code"] == "migrations-unapplied"
    assert result["evidence"]["migrations"] == ["shop.0001_initial"]


def test_a_history_in_the_wrong_order(server: PostgreSQL, database: str, project: CheckProject) -> None:
    project.write("shop/migrations/0002_second.py", SECOND_MIGRATION)
    migrate(server, database, "0002_second")
    project.add_settings(server.settings(NAME=database))
    assert project.check(*ARGUMENTS).codes("C303") == {"history-inconsistent"}


def test_two_last_migrations(server: PostgreSQL, database: str, project: CheckProject) -> None:
    project.write("shop/migrations/0002_second.py", SECOND_MIGRATION)
    project.write("shop/migrations/0002_other.py", SECOND_MIGRATION)
    migrate(server, database, "0001_initial")
    project.add_settings(server.settings(NAME=database))
    assert project.check(*ARGUMENTS).codes("C303") == {"migrations-conflict"}


def test_more_threads_than_connections(server: PostgreSQL, database: str, project: CheckProject) -> None:
    project.write("gunicorn.conf.py", "workers = 5\nthreads = 8\n")
    project.add_settings(server.settings(NAME=database))
    result = project.check(*ARGUMENTS).result("C304")
    assert (result["status"], result["evidence"]["code"]) == ("warn", "too-few-connections")
    assert (result["evidence"]["needed"], result["evidence"]["limit"]) == (40, 17)


def test_wait_tries_again_until_the_server_answers(server: PostgreSQL, project: CheckProject) -> None:
    project.add_settings(server.settings())
    project.add_settings("import dockertools.checks.runtime.database as d; d.ANSWER_SECONDS = 1.0")
    with server.paused(), project.waiting(*ARGUMENTS, "--format", "json") as (process, _):
        server.process.send_signal(signal.SIGCONT)
        document = json.loads(process.communicate(timeout=60)[0])
    (result,) = (result for result in document["results"] if result["id"] == "dockertools.C301")
    assert result["status"] == "pass"


def test_wait_says_what_it_waits_for(project: CheckProject) -> None:
    port = free_port()
    values = {"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "HOST": "127.0.0.1", "PORT": port}
    project.add_settings(f"DATABASES = {{'default': {values!r}}}")
    with project.waiting(*ARGUMENTS) as (_, line):
        assert f"s left, for database: default: postgresql at 127.0.0.1:{port}: " in line
