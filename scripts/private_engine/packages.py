"""Get the engine's packages from Debian without touching the packages of the machine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from private_engine.apt_sources import DEFAULT_KEYRING, AptSource
from private_engine.errors import COULD_NOT_RUN, EngineError
from private_engine.processes import capture, run_logged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from private_engine.layout import Layout

ENGINE_PACKAGES = ("docker.io", "docker-cli", "docker-buildx", "docker-compose", "containerd", "tini-static")
# The newest engine first. Both need only glibc 2.34, which Debian 12 has.
ENGINE_SUITES = ("forky", "trixie")
PLUGINS = ("docker-buildx", "docker-compose")


@dataclass(frozen=True)
class HostTool:
    """A program that must come from the machine's own suite, and the package that holds it."""

    program: str
    package: str


# runc of newer suites needs a newer glibc; iptables must fit the kernel's and the machine's own rules.
ENGINE_TOOLS = (HostTool("runc", "runc"), HostTool("iptables", "iptables"))
STAND_IN_TOOLS = (HostTool("debootstrap", "debootstrap"),)


def install_host_tools(tools: Sequence[HostTool], log: Path, say: Callable[[str], None]) -> None:
    """Install with apt what is missing of the tools, and say so before."""
    search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    missing = [tool.package for tool in tools if not shutil.which(tool.program, path=search)]
    if not missing:
        return
    say(f"Installing on this machine with apt: {' '.join(missing)}")
    apt = ("apt-get", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Languages=none")
    run_logged((*apt, "update"), log)
    options = ("-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold")
    environment = ("env", "DEBIAN_FRONTEND=noninteractive")
    run_logged((*environment, *apt, "install", *options, *missing), log)


def install_engine(layout: Layout, archive_uri: str, say: Callable[[str], None]) -> None:
    """Unpack the engine's packages into the private prefix, unless they are there.

    The prefix appears by a rename, so an interrupted download never looks like a complete one.
    """
    if layout.prefix.is_dir():
        return
    failures = []
    for suite in ENGINE_SUITES:
        say(f"Fetching the engine from Debian's suite {suite}: {' '.join(ENGINE_PACKAGES)}")
        unpacked = layout.work / f"prefix-{suite}"
        try:
            _download(layout, archive_uri, suite)
            _unpack(layout, suite, unpacked)
            _prove(unpacked)
        except EngineError as error:
            failures.append(f"{suite}: {error}")
            continue
        _link_plugins(layout)
        unpacked.rename(layout.prefix)
        return
    raise EngineError("no suite of Debian gave a working engine\n" + "\n".join(failures), code=COULD_NOT_RUN)


def _download(layout: Layout, archive_uri: str, suite: str) -> None:
    folder = layout.downloads / suite
    (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (folder / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    source = folder / "engine.sources"
    source.write_text(AptSource(archive_uri, (suite,), ("main",), DEFAULT_KEYRING).as_deb822())
    options = {
        "Dir::Etc::sourcelist": source,
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
        "APT::Update::Error-Mode": "any",
        "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
    }
    flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    run_logged(("apt-get", *flags, "update"), layout.work_log)
    # --download-only with --reinstall would resolve dependencies; `download` takes the named ones alone.
    run_logged(("env", "-C", str(folder), "apt-get", *flags, "download", *ENGINE_PACKAGES), layout.work_log)


def _unpack(layout: Layout, suite: str, prefix: Path) -> None:
    shutil.rmtree(prefix, ignore_errors=True)
    prefix.mkdir(parents=True)
    for package in sorted((layout.downloads / suite).glob("*.deb")):
        run_logged(("dpkg-deb", "--extract", str(package), str(prefix)), layout.work_log)


def _prove(prefix: Path) -> None:
    """Run each program once: one that needs a newer glibc fails here, not later."""
    programs = ("usr/sbin/dockerd", "usr/bin/docker", "usr/bin/containerd")
    commands = [(str(prefix / program), "--version") for program in programs]
    commands += [(str(_plugin(prefix, name)), "version") for name in PLUGINS]
    for argv in commands:
        answer = capture(argv, timeout=60)
        if answer.returncode:
            raise EngineError(f"{argv[0]} does not run here: {answer.stderr.strip()}")


def _plugin(prefix: Path, name: str) -> Path:
    return prefix / "usr/libexec/docker/cli-plugins" / name


def _link_plugins(layout: Layout) -> None:
    folder = layout.client_configuration / "cli-plugins"
    folder.mkdir(parents=True, exist_ok=True)
    for name in PLUGINS:
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(_plugin(layout.prefix, name))
