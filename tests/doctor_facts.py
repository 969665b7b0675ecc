"""Facts of a machine and a project where nothing is wrong, to be changed by a test."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from dockertools.checks.results import Outcome
from dockertools.compose.config import Mount
from dockertools.conf import Config
from dockertools.doctor.build_facts import BuildFacts, Source
from dockertools.doctor.facts import (
    BuilderFacts,
    ClientFacts,
    ConfigFile,
    DoctorFacts,
    EngineFacts,
    EngineInfo,
    HostFacts,
    Plugin,
    Refusal,
    SocketFacts,
)
from dockertools.doctor.file_facts import FileFacts
from dockertools.doctor.machine_facts import DiskFacts, MachineFacts, Reclaimable
from dockertools.doctor.requirement_facts import Release, RequirementFacts, Resolution
from dockertools.doctor.run import doctor_checks
from dockertools.doctor.service_facts import BindFacts, ImageUse, ServiceFacts, ServiceUse

GB = 10**9
TODAY = date(2026, 11, 25)
ROOT = Path("/srv/shop")
INFO = EngineInfo("host", "Debian GNU/Linux 12", Path("/var/lib/docker"), True, False, 0.0, 0.1, {})
SOCKET = SocketFacts("/var/run/docker.sock", "root", "docker", "srw-rw----", "ann", ("ann",))
ENGINE = EngineFacts(
    command="/usr/bin/docker",
    refusal=None,
    version="28.5.2",
    endpoint="unix:///var/run/docker.sock",
    context="default",
    chosen_context="",
    variables={},
    socket=SOCKET,
    buildx=Plugin("0.29.1"),
    compose=Plugin("2.40.3-3"),
    builder=BuilderFacts("default", "docker", "running"),
    info=INFO,
    missing_packages=(),
)
NO_ENGINE = replace(
    ENGINE,
    refusal=Refusal("engine-unreachable", "No Docker engine can be used: nobody is there", "Start Docker."),
    version=None,
    builder=None,
    info=None,
)
NO_COMMAND = replace(
    NO_ENGINE,
    command=None,
    refusal=Refusal("docker-not-found", "The `docker` command was not found.", "Install Docker."),
    socket=None,
    buildx=Plugin(None),
    compose=Plugin(None),
)
CONFIG_FILE = ConfigFile(Path("/home/ann/.docker/config.json"), {"auths": {}})
CLIENT = ClientFacts(CONFIG_FILE, (ConfigFile(Path("/etc/docker/daemon.json"), None),), ())
DISK = DiskFacts(Path("/var/lib/docker"), 100 * GB, 50 * GB, 1000, 900)
MACHINE = MachineFacts(DISK, (Reclaimable("Images", 9 * GB, 2 * GB),), "")
HOST = HostFacts("Linux", is_wsl=False, mountinfo="22 1 254:0 / / rw shared:1 - ext4 /dev/root rw\n")
SOURCE = Source("Python packages", "index.example", 443, None, "", "", "", 200, 0.4)
BUILD = BuildFacts("python:3.13-slim-trixie", (SOURCE,), "", ("192.0.2.53",), {})
FILES = FileFacts(1000, 1000, 1000, (), (), (), has_mode_bits=True, is_cut=False)
CODE = Mount("bind", "/srv/shop", "/app")
WEB = ServiceUse(
    name="web",
    image=ImageUse("image shop:latest", "1000:1000", 1000, ("/opt/venv",)),
    binds=(BindFacts(CODE, 1000, 0o755, frozenset({"manage.py"})),),
    mounts=(CODE,),
    hidden=(),
    is_watched=False,
    is_built=True,
)
SERVICES = ServiceFacts((WEB,))
REQUIREMENTS = RequirementFacts(
    Resolution("requirements.txt", "uv", is_solved=True),
    (Release("Python 3.13", date(2029, 10, 31), "Dockerfile, line 1"),),
)
SOUND = DoctorFacts(
    config=Config(root=ROOT, image="shop:latest"),
    today=TODAY,
    host=HOST,
    engine=ENGINE,
    client=CLIENT,
    machine=MACHINE,
    build=BUILD,
    files=FILES,
    services=SERVICES,
    requirements=REQUIREMENTS,
)


def judge(check_id: str, **sections: Any) -> list[Outcome]:
    """Return what a check says of the sound facts with these sections in their place."""
    check = next(check for check in doctor_checks() if check.id == f"dockertools.{check_id}")
    outcomes = list(check.function(replace(SOUND, **sections)))
    for outcome in outcomes:
        assert outcome.evidence["code"] in {"ok", *check.codes}
    return outcomes


def only(outcomes: list[Outcome]) -> Outcome:
    """Return the one outcome that there is."""
    assert len(outcomes) == 1, outcomes
    return outcomes[0]
