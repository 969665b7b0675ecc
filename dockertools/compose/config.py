"""What a compose project is, as `docker compose config` reads it: the only reader of compose files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dockertools.compose.errors import explain_failure
from dockertools.process import run

TIMEOUT_SECONDS = 60.0
_CONFIG = ("docker", "compose", "--profile", "*", "config", "--format", "json")
"""All profiles: a service that is off today is on in somebody's `--profile`."""
_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class BuildSecret:
    """A secret that a build may read: from a file, or from an environment variable."""

    id: str
    file: Path | None = None
    environment: str | None = None


@dataclass(frozen=True)
class BuildFacts:
    """How an image is built; paths are absolute, an argument taken from an unset variable is absent."""

    context: str
    dockerfile: str = "Dockerfile"
    dockerfile_inline: str | None = None
    target: str | None = None
    args: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    secrets: tuple[BuildSecret, ...] = ()
    platforms: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    additional_contexts: Mapping[str, str] = field(default_factory=dict)
    network: str | None = None
    no_cache: bool = False
    pull: bool = False

    @property
    def is_local(self) -> bool:
        """Whether the context is a folder of this machine, not a repository or an archive from elsewhere."""
        return Path(self.context).is_absolute()

    @property
    def dockerfile_path(self) -> Path:
        """Where the Dockerfile is."""
        return Path(self.context) / self.dockerfile


@dataclass(frozen=True)
class Mount:
    """One entry of `volumes`; a bind's source is absolute, a volume's is its name or None when it has none."""

    kind: str
    source: str | None
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class Port:
    """One published port; an empty `host_ip` is every address of the host, `published` None is any free port."""

    host_ip: str
    published: str | None
    target: int
    protocol: str = "tcp"


@dataclass(frozen=True)
class ServiceFacts:
    """One service with everything merged and interpolated; `values` is all that compose says about it."""

    name: str
    image: str | None
    build: BuildFacts | None
    command: tuple[str, ...] | None
    entrypoint: tuple[str, ...] | None
    environment: Mapping[str, str | None] = field(repr=False)
    mounts: tuple[Mount, ...]
    ports: tuple[Port, ...]
    restart: str | None
    healthcheck: Mapping[str, Any] | None
    profiles: tuple[str, ...]
    depends_on: Mapping[str, str]
    working_dir: str | None
    values: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class ComposeFacts:
    """A compose project: `folder` is where compose was run, `volumes` the named ones with their options."""

    name: str
    folder: Path
    files: tuple[str, ...] | None
    services: Mapping[str, ServiceFacts]
    volumes: Mapping[str, Mapping[str, Any]]


def read_compose_config(
    root: Path, files: Sequence[str] | None = None, env: Mapping[str, str] | None = None
) -> ComposeFacts:
    """Return the project that compose finds in `root`, or that `files` (relative to it) make, all profiles on.

    `env` is added to the environment. Values are interpolated: they can be secrets.
    Raises DockertoolsError for what compose refuses, CouldNotRunError when there is no compose.
    """
    document = _read(_CONFIG, root, files, env)
    secrets = document.get("secrets") or _NONE
    return ComposeFacts(
        name=document.get("name", ""),
        folder=root,
        files=None if files is None else tuple(files),
        services={
            name: _service(name, values, secrets) for name, values in sorted((document.get("services") or {}).items())
        },
        volumes={name: values or {} for name, values in (document.get("volumes") or {}).items()},
    )


def read_compose_source(
    root: Path, files: Sequence[str], env: Mapping[str, str] | None = None
) -> Mapping[str, Mapping[str, Any]]:
    """Return each service as its author wrote it: merged, but `${VARIABLES}` and relative paths left alone.

    Raises as `read_compose_config` does.
    """
    argv = (*_CONFIG, "--no-interpolate", "--no-path-resolution", "--no-env-resolution")
    return _read(argv, root, files, env).get("services") or {}


