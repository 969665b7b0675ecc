"""The rules of development: this folder's code in the containers, a server that reloads, files of the caller's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from dockertools.compose import commands
from dockertools.compose.classify import Member, Project, Role, bind_source
from dockertools.compose.commands import PRODUCTION_SERVER, Words
from dockertools.compose.env_file import GID, UID
from dockertools.compose.folders import ENVIRONMENT_NAMES, holds_code
from dockertools.compose.overlay import Case, Part, Rule
from dockertools.compose.shared_rules import (
    RESET,
    debug_and_settings,
    escaped,
    ports_on_loopback,
    source_value,
    stage,
    without_mounts,
)
from dockertools.compose.yaml_text import Entry

MANIFESTS = (
    *("requirements.txt", "requirements", "pyproject.toml", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock"),
    *("pylock.toml", "setup.py", "setup.cfg", "Dockerfile"),
)
_SWITCHES_USER = re.compile(r"\b(?:gosu|su-exec|setpriv|runuser|chown|sudo|usermod)\b")
_IN_PROJECT = re.compile(r"VIRTUALENVS_IN_PROJECT|\buv\s+sync\b|\bpdm\s+(?:install|sync)\b|PIPENV_VENV_IN_PROJECT")
_IGNORED = (".git/", ".venv/", "node_modules/", "__pycache__/")
_LASTING = (Role.SERVER, Role.WORKER, Role.SCHEDULER)


def source(case: Case) -> Part:
    """Bring this folder's code into the container: mounted, or copied by `docker compose watch`."""
    if not case.member.is_python or case.member.role is Role.STORE:
        return Part()
    if case.sync == "watch":
        return _watch(case)
    if case.member.code:
        return _shield(case, [PurePosixPath(case.member.facts.mounts[at].target) for at in case.member.code], ())
    places = list(_code_places(case.member))
    if not places:
        return Part(left=("it keeps the image's code: where that lies cannot be read from its Dockerfile",))
    entries = tuple(f"{_relative(folder, case.project.root)}:{place}" for folder, place in places)
    part = _shield(case, [place for _, place in places], entries)
    words = tuple(f"{entry.replace(':', ' is mounted on ', 1)}" for entry in entries)
    return Part(part.entries, (*words, *part.changed), part.left, part.refused)


def _shield(case: Case, places: list[PurePosixPath], mounts: tuple[str, ...]) -> Part:
    """Keep the image's environment visible where it lies inside what is mounted."""
    taken = {mount.target.rstrip("/") for mount in case.member.facts.mounts}
    hidden = [
        str(path)
        for path in dict.fromkeys(_environments(case.member))
        if str(path) not in taken and any(path.is_relative_to(place) and path != place for place in places)
    ]
    entries = [*mounts, *hidden]
    if not entries:
        return Part()
    why = "The image's environment stays visible inside the mount." if hidden else ""
    return Part((Entry("volumes", entries, why),), tuple(f"{path} stays the image's own" for path in hidden))


def _environments(member: Member) -> Iterator[PurePosixPath]:
    if member.recipe is None:
        return
    variables = member.recipe.environment or {}
    for name in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"):
        if variables.get(name, "").startswith("/"):
            yield PurePosixPath(variables[name])
    for word in variables.get("PATH", "").split(":"):
        path = PurePosixPath(word)
        if path.name == "bin" and path.parent.name in ENVIRONMENT_NAMES:
            yield path.parent
    if _IN_PROJECT.search(member.recipe.text):
        yield member.recipe.workdir / ".venv"


def _watch(case: Case) -> Part:
    """Copy changed files into the container; workers start again, a changed manifest builds the image anew."""
    member = case.member
    build = member.facts.build
    part = Part()
    if member.code:
        why = "`docker compose watch` brings the code; nothing is mounted."
        part = without_mounts(case, (*member.code, *member.shields), why)
    if member.role is Role.TASK:
        return part + Part(left=("it runs the image's code: build it anew for a change",))
    if build is None or not build.is_local:
        return part + Part(left=("compose can watch only what has `build:`; restart it for a change",))
    context = Path(build.context)
    action = "sync" if member.role is Role.SERVER else "sync+restart"
    rules: list[dict[str, Any]] = [
        {"action": "rebuild", "path": _relative(context / name, case.project.root)}
        for name in MANIFESTS
        if (context / name).exists()
    ]
    rules += [
        {
            "action": action,
            "path": _relative(folder, case.project.root),
            "target": str(place),
            "ignore": [*_IGNORED, *_data_inside(case.project, folder)],
        }
        for folder, place in _code_places(member)
    ]
    entries = [Entry("develop", {"watch": rules}, "`docker compose watch` copies what changes.")]
    if member.facts.values.get("read_only"):
        entries.append(Entry("read_only", False, "What is copied has to be written."))
    return part + Part(tuple(entries), (f"{action} of its code",))


def _data_inside(project: Project, folder: Path) -> list[str]:
    """Return the folders in `folder` that stay mounted somewhere: what is written there is no change of code."""
    mounted = [
        Path(mount.source)
        for member in project.members
        for at, mount in enumerate(member.facts.mounts)
        if mount.kind == "bind" and mount.source and at not in member.code
    ]
    inside = {path.relative_to(folder) for path in mounted if path != folder and path.is_relative_to(folder)}
    return sorted(f"{path.as_posix()}/" for path in inside)


