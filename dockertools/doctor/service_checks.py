"""Mounts, users and file watching of the compose project."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.doctor.base import doctor_check, need
from dockertools.doctor.facts import DoctorFacts
from dockertools.doctor.service_facts import BindFacts, HiddenFiles, ServiceFacts, ServiceUse
from dockertools.sizes import count_of

_NO_COMPOSE = {
    "no-compose-file": "Skipped: the project has no compose file.",
    "compose-unreadable": "Skipped: compose cannot read the project.",
}
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "sshfs", "fuse.sshfs"})
_WINDOWS = frozenset({"9p", "drvfs", "v9fs"})
_SHARED = frozenset({"virtiofs", "fuse.grpcfuse", "osxfs", "fuse.osxfs", "vboxsf", "prl_fs", "fuse.vmhgfs-fuse"})
_IDS = "DOCKERTOOLS_UID and DOCKERTOOLS_GID"


def _unusable(services: ServiceFacts) -> Outcome | None:
    if not services.is_compose:
        return skipped("no-compose-file", "the project has no compose file")
    if services.problem:
        return skipped("compose-unreadable", "compose cannot read the project; see dockertools.D501")
    return None


@doctor_check(
    "D501",
    "services",
    "compose project",
    {"compose-broken": "Compose cannot read the project.", "no-compose-file": "Skipped: there is no compose file."},
)
def check_project(facts: DoctorFacts) -> Iterator[Outcome]:
    """Let compose read the project, as it is switched now."""
    services = need(facts.services)
    if not services.is_compose:
        yield skipped("no-compose-file", "the project has no compose file; `docker_init` writes one")
    elif services.problem:
        yield failed("compose-broken", services.problem, services.hint or "docker compose config")
    else:
        yield passed(", ".join(service.name for service in services.services) or "it has no services")


@doctor_check(
    "D502",
    "services",
    "owners of mounts",
    {
        "mount-source-missing": "A folder that is mounted does not exist: the engine makes it, and it is root's.",
        "mount-file-missing": "A file that is mounted does not exist: the engine makes a folder in its place.",
        "mount-not-writable": "The container's user may not write to a mounted folder.",
        "root-writes-mount": "The container runs as root and writes to a mounted folder: what it makes is root's.",
        **_NO_COMPOSE,
    },
)
def check_mounts(facts: DoctorFacts) -> Iterator[Outcome]:
    """Compare the user of each service's container with the owner of the folders it mounts."""
    services = need(facts.services)
    if outcome := _unusable(services):
        yield outcome
        return
    findings = [
        outcome
        for service in services.services
        for bind in service.binds
        for outcome in _judge_bind(service, bind, facts)
    ]
    yield from findings
    if not findings:
        count = sum(len(service.binds) for service in services.services)
        yield passed(f"{count_of(count, 'folder')} mounted" if count else "no folder of this machine is mounted")


def _is_for_a_file(source: str, target: str) -> bool:
    """Tell whether both ends are named like a file, such as nginx.conf or docker.sock; conf.d is a folder."""
    suffix = PurePosixPath(target).suffix
    return suffix[1:].isalnum() and suffix != ".d" and PurePosixPath(source).suffix == suffix


def _judge_bind(service: ServiceUse, bind: BindFacts, facts: DoctorFacts) -> Iterator[Outcome]:
    mount, uid = bind.mount, service.image.uid
    evidence = {
        "service": service.name,
        "source": mount.source,
        "target": mount.target,
        "container_user": service.image.user,
        "container_uid": uid,
        "said_by": service.image.origin,
        "owner_uid": bind.owner,
        "mode": f"{bind.mode:04o}",
    }
    source = shlex.quote(mount.source or "")
    if bind.owner is None and _is_for_a_file(mount.source or "", mount.target):
        message = f"{service.name} mounts {mount.source}, which does not exist: the engine makes a folder of that name"
        folder = shlex.quote(str(PurePosixPath(mount.source or "").parent))
        hint = f"ls -l {folder}   (put the file there, or take the mount out)"
        yield warned("mount-file-missing", message, hint, **evidence)
        return
    if bind.owner is None:
        message = f"{service.name} mounts {mount.source}, which does not exist: the engine makes it, as root"
        yield warned("mount-source-missing", message, f"mkdir -p {source}", **evidence)
        return
    info = facts.engine.info
    maps_owners = info is not None and (info.is_rootless or "Docker Desktop" in info.system)
    if mount.read_only or uid is None or maps_owners or uid == bind.owner or not service.is_built:
        return
    if uid == 0:
        message = (
            f"{service.name} runs as root and mounts {mount.source} of uid {bind.owner}: files that it makes are root's"
        )
        hint = f'{facts.command("mode", "dev")}   (runs it as {_IDS}), or user: "{bind.owner}" in the compose file'
        yield warned("root-writes-mount", message, hint, **evidence)
    elif not bind.mode & 0o002:
        message = f"{service.name} runs as uid {uid} and cannot write to {mount.source} of uid {bind.owner}"
        hint = f"{facts.command('mode', 'dev')}   (runs it as {_IDS} of .env), or: sudo chown -R {uid} {source}"
        yield warned("mount-not-writable", message, hint, **evidence)


