"""docker_check --compose, each check on compose projects that fail and pass it, as `docker compose` reads them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from dockertools.checks.compose import load_compose_checks
from dockertools.checks.compose.facts import read_compose_audit
from dockertools.checks.outside import run_outside
from dockertools.checks.results import CheckResult, Status
from dockertools.conf import make_config
from dockertools.engine import Engine
from tests.audit_images import evidence
from tests.check_project import SCHEMA

pytestmark = pytest.mark.engine

FAULTY = """\
name: shop
services:
  web:
    build: .
    image: shop:latest
    command: python manage.py runserver 0.0.0.0:8000
    privileged: true
    pid: host
    cap_add: [SYS_ADMIN]
    ports: ["8000:8000"]
    volumes: [".:/app", "/var/run/docker.sock:/var/run/docker.sock:ro", "{home}:/home/me"]
    environment:
      SECRET_KEY: kw83hf0w83hf0w8h3f
      DATABASE_URL: postgres://shop:${{POSTGRES_PASSWORD}}@db/shop
      API_TOKEN: ${{API_TOKEN:-tk-83hf03w8hf}}
      REQUIRED: ${{REQUIRED:?set it}}
    depends_on: [db]
  worker:
    image: python:3.11-slim-bookworm
    command: celery --app shop worker
  db:
    image: postgres
    ports: ["5432:5432"]
    environment: ["POSTGRES_PASSWORD=hunter2hunter2"]
"""
SOUND = """\
name: shop
services:
  web:
    build: .
    image: shop:latest
    command: ["gunicorn", "shop.wsgi"]
    ports: ["127.0.0.1:8000:8000"]
    environment:
      SECRET_KEY: ${SECRET_KEY:?set it in .env}
      DATABASE_URL: postgres://shop:${POSTGRES_PASSWORD:?set it}@db/shop
    depends_on:
      db: {condition: service_healthy}
      migrate: {condition: service_completed_successfully}
    healthcheck: {test: ["CMD", "true"]}
    restart: unless-stopped
    mem_limit: 512m
    pids_limit: 200
  migrate:
    image: shop:latest
    command: ["python", "manage.py", "migrate"]
  db:
    image: postgres:15-bookworm
    volumes: ["data:/var/lib/postgresql/data"]
    environment: {POSTGRES_PASSWORD_FILE: /run/secrets/password}
    healthcheck: {test: ["CMD", "pg_isready"]}
    restart: always
    deploy: {resources: {limits: {memory: 1g, pids: 100}}}
volumes: {data: {}}
"""


def write_project(folder: Path, compose: str) -> Path:
    for name, text in {
        "compose.yaml": compose,
        "Dockerfile": "FROM python:3.11-slim-bookworm\nWORKDIR /app\nCOPY . .\n",
        "manage.py": "import django\n",
        "shop/settings.py": "DEBUG = False\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def judge(folder: Path, mode: str | None = "prod") -> dict[str, list[CheckResult]]:
    found: dict[str, list[CheckResult]] = {}
    audit = read_compose_audit(make_config({}, start=folder), mode)
    for result in run_outside(load_compose_checks(), audit, {}, lambda _event: None):
        found.setdefault(result.id.rpartition(".")[2], []).append(result)
    return found


@pytest.fixture
def faulty(engine: Engine, tmp_path: Path) -> Path:
    return write_project(tmp_path, FAULTY.format(home=Path.home()))


def test_each_fault_is_found_in_production(faulty: Path) -> None:
    results = judge(faulty)
    assert {check: evidence(found, "code") for check, found in results.items()} == {
        "S101": {"source-mounted"},
        "S102": {"development-server"},
        "S201": {"database-published"},
        "S202": {"privileged", "host-shared"},
        "S203": {"engine-socket"},
        "S204": {"whole-folder-mounted"},
        "S301": {"plain-secret", "default-secret"},
        "S302": {"floating-image"},
        "S401": {"no-healthcheck", "image-unknown"},
        "S402": {"no-restart"},
        "S403": {"no-memory-limit", "no-pids-limit"},
        "S404": {"no-condition"},
    }
    assert evidence(results["S301"], "variable") == {"SECRET_KEY", "API_TOKEN", "POSTGRES_PASSWORD"}


def test_no_report_holds_a_secret(faulty: Path) -> None:
    told = repr(judge(faulty))
    for secret in ("kw83hf0w83hf0w8h3f", "tk-83hf03w8hf", "hunter2hunter2"):
        assert secret not in told


def test_a_sound_project_passes_every_check(engine: Engine, tmp_path: Path) -> None:
    results = judge(write_project(tmp_path, SOUND))
    assert set(results) == {check.id.rpartition(".")[2] for check in load_compose_checks()}
    assert [result for found in results.values() for result in found if result.status is not Status.PASS] == []


def test_development_may_mount_its_code_and_need_not_restart(faulty: Path) -> None:
    results = judge(faulty, "dev")
    for check in ("S101", "S102", "S402", "S403"):
        assert evidence(results[check], "code") == {"development-mode"}
    assert evidence(results["S201"], "code") == {"database-published"}


def test_a_database_on_loopback_is_for_development(engine: Engine, tmp_path: Path) -> None:
    compose = SOUND.replace('    volumes: ["data', '    ports: ["127.0.0.1:5432:5432"]\n    volumes: ["data')
    folder = write_project(tmp_path, compose)
    assert evidence(judge(folder)["S201"], "code") == {"database-on-loopback"}
    assert evidence(judge(folder, "dev")["S201"], "code") == {"ok"}


def test_a_mode_takes_the_files_made_for_it(engine: Engine, tmp_path: Path) -> None:
    folder = write_project(tmp_path, SOUND)
    overlay = 'services: {web: {volumes: [".:/app"]}}\n'
    (folder / "compose.prod.yaml").write_text(overlay)
    assert evidence(judge(folder, "prod")["S101"], "code") == {"source-mounted"}
    assert evidence(judge(folder, None)["S101"], "code") == {"ok"}


def test_an_image_with_a_healthcheck_of_its_own_passes(engine: Engine, tmp_path: Path, production_image: str) -> None:
    compose = f"services:\n  web: {{image: '{production_image}', command: [gunicorn, x]}}\n"
    assert evidence(judge(write_project(tmp_path, compose))["S401"], "code") == {"ok"}


def test_the_command_reports_in_the_same_shape(faulty: Path) -> None:
    argv = (sys.executable, "-m", "dockertools", "check", "--project", str(faulty), "--compose", "--mode", "prod")
    done = subprocess.run((*argv, "--format", "json"), capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMA)
    assert document["target"] == {"kind": "compose", "name": "shop (prod)"}
    silenced = subprocess.run(
        (*argv, "--format", "sarif", "--group", "code", "--silence", "dockertools.S101=a test"),
        capture_output=True,
        text=True,
        check=False,
    )
    results = {result["ruleId"]: result for result in json.loads(silenced.stdout)["runs"][0]["results"]}
    assert set(results) == {"dockertools.S101", "dockertools.S102"}
    assert "suppressions" in results["dockertools.S101"]


def test_what_compose_refuses_is_told(engine: Engine, tmp_path: Path) -> None:
    folder = write_project(tmp_path, "services:\n\tweb: {}\n")
    argv = (sys.executable, "-m", "dockertools", "check", "--project", str(folder), "--compose")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Compose cannot read the project" in done.stderr
