"""On what was measured."""

from __future__ import annotations

import os
import platform

from dockertools.process import run


def describe_machine() -> str:
    """Return processors, Python and engine in one line."""
    engine = run(("docker", "version", "--format", "{{.Server.Version}}")).stdout.strip() or "none"
    buildx = run(("docker", "buildx", "version")).stdout.split()[1:2] or ["none"]
    return f"{os.cpu_count()} processors, Python {platform.python_version()}, engine {engine}, buildx {buildx[0]}"
