"""Read the configuration of the docker command and of the engine, and try the credentials helpers."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dockertools.doctor.engine_facts import ask, client_folder
from dockertools.doctor.facts import ClientFacts, ConfigFile, HelperFacts

HELPER_SECONDS = 20.0


def inspect_client() -> ClientFacts:
    """Return the configuration files that there are, and what the helpers answer; no secrets."""
    client = read_config(client_folder() / "config.json")
    return ClientFacts(
        client=client,
        daemons=tuple(read_config(path) for path in daemon_files()),
        helpers=tuple(_try_helpers(client.document or {})),
    )


def daemon_files() -> tuple[Path, ...]:
    """Return where an engine on this machine is configured: installed, rootless, and Docker Desktop.

    https://docs.docker.com/engine/daemon/#configuration-file
    """
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return (Path("/etc/docker/daemon.json"), Path(config) / "docker/daemon.json", Path.home() / ".docker/daemon.json")


def read_config(path: Path) -> ConfigFile:
    """Return the file; one that is not there has neither a document nor a problem."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ConfigFile(path, None)
    except (OSError, UnicodeDecodeError) as error:
        return ConfigFile(path, None, (error.strerror if isinstance(error, OSError) else None) or "it is not UTF-8")
    if not text.strip():
        return ConfigFile(path, {})
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        return ConfigFile(path, None, f"it is not JSON: {error}")
    return ConfigFile(path, document) if isinstance(document, dict) else ConfigFile(path, None, "it is no JSON object")


def _try_helpers(document: Mapping[str, Any]) -> Iterator[HelperFacts]:
    named = [("", document.get("credsStore"))]
    if isinstance(document.get("credHelpers"), dict):
        named += sorted(document["credHelpers"].items())
    for registry, name in named:
        if isinstance(name, str) and name:
            yield _try_helper(name, registry)


def _try_helper(name: str, registry: str) -> HelperFacts:
    program = f"docker-credential-{name}"
    command = shutil.which(program)
    if command is None:
        return HelperFacts(name, registry, None)
    done = ask((program, "list"), timeout=HELPER_SECONDS)
    lines = (done.stderr or done.stdout).strip().splitlines()
    problem = (lines[0] if lines else f"exit code {done.returncode}") if done.returncode else ""
    return HelperFacts(name, registry, command, problem)
