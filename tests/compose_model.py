"""What `docker compose config` says of a project, and what its containers see.

Nothing of dockertools is used here.
"""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

Model = dict[str, Any]
Service = Mapping[str, Any]


class ComposeRefusedError(Exception):
    """Compose does not take the project."""


def read_model(folder: Path, env: Mapping[str, str] | None = None) -> Model:
    """Return what compose makes of the project in `folder`, services of all profiles included.

    Raises ComposeRefusedError with what compose said.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_")}
    argv = ("docker", "compose", "--profile", "*", "config", "--format", "json")
    done = subprocess.run(argv, cwd=folder, env={**kept, **(env or {})}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ComposeRefusedError(done.stderr.strip())
    model: Model = json.loads(done.stdout)
    return model


def seen_at(model: Model, name: str, place: str) -> Path | None:
    """Return the folder of the host that a service has at `place`, None when it is the image's own."""
    wanted = PurePosixPath(place)
    found = [(len(target), host, target) for host, target in host_mounts(model, name) if wanted.is_relative_to(target)]
    if not found:
        return None
    longest = max(length for length, _, _ in found)
    _, host, target = next(mount for mount in reversed(found) if mount[0] == longest)
    return host / wanted.relative_to(target)


def host_mounts(model: Model, name: str) -> Iterator[tuple[Path, str]]:
    """Yield the host's paths with the places they are seen at, also those of other services and of named volumes."""
    values = services_of(model)[name]
    for mount in values.get("volumes") or ():
        options = part_of((model.get("volumes") or {}).get(mount.get("source")), "driver_opts") or {}
        if mount["type"] == "bind":
            yield resolved(Path(mount["source"])), target_of(mount)
        elif "bind" in str(options.get("o", "")).split(","):
            yield resolved(Path(options["device"])), target_of(mount)
    for other in values.get("volumes_from") or ():
        if (parent := other.partition(":")[0]) in services_of(model):
            yield from host_mounts(model, parent)


def services_of(model: Model) -> dict[str, dict[str, Any]]:
    """Return the services without the keys that are null, which compose writes or not."""
    return {
        name: {key: value for key, value in values.items() if value is not None}
        for name, values in (model.get("services") or {}).items()
    }


def target_of(mount: Mapping[str, Any]) -> str:
    return str(mount["target"]).rstrip("/") or "/"


def resolved(path: Path) -> Path:
    return Path(os.path.realpath(path))


def part_of(values: Any, key: str) -> Any:
    return (values or {}).get(key)


def with_build(model: Model, names: Iterable[str]) -> list[str]:
    """Return those of the services that build their image themselves."""
    return [name for name in sorted(names) if "build" in services_of(model).get(name, {})]


def builds_of(model: Model, names: Iterable[str]) -> list[tuple[str, Any]]:
    """Return those services with how they build."""
    return [(name, services_of(model)[name]["build"]) for name in with_build(model, names)]


def image_of(model: Model, name: str) -> str:
    """Return the name of a service's image, compose's own where it has none."""
    image = services_of(model)[name].get("image")
    return str(image) if image else f"{model.get('name')}-{name}"


def without(values: Any, key: str) -> dict[str, Any]:
    """Return a mapping, None among them, without a key."""
    return {name: value for name, value in (values or {}).items() if name != key}


def is_loopback(port: Mapping[str, Any]) -> bool:
    """Return whether a published port can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(port.get("host_ip", "")).is_loopback
    except ValueError:
        return False


def holds(new: Any, old: Any) -> bool:
    """Return whether all of `old` is in `new`."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(holds(new.get(key), value) for key, value in old.items())
    return bool(new == old)
