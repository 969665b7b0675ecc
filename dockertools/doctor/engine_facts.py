"""Ask the docker command, its plugins, and the engine."""

from __future__ import annotations

import grp
import importlib.util
import json
import os
import pwd
import re
import shutil
import socket
import stat
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from dockertools.doctor.facts import BuilderFacts, EngineFacts, EngineInfo, Plugin, Refusal, SocketFacts
from dockertools.engine import find_engine
from dockertools.errors import CouldNotRunError
from dockertools.process import Completed, run

ANSWER_SECONDS = 30.0
ENGINE_EXTRA = ("docker", "rich")
_VERSION = re.compile(r"\bv?(?P<version>\d+\.\d+[\w.+-]*)")
_VARIABLE = re.compile(r"DOCKER_\w+|BUILDX_\w+|COMPOSE_\w+|(?:https?|no|all|ftp)_proxy", re.IGNORECASE)
_SECRET_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def inspect_engine() -> EngineFacts:
    """Return what there is; nothing that is missing or refuses is an error here."""
    if shutil.which("docker") is None:
        return _unasked(_ask_engine()[0])
    refusal, version = _ask_engine()
    endpoint = _endpoint()
    return replace(
        _unasked(refusal),
        version=version,
        endpoint=endpoint,
        context=_said("docker", "context", "show"),
        socket=_inspect_socket(endpoint),
        buildx=_plugin("docker", "buildx", "version"),
        compose=_plugin("docker", "compose", "version", "--short"),
        builder=_builder() if refusal is None else None,
        info=_info() if refusal is None else None,
    )


def _unasked(refusal: Refusal | None) -> EngineFacts:
    """Return what is known without asking anybody."""
    return EngineFacts(
        command=shutil.which("docker"),
        refusal=refusal,
        version=None,
        endpoint=os.environ.get("DOCKER_HOST", ""),
        context="",
        chosen_context=_chosen_context(),
        variables=docker_variables(os.environ),
        socket=None,
        buildx=Plugin(None),
        compose=Plugin(None),
        builder=None,
        info=None,
        missing_packages=tuple(name for name in ENGINE_EXTRA if importlib.util.find_spec(name) is None),
    )


def unasked_engine() -> EngineFacts:
    """Return the facts for checks that look at no engine."""
    return _unasked(Refusal("not-asked", "No check that runs needs the engine.", ""))


def docker_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the docker command obeys, passwords of proxies taken out."""
    return {
        name: _SECRET_URL.sub("***", value)
        for name, value in sorted(environment.items())
        if value and _VARIABLE.fullmatch(name)
    }


def client_folder() -> Path:
    """Return the folder of the docker command's configuration."""
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def ask(argv: Sequence[str], *, timeout: float = ANSWER_SECONDS) -> Completed:
    """Run a command and return what it said; one that is missing or hangs says so on standard error."""
    try:
        return run(argv, timeout=timeout)
    except CouldNotRunError as error:
        return Completed(-1, "", error.message)


def meant_lines(text: str) -> list[str]:
    """Return the lines that say what happened, without the warnings that the docker command puts before them."""
    lines = [line.strip() for line in text.strip().splitlines()]
    return [line for line in lines if line and not line.lower().startswith("warning:")]


def parse_version(text: str) -> str | None:
    """Return the first version in a line such as `github.com/docker/buildx v0.29.1 abc`."""
    match = _VERSION.search(text)
    return match["version"] if match else None


def _ask_engine() -> tuple[Refusal | None, str | None]:
    try:
        return None, find_engine().version
    except CouldNotRunError as error:
        return Refusal(error.code, error.message, error.hint), None


def _said(*argv: str) -> str:
    done = ask(argv)
    return done.stdout.strip() if done.returncode == 0 else ""


def _plugin(*argv: str) -> Plugin:
    done = ask(argv)
    lines = meant_lines(done.stderr or done.stdout)
    if done.returncode:
        return Plugin(None, lines[0] if lines else f"exit code {done.returncode}")
    return Plugin(parse_version(done.stdout) or done.stdout.strip())


def _endpoint() -> str:
    return os.environ.get("DOCKER_HOST") or _said(
        "docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"
    )


def _chosen_context() -> str:
    try:
        document = json.loads((client_folder() / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(document.get("currentContext") or "") if isinstance(document, dict) else ""


def _inspect_socket(endpoint: str) -> SocketFacts | None:
    path = endpoint.removeprefix("unix://")
    if path == endpoint:
        return None
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return SocketFacts(
        path=path,
        owner=_user_name(status.st_uid),
        group=_group_name(status.st_gid),
        mode=stat.filemode(status.st_mode),
        user=_user_name(os.geteuid()),
        groups=tuple(_group_name(number) for number in os.getgroups()),
    )


def _user_name(number: int) -> str:
    with suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return str(number)


def _group_name(number: int) -> str:
    with suppress(KeyError):
        return grp.getgrgid(number).gr_name
    return str(number)


def _builder() -> BuilderFacts:
    done = ask(("docker", "buildx", "inspect"))
    if done.returncode:
        return BuilderFacts(os.environ.get("BUILDX_BUILDER", ""), "", "", done.stderr.strip())
    return make_builder(done.stdout)


def make_builder(text: str) -> BuilderFacts:
    """Return the builder that `docker buildx inspect` describes; a remote one that is not active does not answer."""
    values: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon and not key.startswith(" "):
            values.setdefault(key.strip(), []).append(value.strip())
    driver = values.get("Driver", [""])[0]
    statuses = ", ".join(sorted(set(values.get("Status", ["unknown"]))))
    problem = "; ".join(values.get("Error", []))
    if driver == "remote" and "running" not in statuses and not problem:
        problem = f"{', '.join(values.get('Endpoint', []))} does not answer"
    return BuilderFacts(values.get("Name", [""])[0], driver, statuses, problem)


def _info() -> EngineInfo | None:
    begin = time.time()
    done = ask(("docker", "info", "--format", "{{json .}}"))
    end = time.time()
    try:
        document = json.loads(done.stdout)
    except ValueError:
        return None
    return make_info(document, (begin + end) / 2, (end - begin) / 2)


def make_info(document: Mapping[str, Any], asked_at: float, error: float) -> EngineInfo:
    """Return what the engine said of itself, asked at a time (seconds since the epoch) known to within `error`."""
    store = Path(str(document.get("DockerRootDir", "")))
    options = [str(option) for option in document.get("SecurityOptions") or ()]
    return EngineInfo(
        name=str(document.get("Name", "")),
        system=str(document.get("OperatingSystem", "")),
        store=store,
        is_here=document.get("Name") == socket.gethostname() and store.is_dir(),
        is_rootless=any("rootless" in option for option in options),
        skew=_seconds(str(document.get("SystemTime", "")), asked_at) - asked_at,
        skew_error=error,
        proxies={
            name: _SECRET_URL.sub("***", str(document[key]))
            for name, key in (("http", "HttpProxy"), ("https", "HttpsProxy"), ("no", "NoProxy"))
            if document.get(key)
        },
    )


def _seconds(text: str, otherwise: float) -> float:
    """Return an engine's time as seconds since the epoch; fractions have nine digits, of which Python reads six."""
    match = re.fullmatch(r"(?P<time>[\d-]+T[\d:]+)(?P<fraction>\.\d+)?(?P<zone>Z|[+-]\d\d:\d\d)", text)
    if match is None:
        return otherwise
    whole = datetime.fromisoformat(match["time"] + match["zone"].replace("Z", "+00:00"))
    return whole.timestamp() + float(match["fraction"] or 0)
