"""What kind of machine this is, and what its owner would install to have an engine."""

from __future__ import annotations

import os
import platform
import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """The facts that decide whether a private engine can be made here."""

    system: str
    distribution: str
    relatives: tuple[str, ...]
    codename: str
    is_root: bool

    @property
    def can_host_private_engine(self) -> bool:
        """Tell whether Debian's packages can serve: Ubuntu and others have neither the packages nor the suites."""
        return self.system == "Linux" and self.distribution == "debian" and self.is_root and bool(self.codename)


def parse_os_release(text: str) -> dict[str, str]:
    """Parse /etc/os-release, a file of shell-like assignments (os-release(5))."""
    values = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            values[name] = "".join(shlex.split(value))
    return values


def inspect_machine() -> Machine:
    """Read the facts of the machine that this runs on."""
    path = Path("/etc/os-release")
    release = parse_os_release(path.read_text()) if path.exists() else {}
    return Machine(
        system=platform.system(),
        distribution=release.get("ID", ""),
        relatives=tuple(release.get("ID_LIKE", "").split()),
        codename=release.get("VERSION_CODENAME", ""),
        is_root=os.geteuid() == 0,
    )


JOIN_GROUP = "sudo usermod -aG docker $USER   # then log out and in again"
ADVICE: dict[str, tuple[str, ...]] = {
    "debian": (
        "Run `scripts/engine up` as root: it makes a private engine from Debian's packages.",
        "Or install one (Debian 13 or newer):",
        "  sudo apt-get install docker.io docker-cli docker-buildx docker-compose",
        f"  {JOIN_GROUP}",
    ),
    "ubuntu": (
        "sudo apt-get install docker.io docker-buildx docker-compose-v2",
        JOIN_GROUP,
    ),
    "fedora": (
        "sudo dnf install moby-engine docker-buildx docker-compose",
        "sudo systemctl enable --now docker",
        JOIN_GROUP,
    ),
    "arch": (
        "sudo pacman -S docker docker-buildx docker-compose",
        "sudo systemctl enable --now docker",
        JOIN_GROUP,
    ),
    "alpine": (
        "doas apk add docker docker-cli-buildx docker-cli-compose",
        "doas rc-update add docker && doas service docker start",
        "doas addgroup $USER docker   # then log out and in again",
    ),
    "macos": (
        "brew install colima docker docker-buildx docker-compose",
        "mkdir -p ~/.docker/cli-plugins",
        "ln -sf $(brew --prefix)/bin/docker-{buildx,compose} ~/.docker/cli-plugins/",
        "colima start --memory 4",
        "(Docker Desktop or OrbStack, started, serve as well.)",
    ),
    "": (
        "Install Docker Engine (or Docker Desktop) 23 or newer with the buildx and the compose plugin, start it,",
        "and see that `docker version`, `docker buildx version` and `docker compose version` all answer.",
    ),
}


def advise(machine: Machine) -> str:
    """Return the commands that give this system an engine, one a line."""
    if machine.system == "Darwin":
        return "\n".join(ADVICE["macos"])
    known = [name for name in (machine.distribution, *machine.relatives) if name in ADVICE and name]
    return "\n".join(ADVICE[known[0] if known and machine.system == "Linux" else ""])
