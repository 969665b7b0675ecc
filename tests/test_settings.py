import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given, settings
from hypothesis import strategies as st

from cvimprover.environment import parse_database_url, read_bool, read_int, read_list, read_secret

ROOT = Path(__file__).resolve().parent.parent
BASE = Path("/srv/app")
POSTGRESQL = "django.db.backends.postgresql"

plain_text = st.text(min_size=1, max_size=12)
host_name = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9.-]{0,10}", fullmatch=True)


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "cvimprover.settings", **environment}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean, capture_output=True, text=True, check=False
    )


def run_manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.environ["PATH"], **environment}
    argv = [sys.executable, "manage.py", *arguments]
    return subprocess.run(argv, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)


def read_settings(*names: str, **environment: str) -> dict[str, Any]:
    """Return the service's settings in a process with nothing but the given environment."""
    code = f"""
import json, cvimprover.settings as settings
print(json.dumps({{name: getattr(settings, name) for name in {names!r}}}, default=str))"""
    run = run_python(code, **environment)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def parse(url: str) -> dict[str, Any]:
    return parse_database_url(url, base=BASE)


def test_nothing_set_is_safe() -> None:
    names = (
        "DEBUG",
        "SECRET_KEY",
        "ALLOWED_HOSTS",
        "SECURE_SSL_REDIRECT",
        "SECURE_HSTS_SECONDS",
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "DATA_UPLOAD_MAX_MEMORY_SIZE",
    )
    assert read_settings(*names) == {
        "DEBUG": False,
        "SECRET_KEY": "",
        "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"],
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 1_000_000,
    }


def test_the_deployment_check_has_nothing_to_say(tmp_path: Path) -> None:
    environment = {
        "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP",
        "CVIMPROVER_DATA": str(tmp_path),
    }
    run = run_manage("check", "--deploy", "--fail-level", "WARNING", "--database", "default", **environment)
    assert run.returncode == 0, run.stderr


def test_plain_http_is_asked_for() -> None:
    names = ("SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")
    assert list(read_settings(*names, DJANGO_INSECURE_HTTP="1").values()) == [False, 0, False, False]


def test_the_database_is_a_file_in_the_data_folder() -> None:
    default = read_settings("DATABASES", CVIMPROVER_DATA="/srv/data")["DATABASES"]["default"]
    assert (default["ENGINE"], default["NAME"]) == ("django.db.backends.sqlite3", "/srv/data/cvimprover.sqlite3")
    assert (default["CONN_MAX_AGE"], default["CONN_HEALTH_CHECKS"]) == (60, True)


def test_the_database_is_the_one_that_the_url_names() -> None:
    url = "postgres://cv:secret@db/cv"
    default = read_settings("DATABASES", DATABASE_URL=url, DATABASE_CONN_MAX_AGE="0")["DATABASES"]["default"]
    assert (default["ENGINE"], default["HOST"], default["CONN_MAX_AGE"]) == (POSTGRESQL, "db", 0)


def test_static_files_have_hashed_names_and_are_kept_for_ever(tmp_path: Path) -> None:
    environment = {"STATIC_ROOT": str(tmp_path), "DATABASE_URL": "sqlite://:memory:"}
    assert run_manage("collectstatic", "--noinput", **environment).returncode == 0
    code = """
import re
import django
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
client = Client(headers={"host": "localhost"})
name = re.search(rb"/static/cvimprover/site[.][0-9a-f]{12}[.]css", client.get("/", secure=True).content)[0]
response = client.get(name.decode(), secure=True)
list(response)
response.close()
print(response.status_code, response["Cache-Control"])
"""
    run = run_python(code, SECRET_KEY="x", **environment)
    assert run.stdout.splitlines()[-1] == "200 max-age=315360000, public, immutable", run.stderr


