"""What will run, service by service: of the mode in force or of a planned one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockertools.compose.classify import Member, Project, bind_source, with_tag
from dockertools.compose.config import Port
from dockertools.errors import CouldNotRunError
from dockertools.process import run


@dataclass(frozen=True)
class SourceMount:
    """Code of this machine in a container; both paths are absolute."""

    source: str
    target: str


@dataclass(frozen=True)
class ServiceView:
    """One service as it will run; `command` is the image's own where the service has none."""

    name: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    source_mounts: tuple[SourceMount, ...]
    syncs: bool
    """Whether `docker compose watch` copies code into it."""
    ports: tuple[Port, ...]
    restart: str | None
    healthcheck: bool


@dataclass(frozen=True)
class ImageDefaults:
    """What an image runs by itself."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    healthcheck: bool = False


def view_services(project: Project, profiles: frozenset[str], *, asks_engine: bool = True) -> tuple[ServiceView, ...]:
    """Return the services that are on with these profiles; without an engine, images from elsewhere stay unknown."""
    members = [member for member in project.members if is_on(member, profiles)]
    foreign = {member.facts.image for member in members if member.recipe is None and member.facts.image}
    images = read_images(sorted(foreign)) if asks_engine and foreign else {}
    return tuple(_view(member, project, images) for member in members)


def is_on(member: Member, profiles: frozenset[str]) -> bool:
    """Return whether `docker compose up` starts the service with these profiles."""
    return not member.facts.profiles or bool(profiles & {*member.facts.profiles}) or "*" in profiles


def read_images(names: Iterable[str]) -> Mapping[str, ImageDefaults]:
    """Return what the images run by themselves, of those that the engine has; empty when no engine answers."""
    try:
        done = run(("docker", "image", "inspect", "--format", "{{json .}}", *names), timeout=10)
    except CouldNotRunError:
        return {}
    found: dict[str, ImageDefaults] = {}
    for line in filter(None, done.stdout.splitlines()):
        image = json.loads(line)
        found.update(dict.fromkeys(image.get("RepoTags") or (), _defaults(image.get("Config") or {})))
    return found


def _defaults(config: Mapping[str, Any]) -> ImageDefaults:
    test = (config.get("Healthcheck") or {}).get("Test") or ["NONE"]
    return ImageDefaults(tuple(config.get("Entrypoint") or ()), tuple(config.get("Cmd") or ()), test[0] != "NONE")


def _view(member: Member, project: Project, images: Mapping[str, ImageDefaults]) -> ServiceView:
    facts = member.facts
    image = _image_defaults(member, images)
    own_entrypoint = facts.entrypoint is not None
    mounts = ((bind_source(facts.mounts[at], project.facts), facts.mounts[at].target) for at in member.code)
    return ServiceView(
        name=member.name,
        entrypoint=facts.entrypoint if facts.entrypoint is not None else image.entrypoint,
        command=facts.command if facts.command is not None else () if own_entrypoint else image.command,
        source_mounts=tuple(SourceMount(str(source), target) for source, target in mounts),
        syncs=bool((facts.values.get("develop") or {}).get("watch")),
        ports=facts.ports,
        restart=facts.restart,
        healthcheck=_is_checked(facts.healthcheck, image),
    )


def _image_defaults(member: Member, images: Mapping[str, ImageDefaults]) -> ImageDefaults:
    if member.recipe is not None:
        return ImageDefaults(member.recipe.entrypoint, member.recipe.command, member.recipe.has_healthcheck)
    return images.get(with_tag(member.facts.image or ""), ImageDefaults())


def _is_checked(own: Mapping[str, Any] | None, image: ImageDefaults) -> bool:
    if own is None:
        return image.healthcheck
    test = own.get("test")
    return not own.get("disable") and test not in (["NONE"], "NONE") and (bool(test) or image.healthcheck)


def relative(path: str, root: Path) -> str:
    """Return a path as a person would name it from the project's folder."""
    try:
        text = Path(path).relative_to(root.resolve()).as_posix()
    except ValueError:
        return path
    return "." if text == "." else f"./{text}"
