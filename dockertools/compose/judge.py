"""Whether what compose makes of a mode's files is what the mode means. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dockertools.compose import commands
from dockertools.compose.classify import Member, Project, Role, bind_source
from dockertools.compose.overlay import Overlay
from dockertools.compose.profiles import is_off


def production_faults(project: Project) -> list[str]:
    """Return why this is no production, in words; empty when it is one."""
    return [
        f"{member.name}: {fault}"
        for member in project.members
        if not is_off(member, "prod")
        for fault in _member_faults(member, project)
    ]


def _member_faults(member: Member, project: Project) -> Iterator[str]:
    for position in member.code:
        mount = member.facts.mounts[position]
        yield f"it mounts {_shown(bind_source(mount, project.facts), project.root)} on {mount.target}"
    if not (member.is_project or member.role is Role.SERVER):
        return
    text = " ".join(member.argv)
    if commands.is_development_server(text):
        yield f"it runs a development server: {text}"
    for word, script in member.scripts:
        if commands.is_development_server(script) and not commands.PRODUCTION_SERVER.search(script):
            yield f"{word} starts a development server"
    if member.role is Role.SERVER and member.recipe and not member.recipe.is_opaque and not member.recipe.copied:
        yield "its image holds no code: its Dockerfile copies nothing"


def is_development(project: Project) -> bool:
    """Return whether source is mounted or synced, or a server reloads."""
    return any(
        member.code
        or (member.facts.values.get("develop") or {}).get("watch")
        or commands.is_development_server(member.text)
        for member in project.members
    )


def overlay_faults(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]], overlay: Overlay
) -> list[str]:
    """Return what compose changed beside what the overlay says: services and keys that differ without being named.

    `before` and `after` are the services as compose shows them.
    """
    named = {service.name: {entry.key for entry in service.part.entries} for service in overlay.services}
    new = {service.name for service in overlay.services if service.is_new}
    faults = [f"the service {name} is gone" for name in before if name not in after]
    for name, values in after.items():
        old = before.get(name)
        if old is None:
            faults += [] if name in new else [f"the service {name} is new"]
            continue
        changed = {key for key in {*old, *values} if old.get(key) != values.get(key)}
        faults += [f"{name}: {key} changed" for key in sorted(changed - named.get(name, set()))]
    return faults


def lost_mounts(before: Project, after: Project) -> list[str]:
    """Return mounts that are no code and yet are gone, or became others."""
    faults = []
    for member in before.members:
        gone = {*member.code, *member.shields}
        kept = {mount for position, mount in enumerate(member.facts.mounts) if position not in gone}
        now = set(after.member(member.name).facts.mounts)
        faults += [f"{member.name}: the mount on {mount.target} is lost" for mount in kept - now]
    return sorted(faults)


def _shown(path: Path | None, root: Path) -> str:
    return "this folder's code" if path is None else Path(os.path.relpath(path, root)).as_posix()
