"""Get the engine's packages from Debian without touching the packages of the machine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.private_engine.apt_sources import DEFAULT_KEYRING, AptSource
from scripts.private_engine.errors import COULD_NOT_RUN, EngineError
from scripts.private_engine.processes import capture, run_logged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from scripts.private_engine.layout import Layout

ENGINE_PACKAGES = ("docker.io", "docker-cli", "docker-buildx", "docker-compose", "containerd")
# The newest engine first, each suite with its package of tini-static. All need only glibc 2.34, which Debian 12 has.
ENGINE_SUITES = {"forky": "tini-static", "trixie": "tini"}
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
    for suite, tini in ENGINE_SUITES.items():
        names = (*ENGINE_PACKAGES, tini)
        say(f"Fetching the engine from Debian's suite {suite}: {' '.join(names)}")
        folder = layout.work / f"packages-{suite}"
        try:
            _download(folder, AptSource(archive_uri, (suite,), ("main",), DEFAULT_KEYRING), names, layout.work_log)
            unpacked = _unpack(folder, layout.work_log)
            _prove(unpacked)
            _link_plugins(layout)
            unpacked.rename(layout.prefix)
        except EngineError as error:
            failures.append(f"{suite}: {error}")
        else:
            return
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    raise EngineError("no suite of Debian gave a working engine\n" + "\n".join(failures), code=COULD_NOT_RUN)


def _download(folder: Path, source: AptSource, names: Sequence[str], log: Path) -> None:
    """Download the named packages alone, with lists and settings that the machine's apt never sees."""
    for name in ("lists", "cache/archives"):
        (folder / name / "partial").mkdir(parents=True)
    sources = folder / "engine.sources"
    sources.write_text(source.as_deb822())
    options = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
        "APT::Update::Error-Mode": "any",
        "APT::Update::Post-Invoke-Success": "",
        "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
    }
    apt = ("apt-get", *(word for name, value in options.items() for word in ("-o", f"{name}={value}")))
    run_logged((*apt, "update"), log)
    run_logged(("env", "-C", str(folder), *apt, "download", *names), log)


def _unpack(folder: Path, log: Path) -> Path:
    prefix = folder / "prefix"
    prefix.mkdir()
    for package in sorted(folder.glob("*.deb")):
        run_logged(("dpkg-deb", "--extract", str(package), str(prefix)), log)
    return prefix


def _prove(prefix: Path) -> None:
    """Run each program once: one that needs a newer glibc fails here, not later."""
    programs = ("usr/sbin/dockerd", "usr/bin/docker", "usr/bin/containerd", "usr/bin/tini-static")
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
