"""An engine of the bench's own: empty at first, so that a cold build is one, and gone afterwards."""

from __future__ import annotations

import ipaddress
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from dockertools.errors import CouldNotRunError
from dockertools.process import run
from scripts.private_engine.daemon import start_daemon, stop_daemon
from scripts.private_engine.layout import Layout, find_layout


@dataclass(frozen=True)
class BenchEngine:
    """An engine: the environment in which its client runs, and the address at which its host network answers."""

    environment: dict[str, str]
    host: str

    def call(self, *argv: str, cwd: Path | None = None, timeout: float = 1800.0) -> str:
        """Run a command against this engine and return what it wrote; raise CouldNotRunError when it fails."""
        return call(argv, env=self.environment, cwd=cwd, timeout=timeout)

    def empty(self, bases: tuple[str, ...]) -> None:
        """Remove all images but the bases, and all caches: the next build starts from nothing."""
        names = self.call("docker", "image", "ls", "--all", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").splitlines()
        for name, _, identifier in (line.partition(" ") for line in names):
            if name not in bases:
                run(("docker", "image", "rm", "--force", identifier), env=self.environment, timeout=300)
        self.call("docker", "buildx", "prune", "--all", "--force")


def call(
    argv: tuple[str, ...],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 1800.0,
) -> str:
    """Run a command and return what it wrote; raise CouldNotRunError when it fails."""
    done = run(argv, stdin=stdin, env=env, cwd=cwd, timeout=timeout)
    if done.returncode:
        raise CouldNotRunError(f"`{' '.join(argv)[:200]}` failed: {(done.stderr or done.stdout)[-3000:]}")
    return done.stdout


@contextmanager
def bench_engine(bases: tuple[str, ...], say: Callable[[str], None]) -> Iterator[BenchEngine]:
    """Start an engine that has these images; it and all that it holds is removed afterwards.

    It lives in a network of its own that hangs on the running engine's bridge like a container: two engines in one
    network take away each other's bridge and packet filter. Needs root, and the programs that `scripts/engine` brings.
    Raises CouldNotRunError.
    """
    programs = find_layout(os.environ).prefix
    if os.geteuid() or not (programs / "usr/sbin/dockerd").exists():
        raise CouldNotRunError(
            "An engine of the bench's own needs root, and the programs of scripts/engine.",
            hint="`--quick` measures sizes on the engine that runs.",
        )
    folder = Path(tempfile.mkdtemp(prefix="bench-engine-"))
    layout = Layout(folder)
    (folder / "prefix").symlink_to(programs)
    try:
        with _network(f"bench{os.getpid()}") as (name, host):
            try:
                start_daemon(layout, os.environ, say, ("nsenter", f"--net=/run/netns/{name}", "--"))
                engine = BenchEngine({"DOCKER_HOST": f"unix://{layout.socket}"}, host)
                for base in bases:
                    _copy(base, folder / "base.tar", engine)
                yield engine
            finally:
                stop_daemon(layout)
    finally:
        rmtree(folder)


def _copy(image: str, file: Path, engine: BenchEngine) -> None:
    call(("docker", "save", "--output", str(file), image))
    engine.call("docker", "load", "--input", str(file))
    file.unlink()


@contextmanager
def _network(name: str) -> Iterator[tuple[str, str]]:
    """Hang a new network namespace on the bridge of the running engine; yield its name and its address."""
    (bridge,) = json.loads(call(("docker", "network", "inspect", "bridge")))
    subnet = ipaddress.ip_network(bridge["IPAM"]["Config"][0]["Subnet"])
    gateway = bridge["IPAM"]["Config"][0].get("Gateway") or str(subnet[1])
    # The engine gives its containers addresses from the other end.
    host = str(subnet[-2])
    call(("ip", "netns", "add", name))
    try:
        outside = ("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        inside = ("-netns", name)
        for words in (
            outside,
            ("link", "set", name, "master", bridge["Options"]["com.docker.network.bridge.name"], "up"),
            (*inside, "address", "add", f"{host}/{subnet.prefixlen}", "dev", "eth0"),
            (*inside, "link", "set", "lo", "up"),
            (*inside, "link", "set", "eth0", "up"),
            (*inside, "route", "add", "default", "via", gateway),
        ):
            call(("ip", *words))
        yield name, host
    finally:
        run(("ip", "netns", "delete", name))
