"""The rules of production: the image's own code, a production server, and as few rights as it can do with."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from dockertools.compose import commands
from dockertools.compose.classify import Member, Role, bind_source
from dockertools.compose.overlay import Case, Part, Rule
from dockertools.compose.production_command import production_command
from dockertools.compose.restate import is_loopback
from dockertools.compose.sent import IGNORE_NAME, leaves_out
from dockertools.compose.shared_rules import (
    RESET,
    debug_and_settings,
    ports_on_loopback,
    stage,
    without_mounts,
)
from dockertools.compose.yaml_text import Entry

_LASTING = (Role.SERVER, Role.WORKER, Role.SCHEDULER, Role.OTHER)
_WRITES = re.compile(r"\b(?:collectstatic|compilemessages|makemigrations|pip3?\s+install|npm\s+(?:install|ci)|chown)\b")
_SWITCHES_USER = re.compile(r"\b(?:gosu|su-exec|setpriv|runuser|sudo|su)\b")
MEMORY = {Role.SERVER: "1g", Role.WORKER: "1g", Role.SCHEDULER: "512m", Role.OTHER: "1g"}
PROCESSES = 512
_LIMITED = {"memory": "memory", "pids": "the number of processes"}
_GRACE = {Role.SERVER: "40s", Role.WORKER: "60s", Role.SCHEDULER: "10s", Role.OTHER: "10s"}


def no_source_mounts(case: Case) -> Part:
    """Take every mount of code away, and what shields the environment from it; refuse where nothing would be left."""
    member = case.member
    if not member.code:
        return Part()
    reasons = (_not_in_image(case, position) or _not_sent(case, position) for position in member.code)
    refused = tuple(filter(None, reasons))
    if refused:
        return Part(refused=refused)
    why = "The code is the image's own: what is mounted over it stays away."
    return without_mounts(case, (*member.code, *member.shields), why)


def _not_in_image(case: Case, position: int) -> str:  # noqa: PLR0911  # each line is one way out
    """Return why production would be empty without this mount; empty when it would not be."""
    member = case.member
    mount = member.facts.mounts[position]
    target = PurePosixPath(mount.target)
    source = bind_source(mount, case.project.facts)
    if member.recipe is None:
        image = member.facts.image or "its image"
        if member.is_project:
            return ""
        return (
            f"{mount.target} is mounted from this folder, and the image {image} is not built here: there would be no "
            "code in it; give the service a `build:` whose Dockerfile copies the code"
        )
    if source is None or member.recipe.is_opaque or member.recipe.holds(source, target):
        return ""
    if source.is_dir() and member.recipe.holds_code_below(target):
        return ""
    if source.is_file() and not _is_run(member, target):
        return ""
    what = "the file" if source.is_file() else "the code"
    place = member.recipe.place_of(source)
    if place is not None and member.workdir.is_relative_to(place) and not _is_run(member, target):
        return ""  # only another copy of the code that the service runs in
    if place is not None:
        return f"the image has {what} in {place}, and the service looks for it in {mount.target}: copy it there"
    return (
        f"the image does not hold {what} that is mounted on {mount.target}, so that production would be without it; "
        "add a COPY to the Dockerfile"
    )


def _not_sent(case: Case, position: int) -> str:
    """Return why the build does not get the code; empty when it does."""
    member = case.member
    source = bind_source(member.facts.mounts[position], case.project.facts)
    build = case.project.member(member.builder).facts.build if member.builder else None
    if source is None or build is None or member.recipe is None or member.recipe.is_opaque:
        return ""
    missing = leaves_out(build, source, case.application)
    return f"{IGNORE_NAME} keeps {missing} out of the build, so that the image has no such code" if missing else ""


def _is_run(member: Member, target: PurePosixPath) -> bool:
    """Return whether the mounted file is among the words of the command or the entrypoint."""
    return any(str(target) == word or PurePosixPath(member.workdir / word) == target for word in member.argv)


def no_volume_over_code(case: Case) -> Part:
    """Refuse a volume where the image has its code: it keeps that of the first image for ever."""
    member = case.member
    if member.recipe is None or member.recipe.is_opaque:
        return Part()
    refused = tuple(
        f"the volume {mount.source or 'without a name'} on {mount.target} hides the code of every later image; "
        "mount it only where data is"
        for position, mount in enumerate(member.facts.mounts)
        if mount.kind == "volume"
        and position not in (*member.code, *member.shields)
        and member.workdir.is_relative_to(mount.target)
        and member.recipe.holds_code_below(PurePosixPath(mount.target))
    )
    return Part(refused=refused)


def no_watch(case: Case) -> Part:
    """Take `develop` away: `--watch` would copy this folder's code into the containers."""
    if "develop" not in case.member.facts.values:
        return Part()
    why = "`docker compose up --watch` would bring this folder's code in."
    return Part((Entry("develop", None, why, RESET),), ("no `develop.watch`",))


