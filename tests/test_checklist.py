"""docker_check --checklist: each point on a project that keeps it and on one that does not, on the real engine."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from dockertools.build.history import state_file
from dockertools.checks.checklist import load_checklist, points, workspace
from dockertools.checks.checklist.single_stage import find_builder, single_stage_text
from dockertools.checks.checklist.stack import isolate
from dockertools.checks.checklist.states import ServiceState, read_states
from dockertools.checks.checklist.workspace import Workspace
from dockertools.checks.outside import run_outside
from dockertools.checks.results import CheckResult, Status
from dockertools.checks.runner import Event, Notice
from dockertools.compose.classify import Project
from dockertools.compose.config import ComposeFacts
from dockertools.conf import make_config
from dockertools.engine import Engine
from dockertools.process import ProgramTimeoutError
from tests.audit_images import evidence
from tests.check_project import SCHEMA
from tests.docker import ROOT, docker

SERVER = """\
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""
SOUND = """\
FROM python:3.11-slim-bookworm AS builder
RUN head -c 60000000 /dev/urandom > /compilers
WORKDIR /app
COPY requirements.txt .
RUN mkdir /opt/venv && echo pip install >> /opt/venv/installed

FROM python:3.11-slim-bookworm
WORKDIR /app
COPY --from=builder /opt/venv /opt/venv
COPY . .
USER 1000:1000
EXPOSE 8000
CMD ["python", "server.py"]
"""
FAULTY = """\
FROM python:3.11-slim-bookworm
WORKDIR /app
COPY . .
RUN echo pip install && ln -s /bin/true /usr/bin/gcc
RUN echo apt-get install
CMD ["python", "-c", "raise SystemExit('no database')"]
"""
COMPOSE = """\
name: shop
services:
  web:
    build: .
    image: shop:latest
    container_name: shop-web
    ports: ["8000:8000"]
    environment: {SECRET_KEY: "${SECRET_KEY:?set it}", PRICE: "5$$"}
    volumes: ["./media:/media", "./server.py:/app/other.py", "data:/data"]
    restart: always
    healthcheck: {test: ["CMD", "python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz')"],
                  interval: 1s}
    depends_on: {task: {condition: service_completed_successfully}}
  task:
    image: shop:latest
    command: ["python", "-c", "open('/media/written', 'w')"]
    user: "0"
    volumes: ["./media:/media"]
volumes: {data: {name: shop-production-data}}
"""


