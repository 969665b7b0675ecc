"""The disks, the file systems and the kind of machine."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dockertools.doctor.engine_facts import ask, meant_lines
from dockertools.doctor.facts import EngineInfo, HostFacts
from dockertools.errors import UsageError
from dockertools.sizes import parse_size

USAGE_SECONDS = 20.0
"""An engine with many images that is busy takes minutes; the answer is worth less than that."""


@dataclass(frozen=True)
class DiskFacts:
    """A disk: bytes and inodes, those that an ordinary user may take; a file system without inodes has 0 of them."""

    path: Path
    bytes: int
    free_bytes: int
    inodes: int
    free_inodes: int


@dataclass(frozen=True)
class Reclaimable:
    """What the engine says that it could give back of a kind, in bytes."""

    kind: str
    bytes: int
    reclaimable_bytes: int


@dataclass(frozen=True)
class MachineFacts:
    """The disk that the engine stores on, None where it is another machine's, and what the engine holds."""

    store: DiskFacts | None
    usage: tuple[Reclaimable, ...]
    usage_problem: str


def inspect_host() -> HostFacts:
    """Return what kind of machine this is."""
    return HostFacts(
        system=platform.system(),
        is_wsl="microsoft" in _read(Path("/proc/version")).lower(),
        mountinfo=_read(Path("/proc/self/mountinfo")),
    )


def inspect_machine(info: EngineInfo | None) -> MachineFacts:
    """Return the facts; the engine's disk is looked at where it is this machine's."""
    usage, problem = _usage() if info else ((), "no engine answers")
    return MachineFacts(
        store=measure_disk(info.store) if info and info.is_here else None, usage=usage, usage_problem=problem
    )


def measure_disk(path: Path) -> DiskFacts:
    """Return how full the disk is on which the path lies."""
    space = os.statvfs(path)
    return DiskFacts(
        path, space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize, space.f_files, space.f_favail
    )


def _usage() -> tuple[tuple[Reclaimable, ...], str]:
    done = ask(("docker", "system", "df", "--format", "{{json .}}"), timeout=USAGE_SECONDS)
    if done.returncode:
        return (), " ".join(meant_lines(done.stderr)[-1:])
    return tuple(parse_usage(done.stdout.splitlines())), ""


def parse_usage(lines: Iterable[str]) -> Iterable[Reclaimable]:
    """Yield what the lines of `docker system df --format json` say; lines of something else are passed over."""
    for line in lines:
        try:
            row = json.loads(line)
            held = parse_size(row["Size"])
            free = parse_size(row["Reclaimable"].partition(" (")[0])
        except (ValueError, KeyError, TypeError, UsageError):
            continue
        yield Reclaimable(str(row.get("Type", "")), held, free)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
