"""Run a function in a process of its own, which may hang, exit or crash without harm.

A fork, not a new interpreter: the project is loaded already, so that a process costs milliseconds. Pipes only: a
production container may have a read-only root and no /dev/shm, which the queues and locks of `multiprocessing` need.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NoReturn

TICK_SECONDS = 0.05
OUTPUT_LIMIT = 4000
_RESULT, _OUTPUT = "result", "output"
_RAISED_EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h; the message on the pipe is what counts


class End(Enum):
    """How the process ended."""

    RETURNED = auto()
    RAISED = auto()
    EXITED = auto()
    CRASHED = auto()
    TIMED_OUT = auto()


@dataclass(frozen=True)
class Ended:
    """What became of the function: `value` as JSON carries it, or why there is none.

    `output` is the last of what it wrote to standard output and error.
    """

    end: End
    value: Any = None
    error_type: str = ""
    error: str = ""
    exit_code: int | None = None
    signal_name: str = ""
    output: str = ""
    seconds: float = 0.0


def isolate(
    function: Callable[[], Any],
    *,
    timeout: float,
    on_tick: Callable[[float], None] | None = None,
    own_group: bool = False,
) -> Ended:
    """Run `function` in a child process and return how it ended; `timeout` is in seconds.

    The value must be what JSON can hold. `on_tick` is called with the seconds gone while the child runs. With
    `own_group` the child leads a process group, which is killed as a whole, its own children included; a child of
    such a child must not, or it would outlive the group.
    """
    started = time.monotonic()
    sys.stdout.flush()
    sys.stderr.flush()
    pipes = {_RESULT: os.pipe(), _OUTPUT: os.pipe()}
    pid = os.fork()
    if pid == 0:
        _run_child(function, pipes[_RESULT][1], pipes[_OUTPUT][1], own_group=own_group)
    if own_group:
        with contextlib.suppress(PermissionError, ProcessLookupError):  # the child does the same; one of both is first
            os.setpgid(pid, pid)
    for _, writer in pipes.values():
        os.close(writer)
    received = {name: bytearray() for name in pipes}
    try:
        status = _wait(pid, {name: reader for name, (reader, _) in pipes.items()}, received, started + timeout, on_tick)
    finally:
        _kill(pid, own_group=own_group)
        for reader, _ in pipes.values():
            os.close(reader)
    return _ended(status, received, time.monotonic() - started)


def describe_end(ended: Ended, timeout: float) -> str:
    """Return how a process without a value ended, as the rest of a sentence."""
    match ended.end:
        case End.RAISED:
            return f"raised {ended.error_type}: {ended.error}"
        case End.EXITED:
            return f"ended the process with exit code {ended.exit_code}"
        case End.CRASHED:
            return f"crashed the process ({ended.signal_name})"
        case End.TIMED_OUT:
            return f"did not end within {timeout:g} seconds"
        case End.RETURNED:
            return "ended well"


def _run_child(function: Callable[[], Any], result: int, output: int, *, own_group: bool) -> NoReturn:
    """Run the function and leave without unwinding: the parent's handlers and buffers are not the child's."""
    exit_code = _RAISED_EXIT_CODE
    try:
        _prepare_child(output, own_group=own_group)
        value = function()
        _send(result, {"value": value})
        exit_code = 0
    except SystemExit as stop:
        exit_code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        _send(result, {"exit": exit_code})
    finally:
        # Whatever the function raised is a fact for the parent to judge, so it is carried over and not handled here.
        kind, error, _ = sys.exc_info()
        if kind is not None and not issubclass(kind, SystemExit):
            _send(result, {"raised": [kind.__name__, str(error)]})
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(exit_code & 0xFF)


def _prepare_child(output: int, *, own_group: bool) -> None:
    if own_group:
        os.setpgid(0, 0)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)


def _send(descriptor: int, message: dict[str, Any]) -> None:
    data = json.dumps(message, default=str).encode()
    while data:
        data = data[os.write(descriptor, data) :]


def _wait(
    pid: int,
    readers: dict[str, int],
    received: dict[str, bytearray],
    deadline: float,
    on_tick: Callable[[float], None] | None,
) -> int | None:
    """Collect what the child writes until it ends; None when the deadline came first.

    The child's end is looked for by its id too: a process that it started may hold the pipes open for longer.
    """
    started = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for name, reader in readers.items():
            os.set_blocking(reader, False)
            selector.register(reader, selectors.EVENT_READ, name)
        while (now := time.monotonic()) < deadline:
            if selector.get_map():
                _collect(selector, received, min(TICK_SECONDS, deadline - now))
            else:
                time.sleep(TICK_SECONDS / 10)  # both pipes are closed: the end is near
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                _collect(selector, received, 0)
                return status
            if on_tick is not None:
                on_tick(time.monotonic() - started)
    return None


def _collect(selector: selectors.BaseSelector, received: dict[str, bytearray], timeout: float) -> None:
    for key, _ in selector.select(timeout) if selector.get_map() else ():
        for chunk in _chunks(key.fd):
            if not chunk:
                selector.unregister(key.fd)
                break
            received[key.data] += chunk
            if key.data == _OUTPUT:
                del received[_OUTPUT][:-OUTPUT_LIMIT]


def _chunks(descriptor: int) -> Iterator[bytes]:
    """Yield what can be read now; an empty chunk is the end of the file."""
    with contextlib.suppress(BlockingIOError):
        while chunk := os.read(descriptor, 65536):
            yield chunk
        yield b""


def _kill(pid: int, *, own_group: bool) -> None:
    """End the child and, where it leads a group, all that it started; one that has ended already is no error."""
    if own_group:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG) == (0, 0):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _ended(status: int | None, received: dict[str, bytearray], seconds: float) -> Ended:
    output = received[_OUTPUT].decode(errors="replace").strip()
    if status is None:
        return Ended(End.TIMED_OUT, output=output, seconds=seconds)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return Ended(End.CRASHED, signal_name=name, output=output, seconds=seconds)
    try:
        message = json.loads(received[_RESULT])
    except ValueError:  # os._exit(): it left without a word
        return Ended(End.EXITED, exit_code=os.WEXITSTATUS(status), output=output, seconds=seconds)
    if "raised" in message:
        kind, error = message["raised"]
        return Ended(End.RAISED, error_type=kind, error=error, output=output, seconds=seconds)
    if "exit" in message:
        return Ended(End.EXITED, exit_code=message["exit"], output=output, seconds=seconds)
    return Ended(End.RETURNED, value=message["value"], output=output, seconds=seconds)
