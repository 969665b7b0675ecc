import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvimprover.wsgi import application

ROOT = Path(__file__).resolve().parent.parent
BODY = b'{"name": "Ada", "text": "Experience"}'


@pytest.fixture(autouse=True)
def kept_connection() -> Iterator[None]:
    """Keep the connection that the test's transaction is in, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def status_of(**environ: Any) -> int:
    statuses: list[str] = []
    request = RequestFactory().get("/api/cvs/").environ | environ
    response = application(request, lambda status, _headers, _info=None: statuses.append(status))
    list(response)
    response.close()  # type: ignore[attr-defined]
    return int(statuses[0][:3])


def create(content_type: str) -> int:
    body = {"REQUEST_METHOD": "POST", "wsgi.input": BytesIO(BODY), "CONTENT_LENGTH": str(len(BODY))}
    return status_of(CONTENT_TYPE=content_type, **body)


@pytest.mark.django_db
@pytest.mark.parametrize("content_type", ["application/json", 'application/json; charset="UTF-8"; profile=x'])
def test_json_in_utf8_is_taken(content_type: str) -> None:
    assert create(content_type) == 201


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=base64",
        "application/json; charset=undefined",
        "application/json; charset=\0",
        "application/json; charset*=nonsense''%41",
        "application/json; charset=latin-1",
    ],
)
def test_a_content_type_that_django_fails_on_is_no_json(content_type: str) -> None:
    assert create(content_type) == 415
    assert status_of(CONTENT_TYPE=content_type, QUERY_STRING="page=1") == 200


@pytest.mark.django_db
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content_type=st.text(st.characters(max_codepoint=255), max_size=30)
    | st.text("abc*='\";,/ %\\", max_size=12).map("application/json; charset".__add__),
    query=st.text(st.characters(max_codepoint=255), max_size=20),
)
def test_no_header_makes_the_service_fail(content_type: str, query: str) -> None:
    assert create(content_type) in {201, 415}
    assert status_of(CONTENT_TYPE=content_type, QUERY_STRING=query) in {200, 400}


def start(**environment: str) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.environ["PATH"], **environment}
    argv = [sys.executable, "-c", "import cvimprover.wsgi"]
    return subprocess.run(argv, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("key", [{}, {"SECRET_KEY": ""}])
def test_the_service_does_not_start_without_a_secret_key(key: dict[str, str]) -> None:
    run = start(DATABASE_URL="sqlite://:memory:", **key)
    assert run.returncode == 1
    assert "SECRET_KEY is empty, and the service does not start without one." in run.stderr


def test_the_service_starts_with_a_secret_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a key")
    run = start(SECRET_KEY_FILE=str(tmp_path / "key"), CVIMPROVER_DATA=str(tmp_path))
    assert run.returncode == 0, run.stderr


def test_the_service_does_not_start_without_its_data_folder(tmp_path: Path) -> None:
    run = start(SECRET_KEY="x", CVIMPROVER_DATA=str(tmp_path / "none"))
    assert run.returncode == 1
    assert f"The folder of the database, {tmp_path / 'none'}, does not exist" in run.stderr
