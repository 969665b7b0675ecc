"""Run other programs: the only place of this package that does."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scripts.private_engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

NOT_FOUND = 127
TIMED_OUT = 124
TAIL_LINES = 40
GROUP_SECONDS = 10


def capture(
    argv: Sequence[str], *, environment: Mapping[str, str] | None = None, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a short command; a missing program answers 127 and a late one 124, as in a shell."""
    try:
        return subprocess.run(
            argv,
            env=environment,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError):
        return subprocess.CompletedProcess(argv, NOT_FOUND, "", f"{argv[0]} is not installed")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, TIMED_OUT, "", f"no answer within {timeout:g} seconds")


def run_logged(argv: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None) -> None:
    """Run a long command with its output in a log file; raise EngineError with the log's end on failure.

    The command gets a process group of its own, so that Ctrl-C and SIGTERM end its children too.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        output.write(f"\n$ {' '.join(argv)}\n".encode())
        output.flush()
        start = output.tell()
        try:
            process = subprocess.Popen(
                argv, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0
            )
        except FileNotFoundError as error:
            raise EngineError(f"{argv[0]} is not installed", hint="Install it and try again.") from error
        with _ended_with_its_children(process):
            code = process.wait()
    if code:
        raise EngineError(f"{argv[0]} failed with exit code {code}:\n{tail(log, start)}", hint=f"All of it is in {log}")


@contextmanager
def _ended_with_its_children(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        _end_group(process, signal.SIGTERM)
        _end_group(process, signal.SIGKILL)
        raise


def _end_group(process: subprocess.Popen[bytes], signal_number: signal.Signals) -> None:
    """Send a signal to a process group and wait until nobody is left in it."""
    deadline = time.monotonic() + GROUP_SECONDS
    try:
        os.killpg(process.pid, signal_number)
        while time.monotonic() < deadline:
            process.poll()
            os.killpg(process.pid, 0)
            time.sleep(0.05)
    except ProcessLookupError:
        return


def tail(log: Path, start: int = 0) -> str:
    """Return the last lines of a log file, from a byte offset on."""
    if not log.exists():
        return ""
    with log.open("rb") as stream:
        stream.seek(start)
        text = stream.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-TAIL_LINES:])


def start_detached(argv: Sequence[str], log: Path, *, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that it outlives the shell that asked for it."""
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