def restart(case: Case) -> Part:
    """Start it again when it ends, unless somebody stopped it."""
    if case.member.role not in _LASTING or case.member.facts.restart not in (None, "no"):
        return Part()
    if case.member.role is Role.OTHER and commands.is_management(case.member.text):
        return Part(left=("it is not started again when it ends: nothing tells whether its command is to last",))
    return Part((Entry("restart", "unless-stopped"),), ("restarts when it ends",))


def health_check(case: Case) -> Part:
    """Ask the server whether it is well; take the server's own check away from what is no server."""
    member = case.member
    own = member.facts.healthcheck
    in_image = bool(member.recipe and member.recipe.has_healthcheck)
    if own is not None or (member.role is Role.SERVER and in_image):
        return Part()
    if member.role is not Role.SERVER:
        if not in_image:
            return Part()
        why = "The image's own check asks a server, which does not run here."
        return Part((Entry("healthcheck", {"disable": True}, why),), ("the image's health check, for servers, is off",))
    port = _container_port(case)
    if case.application.has_health:
        code = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}{case.config.health_path}', timeout=4)"
    else:
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 4).close()"
    check = {
        "test": ["CMD", "python", "-c", code],
        "interval": "30s",
        "timeout": "5s",
        "start_period": "30s",
        "retries": 3,
    }
    return Part((Entry("healthcheck", check),), (f"a health check asks port {port}",))


def _container_port(case: Case) -> str:
    member = case.member
    found = commands.port_of(member.text)
    if found and found.isdigit():
        return found
    return str(member.facts.ports[0].target if member.facts.ports else case.config.port)


def log_rotation(case: Case) -> Part:
    """Keep logs from filling the disk."""
    if case.member.role is Role.TASK or case.member.facts.values.get("logging"):
        return Part()
    value = {"driver": "local", "options": {"max-size": "10m", "max-file": "3"}}
    return Part((Entry("logging", value),), ("logs are rotated at 3 x 10 MB",))


def read_only_root(case: Case) -> Part:
    """Let nothing be written but to volumes and /tmp, where nothing shows that the image needs more."""
    member = case.member
    if "read_only" in member.facts.values:
        return Part()
    reason = _why_writable(member)
    if reason:
        return Part(left=(f"its root file system is writable: {reason}",))
    entries = [Entry("read_only", True)]
    if "/tmp" not in _tmpfs(member):  # noqa: S108  # the container's
        entries.append(Entry("tmpfs", ["/tmp"]))  # noqa: S108  # the container's
    return Part(tuple(entries), ("its root file system is read-only, /tmp in memory",))


def _why_writable(member: Member) -> str:
    if member.recipe is None:
        return "its Dockerfile cannot be read, so it is not known what it writes"
    if _runs_as_root(member):
        return "it runs as root, which may write anywhere"
    if found := _WRITES.search(member.text):
        return f"it runs `{found[0]}` when it starts"
    mounted = [PurePosixPath(mount.target) for mount in member.facts.mounts]
    mounted += [PurePosixPath(path) for path in _tmpfs(member)]
    free = [path for path in member.recipe.owned if not any(PurePosixPath(path).is_relative_to(at) for at in mounted)]
    return f"the image lets its user write to {', '.join(free)}" if free else ""


def _runs_as_root(member: Member) -> bool:
    user = member.facts.values.get("user")
    if user is not None:
        return str(user).partition(":")[0] in ("0", "root")
    return member.recipe is None or member.recipe.is_root


def _tmpfs(member: Member) -> list[str]:
    entries = [str(entry).partition(":")[0] for entry in member.facts.values.get("tmpfs") or ()]
    return entries + [mount.target for mount in member.facts.mounts if mount.kind == "tmpfs"]


