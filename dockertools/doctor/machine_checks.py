"""Disk and clock."""

from __future__ import annotations

from collections.abc import Iterator

from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.doctor.base import doctor_check, need, no_engine
from dockertools.doctor.facts import DoctorFacts
from dockertools.doctor.machine_facts import DiskFacts
from dockertools.sizes import format_size

LOW_BYTES = 5 * 10**9
"""A build of a project with some 70 packages takes about 2 GB: layers, cache and what is unpacked."""
FULL_BYTES = 10**9
LOW_INODES = 0.05
MUCH_BYTES = 20 * 10**9
SKEW_SECONDS = 5.0
"""More than this makes files look newer than now, and signed times (tokens, certificates, apt's lists) wrong."""


@doctor_check(
    "D201",
    "machine",
    "disk space",
    {
        "disk-full": "Less than 1 GB is free where the engine stores.",
        "disk-low": "Less than 5 GB is free where the engine stores.",
        "inodes-low": "Less than 5 % of the inodes are free where the engine stores.",
        "store-elsewhere": "Skipped: the engine stores on another machine.",
        "no-engine": "Skipped: no engine answers.",
    },
)
def check_disk(facts: DoctorFacts) -> Iterator[Outcome]:
    """Measure the disk that the engine stores on, in bytes and inodes."""
    info, disk = facts.engine.info, need(facts.machine).store
    if info is None:
        yield no_engine(facts)
    elif disk is None:
        yield skipped("store-elsewhere", f"the engine stores in {info.store} on {info.name or 'another machine'}")
    else:
        yield from judge_disk(disk, facts.command("prune", "--dry-run"))


def judge_disk(disk: DiskFacts, prune: str) -> Iterator[Outcome]:
    """Yield the findings about one disk, or that there are none; `prune` is the next step."""
    evidence = {
        "path": str(disk.path),
        "free_bytes": disk.free_bytes,
        "bytes": disk.bytes,
        "free_inodes": disk.free_inodes,
        "inodes": disk.inodes,
    }
    free = f"{format_size(disk.free_bytes)} of {format_size(disk.bytes)} free where the engine stores ({disk.path})"
    is_short_of_inodes = disk.inodes > 0 and disk.free_inodes < LOW_INODES * disk.inodes
    if disk.free_bytes < FULL_BYTES:
        yield failed("disk-full", free, prune, **evidence)
    elif disk.free_bytes < LOW_BYTES:
        yield warned("disk-low", free, prune, **evidence)
    if is_short_of_inodes:
        message = f"{disk.free_inodes} of {disk.inodes} inodes free where the engine stores ({disk.path})"
        yield (warned if disk.free_inodes else failed)("inodes-low", message, prune, **evidence)
    if disk.free_bytes >= LOW_BYTES and not is_short_of_inodes:
        yield passed(free, **evidence)


@doctor_check(
    "D202",
    "machine",
    "reclaimable space",
    {
        "much-reclaimable": "More than 20 GB could be given back, which is more than is free.",
        "usage-unknown": "Skipped: the engine does not say what it holds.",
        "no-engine": "Skipped: no engine answers.",
    },
)
def check_reclaimable(facts: DoctorFacts) -> Iterator[Outcome]:
    """Ask the engine what of its images, containers, volumes and build cache nobody uses."""
    machine = need(facts.machine)
    if facts.engine.info is None:
        yield no_engine(facts)
        return
    if not machine.usage:
        yield skipped("usage-unknown", f"`docker system df` says nothing: {machine.usage_problem or 'no lines'}")
        return
    kinds = {usage.kind.lower().replace(" ", "_"): usage.reclaimable_bytes for usage in machine.usage}
    total = sum(size for kind, size in kinds.items() if "volume" not in kind)
    message = f"{format_size(total)} could be given back (volumes not counted)"
    free = machine.store.free_bytes if machine.store else None
    if total > MUCH_BYTES and free is not None and total > free:
        yield warned(
            "much-reclaimable",
            f"{message}, and {format_size(free)} is free",
            facts.command("prune", "--dry-run"),
            **kinds,
        )
    else:
        yield passed(message, **kinds)


@doctor_check(
    "D203",
    "machine",
    "clock",
    {
        "clock-differs": "The engine's clock and this machine's differ by more than 5 seconds.",
        "no-engine": "Skipped: no engine answers.",
    },
)
def check_clock(facts: DoctorFacts) -> Iterator[Outcome]:
    """Compare the engine's clock with this machine's: a virtual machine's stands still while the computer sleeps."""
    info = facts.engine.info
    if info is None:
        yield no_engine(facts)
        return
    sure = abs(info.skew) - info.skew_error
    evidence = {"skew_seconds": round(info.skew, 1), "error_seconds": round(info.skew_error, 1)}
    if sure > SKEW_SECONDS:
        direction = "ahead of" if info.skew > 0 else "behind"
        message = f"the engine's clock is {abs(info.skew):.0f} s {direction} this machine's"
        hint = "sudo systemctl restart systemd-timesyncd   (on the engine's machine; Docker Desktop: restart it)"
        yield failed("clock-differs", message, hint, **evidence)
    else:
        yield passed(f"differs by {max(sure, 0.0):.1f} s at least from this machine's", **evidence)
