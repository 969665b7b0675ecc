"""Groups `code` and `isolation`: what of the host a service sees, and what of it the host shows."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path

from dockertools.checks.compose.facts import ComposeAudit
from dockertools.checks.outside import COMPOSE, register_outside
from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.compose import commands
from dockertools.compose.classify import Member, Role, bind_source
from dockertools.compose.config import Port

_SOCKETS = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_WHOLE_FOLDERS = ("/", "/home", "/root", "/Users", "/etc", "/var", "/usr", "/var/run", "/run")
_HOST_SHARED = ("network_mode", "pid", "ipc", "userns_mode", "uts", "cgroup")
_STRONG_CAPABILITIES = frozenset({"ALL", "SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "NET_ADMIN", "DAC_READ_SEARCH"})


@register_outside(
    "dockertools.S101",
    kind=COMPOSE,
    group="code",
    title="source mounts",
    codes={
        "source-mounted": "In production, code of this folder is mounted over that of the image.",
        "development-mode": "Skipped: in development the code is mounted on purpose.",
    },
)
def check_source_mounts(audit: ComposeAudit) -> Iterator[Outcome]:
    """Look for mounts of source code: production runs what was built and tested."""
    if not audit.is_production:
        yield skipped("development-mode", "the project is judged as development")
        return
    found = False
    for member in audit.members:
        for mount in (member.facts.mounts[position] for position in member.code):
            found = True
            source = bind_source(mount, audit.project.facts)
            yield failed(
                "source-mounted",
                f"{member.name}: {source or 'the code'} is mounted on {mount.target}",
                "`docker_mode prod` takes it away; or remove the mount from the files of production.",
                service=member.name,
                source=str(source or ""),
                target=mount.target,
            )
    if not found:
        yield passed("no service mounts code")


@register_outside(
    "dockertools.S102",
    kind=COMPOSE,
    group="code",
    title="server",
    codes={
        "development-server": "In production, a service runs a server made for development.",
        "development-mode": "Skipped: the project is judged as development.",
    },
)
def check_server(audit: ComposeAudit) -> Iterator[Outcome]:
    """Look for runserver and its kin."""
    if not audit.is_production:
        yield skipped("development-mode", "the project is judged as development")
        return
    found = [member for member in audit.members if commands.is_development_server(" ".join(member.argv))]
    for member in found:
        message = f"{member.name} runs {' '.join(member.argv)[:80]}"
        hint = "Start gunicorn: `docker_mode prod` writes it."
        yield failed("development-server", message, hint, service=member.name)
    if not found:
        yield passed("no development server")


@register_outside(
    "dockertools.S201",
    kind=COMPOSE,
    group="isolation",
    title="published databases",
    codes={
        "database-published": "A database or cache is published on every address of the host: the network reaches it.",
        "database-on-loopback": "In production, a database or cache is published on loopback.",
    },
)
def check_published_databases(audit: ComposeAudit) -> Iterator[Outcome]:
    """Judge the ports of databases and caches: other services reach them without any being published."""
    found = list(_published(audit))
    for member, port in found:
        is_open = port.host_ip not in _LOOPBACK
        address = f"{port.host_ip or '0.0.0.0'}:{port.published or 'any'}"  # noqa: S104  # what compose binds
        message = f"{member.name}: port {port.target} is published as {address}"
        hint = f'Leave `ports` out; or, to look into it from this host: "127.0.0.1:{port.target}:{port.target}".'
        if is_open:
            yield failed("database-published", message, hint, service=member.name, port=port.target)
        elif audit.is_production:
            yield warned("database-on-loopback", message, "Leave `ports` out in production.", service=member.name)
    if all(port.host_ip in _LOOPBACK for _, port in found) and not (found and audit.is_production):
        yield passed("none" if not found else "on loopback alone")


def _published(audit: ComposeAudit) -> Iterator[tuple[Member, Port]]:
    for member in audit.members:
        if member.role is Role.STORE:
            yield from ((member, port) for port in member.facts.ports)


@register_outside(
    "dockertools.S202",
    kind=COMPOSE,
    group="isolation",
    title="privileges",
    codes={
        "privileged": "A service is privileged: it can do with the host what root can.",
        "host-shared": "A service shares a namespace of the host, or has a capability that is as good as root.",
    },
)
def check_privileges(audit: ComposeAudit) -> Iterator[Outcome]:
    """Look for `privileged`, namespaces of the host and capabilities that undo the isolation."""
    found = [outcome for member in audit.members for outcome in _privileges(member)]
    yield from found or (passed("none"),)


def _privileges(member: Member) -> Iterator[Outcome]:
    values = member.facts.values
    if values.get("privileged"):
        hint = "Leave it out; `devices:` and `cap_add:` give what is really needed."
        yield failed("privileged", f"{member.name} is privileged", hint, service=member.name)
    shared = [f"{key}: host" for key in _HOST_SHARED if values.get(key) == "host"]
    strong = {str(name).upper().removeprefix("CAP_") for name in values.get("cap_add") or ()} & _STRONG_CAPABILITIES
    words = [*shared, *(f"cap_add: {name}" for name in sorted(strong))]
    if words:
        hint = "Leave it out, or say why in DOCKERTOOLS['SILENCED']."
        yield warned("host-shared", f"{member.name} has {', '.join(words)}", hint, service=member.name, values=words)


@register_outside(
    "dockertools.S203",
    kind=COMPOSE,
    group="isolation",
    title="engine's socket",
    codes={"engine-socket": "A service is given the engine's socket: who has it is root on the host."},
)
def check_engine_socket(audit: ComposeAudit) -> Iterator[Outcome]:
    """Look for mounts of the engine's socket, read-only ones included: that says nothing about what is sent."""
    found = False
    for member in audit.members:
        for mount in member.facts.mounts:
            if posixpath.basename(mount.source or "") in _SOCKETS or posixpath.basename(mount.target) in _SOCKETS:
                found = True
                yield failed(
                    "engine-socket",
                    f"{member.name} mounts {mount.source}",
                    "Put a proxy that allows single requests in between, or leave it out.",
                    service=member.name,
                    source=mount.source,
                )
    if not found:
        yield passed("no service has it")


@register_outside(
    "dockertools.S204",
    kind=COMPOSE,
    group="isolation",
    title="home folders",
    codes={"whole-folder-mounted": "A whole home folder, or a folder of the system, is mounted."},
)
def check_home_folders(audit: ComposeAudit) -> Iterator[Outcome]:
    """Look for mounts of home folders, with the keys and tokens that lie there, and of the system's."""
    found: list[Outcome] = []
    for member in audit.members:
        for mount in member.facts.mounts:
            if mount.kind == "bind" and mount.source and is_whole_folder(Path(mount.source), audit.home):
                message = f"{member.name} mounts {mount.source} on {mount.target}"
                hint = "Mount the one file or folder that it needs, read-only."
                make = failed if not mount.read_only or audit.is_production else warned
                found.append(make("whole-folder-mounted", message, hint, service=member.name, source=mount.source))
    yield from found or (passed("none"),)


def is_whole_folder(source: Path, home: Path) -> bool:
    """Tell whether the folder is a home, holds homes, or is one of the system's."""
    text = posixpath.normpath(str(source))
    return (
        text in _WHOLE_FOLDERS or source == home or (len(source.parts) == 3 and text.startswith(("/home/", "/Users/")))
    )
