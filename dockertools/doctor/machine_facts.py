"""The disks, the file systems and the kind of machine."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dockertools.doctor.engine_facts import ask, meant_lines
from dockertools.doctor.facts import EngineInfo
from dockertools.errors import UsageError
from dockertools.sizes import parse_size

USAGE_SECONDS = 60.0


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
    """`system` is Linux, Darwin or Windows; `file_system` that of the project's folder, such as ext4 or 9p."""

    system: str
    is_wsl: bool
    file_system: str
    mount_point: str
    store: DiskFacts | None
    usage: tuple[Reclaimable, ...]
    usage_problem: str


def inspect_machine(root: Path, info: EngineInfo | None) -> MachineFacts:
    """Return the facts; the engine's disk is looked at where it is this machine's."""
    point, file_system = find_file_system(root, _read(Path("/proc/self/mountinfo")))
    usage, problem = _usage() if info else ((), "no engine answers")
    return MachineFacts(
        system=platform.system(),
        is_wsl="microsoft" in _read(Path("/proc/version")).lower(),
        file_system=file_system,
        mount_point=point,
        store=measure_disk(info.store) if info and info.is_here else None,
        usage=usage,
        usage_problem=problem,
    )


def measure_disk(path: Path) -> DiskFacts:
    """Return how full the disk is on which the path lies."""
    space = os.statvfs(path)
    return DiskFacts(
        path, space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize, space.f_files, space.f_favail
    )


def find_file_system(path: Path, mountinfo: str) -> tuple[str, str]:
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
