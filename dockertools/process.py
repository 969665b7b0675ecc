"""Run other programs: the only place that does."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dockertools.errors import CouldNotRunError

GRACE_SECONDS = 10.0
"""How long a program that was asked to end may take before it is killed."""


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

    def lines(self) -> Iterator[bytes]:
        """Yield each line of standard error as it comes, without its line end."""
        stream = self._process.stderr
        if stream is None:  # never: `stream()` opens the pipe
            return
        for line in stream:
            yield line.rstrip(b"\r\n")

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
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _not_found(argv: Sequence[str], cwd: Path | None) -> CouldNotRunError:
    if cwd is not None and not cwd.is_dir():
        return CouldNotRunError(f"The folder {cwd} does not exist.", code="folder-not-found")
    return ProgramNotFoundError(
        f"The program `{argv[0]}` was not found, or may not be run.",
        hint=f"Install it, or add its folder to PATH (now {os.environ.get('PATH', '')!r}).",
    )