def test_logs_are_json_on_standard_output() -> None:
    code = """
import django
django.setup()
from django.test import Client
Client(headers={"host": "localhost"}).get("/api/cvs/%0a%0dforged/", secure=True)
import logging
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("elsewhere").exception("It failed for %s", "Ada")
"""
    run = run_python(code, SECRET_KEY="x", DATABASE_URL="sqlite://:memory:")
    request, failure = map(json.loads, run.stdout.splitlines())
    assert (request["method"], request["status"], request["path"]) == ("GET", 404, "/api/cvs/\n\rforged/")
    assert (failure["level"], failure["message"]) == ("error", "It failed for Ada")
    assert failure["exception"].endswith("ZeroDivisionError: division by zero")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///data/cv.sqlite3", BASE / "data/cv.sqlite3"),
        ("sqlite:////data/cv%20x.sqlite3", Path("/data/cv x.sqlite3")),
        ("sqlite://:memory:", ":memory:"),
        ("sqlite:///:memory:", ":memory:"),
        ("sqlite://", ":memory:"),
    ],
)
def test_sqlite_urls(url: str, name: Path | str) -> None:
    database = parse(url)
    assert (database["ENGINE"], database["NAME"]) == ("django.db.backends.sqlite3", name)
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_a_full_postgresql_url() -> None:
    assert parse("postgresql://ada:p%40ss%2Fw%3Ard@db.example:5433/cv?sslmode=require&connect_timeout=2") == {
        "ENGINE": POSTGRESQL,
        "NAME": "cv",
        "USER": "ada",
        "PASSWORD": "p@ss/w:rd",
        "HOST": "db.example",
        "PORT": "5433",
        "OPTIONS": {"sslmode": "require", "connect_timeout": "2"},
    }


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("postgres:///cv", "", ""),
        ("postgres://db/cv", "db", ""),
        ("postgres://:5433/cv", "", "5433"),
        ("postgres://[::1]/cv", "::1", ""),
        ("postgres://[::1]:5433/cv", "::1", "5433"),
        ("postgres://ada@%2Frun%2FPostgreSQL/cv", "/run/PostgreSQL", ""),
        ("postgres:///cv?host=/run/postgresql&port=5433", "/run/postgresql", "5433"),
    ],
)
def test_postgresql_addresses(url: str, host: str, port: str) -> None:
    database = parse(url)
    assert (database["HOST"], database["PORT"]) == (host, port)
    assert database["OPTIONS"] == {"connect_timeout": 5}


@settings(deadline=None)
@given(user=plain_text, password=plain_text, host=host_name, port=st.integers(1, 65535), name=plain_text)
def test_postgresql_urls_round_trip(user: str, password: str, host: str, port: int, name: str) -> None:
    url = f"postgres://{quote(user, safe='')}:{quote(password, safe='')}@{host}:{port}/{quote(name, safe='')}"
    database = parse(url)
    assert [database[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")] == [
        user,
        password,
        host,
        str(port),
        name,
    ]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://ada:hunter2@db/cv", "DATABASE_URL has the unknown scheme 'mysql'."),
        ("hunter2", "DATABASE_URL has no scheme."),
        ("postgres://ada:hunter2@db:port/cv", "DATABASE_URL has a port that is not a number from 1 to 65535."),
        ("postgres://ada:hunter2@db:0/cv", "DATABASE_URL has a port that is not a number from 1 to 65535."),
        ("postgres://ada:hunter2@db:65536/cv", "DATABASE_URL has a port that is not a number from 1 to 65535."),
        ("postgres://ada:hunter2@db:٣/cv", "DATABASE_URL has a port that is not a number from 1 to 65535."),
        ("postgres://ada:hun#ter2@db/cv", "DATABASE_URL has a '#': write it as %23."),
        ("postgres://ada:hunter2@[db/cv", "DATABASE_URL is not a URL."),
        ("sqlite://hunter2/cv", "DATABASE_URL has two slashes where a SQLite file needs three or four."),
    ],
)
def test_a_wrong_url_is_refused_without_being_shown(url: str, message: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        parse(url)
    assert str(caught.value).startswith(message)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@settings(deadline=None, max_examples=200)
@given(before=st.text(max_size=8), after=st.text(max_size=8), scheme=st.sampled_from(["postgres", "sqlite", "x"]))
def test_no_error_shows_a_password(before: str, after: str, scheme: str) -> None:
    shown = ""
    try:
        parse(f"{scheme}://ada:{before}hunter2{after}@db:5432/cv")
    except ImproperlyConfigured as error:
        shown = str(error)
    assert "hunter2" not in shown


def test_switches() -> None:
    assert [read_bool({"X": value}, "X") for value in ("1", "TRUE", " on ", "0", "", "no")] == [True] * 3 + [False] * 3
    assert read_bool({}, "X", default=True)
    with pytest.raises(ImproperlyConfigured, match="X is 'maybe': set it to 1 or 0"):
        read_bool({"X": "maybe"}, "X")


def test_numbers() -> None:
    assert (read_int({"X": " 7 "}, "X", default=1), read_int({"X": ""}, "X", default=1)) == (7, 1)
    for wrong in ("-1", "1.5", "٣", "9" * 5000):
        with pytest.raises(ImproperlyConfigured, match="set it to a whole number"):
            read_int({"X": wrong}, "X", default=1)


def test_lists() -> None:
    assert read_list({"X": "a, b,,"}, "X", default=["c"]) == ["a", "b"]
    assert read_list({}, "X", default=["c"]) == ["c"]


def test_secrets(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from the file\n")
    assert read_secret({"KEY": "direct", "KEY_FILE": str(file)}, "KEY") == "direct"
    assert read_secret({"KEY": "", "KEY_FILE": str(file)}, "KEY") == "from the file"
    assert read_secret({}, "KEY") == ""
    with pytest.raises(ImproperlyConfigured, match=r"KEY_FILE names .*none, which cannot be read: No such file"):
        read_secret({"KEY_FILE": str(tmp_path / "none")}, "KEY")
    file.write_bytes(b"\xff")
    with pytest.raises(ImproperlyConfigured, match="it is not UTF-8 text"):
        read_secret({"KEY_FILE": str(file)}, "KEY")