def _code_places(member: Member) -> Iterator[tuple[Path, PurePosixPath]]:
    """Yield folders and files of code that the image was made of, with their places in it, the outer ones alone."""
    found: list[tuple[Path, PurePosixPath]] = []
    for entry in member.recipe.copied if member.recipe else ():
        is_code = holds_code(entry.source) if entry.source.is_dir() else entry.source.suffix == ".py"
        if is_code and entry.destination != PurePosixPath("/") and (entry.source, entry.destination) not in found:
            found.append((entry.source, entry.destination))
    for folder, place in found:
        if not any(place != other and place.is_relative_to(other) for _, other in found):
            yield folder, place


def _relative(path: Path, root: Path) -> str:
    """Return the path as a compose file in `root` names it."""
    text = Path(os.path.relpath(path, root)).as_posix()
    return text if text.startswith("..") else f"./{text}".removesuffix("/.")


def server(case: Case) -> Part:
    """Run Django's own server, which reloads on a change."""
    member = case.member
    text = member.text
    if member.role is not Role.SERVER or commands.is_development_server(text):
        return Part()
    if case.application.manage is None:
        return Part(left=("it keeps its server: there is no manage.py to run another one with",))
    key = "entrypoint" if PRODUCTION_SERVER.search(" ".join(member.entrypoint)) else "command"
    port = commands.port_of(text) or str(member.facts.ports[0].target if member.facts.ports else case.config.port)
    manage = _manage_in_container(case)
    argv = ("python", manage, "runserver", f"0.0.0.0:{port}")
    own = source_value(member, key)
    # What an image runs holds no variable of compose's; what a service says is taken as it is written, or not at all.
    image = list(escaped(getattr(member, key))) if getattr(member.facts, key) is None else None
    words = _written(own if own is not None else image, member, key)
    changed = commands.replace_server(words, PRODUCTION_SERVER, argv) or argv
    entries = [Entry(key, list(changed), "It reloads on a change of the code.")]
    if key == "entrypoint" and member.facts.command is not None:
        entries.append(Entry("command", None, tag=RESET))
    skipped = tuple(
        f"{word} does not run in development; what else it does has to be done by hand"
        for word, script in member.scripts
        if PRODUCTION_SERVER.search(script) and word in member.command
    )
    return Part(tuple(entries), ("runserver serves, and reloads",), skipped)


def _written(own: Any, member: Member, key: str) -> Words:
    return commands.read_words(own, member.entrypoint if key == "command" else ())


def _manage_in_container(case: Case) -> str:
    """Return manage.py as the command, run in its working folder, finds it."""
    manage = case.application.manage
    member = case.member
    if manage is None:
        return "manage.py"
    places = [
        (folder, PurePosixPath(member.facts.mounts[at].target))
        for at in member.code
        if (folder := bind_source(member.facts.mounts[at], case.project.facts))
    ]
    for folder, place in (*places, *_code_places(member)):
        if manage.is_relative_to(folder):
            path = place / manage.relative_to(folder).as_posix()
            return str(path.relative_to(member.workdir) if path.is_relative_to(member.workdir) else path)
    return "manage.py"


def caller(case: Case) -> Part:
    """Run as the one who started it, so that what the container writes into the folder is theirs."""
    member = case.member
    if not member.is_python or case.sync == "watch" or member.role is Role.STORE:
        return Part()
    if _SWITCHES_USER.search("\n".join(text for _, text in member.scripts)):
        return Part(left=("it starts as the image's user: its start script chooses another one itself",))
    entries = [Entry("user", f"${{{UID}:-1000}}:${{{GID}:-1000}}", "Files that it writes into this folder are yours.")]
    if "HOME" not in member.facts.environment:
        entries.append(Entry("environment", (Entry("HOME", "/tmp"),)))  # noqa: S108  # the container's
    volumes = [mount.target for mount in member.facts.mounts if mount.kind == "volume" and mount.source]
    left = (
        (f"{', '.join(volumes)} may belong to the image's user, so that you cannot write there",)
        if volumes and member.recipe and not member.recipe.is_root
        else ()
    )
    return Part(tuple(entries), ("runs as you",), left)


def no_deployment_check(case: Case) -> Part:
    """Let a service that runs docker_check pass: debugging and a mounted source are what it would find."""
    if case.member.role is not Role.TASK or "docker_check" not in " ".join(case.member.command):
        return Part()
    why = "docker_check is about production; others wait for this service, so that it stays."
    return Part((Entry("command", ["true"], why),), ("docker_check does not run",))


def fast_stop(case: Case) -> Part:
    """End at once: there is nothing to finish."""
    if case.member.role not in _LASTING:
        return Part()
    return Part((Entry("stop_grace_period", "2s"),), ("stops within 2 s",))


def reload_notes(case: Case) -> Part:
    """Say what does not reload by itself."""
    if case.sync == "bind" and case.member.role in (Role.WORKER, Role.SCHEDULER):
        return Part(left=(f"it does not reload; after a change: docker compose restart {case.member.name}",))
    return Part()


RULES: tuple[Rule, ...] = (
    stage,
    server,
    debug_and_settings,
    source,
    caller,
    ports_on_loopback,
    no_deployment_check,
    fast_stop,
    reload_notes,
)
