"""The command line of scripts/engine."""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from scripts.private_engine.apt_sources import find_archive, read_apt_sources
from scripts.private_engine.daemon import start_daemon, stop_daemon, unmount_below
from scripts.private_engine.engines import Engine, Probe, find_engine, private_engine, render_exports
from scripts.private_engine.errors import COULD_NOT_RUN, FAILED, INTERRUPTED, TERMINATED, EngineError, TerminatedError
from scripts.private_engine.images import DEFAULT_IMAGES, STAND_INS, Workshop, ensure_images
from scripts.private_engine.layout import Layout, find_layout
from scripts.private_engine.machine import Machine, advise, inspect_machine
from scripts.private_engine.packages import ENGINE_TOOLS, install_engine, install_host_tools
from scripts.private_engine.processes import capture

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STATUS_LINES = {
    "version": ("docker", "version", "--format", "{{.Server.Version}}"),
    "buildx": ("docker", "buildx", "version"),
    "compose": ("docker", "compose", "version", "--short"),
    "data": ("docker", "info", "--format", "{{.DockerRootDir}}"),
    "disk": ("docker", "system", "df"),
    "images": ("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}  {{.Size}}"),
}


@dataclass(frozen=True)
class Session:
    """What every subcommand starts from."""

    layout: Layout
    environment: Mapping[str, str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return its exit code."""
    options = build_parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _terminate)
    environment = caller_environment(os.environ)
    try:
        return int(options.run(options, Session(find_layout(environment), environment)))
    except EngineError as error:
        say("\n".join(filter(None, (f"engine: {error}", error.hint))))
        return error.code
    except OSError as error:
        say(f"engine: {error}")
        return FAILED
    except KeyboardInterrupt:
        say("Interrupted; nothing half made is left.")
        return INTERRUPTED
    except TerminatedError:
        return TERMINATED


def _terminate(_number: int, _frame: object) -> NoReturn:
    raise TerminatedError


def caller_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment as it was before the launcher, and before a version manager's python, changed it."""
    own = {"CALLER_PATH", "PYTHONPATH", "PYTHONSAFEPATH", "PYTHONDONTWRITEBYTECODE"}
    kept = {name: value for name, value in environment.items() if name not in own}
    return {**kept, "PATH": environment.get("CALLER_PATH") or environment.get("PATH") or os.defpath}


def say(message: str) -> None:
    """Tell progress on standard error: standard output belongs to `env` and `status`."""
    print(message, file=sys.stderr, flush=True)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="engine", description="Give this machine a Docker engine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="find an engine or bring up a private one, with the base images")
    chosen = up.add_mutually_exclusive_group()
    chosen.add_argument(
        "--image", action="append", dest="images", metavar="NAME", help="this base image instead of the usual ones"
    )
    chosen.add_argument("--no-images", action="store_const", const=[], dest="images", help="the engine alone")
    up.set_defaults(run=run_up)
    down = commands.add_parser("down", help="stop the engine that `up` started")
    down.add_argument("--purge", action="store_true", help="remove its packages, images and volumes too")
    down.set_defaults(run=run_down)
    commands.add_parser("status", help="say which engine serves").set_defaults(run=run_status)
    commands.add_parser("env", help='print exports: eval "$(scripts/engine env)"').set_defaults(run=run_env)
    image = commands.add_parser("image", help="pull base images, or make their stand-ins")
    image.add_argument("names", nargs="+", metavar="NAME", help=f"stand-ins: {', '.join(STAND_INS)}")
    image.set_defaults(run=run_image)
    return parser


@contextmanager
def exclusive(layout: Layout) -> Iterator[None]:
    """Let one change at a time; a second caller waits and then finds the work done."""
    layout.root.mkdir(parents=True, exist_ok=True)
    with layout.lock.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another scripts/engine to finish")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def run_up(options: argparse.Namespace, session: Session) -> int:
    names = DEFAULT_IMAGES if options.images is None else tuple(options.images)
    machine = inspect_machine()
    engine, probe = find_engine(session.layout, session.environment)
    if engine is None and not machine.can_host_private_engine:
        raise no_engine(probe, machine)
    with exclusive(session.layout):
        engine, probe = find_engine(session.layout, session.environment)
        engine = engine or bring_up(session, probe, machine)
        ensure_images(Workshop(engine, session.layout, machine, say), names)
    say(f"The engine is up at {engine.address}.")
    if engine.exports:
        say('To use it in this shell: eval "$(scripts/engine env)"')
    return 0


def no_engine(probe: Probe, machine: Machine) -> EngineError:
    """Return the error that says what to install where no engine serves and none can be brought up."""
    hint = f"What gives this system one:\n{advise(machine)}"
    return EngineError(f"no Docker engine serves here: {probe.complaint}", hint=hint, code=COULD_NOT_RUN)


def bring_up(session: Session, probe: Probe, machine: Machine) -> Engine:
    """Bring up the private engine, or its client alone where the machine's own engine only lacks that.

    A second engine beside a running one would change the same bridge and packet filter.
    """
    layout = session.layout
    archive = find_archive(read_apt_sources(), machine.codename)
    clear_work(layout)
    if probe.is_engine_there:
        say(f"This machine's engine needs another client: {probe.complaint}")
        install_engine(layout, archive.uri, say)
        engine, probe = find_engine(layout, session.environment)
        if engine is None:
            raise no_engine(probe, machine)
        return engine
    install_host_tools(ENGINE_TOOLS, layout.work_log, say)
    install_engine(layout, archive.uri, say)
    start_daemon(layout, session.environment, say)
    return private_engine(layout, session.environment)


def clear_work(layout: Layout) -> None:
    """Remove what a killed run left half made, and the log of the last time."""
    layout.work_log.unlink(missing_ok=True)
    unmount_below(layout.work)
    shutil.rmtree(layout.work, ignore_errors=True)


def run_down(options: argparse.Namespace, session: Session) -> int:
    layout = session.layout
    with exclusive(layout):
        stopped = stop_daemon(layout)
        say("The private engine is down." if stopped else "No private engine was running.")
        if options.purge:
            unmount_below(layout.root)
            shutil.rmtree(layout.root)
            say(f"Removed {layout.root}.")
    return 0


def run_status(_options: argparse.Namespace, session: Session) -> int:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `engine status | head` is no failure
    engine, probe = find_engine(session.layout, session.environment)
    if engine is None:
        print(f"engine: none\nreason: {probe.complaint}")
        return COULD_NOT_RUN
    print(f"engine: {'private' if engine.is_private else 'of this machine'}")
    print(f"address: {engine.address}")
    for title, argv in STATUS_LINES.items():
        answer = capture(argv, environment=engine.environment, timeout=60).stdout.strip()
        print(f"{title}: {answer}" if "\n" not in answer else f"{title}:\n{answer}")
    return 0


def run_env(_options: argparse.Namespace, session: Session) -> int:
    print(render_exports(require_engine(session).exports), end="")
    return 0


def run_image(options: argparse.Namespace, session: Session) -> int:
    with exclusive(session.layout):
        engine = require_engine(session)
        ensure_images(Workshop(engine, session.layout, inspect_machine(), say), tuple(options.names))
    return 0


def require_engine(session: Session) -> Engine:
    """Return the engine that serves; raise EngineError where none does."""
    engine, probe = find_engine(session.layout, session.environment)
    if engine is None:
        raise EngineError(f"no engine is up: {probe.complaint}", hint="Run `scripts/engine up`.", code=COULD_NOT_RUN)
    return engine
