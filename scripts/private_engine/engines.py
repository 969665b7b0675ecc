"""Find the engine that serves this project: the machine's own, or the private one."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.private_engine.daemon import is_running
from scripts.private_engine.processes import capture

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scripts.private_engine.layout import Layout


@dataclass(frozen=True)
class Engine:
    """An engine that answers, and the environment in which its client is to run."""

    is_private: bool
    address: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Probe:
    """What asking the machine's own engine gave: an empty complaint means that it serves."""

    complaint: str


def private_exports(layout: Layout, path: str) -> dict[str, str]:
    """Return the variables that lead a client to the private engine; its programs come first on PATH, once."""
    programs = str(layout.prefix / "usr/bin")
    others = [folder for folder in path.split(":") if folder != programs]
    return {
        "DOCKER_HOST": f"unix://{layout.socket}",
        "DOCKER_CONFIG": str(layout.client_configuration),
        "PATH": ":".join((programs, *others)),
    }


def render_exports(exports: Mapping[str, str]) -> str:
    """Return lines for a POSIX shell's eval."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in exports.items())


def without_private(layout: Layout, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment as it was before `env` was evaluated, to see the machine's own engine again."""
    if environment.get("DOCKER_HOST") != f"unix://{layout.socket}":
        return dict(environment)
    programs = str(layout.prefix / "usr/bin")
    kept = {name: value for name, value in environment.items() if name not in {"DOCKER_HOST", "DOCKER_CONFIG"}}
    kept["PATH"] = ":".join(folder for folder in kept.get("PATH", "").split(":") if folder != programs)
    return kept


def probe_engine(environment: Mapping[str, str]) -> Probe:
    """Ask client, engine, buildx and compose in turn; all four must answer."""
    for argv in (
        ("docker", "version", "--format", "{{.Server.Version}}"),
        ("docker", "buildx", "version"),
        ("docker", "compose", "version"),
    ):
        answer = capture(argv, environment=environment, timeout=20)
        if answer.returncode:
            command = " ".join(argv).partition(" --")[0]
            said = (answer.stderr or answer.stdout).strip().splitlines() or [f"exit code {answer.returncode}"]
            return Probe(f"`{command}` failed: {said[0]}")
    return Probe("")


def find_engine(layout: Layout, environment: Mapping[str, str]) -> tuple[Engine | None, Probe]:
    """Return the engine to use, if one answers: one named by DOCKER_HOST, the private one, the machine's own."""
    machine_environment = without_private(layout, environment)
    named = machine_environment.get("DOCKER_HOST", "")
    if not named and is_running(layout):
        return private_engine(layout, environment), Probe("")
    probe = probe_engine(machine_environment)
    if not probe.complaint:
        return Engine(False, named or "the client's default", machine_environment), probe
    if named and is_running(layout):
        return private_engine(layout, environment), probe
    return None, probe


def private_engine(layout: Layout, environment: Mapping[str, str]) -> Engine:
    exports = private_exports(layout, environment.get("PATH", ""))
    return Engine(True, exports["DOCKER_HOST"], {**environment, **exports})
