"""Let `manage.py docker_check` say why `django.setup()` fails, however it fails.

A library that is missing makes `manage.py` end in a traceback before any command has its turn; one that is broken
may also end, crash or hang the process. That is just what the command is to explain. So while it is the one that is
being started, a child process goes on to load the apps and to run the command. Where it ends before the command
begins, the parent, which has loaded none of them, runs the checks that need no apps.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from types import FrameType, TracebackType

from django.apps import apps
from django.conf import settings

from dockertools.checks.isolation import End, Ended, describe_end
from dockertools.errors import ExitCode

COMMAND = "docker_check"
SETUP_SECONDS = 60.0
TICK_SECONDS = 0.1

_BEGINS = b"begins"
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_PR_SET_PDEATHSIG = 1
_announcement: list[int] = []
"""In the child: the pipe on which it tells its parent what becomes of the setup."""


def load_in_child(argv: Sequence[str]) -> None:
    """Return in a child process, which goes on to load the apps; the parent ends with the child's exit code.

    Where no process can be started, this one goes on alone.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    with _forwarding() as forwarding:
        try:
            child = os.fork()
        except OSError:
            os.close(reader)
            os.close(writer)
            return
        if child:
            os.close(writer)
            forwarding.child = child
            sys.exit(_supervise(child, reader, forwarding, list(argv)))
    os.close(reader)
    _become_child(writer)


def announce_command() -> None:
    """Tell the parent that the apps are loaded and the command begins; nothing where there is no parent."""
    _tell(_BEGINS)


def _become_child(writer: int) -> None:
    """Take a group of its own, so that Ctrl-C comes once, through the parent; end when the parent is gone."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # or a terminal with `tostop` would stop what writes to it
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    _announcement.append(writer)
    previous = sys.excepthook

    def tell_parent(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if apps.ready or not issubclass(kind, Exception):
            announce_command()
            previous(kind, error, traceback)
        else:
            _tell(f"{kind.__name__}: {' '.join(str(error).split())}".encode(errors="backslashreplace"))

    sys.excepthook = tell_parent


def _tell(message: bytes) -> None:
    while _announcement:
        writer = _announcement.pop()
        with contextlib.suppress(OSError):
            os.write(writer, message)
        os.close(writer)


class _Forwarding:
    """The child that signals go to, once it is known, and the first signal that came."""

    child = 0
    signal = 0

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Hand the signal on."""
        self.signal = self.signal or number
        if self.child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child, number)


@contextlib.contextmanager
def _forwarding() -> Iterator[_Forwarding]:
    forwarding = _Forwarding()
    previous = {number: signal.signal(number, forwarding) for number in _FORWARDED}
    try:
        yield forwarding
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _supervise(child: int, reader: int, forwarding: _Forwarding, argv: list[str]) -> int:
    """Return the exit code of the child, or of the checks that need no apps where it could not load them."""
    if forwarding.signal:
        os.kill(child, forwarding.signal)
    message, status = _wait_for_message(child, reader)
    if message == _BEGINS:
        ended = _describe(os.waitpid(child, 0)[1] if status is None else status)
    else:
        ended = _end(child, status)
        if not forwarding.signal:
            return _run_without_apps(
                message.decode(errors="replace") or f"loading them {describe_end(ended, SETUP_SECONDS)}", argv
            )
    if forwarding.signal:
        return ended.exit_code or 128 + forwarding.signal
    if ended.end is not End.EXITED:
        hint = " Look at the container's memory limit." if ended.signal_name == "SIGKILL" else ""
        sys.stderr.write(f"{COMMAND} has no result: something {describe_end(ended, SETUP_SECONDS)}.{hint}\n")
        return ExitCode.COULD_NOT_RUN
    return ended.exit_code or 0


def _wait_for_message(child: int, reader: int) -> tuple[bytes, int | None]:
    """Return what the child says about its start, empty if nothing, and its status if it has ended already."""
    deadline = time.monotonic() + SETUP_SECONDS
    while time.monotonic() < deadline:
        if select.select([reader], [], [], TICK_SECONDS)[0]:
            return os.read(reader, 65536), None
        ended, status = os.waitpid(child, os.WNOHANG)  # a process that it started may hold the pipe open
        if ended:
            return b"", status
    return b"", None


def _end(child: int, status: int | None) -> Ended:
    """Return how the child ended; one that does not end by itself within a moment is killed."""
    deadline = time.monotonic() + 1.0
    while status is None and time.monotonic() < deadline:
        ended, found = os.waitpid(child, os.WNOHANG)
        status = found if ended else None
        time.sleep(0 if ended else TICK_SECONDS / 10)
    if status is not None:
        return _describe(status)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return Ended(End.TIMED_OUT)


def _describe(status: int) -> Ended:
    if os.WIFSIGNALED(status):
        return Ended(End.CRASHED, signal_name=signal.Signals(os.WTERMSIG(status)).name)
    return Ended(End.EXITED, exit_code=os.WEXITSTATUS(status))


def _run_without_apps(setup_error: str, argv: list[str]) -> int:
    if not settings.configured:  # the first to be loaded, and what no check can do without
        sys.stderr.write(f"{COMMAND} could not run, the settings do not load: {setup_error}.\n")
        return ExitCode.COULD_NOT_RUN
    from dockertools.management.commands.docker_check import Command  # noqa: PLC0415  # only when it is needed

    command = Command()
    command.setup_error = setup_error
    command.run_from_argv(argv)
    return ExitCode.OK
