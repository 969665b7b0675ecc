"""All services of the project in a compose project of its own, which is gone afterwards with its volumes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dockertools.checks.checklist.states import ServiceState, Stack, read_states
from dockertools.checks.checklist.workspace import ENGINE_SECONDS, Workspace
from dockertools.checks.compose.facts import PROD, find_unset_variables, read_compose_audit
from dockertools.compose.classify import Project, Role
from dockertools.compose.config import compose_environment
from dockertools.compose.errors import explain_failure
from dockertools.errors import DockertoolsError
from dockertools.process import run, stream

START_SECONDS = 180.0
PAUSE_SECONDS = 2.0
LOG_LINES = 12
_LOOPBACK = "127.0.0.1"


def open_stack(space: Workspace) -> Stack:
    """Start the services with the image that was built, and wait for them; the workspace ends them.

    Raises DockertoolsError for what compose refuses.
    """
    root = space.config.root
    audit = read_compose_audit(space.config, PROD)
    project = audit.project
    document = isolate(read_document(root, project), project, space.production.tag, space.token)
    web, port = find_web(project, space.config.port)
    if web and not document["services"][web].get("ports"):
        document["services"][web]["ports"] = [{"target": port, "host_ip": _LOOPBACK, "protocol": "tcp"}]
    file = Path(space.copy.parent, "compose.json")
    file.write_text(json.dumps(document), encoding="utf-8")
    name = f"dockertools-checklist-{space.token}"
    compose = ("docker", "compose", "--project-name", name, "--file", str(file))
    take_down = (*compose, "down", "--volumes", "--remove-orphans", "--timeout", "2")
    space.remove_at_end(take_down, f"docker compose --project-name {name} down --volumes")
    begin = time.monotonic()
    with space.working("starting all services") as tell:
        has_started = _start(compose, tell)
        states = wait(compose, tell, START_SECONDS if has_started else 0)
    url = _url(compose, web, port) if web else None
    space.stack = Stack(states, web, url, time.monotonic() - begin)
    return space.stack


def read_document(root: Path, project: Project) -> dict[str, Any]:
    """Return the project as compose reads it, to be read by compose again; services behind profiles are left out."""
    files = project.facts.files
    variables = find_unset_variables(root, files)
    environment = variables if files is None else compose_environment(files, variables)
    done = run(("docker", "compose", "config", "--format", "json"), cwd=root, env=environment, timeout=ENGINE_SECONDS)
    if done.returncode:
        raise explain_failure(done.stderr, root)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def isolate(document: Mapping[str, Any], project: Project, image: str, token: str) -> dict[str, Any]:
    """Return the project so that it shares nothing with a running one: names, ports, volumes, networks, folders."""
    own = {member.name for member in project.members if member.is_project}
    services = {
        name: _isolate_service(values, image if name in own else None)
        for name, values in (document.get("services") or {}).items()
    }
    isolated = {key: value for key, value in document.items() if key not in ("name", "services")}
    for kind in ("volumes", "networks"):
        isolated[kind] = {
            name: {key: value for key, value in (values or {}).items() if key not in ("name", "external")}
            for name, values in (document.get(kind) or {}).items()
        }
    return {**isolated, "services": services, "x-dockertools": token}


def _isolate_service(values: Mapping[str, Any], image: str | None) -> dict[str, Any]:
    dropped = {"container_name", "hostname", "restart", "develop", *(("build", "pull_policy") if image else ())}
    service = {key: value for key, value in values.items() if key not in dropped}
    if image:
        service["image"] = image
    if ports := values.get("ports"):
        kept = [{key: port[key] for key in ("target", "protocol") if key in port} for port in ports]
        service["ports"] = [{**port, "host_ip": _LOOPBACK} for port in kept]
    if volumes := values.get("volumes"):
        service["volumes"] = [_isolate_mount(volume) for volume in volumes]
    return service


def _isolate_mount(volume: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mount that cannot change the host: a folder that could be written becomes a volume without a name."""
    if volume.get("type") != "bind" or volume.get("read_only"):
        return dict(volume)
    source = Path(volume.get("source") or "/")
    if source.is_file():
        return {**volume, "read_only": True}
    return {"type": "volume", "target": volume["target"]}


def find_web(project: Project, port: int) -> tuple[str, int]:
    """Return the service that answers over HTTP and the port it listens on; empty where there is none."""
    servers = [member for member in project.members if member.role is Role.SERVER and member.is_project]
    servers = [member for member in servers if member.facts.ports] or servers
    if not servers:
        return "", port
    ports = [item.target for item in servers[0].facts.ports]
    return servers[0].name, port if port in ports or not ports else ports[0]


def wait(compose: tuple[str, ...], tell: Callable[[], None], seconds: float) -> tuple[ServiceState, ...]:
    """Wait until no service is on its way any more, or the time is over; return what became of each."""
    deadline = time.monotonic() + seconds
    settled: tuple[ServiceState, ...] = ()
    while True:
        states = read_states(run((*compose, "ps", "--all", "--format", "json"), timeout=ENGINE_SECONDS).stdout)
        # Twice the same: what has only just been started runs, and may end a moment later.
        if time.monotonic() > deadline or (states == settled and not any(state.is_pending for state in states)):
            break
        settled = states
        tell()
        time.sleep(PAUSE_SECONDS)
    return tuple(state if state.is_well else _with_log(compose, state) for state in states)


def _with_log(compose: tuple[str, ...], state: ServiceState) -> ServiceState:
    done = run(
        (*compose, "logs", "--no-color", "--no-log-prefix", "--tail", str(LOG_LINES), state.service),
        timeout=ENGINE_SECONDS,
    )
    text = " | ".join(line.strip() for line in (done.stdout or done.stderr).splitlines() if line.strip())
    return ServiceState(state.service, state.state, state.health, state.exit_code, text[-600:])


def _start(compose: tuple[str, ...], tell: Callable[[], None]) -> bool:
    """Start what can be started, and return whether all could: a task that fails keeps back what waits for it."""
    lines: list[str] = []
    with stream((*compose, "--progress", "plain", "up", "--detach")) as program:
        for line in program.lines(tick=PAUSE_SECONDS):
            tell()
            if line:
                lines.append(line.decode(errors="replace"))
        code = program.wait()
    if code and not read_states(run((*compose, "ps", "--all", "--format", "json"), timeout=ENGINE_SECONDS).stdout):
        raise DockertoolsError(
            f"Compose could not start the project: {' '.join(lines[-3:])}",
            hint="`docker compose up` shows more.",
            code="did-not-start",
        )
    return code == 0


def _url(compose: tuple[str, ...], web: str, port: int) -> str | None:
    done = run((*compose, "port", web, str(port)), timeout=ENGINE_SECONDS)
    address = done.stdout.strip().splitlines()
    return f"http://{address[0]}" if done.returncode == 0 and address else None