@doctor_check(
    "D503",
    "services",
    "virtual environment",
    {
        "environment-shadowed": "A mount hides the image's virtual environment: the program is not found.",
        "environment-replaced": "A mount puts this machine's virtual environment in place of the image's.",
        **_NO_COMPOSE,
    },
)
def check_environments(facts: DoctorFacts) -> Iterator[Outcome]:
    """Compare where the image has its virtual environment with what is mounted above it."""
    services = need(facts.services)
    if outcome := _unusable(services):
        yield outcome
        return
    findings = [outcome for service in services.services for outcome in _judge_environments(service)]
    yield from findings
    if not findings:
        places = sorted({path for service in services.services for path in service.image.environments})
        yield passed(f"{', '.join(places)}: nothing is mounted over it" if places else "no image names one")


def _judge_environments(service: ServiceUse) -> Iterator[Outcome]:
    for path in service.image.environments:
        environment = PurePosixPath(path)
        above = [mount for mount in service.mounts if environment.is_relative_to(mount.target)]
        nearest = max(above, key=lambda mount: len(PurePosixPath(mount.target).parts), default=None)
        bind = next((bind for bind in service.binds if bind.mount is nearest), None)
        if nearest is None or bind is None or PurePosixPath(nearest.target) == environment:
            continue
        inside = environment.relative_to(nearest.target)
        evidence = {"service": service.name, "environment": path, "source": nearest.source, "target": nearest.target}
        hint = (
            f'Add "{path}" to the volumes of {service.name}   (the image\'s own then shows), or install into /opt/venv'
        )
        where = f"{service.name} mounts {nearest.source} at {nearest.target}"
        if inside.parts[0] in bind.holds:
            message = f"{where}, so this machine's {inside} stands in place of the image's {path}"
            yield failed("environment-replaced", message, hint, **evidence)
        else:
            yield failed("environment-shadowed", f"{where}, which hides the image's {path}", hint, **evidence)


@doctor_check(
    "D504",
    "services",
    "watched files",
    {"watch-hidden": "The ignore file leaves out code that `docker compose watch` is to sync.", **_NO_COMPOSE},
)
def check_watch(facts: DoctorFacts) -> Iterator[Outcome]:
    """Look for code below the watched paths that the ignore file leaves out: its changes never arrive."""
    services = need(facts.services)
    if outcome := _unusable(services):
        yield outcome
        return
    hidden: dict[HiddenFiles, list[str]] = {}
    for service in services.services:
        for item in service.hidden:
            hidden.setdefault(item, []).append(service.name)
    for item, names in hidden.items():
        first = item.files[0]
        who = f"{', '.join(names)} {'watches' if len(names) == 1 else 'watch'}"
        message = (
            f"{who} {item.path}, and the rule `{item.rule.text}` (line {item.rule.line}) hides"
            f" {count_of(len(item.files), 'file')} from it, such as {first}"
        )
        hint = f"{facts.command('context', '--why', shlex.quote(first))}   (a rule `!...` brings it back)"
        evidence = {"path": item.ignore_file, "line": item.rule.line, "services": names, "files": len(item.files)}
        yield warned("watch-hidden", message, hint, **evidence)
    if not hidden:
        watched = [service.name for service in services.services if service.is_watched]
        yield passed(f"{', '.join(watched)}: no code is hidden" if watched else "no service is watched")


@doctor_check(
    "D505",
    "services",
    "speed of mounts",
    {
        "windows-drive": "A folder on a Windows drive is mounted from Linux: slow, and changes are not noticed.",
        "network-drive": "A folder on a network drive is mounted: slow, and changes by others are not noticed.",
        "shared-into-vm": "The engine sees a mounted folder through its virtual machine: many times slower.",
        "engine-elsewhere": "The engine is on another machine: what is mounted is that machine's folder.",
        **_NO_COMPOSE,
    },
)
def check_mount_speed(facts: DoctorFacts) -> Iterator[Outcome]:
    """Look at the file systems of the folders that are mounted, and where the engine is."""
    services = need(facts.services)
    if outcome := _unusable(services):
        yield outcome
        return
    sources = sorted({bind.mount.source or "" for service in services.services for bind in service.binds})
    findings = [outcome for source in sources for outcome in _judge_speed(source, facts)]
    yield from findings
    if not findings:
        kinds = sorted({facts.host.file_system(Path(source)) for source in sources} - {""})
        yield passed(
            f"{', '.join(kinds) or 'local'}: full speed" if sources else "no folder of this machine is mounted"
        )


def _judge_speed(source: str, facts: DoctorFacts) -> Iterator[Outcome]:
    host, info = facts.host, facts.engine.info
    kind = host.file_system(Path(source))
    watch = f"{facts.command('mode', 'dev --sync watch')}   (copies what changes; then: docker compose watch)"
    evidence = {"source": source, "file_system": kind, "system": host.system, "endpoint": facts.engine.endpoint}
    if host.is_wsl and kind in _WINDOWS:
        message = f"{source} is on a Windows drive ({kind}): slow, and a reload does not notice changes"
        hint = f"cp -a {shlex.quote(str(facts.root))} ~/   (work there, in the Linux file system), or {watch}"
        yield warned("windows-drive", message, hint, **evidence)
    elif kind in _NETWORK:
        message = f"{source} is on a network drive ({kind}): slow, and a reload does not notice changes by others"
        yield warned("network-drive", message, watch, **evidence)
    elif host.system in ("Darwin", "Windows") or kind in _SHARED:
        message = f"the engine sees {source} through its virtual machine: many times slower than its own disk"
        yield warned("shared-into-vm", message, watch, **evidence)
    elif facts.engine.endpoint.startswith(("tcp://", "ssh://")) and info and not info.is_here:
        message = f"the engine is at {facts.engine.endpoint}: {source} would be that machine's folder"
        yield warned("engine-elsewhere", message, watch, **evidence)
