"""Compose projects and `.env` files that hypothesis makes up, with what is known of them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.compose_oracle import Intent

DOCKERFILE = (
    "FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\nUSER 1000\n"
    'CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000"]\n'
)
SOURCES = (
    ".:/app",
    "./:/app/:cached",
    "${CODE:-.}:/app",
    "./:/app:rw",
    "${MOUNT:-.:/app}",
    {"type": "bind", "source": ".", "target": "/app"},
    {"type": "bind", "source": "./", "target": "/app/", "read_only": False, "bind": {"create_host_path": False}},
)
DATA: Mapping[str, Any] = {
    "/app/media": "media:/app/media",
    "/app/uploads": "./uploads:/app/uploads",
    "/srv/static": {"type": "volume", "source": "static", "target": "/srv/static", "volume": {"nocopy": True}},
    "/backup": "${BACKUPS:-./backup}:/backup:ro",
    "/app/files": "${FILES:-media}:/app/files",
    "/etc/localtime": "/etc/localtime:/etc/localtime:ro",
    "/scratch": {"type": "tmpfs", "target": "/scratch", "tmpfs": {"size": 1048576}},
}
SERVERS = (
    None,
    "python manage.py runserver 0.0.0.0:8000",
    ["python", "manage.py", "runserver", "0.0.0.0:8000"],
    'sh -c "python manage.py migrate && python manage.py runserver 0.0.0.0:8000"',
    ["bash", "-c", "./wait $$HOST; python manage.py migrate --noinput\nexec python manage.py runserver 0:8000"],
    "python -Wd manage.py runserver 0.0.0.0:$$PORT --nothreading",
    "gunicorn config.wsgi:application -b 0.0.0.0:8000 --reload --workers 2",
)
SHIELDS: Mapping[str, Any] = {
    "/app/.venv": "/app/.venv",
    "/app/node_modules": {"type": "volume", "target": "/app/node_modules"},
}
"""What keeps a part of the image visible inside the mount: for development alone."""
WORKERS = (
    "celery -A config worker -l info",
    ["celery", "-A", "config", "beat", "--schedule", "/tmp/b'eat"],
    "sh -c \"celery -A config worker -Q 'a,b' # 50%\"",
)
ENVIRONMENTS = (
    None,
    {"DJANGO_DEBUG": "1", "PRICE": "5$$", "TOKEN": "${TOKEN:-none}", "NOTE": "a: b # c\n\td", "PASSED": None},
    {"EMPTY": "", "NUMBER": 5, "RATIO": 0.5, "URL": "postgres://a:${PASSWORD:-p@ss}@db/x?a=b"},
    ["DJANGO_DEBUG=1", "PRICE=5$$", "TOKEN", "EMPTY=", "QUOTED='x'", "UNICODE=žluť 🐎"],
)
OWN_WORDS: Mapping[str, tuple[Any, ...]] = {
    "cap_drop": (["ALL"], ["NET_RAW"]),
    "depends_on": (["db"], {"db": {"condition": "service_started"}}),
    "deploy": (
        {"replicas": 2},
        {"resources": {"limits": {"cpus": "0.5", "memory": "200M"}}},
        {"resources": {"limits": {"cpus": "0.5"}, "reservations": {"memory": "64M"}}, "replicas": 3},
        {"restart_policy": {"condition": "on-failure", "delay": "5s"}},
    ),
    "extra_hosts": (["host.docker.internal:host-gateway"],),
    "healthcheck": ({"test": "curl -f localhost || exit 1"}, {"test": ["CMD", "true", "$$x"], "interval": "90s"}),
    "labels": ({"k": "Host(`a`) $$"}, ["a=b", "traefik.enable=true"]),
    "logging": ({"driver": "syslog", "options": {"tag": "$${x}", "max-size": "1m"}},),
    "networks": (["back"], {"back": {"aliases": ["shop"]}, "default": None}),
    "restart": ("always", "no", "on-failure:3"),
    "security_opt": (["no-new-privileges:true"], ["label:disable"]),
    "stop_grace_period": ("1m30s",),
    "tmpfs": ("/run", ["/tmp:size=9m", "/run"]),
}
PORTS: tuple[list[Any], ...] = (
    [],
    ["8000:8000"],
    ["${PORT:-8000}:8000", "127.0.0.1:9000:9000"],
    [{"target": 8000, "published": "80"}],
    [8000],
    ["[::1]:8002:8000", "9000-9001:9000-9001", "8125:8125/udp"],
)
STORE_PORTS: tuple[list[Any], ...] = (
    [],
    ["5432:5432"],
    ["0.0.0.0:${DB_PORT:-5432}:5432/tcp"],
    [{"target": 5432, "published": "5432"}],
    [5432],
    ["127.0.0.1::5432"],
)
NAMES = ("web", "app-1", "django_app", "api.v1")


@dataclass(frozen=True)
class MadeUp:
    """Files of a project by name, and what the judge knows of it."""

    files: Mapping[str, bytes]
    built: frozenset[str]
    server: str
    keeps: Mapping[str, frozenset[str]] = field(default_factory=dict)
    shields: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def intent(self, root: Path, mode: str, user: str) -> Intent:
        """Return what the judge knows, for a mode."""
        return Intent(
            root=root,
            built=self.built,
            servers=frozenset({self.server}),
            stores=frozenset({"db"}),
            keeps=self.shields if mode == "dev" else self.keeps,
            source=dict.fromkeys(self.built, (root, "/app")) if mode == "dev" else {},
            user=user if mode == "dev" else None,
        )


@st.composite
def compose_projects(draw: st.DrawFn) -> MadeUp:
    """Return a project that can be switched to both modes."""
    server = draw(st.sampled_from(NAMES))
    services: dict[str, Any] = {}
    keeps: dict[str, frozenset[str]] = {}
    shields: dict[str, frozenset[str]] = {}
    image = draw(st.sampled_from((None, "shop", "registry.example.org:5000/shop:${TAG:-1.0}")))
    for name in (server, *draw(st.lists(st.sampled_from(("worker", "beat-2")), unique=True))):
        services[name], keeps[name], shields[name] = draw(_application(name == server, image))
    built = frozenset(services)
    services["db"] = {"image": "postgres:15", "ports": draw(st.sampled_from(STORE_PORTS)), "volumes": ["pg:/data"]}
    services["mail"] = {"image": "axllent/mailpit", "ports": ["127.0.0.1:8025:8025"]}
    top = {"volumes": {"media": None, "static": {"name": "shared"}, "pg": {}}, "networks": {"back": None}}
    style = draw(st.sampled_from(("flow", "block", "merge", "extends")))
    files = _write(services, top, style, built)
    if draw(st.booleans()):
        files = {name: text.replace("\n", "\r\n") for name, text in files.items()}
    head = "\ufeff" if draw(st.booleans()) else ""
    files["docker-compose.yml"] = head + files["docker-compose.yml"]
    env = draw(env_files(os.getuid(), os.getgid()))
    encoded = {name: text.encode() for name, text in files.items()}
    extra = {} if env is None else {".env": env}
    return MadeUp({**encoded, **extra, "Dockerfile": DOCKERFILE.encode()}, built, server, keeps, shields)


@st.composite
def _application(
    draw: st.DrawFn, is_server: bool, image: str | None
) -> tuple[dict[str, Any], frozenset[str], frozenset[str]]:
    """Return a service that is built here, with the places of its data and of its shields."""
    data = draw(st.lists(st.sampled_from(sorted(DATA)), unique=True, max_size=3))
    shields = draw(st.lists(st.sampled_from(sorted(SHIELDS)), unique=True, max_size=1))
    mounts = draw(st.permutations([*(DATA[at] for at in data), *(SHIELDS[at] for at in shields)]))
    mounts = [*mounts]
    mounts.insert(draw(st.integers(0, len(mounts))), draw(st.sampled_from(SOURCES)))
    values: dict[str, Any] = {"volumes": mounts}
    for key in draw(st.lists(st.sampled_from(sorted(OWN_WORDS)), unique=True, max_size=4)):
        values[key] = draw(st.sampled_from(OWN_WORDS[key]))
    if "deploy" not in values and draw(st.integers(0, 4)) == 0:
        values.update(mem_limit="300m", pids_limit=7)
    if image is not None:
        values["image"] = image
    if is_server or image is None or draw(st.booleans()):
        values["build"] = "."
    if command := draw(st.sampled_from(SERVERS if is_server else WORKERS)):
        values["command"] = command
    if environment := draw(st.sampled_from(ENVIRONMENTS)):
        values["environment"] = environment
    if is_server and (ports := draw(st.sampled_from(PORTS))):
        values["ports"] = ports
    if not is_server and draw(st.integers(0, 3)) == 0:
        values["profiles"] = ["background"]
    return values, frozenset(data), frozenset(shields)


def _write(services: dict[str, Any], top: dict[str, Any], style: str, built: frozenset[str]) -> dict[str, str]:
    """Return the compose files; `merge` and `extends` say build and volumes of the built services elsewhere."""
    if style == "flow":
        return {"docker-compose.yml": json.dumps({"services": services, **top}, ensure_ascii=False)}
    head = ""
    common: dict[str, Any] = {}
    lines = ["services:"]
    for number, (name, values) in enumerate(services.items()):
        own = dict(values)
        lines.append(f"  {name}:")
        if name in built and style != "block":
            shared = {key: own.pop(key) for key in ("build", "volumes") if key in own}
            if style == "merge":
                head += f"x-base-{number}: &base{number}\n{_block(shared, 2)}\n"
                lines.append(f"    <<: [*base{number}]")
            else:
                common[f"base-{number}"] = shared
                lines.append(f"    extends: {{file: common.yml, service: base-{number}}}")
        lines.append(_block(own, 4) + "  # end of the service")
    lines.append(_block(top, 0))
    files = {"docker-compose.yml": head + "\n".join(lines) + "\n"}
    if common:
        files["common.yml"] = json.dumps({"services": common})
    return files


def _block(values: dict[str, Any], indent: int) -> str:
    pad = " " * indent
    lines = []
    for key, value in values.items():
        if isinstance(value, list) and value:
            lines += [f"{pad}{key}:  # a list", *(f"{pad}- {json.dumps(item, ensure_ascii=False)}" for item in value)]
        else:
            lines.append(f"{pad}{key}: {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines)


_KEYS = ("A", "SECRET_KEY", "MY_COMPOSE_FILE", "COMPOSE_FILES", "DOCKERTOOLS_UID_X", "DB.HOST", "_x1")
_OWNED = (("COMPOSE_FILE", "docker-compose.yml"),) * 3
_VALUES = (
    "", "plain", "a b c", "'single # quoted'", '"double \\" quoted"', "x # comment", "x#y", "žluť🐎", "${OTHER:-d}",
    "'two\nCOMPOSE_FILE=inside.yml\nlines'", '"\n\nDOCKERTOOLS_UID=9\n"', "a=b=c", "trailing  ", '"tab\there"',
)  # fmt: skip
_COMMENTS = ("# COMPOSE_FILE=commented.yml", "#", "   # indented", "", "  ", "\t")
_QUOTES = ("", "'", '"')


@st.composite
def env_files(draw: st.DrawFn, uid: int, gid: int) -> bytes | None:
    """Return a `.env` that compose takes, or None; a COMPOSE_FILE in it names the default file, ids are as given."""
    if draw(st.integers(0, 5)) == 0:
        return None
    lines = draw(st.lists(st.one_of(st.sampled_from(_COMMENTS), _assignments()), max_size=8))
    if draw(st.integers(0, 2)) == 0:
        lines.insert(draw(st.integers(0, len(lines))), draw(_owned(uid, gid)))
    end = draw(st.sampled_from(("\n", "\r\n")))
    text = "\n".join(lines) + ("\n" if draw(st.booleans()) else "")
    head = "\ufeff" if draw(st.booleans()) else ""
    return (head + text.replace("\n", end)).encode()


@st.composite
def _assignments(draw: st.DrawFn) -> str:
    before = draw(st.sampled_from(("", "", "export ", "  ")))
    mark = draw(st.sampled_from(("=", "=", " = ", ": ")))
    return f"{before}{draw(st.sampled_from(_KEYS))}{mark}{draw(st.sampled_from(_VALUES))}"


@st.composite
def _owned(draw: st.DrawFn, uid: int, gid: int) -> str:
    key, value = draw(st.sampled_from((*_OWNED, ("DOCKERTOOLS_UID", uid), ("DOCKERTOOLS_GID", gid))))
    quote = draw(st.sampled_from(_QUOTES))
    mark = draw(st.sampled_from(("=", " = ", ": ")))
    before = draw(st.sampled_from(("", "export ", " ")))
    return f"{before}{key}{mark}{quote}{value}{quote}{draw(st.sampled_from(('', ' # why')))}"