def few_rights(case: Case) -> Part:
    """Drop what a web application does not need of the kernel's rights."""
    member, values = case.member, case.member.facts.values
    if values.get("privileged"):
        return Part(left=("it runs privileged, as it did; nothing is taken from that",))
    entries: list[Entry] = []
    changed: list[str] = []
    left: list[str] = []
    options = [str(option).replace("=", ":") for option in values.get("security_opt") or ()]
    if not any(option.startswith("no-new-privileges") for option in options):
        if member.scripts and re.search(r"\bsudo\b", member.text):
            left.append("it may gain privileges: a script uses sudo")
        else:
            entries.append(Entry("security_opt", ["no-new-privileges:true"]))
            changed.append("it cannot gain privileges")
    if "ALL" not in (values.get("cap_drop") or ()):
        if _runs_as_root(member) or _SWITCHES_USER.search(member.text) or values.get("cap_add"):
            left.append("it keeps its capabilities: it starts as root or asks for some")
        else:
            entries.append(Entry("cap_drop", ["ALL"]))
            changed.append("it has no capabilities")
    return Part(tuple(entries), tuple(changed), tuple(left))


def limits(case: Case) -> Part:
    """Keep one service from taking the machine's memory and processes."""
    values, role = case.member.facts.values, case.member.role
    limited = ((values.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    wanted: dict[str, Any] = {}
    if role in MEMORY and not values.get("mem_limit") and not limited.get("memory"):
        name = re.sub(r"[^A-Z0-9]", "_", f"{case.member.name.upper()}_MEMORY")
        wanted["memory"] = f"${{{'' if name[0].isalpha() else 'SERVICE_'}{name}:-{MEMORY[role]}}}"
    if not values.get("pids_limit") and not limited.get("pids"):
        wanted["pids"] = PROCESSES
    if not wanted:
        return Part()
    # Compose refuses the two spellings beside each other.
    old = {"memory": "mem_limit", "pids": "pids_limit"}
    entries = (
        (Entry("deploy", {"resources": {"limits": wanted}}),)
        if limited
        else tuple(Entry(old[key], value) for key, value in wanted.items())
    )
    return Part(entries, (f"limited: {' and '.join(_LIMITED[key] for key in wanted)}",))


def stop_time(case: Case) -> Part:
    """Give it the time to finish what it is at."""
    role = case.member.role
    if role not in _GRACE or case.member.facts.values.get("stop_grace_period"):
        return Part()
    return Part((Entry("stop_grace_period", _GRACE[role]),), (f"has {_GRACE[role]} to stop",))


def store_ports(case: Case) -> Part:
    """Publish the ports of a database or a cache on this machine alone."""
    if all(is_loopback(port) for port in case.member.facts.ports):
        return Part()
    return ports_on_loopback(case)


def migrating_scripts(case: Case) -> Part:
    """Notice what migrates at each start and cannot be changed, such as a script: replicas would race."""
    member = case.member
    words = [word for word, script in member.scripts if commands.migrates(script)]
    if commands.hides_migration(" ".join(member.command)):
        words.append("its command")
    if not words or member.role is Role.TASK:
        return Part()
    values = member.facts.values
    replicas = int(values.get("scale") or (values.get("deploy") or {}).get("replicas") or 1)
    if replicas > 1:
        reason = (
            f"{words[0]} migrates at each start, and {replicas} replicas would race; migrate in a service of its own"
        )
        return Part(refused=(reason,))
    return Part(left=(f"{words[0]} migrates at each start; with a second replica, migrate in a service of its own",))


def notes(case: Case) -> Part:
    """Say what stays as it is although one might expect otherwise."""
    left = [
        f"{mount.target} stays: {'data' if mount.kind == 'bind' else 'a volume'}, no code"
        for position, mount in enumerate(case.member.facts.mounts)
        if position not in (*case.member.code, *case.member.shields) and mount.kind in ("bind", "volume")
    ]
    user = str(case.member.facts.values.get("user", ""))
    if user.partition(":")[0] in ("0", "root"):
        left.append("it runs as root, as its compose file says")
    return Part(left=tuple(left))


RULES: tuple[Rule, ...] = (
    stage,
    production_command,
    debug_and_settings,
    no_source_mounts,
    no_volume_over_code,
    no_watch,
    restart,
    health_check,
    stop_time,
    log_rotation,
    read_only_root,
    few_rights,
    limits,
    migrating_scripts,
    notes,
)
