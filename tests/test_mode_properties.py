"""Generated projects: whatever they say, a mode changes what it is about and nothing else, and there and back is one."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.compose_model import read_model
from tests.compose_oracle import Intent, judge_dev, judge_prod
from tests.mode import make_project, require_compose, run_mode

COMMANDS: tuple[Any, ...] = (
    "python manage.py runserver 0.0.0.0:8000",
    ["python", "manage.py", "runserver", "0.0.0.0:${PORT:-8000}"],
    'bash -c "sleep 0 && python manage.py runserver 0.0.0.0:8000"',
    ["sh", "-c", "echo $$HOME; exec python manage.py runserver 0.0.0.0:8000"],
    "gunicorn config.wsgi --bind 0.0.0.0:8000 --reload",
    ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000"],
    None,
)
SOURCES: tuple[Any, ...] = (
    ".:/app",
    "./:/app:rw",
    "${CODE:-.}:/app",
    "${MOUNT:-.:/app}",
    {"type": "bind", "source": ".", "target": "/app"},
    {"type": "bind", "source": "./", "target": "/app/", "bind": {"create_host_path": True}},
)
DATA: tuple[Any, ...] = (
    "media:/app/media",
    "${MEDIA:-media}:/app/uploads",
    "./data:/app/data:ro",
    {"type": "volume", "source": "media", "target": "/srv/media", "volume": {"nocopy": True}},
    {"type": "tmpfs", "target": "/app/run", "tmpfs": {"size": 1000}},
    "/app/.cache",
)
PLACES = {json.dumps(entry): place for entry, place in zip(
    DATA, ("/app/media", "/app/uploads", "/app/data", "/srv/media", "/app/run", "/app/.cache"), strict=True
)}  # fmt: skip
ENVIRONMENTS: tuple[Any, ...] = (
    {"DJANGO_DEBUG": "1", "SECRET_KEY": "${SECRET:-it's $$hush}"},
    ["DJANGO_DEBUG=1", "PASSED_ON", "URL=postgres://a:${PASSWORD:-p@ss}@db/x"],
    {"EMPTY": "", "NUMBER": 5, "NOTHING": None},
    None,
)
OTHERS: dict[str, tuple[Any, ...]] = {
    "labels": ({"traefik.enable": "true"}, ["a=b"]),
    "networks": (["back"], {"back": {"aliases": ["shop"]}}),
    "depends_on": (["db"], {"db": {"condition": "service_started"}}),
    "restart": ("always", "no"),
    "logging": ({"driver": "syslog"},),
    "mem_limit": ("300m",),
    "deploy": ({"replicas": 2}, {"resources": {"limits": {"cpus": "0.5", "memory": "100M"}}}),
    "tmpfs": ("/tmp", ["/run"]),
    "security_opt": (["no-new-privileges:true"],),
    "cap_drop": (["ALL"], ["NET_RAW"]),
    "stop_grace_period": ("5s",),
    "healthcheck": ({"test": ["CMD", "true"]}, {"disable": True}),
    "extra_hosts": (["host.docker.internal:host-gateway"],),
}
PORTS: tuple[Any, ...] = (
    "8000:8000",
    "127.0.0.1:8001:8000",
    "${PORT:-8000}:8000",
    "[::1]:8002:8000",
    "9000-9001:9000-9001",
)


@st.composite
def services(draw: st.DrawFn) -> dict[str, Any]:
    """Return a service of the project's own."""
    service: dict[str, Any] = {
        "build": draw(st.sampled_from([".", {"context": "."}, {"context": "./", "args": ["A=1"]}]))
    }
    data = draw(st.lists(st.sampled_from(DATA), max_size=3, unique_by=json.dumps))
    mounts = [*data]
    if draw(st.booleans()):
        mounts.insert(draw(st.integers(0, len(mounts))), draw(st.sampled_from(SOURCES)))
    values = {
        "command": draw(st.sampled_from(COMMANDS)),
        "environment": draw(st.sampled_from(ENVIRONMENTS)),
        "ports": draw(st.lists(st.sampled_from(PORTS), max_size=2, unique=True)),
        "volumes": mounts,
    }
    for key in draw(st.lists(st.sampled_from(sorted(OTHERS)), max_size=4, unique=True)):
        values[key] = draw(st.sampled_from(OTHERS[key]))
    return service | {key: value for key, value in values.items() if value}


@st.composite
def projects(draw: st.DrawFn) -> dict[str, Any]:
    """Return a compose file: a server, sometimes a worker, and a database."""
    web = draw(services())
    found: dict[str, Any] = {"web": web}
    if draw(st.booleans()):
        worker = draw(services())
        found["worker"] = {
            **worker,
            "command": draw(st.sampled_from(["celery -A config worker", ["celery", "-A", "config", "worker"]])),
        }
    found["db"] = {"image": "postgres:15", "ports": draw(st.sampled_from([["5432:5432"], ["127.0.0.1::5432"], []]))}
    return {"services": found, "volumes": {"media": None}, "networks": {"back": None}}


def intent_of(project: dict[str, Any], root: Path, mode: str) -> Intent:
    own = {name: values for name, values in project["services"].items() if "build" in values}
    keeps = {
        name: frozenset(PLACES[key] for entry in values.get("volumes", ()) if (key := json.dumps(entry)) in PLACES)
        for name, values in own.items()
    }
    return Intent(
        root=root,
        built=frozenset(own),
        servers=frozenset({"web"}),
        stores=frozenset({"db"}),
        keeps=keeps,
        source=dict.fromkeys(own, (root, "/app")) if mode == "dev" else {},
        user=f"{os.getuid()}:{os.getgid()}" if mode == "dev" else None,
        is_hardened=False,
    )


@pytest.fixture(autouse=True)
def compose() -> None:
    require_compose()


def check(project: dict[str, Any], env: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = make_project(Path(folder, "shop").resolve(), json.dumps(project))
        (root / "data").mkdir()
        (root / ".env").write_bytes(env.encode())
        before = read_model(root, {})
        wrong: list[str] = []
        seen: dict[str, bytes] = {}
        for mode, judge in (("dev", judge_dev), ("prod", judge_prod), ("dev", judge_dev), ("prod", judge_prod)):
            done = run_mode(root, mode, "--noinput")
            if done.returncode:
                wrong.append(f"{mode}: {done.stderr}")
                continue
            if mode not in seen:
                wrong += [
                    f"{mode}: {words}" for words in judge(before, read_model(root, {}), intent_of(project, root, mode))
                ]
            written = (root / ".env").read_bytes()
            if seen.setdefault(mode, written) != written:
                wrong.append(f"{mode}: .env is another one after there and back")
        assert (root / "docker-compose.yml").read_text() == json.dumps(project)
        assert not wrong, "\n".join(wrong)


ENVS = st.sampled_from(["", "A=1\n", "A='x # y'\r\nB=2", "\ufeffCOMPOSE_PROJECT_NAME=shop\n", "# only this"])
SUPPRESSED = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]


@settings(max_examples=6, deadline=None, suppress_health_check=SUPPRESSED)
@given(projects(), ENVS)
def test_a_mode_changes_what_it_is_about(project: dict[str, Any], env: str) -> None:
    check(project, env)


@pytest.mark.matrix
@settings(max_examples=60, deadline=None, suppress_health_check=SUPPRESSED)
@given(projects(), ENVS)
def test_a_mode_changes_what_it_is_about_in_many_projects(project: dict[str, Any], env: str) -> None:
    check(project, env)