def write_project(folder: Path, dockerfile: str, **files: str) -> Path:
    texts = {
        "Dockerfile": dockerfile,
        "compose.yaml": COMPOSE,
        "manage.py": "import django\n",
        "server.py": SERVER,
        "requirements.txt": "Django\n",
        "media/.keep": "",
        "pyproject.toml": '[tool.dockertools]\nservice = "web"\n',
        ".dockerignore": "media\ncompose.yaml\n",
        **files,
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def carry_out(folder: Path) -> dict[str, list[CheckResult]]:
    found: dict[str, list[CheckResult]] = {}
    with Workspace(make_config({"SERVICE": "web"}, start=folder), lambda _event: None) as space:
        for result in run_outside(load_checklist(), space, {}, lambda _event: None):
            found.setdefault(result.id.rpartition(".")[2], []).append(result)
    assert not state_file(space.copy).parent.exists()
    assert not space.copy.exists()
    assert left_behind(space.token) == []
    return found


def left_behind(token: str = "") -> list[str]:
    """Return containers, images, volumes and networks that a checklist made: that of the workspace, or any."""
    names = (
        docker("ps", "--all", "--format", "{{.Names}}"),
        docker("image", "ls", "--format", "{{.Repository}}"),
        docker("volume", "ls", "--format", "{{.Name}}"),
        docker("network", "ls", "--format", "{{.Name}}"),
    )
    return [name for text in names for name in text.splitlines() if "checklist" in name and token in name]


@pytest.mark.engine
def test_a_project_that_keeps_all_eight_points(engine: Engine, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "shop", SOUND)
    before = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    results = carry_out(folder)
    found = [result for items in results.values() for result in items]
    assert [result for result in found if result.status is not Status.PASS and result.code != "slow-rebuild"] == []
    assert sorted(results) == [f"G10{number}" for number in range(1, 9)]
    assert results["G101"][0].evidence["single_stage_bytes"] - results["G101"][0].evidence["bytes"] > 59_000_000
    assert [result.evidence["cached"] > 0 for result in results["G106"]] == [True, True]
    assert evidence(results["G108"], "page_status") == {404}
    assert {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()} == before


@pytest.mark.engine
def test_a_project_that_keeps_none(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "REBUILD_SECONDS", 0.0)
    results = carry_out(write_project(tmp_path / "shop", FAULTY, **{".env": "SECRET_KEY=kw83hf0w8\n"}))
    assert {check: evidence(found, "code") for check, found in results.items()} == {
        "G101": {"no-builder"},
        "G102": {"slow-rebuild"},
        "G103": {"context-risks"},
        "G104": {"runs-as-root"},
        "G105": {"build-tools"},
        "G106": {"installs-again", "system-again"},
        "G107": {"unhealthy"},
        "G108": {"no-answer"},
    }
    assert "no database" in results["G107"][0].message


@pytest.mark.engine
def test_an_application_that_is_not_well_is_told(engine: Engine, tmp_path: Path) -> None:
    sick = SERVER.replace('200 if self.path == "/healthz" else 404', "500")
    folder = write_project(tmp_path / "shop", SOUND, **{"server.py": sick})
    compose = re.sub(r" +healthcheck: .*\n.*interval: .*\n", "", COMPOSE)
    (folder / "compose.yaml").write_text(compose)
    with Workspace(make_config({"SERVICE": "web"}, start=folder), lambda _event: None) as space:
        chosen = [check for check in load_checklist() if check.id.endswith(("G107", "G108"))]
        results = run_outside(chosen, space, {}, lambda _event: None)
    assert [result.code for result in results] == ["ok", "health-failed", "no-answer"]
    assert left_behind(space.token) == []


@pytest.mark.engine
def test_a_build_that_fails_is_told_and_nothing_stays(engine: Engine, tmp_path: Path) -> None:
    results = carry_out(write_project(tmp_path / "shop", SOUND.replace("USER 1000:1000", "RUN false")))
    expected = {f"G10{number}": {"build-failed"} for number in (1, 2, 4, 5, 6, 7)}
    found = {check: evidence(items, "code") for check, items in results.items()}
    assert found == expected | {"G103": {"ok"}, "G108": {"not-started"}}


@pytest.mark.engine
def test_ctrl_c_leaves_nothing_behind(engine: Engine, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "shop", SOUND.replace('server.py"]', 'server.py", "slow"]'))
    (folder / "compose.yaml").write_text(COMPOSE.replace("open('/media/written', 'w')", "import time; time.sleep(600)"))
    before = left_behind()
    argv = (sys.executable, "-m", "dockertools", "check", "--project", str(folder), "--checklist", "--format", "json")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        for line in process.stderr:
            if line.startswith("Starting all services"):
                break
        time.sleep(2)
        os.kill(process.pid, signal.SIGINT)
        document = json.loads(process.stdout.read())
        process.stderr.read()
    assert process.returncode == 130
    assert document["error"]["code"] == "interrupted"
    jsonschema.validate(document, SCHEMA)
    assert set(left_behind()) <= set(before)


def test_the_builder_is_found_by_its_name_or_by_what_it_does() -> None:
    install = "RUN pip install -r requirements.txt\n"
    assert find_builder((ROOT / "Dockerfile").read_text()) == "builder"
    assert find_builder(f"FROM a AS wheels\n{install}FROM a\nCOPY --from=wheels /w /w\n") == "wheels"
    assert find_builder(f"FROM a AS builder\nRUN true\nFROM a\n{install}COPY --from=builder /w /w\n") is None
    assert find_builder(f"FROM a\n{install}") is None
    assert find_builder("") is None
    assert single_stage_text("FROM a AS b\n", "b").endswith("FROM b AS dockertools-single-stage\nCOPY . .\n")


def test_an_isolated_project_shares_nothing_with_a_running_one() -> None:
    document = {
        "name": "shop",
        "services": {
            "db": {
                "image": "postgres:15",
                "container_name": "db",
                "restart": "always",
                "ports": [{"target": 5432, "published": "5432", "host_ip": "::", "protocol": "tcp"}],
                "volumes": [
                    {"type": "volume", "source": "data", "target": "/data"},
                    {"type": "bind", "source": "/srv/media", "target": "/media"},
                    {"type": "bind", "source": __file__, "target": "/conf"},
                    {"type": "bind", "source": "/etc/ssl", "target": "/ssl", "read_only": True},
                ],
            }
        },
        "volumes": {"data": {"name": "shop-data", "external": True}},
        "networks": {"default": None, "proxy": {"name": "proxy", "external": True, "driver": "bridge"}},
    }
    project = Project(ComposeFacts("shop", Path("/"), None, {}, {}), Path("/"), ())
    isolated = isolate(document, project, "image", "token")
    assert "name" not in isolated
    assert isolated["volumes"] == {"data": {}}
    assert isolated["networks"] == {"default": {}, "proxy": {"driver": "bridge"}}
    assert isolated["services"]["db"] == {
        "image": "postgres:15",
        "ports": [{"target": 5432, "protocol": "tcp", "host_ip": "127.0.0.1"}],
        "volumes": [
            {"type": "volume", "source": "data", "target": "/data"},
            {"type": "volume", "target": "/media"},
            {"type": "bind", "source": __file__, "target": "/conf", "read_only": True},
            {"type": "bind", "source": "/etc/ssl", "target": "/ssl", "read_only": True},
        ],
    }


STATES = [
    {"Service": "web", "State": "running", "Health": "starting", "ExitCode": 0},
    {"Service": "db", "State": "exited", "ExitCode": 3},
]


@pytest.mark.parametrize("text", [json.dumps(STATES), "\n".join(map(json.dumps, STATES))])
def test_states_are_read_as_every_compose_writes_them(text: str) -> None:
    assert read_states(text) == (
        ServiceState("db", "exited", "", 3),
        ServiceState("web", "running", "starting", 0),
    )
    assert read_states("") == ()


@pytest.mark.parametrize(
    ("state", "health", "exit_code", "is_well", "is_pending"),
    [
        ("running", "", 0, True, False),
        ("running", "healthy", 0, True, False),
        ("running", "starting", 0, False, True),
        ("running", "unhealthy", 0, False, False),
        ("exited", "", 0, True, False),
        ("exited", "", 1, False, False),
        ("created", "", 0, False, True),
        ("dead", "", 0, False, False),
    ],
)
def test_which_services_are_well(state: str, health: str, exit_code: int, is_well: bool, is_pending: bool) -> None:
    found = ServiceState("web", state, health, exit_code)
    assert (found.is_well, found.is_pending) == (is_well, is_pending)


def test_an_engine_that_hangs_at_the_end_is_told_and_costs_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []
    events: list[Event] = []

    def hang(argv: tuple[str, ...], *, timeout: float) -> None:
        asked.append(argv)
        raise ProgramTimeoutError(f"not within {timeout}")

    monkeypatch.setattr(workspace, "run", hang)
    with Workspace(make_config({}, start=tmp_path), events.append) as space:
        space.remove_at_end(("docker", "rm", "first"))
        space.remove_at_end(("docker", "compose", "down"), "by hand")
    assert asked == [("docker", "compose", "down"), ("docker", "rm", "first")]
    told = [event.text for event in events if isinstance(event, Notice)]
    assert told[1:] == [
        "NOT REMOVED within 300 seconds; later: by hand",
        "NOT REMOVED within 300 seconds; later: docker rm first",
    ]
