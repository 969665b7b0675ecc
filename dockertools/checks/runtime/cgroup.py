"""The limits that the container runs under, from the kernel's control groups, version 1 or 2."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_UNLIMITED = 2**60
"""Version 1 has no word for "no limit" but a number near the largest; no machine has an exabyte."""


@dataclass(frozen=True)
class ContainerLimits:
    """What the container may use; None is no limit. `memory_bytes` without swap, `cpus` may be a part of one."""

    memory_bytes: int | None = None
    cpus: float | None = None
    processes: int | None = None


def read_limits(root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> ContainerLimits:
    """Return the strictest limits of this process's groups and those above.

    The files: https://docs.kernel.org/admin-guide/cgroup-v2.html and
    https://docs.kernel.org/admin-guide/cgroup-v1/memory.html (also cpu and pids).
    """
    paths = _read_membership(membership)
    if (root / "cgroup.controllers").exists():
        folders = tuple(_folders(root, paths.get("", "/")))
        memory = [_number(folder / "memory.max") for folder in folders]
        cpus = [_ratio(folder / "cpu.max") for folder in folders]
        processes = [_number(folder / "pids.max") for folder in folders]
    else:
        memory = [_number(path / "memory.limit_in_bytes") for path in _folders_v1(root, "memory", paths)]
        cpus = [_cpus_v1(path) for path in _folders_v1(root, "cpu", paths)]
        processes = [_number(path / "pids.max") for path in _folders_v1(root, "pids", paths)]
    bytes_, count = _least(memory), _least(processes)
    return ContainerLimits(None if bytes_ is None else int(bytes_), _least(cpus), None if count is None else int(count))


def usable_cpus(limits: ContainerLimits) -> float:
    """Return how many CPUs the process may use: its quota, or those it may run on."""
    available = len(os.sched_getaffinity(0))
    return min(limits.cpus, available) if limits.cpus else available


def _read_membership(path: Path) -> dict[str, str]:
    """Return the process's group by controller; version 2 has one group, under the empty name."""
    try:
        lines = os.fsdecode(path.read_bytes()).splitlines()
    except OSError:
        return {}
    fields = (line.split(":", 2) for line in lines if line.count(":") >= 2)
    return {controller: group for _, controllers, group in fields for controller in controllers.split(",")}


def _folders_v1(root: Path, controller: str, groups: dict[str, str]) -> Iterator[Path]:
    mounts = [root / controller, *sorted(root.glob(f"*{controller}*"))]
    mount = next((folder for folder in mounts if folder.is_dir()), root / controller)
    return _folders(mount, groups.get(controller, "/"))


def _folders(mount: Path, group: str) -> Iterator[Path]:
    """Yield the group's folder and those above; in a container the mount is often the group itself."""
    yield mount
    folder = mount / group.strip("/")
    while folder != mount and folder.is_relative_to(mount):
        if folder.is_dir():
            yield folder
        folder = folder.parent


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _number(path: Path) -> float | None:
    text = _read(path)
    return float(text) if text.isdigit() and int(text) < _UNLIMITED else None


def _ratio(path: Path) -> float | None:
    quota, _, period = _read(path).partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _cpus_v1(folder: Path) -> float | None:
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return quota / period if quota and period else None


def _least(values: list[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)
