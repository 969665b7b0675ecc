"""Find the engine that serves this project: the machine's own, or the private one."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.private_engine.daemon import is_answering, is_running
from scripts.private_engine.processes import capture

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scripts.private_engine.layout import Layout

SYSTEM_SOCKET = "/var/run/docker.sock"
DEFAULT_ADDRESS = "the client's default"


@dataclass(frozen=True)
class Engine:
    """An engine that answers, the variables that lead a shell to it, and the environment in which its client runs."""

    is_private: bool
    address: str
    exports: dict[str, str]
    environment: dict[str, str]


@dataclass(frozen=True)
class Probe:
    """What asking the machine's own engine gave: without a complaint it serves as it is."""

    complaint: str
    is_engine_there: bool


def client_exports(layout: Layout, path: str) -> dict[str, str]:
    """Return the variables that give a shell the private client with its plugins: first on PATH, once."""
    programs = str(layout.prefix / "usr/bin")
    others = [folder for folder in path.split(":") if folder != programs]
    return {"DOCKER_CONFIG": str(layout.client_configuration), "PATH": ":".join((programs, *others))}


def private_exports(layout: Layout, path: str) -> dict[str, str]:
    """Return the variables that lead a shell to the private engine."""
    return {"DOCKER_HOST": f"unix://{layout.socket}", **client_exports(layout, path)}


def render_exports(exports: Mapping[str, str]) -> str:
    """Return lines for a POSIX shell's eval."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in exports.items())


def without_private(layout: Layout, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment as it was before `env` was evaluated, to see the machine's own engine again."""
    ours = private_exports(layout, "")
    kept = {name: value for name, value in environment.items() if name == "PATH" or ours.get(name) != value}
    programs = str(layout.prefix / "usr/bin")
    return {**kept, "PATH": ":".join(folder for folder in kept.get("PATH", "").split(":") if folder != programs)}


def probe_engine(environment: Mapping[str, str]) -> Probe:
    """Ask engine, buildx and compose through the client; all must answer."""
    for argv in (
        ("docker", "version", "--format", "{{.Server.Version}}"),
        ("docker", "buildx", "version"),
        ("docker", "compose", "version"),
    ):
        answer = capture(argv, environment=environment, timeout=20)
        if answer.returncode:
            command = " ".join(argv).partition(" --")[0]
            said = (answer.stderr or answer.stdout).strip().splitlines() or [f"exit code {answer.returncode}"]
            return Probe(f"`{command}` failed: {said[0]}", argv[1] != "version" or _is_socket_answering(environment))
    return Probe("", is_engine_there=True)


def _is_socket_answering(environment: Mapping[str, str]) -> bool:
    """Ask the engine itself where there is no client to ask it."""
    address = environment.get("DOCKER_HOST") or f"unix://{SYSTEM_SOCKET}"
    return address.startswith("unix://") and is_answering(Path(address.removeprefix("unix://")))


def find_engine(layout: Layout, environment: Mapping[str, str]) -> tuple[Engine | None, Probe]:
    """Return the engine to use, if one serves: one named by DOCKER_HOST, the private one, the machine's own.

    An engine whose client lacks plugins serves through the private client, once its packages are there.
    """
    own = without_private(layout, environment)
    named = own.get("DOCKER_HOST", "")
    if not named and is_running(layout):
        return private_engine(layout, own), Probe("", is_engine_there=True)
    probe = probe_engine(own)
    if not probe.complaint:
        return Engine(False, named or DEFAULT_ADDRESS, {}, own), probe
    if probe.is_engine_there and layout.prefix.is_dir():
        exports = client_exports(layout, own["PATH"])
        client = {**own, **exports}
        if not probe_engine(client).complaint:
            return Engine(False, named or DEFAULT_ADDRESS, exports, client), probe
    if named and is_running(layout):
        return private_engine(layout, own), probe
    return None, probe


def private_engine(layout: Layout, environment: Mapping[str, str]) -> Engine:
    exports = private_exports(layout, environment["PATH"])
    return Engine(True, exports["DOCKER_HOST"], exports, {**environment, **exports})
