"""The mode, and a switch of it, as a document and as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockertools.compose.config import Port
from dockertools.compose.env_file import changed_lines
from dockertools.compose.plan import Plan
from dockertools.compose.show import ServiceView, relative

WIDTH = 13


@dataclass(frozen=True)
class ModeReport:
    """Everything there is to tell. `written` are the files with what became of them."""

    mode: str
    found_by: str
    files: tuple[str, ...]
    services: tuple[ServiceView, ...]
    written: tuple[tuple[str, str], ...] = ()
    changed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    diff: str = ""


def mode_payload(report: ModeReport) -> dict[str, Any]:
    """Return the command's part of the JSON document."""
    return {
        "mode": report.mode,
        "found_by": report.found_by,
        "files": list(report.files),
        "services": [_service(view) for view in report.services],
        "written": [{"path": path, "action": action} for path, action in report.written],
        "changes": list(report.changed),
        "left": list(report.left),
        "diff": report.diff,
    }


def _service(view: ServiceView) -> dict[str, Any]:
    return {
        "name": view.name,
        "entrypoint": list(view.entrypoint),
        "command": list(view.command),
        "source_mounts": [{"source": mount.source, "target": mount.target} for mount in view.source_mounts],
        "syncs": view.syncs,
        "ports": [
            {"host_ip": port.host_ip, "published": port.published, "target": port.target, "protocol": port.protocol}
            for port in view.ports
        ],
        "restart": view.restart,
        "healthcheck": view.healthcheck,
    }


def written_files(plan: Plan, *, is_done: bool) -> tuple[tuple[str, str], ...]:
    """Return the files of a switch with what became, or would become, of each."""
    actions: list[tuple[str, str]] = []
    if plan.overlay is not None and plan.files.generated:
        actions.append((plan.files.generated, _action(plan.writes_overlay, plan.overlay_text is not None, is_done)))
    actions.append((".env", _action(plan.writes_env, plan.current.env_text is not None, is_done)))
    return tuple(actions)


def _action(writes: bool, is_there: bool, is_done: bool) -> str:
    if not writes:
        return "unchanged"
    return ("" if is_done else "would be ") + ("updated" if is_there else "created")


def plan_diff(plan: Plan) -> str:
    """Return the changes of both files; of .env no line but our own, since the others can be secrets."""
    lines = changed_lines(plan.current.env_text or "", plan.env_text)
    env = "".join(f"{line}\n" for line in ("--- a/.env", "+++ b/.env", *lines)) if lines else ""
    return plan.diff + env


def mode_lines(report: ModeReport, root: Path) -> Iterator[str]:
    """Yield the mode and how it was found, then what each service runs."""
    yield f"{'Mode':<{WIDTH}} {report.mode}: {report.found_by}"
    if report.files:
        yield f"{'Files':<{WIDTH}} {', '.join(report.files)}"
    for view in report.services:
        yield ""
        yield view.name
        for title, value in _rows(view, root):
            yield f"  {title:<{WIDTH - 2}} {value}"


def _rows(view: ServiceView, root: Path) -> Iterator[tuple[str, str]]:
    argv = (*view.entrypoint, *view.command)
    yield "runs", shlex.join(argv) if argv else "what its image runs"
    mounts = [f"{relative(mount.source, root)} on {mount.target}" for mount in view.source_mounts]
    yield "source", ", ".join(mounts) or ("copied in by docker compose watch" if view.syncs else "the image's own")
    yield "ports", ", ".join(_port(port) for port in view.ports) or "none"
    yield "restart", view.restart or "no"
    yield "health check", "yes" if view.healthcheck else "no"


def _port(port: Port) -> str:
    protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
    host = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip or "*"
    return f"{host}:{port.published or 'any'} -> {port.target}{protocol}"


def switch_lines(report: ModeReport) -> Iterator[str]:
    """Yield what a switch changed, and what it left alone."""
    yield f"{'Mode':<{WIDTH}} {report.mode}"
    for path, action in report.written:
        yield f"{path:<{max(WIDTH, *(len(name) for name, _ in report.written))}} {action}"
    for title, words in (("Changed", report.changed), ("Left alone", report.left)):
        if words:
            yield ""
            yield title
            yield from _grouped(words)


def _grouped(words: Sequence[str]) -> Iterator[str]:
    """Yield words on services, those that are the same for several services once."""
    by_text: dict[str, list[str]] = {}
    for text in words:
        name, mark, rest = text.partition(": ")
        by_text.setdefault(rest if mark else text, []).append(name if mark else "")
    for text, names in by_text.items():
        prefix = ", ".join(filter(None, names))
        yield f"  {prefix}: {text}" if prefix else f"  {text}"