def compose_environment(files: Sequence[str], env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables that make compose take `files`, as `.env` would.

    Not `-f`: with that option compose ignores the `.env` of the folder it is run in.
    """
    separator = next(mark for mark in (os.pathsep, "|", "\n") if not any(mark in name for name in files))
    return {**(env or {}), "COMPOSE_FILE": separator.join(files), "COMPOSE_PATH_SEPARATOR": separator}


def _read(
    argv: tuple[str, ...], root: Path, files: Sequence[str] | None, env: Mapping[str, str] | None
) -> dict[str, Any]:
    variables = dict(env or {}) if files is None else compose_environment(files, env)
    done = run(argv, cwd=root, env=variables, timeout=TIMEOUT_SECONDS)
    if done.returncode:
        raise explain_failure(done.stderr, root)
    document: dict[str, Any] = json.loads(done.stdout)
    # Compose escapes each dollar, so that its output could be read as a compose file again.
    return document if "--no-interpolate" in argv else _unescape(document)


def _unescape(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, list):
        return [_unescape(item) for item in value]
    if isinstance(value, dict):
        return {key: _unescape(item) for key, item in value.items()}
    return value


def _service(name: str, values: Mapping[str, Any], secrets: Mapping[str, Any]) -> ServiceFacts:
    return ServiceFacts(
        name=name,
        image=values.get("image"),
        build=_build(values["build"], secrets) if values.get("build") else None,
        command=_words(values.get("command")),
        entrypoint=_words(values.get("entrypoint")),
        environment=values.get("environment") or {},
        mounts=tuple(_mount(entry) for entry in values.get("volumes") or ()),
        ports=tuple(_port(entry) for entry in values.get("ports") or ()),
        restart=_restart(values),
        healthcheck=values.get("healthcheck"),
        profiles=tuple(values.get("profiles") or ()),
        depends_on={other: how["condition"] for other, how in (values.get("depends_on") or {}).items()},
        working_dir=values.get("working_dir"),
        values=values,
    )


def _words(value: list[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)


def _restart(values: Mapping[str, Any]) -> str | None:
    policy = ((values.get("deploy") or {}).get("restart_policy") or {}).get("condition")
    restart: str | None = values.get("restart") or policy
    return {"any": "always", "none": "no"}.get(restart, restart) if restart else None


def _build(values: Mapping[str, Any], secrets: Mapping[str, Any]) -> BuildFacts:
    return BuildFacts(
        context=values.get("context", ""),
        dockerfile=values.get("dockerfile", "Dockerfile"),
        dockerfile_inline=values.get("dockerfile_inline"),
        target=values.get("target"),
        args=values.get("args") or {},
        secrets=tuple(_build_secret(entry, secrets) for entry in values.get("secrets") or ()),
        platforms=tuple(values.get("platforms") or ()),
        labels=values.get("labels") or {},
        tags=tuple(values.get("tags") or ()),
        ssh=_ssh(values.get("ssh")),
        cache_from=tuple(values.get("cache_from") or ()),
        cache_to=tuple(values.get("cache_to") or ()),
        additional_contexts=values.get("additional_contexts") or {},
        network=values.get("network"),
        no_cache=bool(values.get("no_cache")),
        pull=bool(values.get("pull")),
    )


def _ssh(value: Any) -> tuple[str, ...]:
    entries = value.items() if isinstance(value, Mapping) else ((entry, None) for entry in value or ())
    return tuple(f"{key}={path}" if path else str(key) for key, path in entries)


def _build_secret(entry: Mapping[str, Any], secrets: Mapping[str, Any]) -> BuildSecret:
    definition = secrets.get(entry["source"]) or {}
    file = definition.get("file")
    return BuildSecret(
        id=entry.get("target") or entry["source"],
        file=Path(file) if file else None,
        environment=definition.get("environment"),
    )


def _mount(entry: Mapping[str, Any]) -> Mount:
    return Mount(entry["type"], entry.get("source"), entry.get("target", ""), bool(entry.get("read_only")))


def _port(entry: Mapping[str, Any]) -> Port:
    return Port(entry.get("host_ip", ""), entry.get("published"), entry["target"], entry.get("protocol", "tcp"))
