# Written by django-dockertools 0.1.0 (sha256:6de373860f0c5aabfe24cea83ac9f2f9ba1de0563ae371083b17412d533ecbec); once edited, it is kept.  # noqa: E501
"""Gunicorn's settings, fitted to the container's CPU and memory limits."""

import os
from pathlib import Path

from django.conf import settings

CGROUP = Path("/sys/fs/cgroup")
WORKER_BYTES = 128 * 2**20
"""What a worker may need at its peak: measure yours, this is a guess."""


def limit(*paths: str) -> float | None:
    """Return the first readable cgroup limit of `paths`, or None where there is none (cgroup v2's "max", v1's -1)."""
    for path in paths:
        try:
            quota, *period = (CGROUP / path).read_text(encoding="ascii").split()
            value = float(quota) / float(period[0] if period else 1)
        except (OSError, ValueError):
            continue
        return value if value > 0 else None
    return None


def cpu_count() -> float:
    """Return the CPUs that this container may use: its quota, or those it may run on."""
    quota = limit("cpu.max")
    if quota is None and (micros := limit("cpu/cpu.cfs_quota_us")):
        quota = micros / (limit("cpu/cpu.cfs_period_us") or 100_000)
    return min(quota or float("inf"), len(os.sched_getaffinity(0)))


def worker_count() -> int:
    """Return two workers a CPU and one more, as far as memory goes; WEB_CONCURRENCY decides when it is set."""
    if chosen := os.environ.get("WEB_CONCURRENCY"):
        return int(chosen)
    memory = limit("memory.max", "memory/memory.limit_in_bytes") or float("inf")
    return max(1, int(min(2 * cpu_count() + 1, memory // WORKER_BYTES)))


bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
workers = worker_count()
threads = 4
worker_class = "gthread"
# The heartbeat file must not be on a disk that can block: https://docs.gunicorn.org/en/stable/faq.html#blocking-os-fchmod
worker_tmp_dir = "/dev/shm"  # noqa: S108  # gunicorn makes a private file in it
timeout = 60
# How long requests may go on after SIGTERM; compose's stop_grace_period is longer.
graceful_timeout = 30
keepalive = 5
# Nobody manages workers from inside a container, and the root is read-only.
control_socket_disable = True
accesslog = "-"
errorlog = "-"
# LOGGING names gunicorn's loggers: its lines take that form from the first one on.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cvimprover.settings")
logconfig_dict = settings.LOGGING
