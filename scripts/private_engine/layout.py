"""Where the private engine keeps its files."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# The kernel takes 107 bytes for the path of a Unix socket; containerd adds some of its own below the runtime folder.
LONGEST_SOCKET_PATH = 107


@dataclass(frozen=True)
class Layout:
    """Every path of one private engine, below its own folder in the user's cache folder."""

    root: Path

    @property
    def prefix(self) -> Path:
        """Hold the unpacked packages; it exists only when complete."""
        return self.root / "prefix"

    @property
    def client_configuration(self) -> Path:
        """Serve as DOCKER_CONFIG: the folder in which the client looks for its plugins."""
        return self.root / "client"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def daemon_configuration(self) -> Path:
        return self.root / "daemon.json"

    @property
    def daemon_record(self) -> Path:
        """Name the daemon that `up` started: pid and start time."""
        return self.root / "dockerd.pid.json"

    @property
    def daemon_log(self) -> Path:
        return self.root / "dockerd.log"

    @property
    def work_log(self) -> Path:
        return self.root / "work.log"

    @property
    def work(self) -> Path:
        """Hold what is half made; whatever is there when `up` starts is rubbish."""
        return self.root / "work"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def runtime(self) -> Path:
        """Hold sockets and mounts of the running engine: short, and gone after a reboot."""
        return Path("/run") / f"django-dockertools-{hashlib.sha256(bytes(self.root)).hexdigest()[:8]}"

    @property
    def socket(self) -> Path:
        path = self.root / "docker.sock"
        return path if len(bytes(path)) <= LONGEST_SOCKET_PATH else self.runtime / "docker.sock"

    @property
    def containerd_socket(self) -> Path:
        return self.runtime / "containerd" / "containerd.sock"


def find_layout(environment: Mapping[str, str]) -> Layout:
    """Return the layout in XDG_CACHE_HOME, or ~/.cache where that is unset, empty or relative (XDG's own rule)."""
    cache = environment.get("XDG_CACHE_HOME", "")
    folder = Path(cache) if os.path.isabs(cache) else Path.home() / ".cache"  # noqa: PTH117 - the text, not a path
    return Layout(folder / "django-dockertools" / "engine")
