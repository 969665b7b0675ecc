"""A second private engine for a test, alone in a network of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.private_engine.apt_sources import find_archive, read_apt_sources
from scripts.private_engine.daemon import stop_daemon
from scripts.private_engine.layout import Layout, find_layout
from scripts.private_engine.machine import inspect_machine
from scripts.private_engine.packages import PLUGINS, install_engine

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Bench:
    """A private engine's own cache folder, and a network namespace in which its commands run."""

    layout: Layout
    namespace: int
    environment: dict[str, str]

    def run(self, *argv: str | Path) -> subprocess.CompletedProcess[str]:
        inside = ("nsenter", "--target", str(self.namespace), "--net", *argv)
        return subprocess.run(inside, env=self.environment, capture_output=True, text=True, check=False)

    def engine(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(ROOT / "scripts" / "engine", *arguments)

    def docker(self, *arguments: str) -> str:
        done = self.run(self.layout.prefix / "usr/bin/docker", "-H", f"unix://{self.layout.socket}", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextmanager
def make_bench(folder: Path) -> Iterator[Bench]:
    """Give an engine's folder with the packages in it: nothing is fetched where this machine has them already."""
    machine = inspect_machine()
    if not machine.can_host_private_engine:
        pytest.skip("A private engine is made on Debian as root only.")
    present, layout = find_layout(os.environ), Layout(folder / "django-dockertools" / "engine")
    if not present.prefix.is_dir():
        install_engine(present, find_archive(read_apt_sources(), machine.codename).uri, print)
    plugins = layout.client_configuration / "cli-plugins"
    plugins.mkdir(parents=True)
    layout.prefix.symlink_to(present.prefix)
    for name in PLUGINS:
        (plugins / name).symlink_to(present.client_configuration / "cli-plugins" / name)
    kept = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    environment = {**kept, "XDG_CACHE_HOME": str(folder), "PYTHON": sys.executable}
    with subprocess.Popen(
        ("unshare", "--net", "sh", "-c", "ip link set lo up; echo; exec sleep 3600"), stdout=-1
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            yield Bench(layout, holder.pid, environment)
        finally:
            stop_daemon(layout)
            holder.kill()


def image_for(bench: Bench, folder: Path) -> str:
    """Give the engine an image that holds one program, which ends on no signal but SIGKILL."""
    root = folder / "root"
    for name in (shutil.which("sleep") or "", *libraries("sleep")):
        target = root / name.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, target)
    tarball = shutil.make_archive(str(folder / "root"), "tar", root)
    bench.docker("import", tarball, "sleeper:1")
    return "sleeper:1"


def libraries(program: str) -> list[str]:
    done = subprocess.run(("ldd", shutil.which(program) or ""), capture_output=True, text=True, check=True)
    return re.findall(r"(?:^|\s)(/\S+)", done.stdout)
