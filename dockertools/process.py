"""Run other programs: the only place that does."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dockertools.errors import CouldNotRunError

GRACE_SECONDS = 10.0
"""How long a program that was asked to end may take before it is killed."""
LONGEST_LINE = 32 * 2**20
"""Bytes of one line that are kept; what goes beyond is dropped, so that no program can fill the memory."""


class ProgramNotFoundError(CouldNotRunError):
    """The program is not on PATH."""

    code = "program-not-found"


class ProgramTimeoutError(CouldNotRunError):
    """The program did not end in the time it was given."""

    code = "program-timeout"


@dataclass(frozen=True)
class Completed:
    """What a program left behind."""

    returncode: int
    stdout: str
    stderr: str


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float = 60.0,
) -> Completed:
    """Run `argv` to its end and return what it wrote, undecodable bytes replaced.

    `env` is added to this process's environment; `timeout` is in seconds.
    Raises ProgramNotFoundError and ProgramTimeoutError; a non-zero exit is the caller's to judge.
    """
    try:
        done = subprocess.run(  # noqa: PLW1510  # the caller judges the exit code
            tuple(argv),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            input=None if stdin is None else stdin.encode(),
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=timeout,
        )
    except (FileNotFoundError, PermissionError) as error:
        raise _not_found(argv, cwd) from error
    except subprocess.TimeoutExpired as error:
        raise ProgramTimeoutError(
            f"`{' '.join(argv)}` did not end within {timeout:g} seconds.",
            hint="Run it by hand to see what it waits for.",
        ) from error
    return Completed(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


class Stream:
    """A running program whose standard error is read line by line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def lines(self, *, tick: float | None = None) -> Iterator[bytes]:
        """Yield each line of standard error as it comes, without its line end.

        With `tick`, an empty line comes after each such number of seconds in which the program said nothing.
        """
        stream = self._process.stderr
        if stream is None:  # never: `stream()` opens the pipe
            return
        pending = b""
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            while True:
                if not selector.select(tick):
                    yield b""
                    continue
                piece = os.read(stream.fileno(), 2**16)
                *lines, pending = (pending + piece).split(b"\n")
                yield from (line.rstrip(b"\r") for line in lines)
                pending = pending[:LONGEST_LINE]
                if not piece:
                    break
        if pending:
            yield pending.rstrip(b"\r")

    def wait(self) -> int:
        """Wait for the program's end and return its exit code."""
        return self._process.wait()


@contextlib.contextmanager
def stream(argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Iterator[Stream]:
    """Run `argv` beside us; however the block ends, the program is gone afterwards.

    It gets a process group of its own, so that Ctrl-C reaches it once, through us.
    Raises ProgramNotFoundError.
    """
    try:
        process = subprocess.Popen(
            tuple(argv),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            process_group=0,
        )
    except (FileNotFoundError, PermissionError) as error:
        raise _not_found(argv, cwd) from error
    with process:
        try:
            yield Stream(process)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and what it started: docker's plugins are programs of their own."""
    if process.poll() is not None:
        return
    _signal_group(process, signal.SIGTERM)
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    finally:  # also when a second Ctrl-C breaks off the waiting
        if process.poll() is None:
            _signal_group(process, signal.SIGKILL)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _not_found(argv: Sequence[str], cwd: Path | None) -> CouldNotRunError:
    if cwd is not None and not cwd.is_dir():
        return CouldNotRunError(f"The folder {cwd} does not exist.", code="folder-not-found")
    return ProgramNotFoundError(
        f"The program `{argv[0]}` was not found, or may not be run.",
        hint=f"Install it, or add its folder to PATH (now {os.environ.get('PATH', '')!r}).",
    )
