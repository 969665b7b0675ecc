"""What the doctor looks at. Facts alone; the checks judge them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockertools.conf import Config

if TYPE_CHECKING:
    from dockertools.doctor.build_facts import BuildFacts
    from dockertools.doctor.file_facts import FileFacts
    from dockertools.doctor.machine_facts import MachineFacts
    from dockertools.doctor.requirement_facts import RequirementFacts
    from dockertools.doctor.service_facts import ServiceFacts


@dataclass(frozen=True)
class Refusal:
    """Why something cannot be used: a stable slug, what was said, and the next step."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True)
class SocketFacts:
    """The engine's socket as the file system has it, and who asks."""

    path: str
    owner: str
    group: str
    mode: str
    user: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Plugin:
    """A plugin of the docker command; `version` is None where there is none, `said` is what was said then."""

    version: str | None
    said: str = ""


@dataclass(frozen=True)
class BuilderFacts:
    """The builder that builds go to; `problem` is what buildx says of its node, or why it cannot be asked."""

    name: str
    driver: str
    status: str
    problem: str = ""


@dataclass(frozen=True)
class EngineInfo:
    """What the engine says of itself; `skew` is its clock minus this machine's in seconds, to within `skew_error`."""

    name: str
    system: str
    store: Path
    is_here: bool
    is_rootless: bool
    skew: float
    skew_error: float
    proxies: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """The docker command, the engine that it leads to, and the plugins."""

    command: str | None
    refusal: Refusal | None
    version: str | None
    endpoint: str
    context: str
    chosen_context: str
    """The context that `docker context use` chose; DOCKER_HOST overrides it."""
    variables: Mapping[str, str]
    """Those of DOCKER_* and *_PROXY that are set."""
    socket: SocketFacts | None
    buildx: Plugin
    compose: Plugin
    builder: BuilderFacts | None
    info: EngineInfo | None
    missing_packages: tuple[str, ...]

    @property
    def is_answering(self) -> bool:
        """Whether an engine can be used."""
        return self.refusal is None


@dataclass(frozen=True)
class HostFacts:
    """The machine that asks: `system` is Linux, Darwin or Windows; `mountinfo` is Linux's table of mounts."""

    system: str
    is_wsl: bool
    mountinfo: str

    def file_system(self, path: Path) -> str:
        """Return the type of the file system that a path is on, such as ext4 or 9p; empty where it is not known."""
        return find_mount(path, self.mountinfo)[1]


def find_mount(path: Path, mountinfo: str) -> tuple[str, str]:
    """Return the mount point of a path and the type of its file system (proc_pid_mountinfo(5)); empty if unknown."""
    best = ("", "")
    for line in mountinfo.splitlines():
        words, _, rest = line.partition(" - ")
        fields = words.split()
        if len(fields) < 5 or not rest:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[4])
        if path.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, rest.split()[0])
    return best


@dataclass(frozen=True)
class ConfigFile:
    """A JSON file of Docker's; `document` is None where there is none, or where `problem` says why it is unreadable."""

    path: Path
    document: Mapping[str, Any] | None
    problem: str = ""


@dataclass(frozen=True)
class HelperFacts:
    """A credentials helper that the client's configuration names, for one registry or (empty) for all."""

    name: str
    registry: str
    command: str | None
    problem: str = ""


@dataclass(frozen=True)
class ClientFacts:
    """The configuration of the docker command, and that of the engine."""

    client: ConfigFile
    daemons: tuple[ConfigFile, ...]
    helpers: tuple[HelperFacts, ...]


@dataclass(frozen=True, kw_only=True)
class DoctorFacts:
    """Everything; what belongs to groups that were not asked for is None."""

    config: Config
    today: date
    host: HostFacts
    caller: str = "python manage.py docker_{}"
    """How the commands are called here; `{}` stands for the name, what follows it for all of them."""
    engine: EngineFacts
    client: ClientFacts | None = None
    machine: MachineFacts | None = None
    build: BuildFacts | None = None
    files: FileFacts | None = None
    services: ServiceFacts | None = None
    requirements: RequirementFacts | None = None

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.config.root

    @property
    def fix(self) -> str:
        """The command that puts right what can be."""
        return self.command("doctor", "--fix")

    def command(self, name: str, *options: str) -> str:
        """Return the command line of one of the commands, as it is called here."""
        return " ".join((self.caller.format(name), *options))
