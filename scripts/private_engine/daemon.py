"""Start, find and stop the private dockerd."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.private_engine.errors import COULD_NOT_RUN, EngineError
from scripts.private_engine.processes import capture, start_detached, tail

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from scripts.private_engine.layout import Layout

START_SECONDS = 90
STOP_SECONDS = 90
LEFTOVER_SECONDS = 10
KILL_SECONDS = 10
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    start_ticks: int


def identify_process(pid: int) -> ProcessIdentity | None:
    """Return the identity of a living process, None for one that is gone or a zombie (proc_pid_stat(5))."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else ProcessIdentity(pid, int(fields[19]))


def read_record(path: Path) -> ProcessIdentity | None:
    """Return the recorded process if it still is the one that was recorded."""
    try:
        record = json.loads(path.read_text())
        recorded = ProcessIdentity(int(record["pid"]), int(record["start_ticks"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return recorded if identify_process(recorded.pid) == recorded else None


def is_answering(path: Path) -> bool:
    """Ask the engine's own health address over its Unix socket."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(path))
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
            return b" 200 " in connection.recv(64)
    except OSError:
        return False


def is_running(layout: Layout) -> bool:
    """Tell whether the engine that `up` started is alive and answers."""
    return read_record(layout.daemon_record) is not None and is_answering(layout.socket)


def start_daemon(
    layout: Layout, environment: Mapping[str, str], say: Callable[[str], None], launcher: Sequence[str] = ()
) -> None:
    """Start dockerd in a session of its own and wait until it answers; raise EngineError if it does not.

    `launcher` is a command that becomes the one that follows it, such as `nsenter --net=FILE`.
    """
    running = read_record(layout.daemon_record)
    if running:
        say(f"The private engine (process {running.pid}) does not answer: stopping it first")
        stop_daemon(layout)
    clear_leftovers(layout)
    layout.runtime.mkdir(parents=True, exist_ok=True)
    layout.data.mkdir(parents=True, exist_ok=True)
    layout.daemon_configuration.write_text(render_daemon_configuration(layout))
    say("Starting the engine")
    argv = (*launcher, str(layout.prefix / "usr/sbin/dockerd"), "--config-file", str(layout.daemon_configuration))
    layout.daemon_log.unlink(missing_ok=True)
    process = start_detached(argv, layout.daemon_log, environment=daemon_environment(layout, environment))
    identity = identify_process(process.pid)
    if identity:
        layout.daemon_record.write_text(json.dumps(asdict(identity)))
    try:
        _wait_for_answer(layout, process)
    except BaseException:
        stop_daemon(layout)
        raise


def render_daemon_configuration(layout: Layout) -> str:
    """Return a daemon.json of its own, so that nothing of the machine's own engine is read or written."""
    configuration = {
        "data-root": str(layout.data),
        "exec-root": str(layout.runtime),
        "pidfile": str(layout.runtime / "docker.pid"),
        "hosts": [f"unix://{layout.socket}"],
        "features": {"containerd-snapshotter": True},
        "init-path": str(layout.prefix / "usr/bin/tini-static"),
        "log-level": "warn",
    }
    return json.dumps(configuration, indent=2) + "\n"


def daemon_environment(layout: Layout, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what dockerd needs: its own programs first, and the machine's proxy settings if it has any."""
    kept = {name: value for name, value in environment.items() if name.lower().endswith("_proxy")}
    kept |= {name: environment[name] for name in ("HOME", "SSL_CERT_FILE", "SSL_CERT_DIR") if name in environment}
    private = f"{layout.prefix}/usr/sbin:{layout.prefix}/usr/bin"
    return {**kept, "PATH": f"{private}:{SYSTEM_PATH}", "LANG": "C.UTF-8"}


def _wait_for_answer(layout: Layout, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if is_answering(layout.socket):
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise EngineError(
        f"the engine did not start:\n{tail(layout.daemon_log)}",
        hint=f"All of it is in {layout.daemon_log}",
        code=COULD_NOT_RUN,
    )


def stop_daemon(layout: Layout) -> bool:
    """Stop what `up` started, containers included; tell whether there was anything."""
    identity = read_record(layout.daemon_record)
    if identity:
        _end([identity], STOP_SECONDS)
    clear_leftovers(layout)
    layout.daemon_record.unlink(missing_ok=True)
    return identity is not None


def _end(identities: Sequence[ProcessIdentity], seconds: float) -> None:
    """Ask processes to end, wait for all of them together, then force those that stay."""
    for signal_number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, KILL_SECONDS)):
        living = [identity for identity in identities if identify_process(identity.pid) == identity]
        for identity in living:
            with suppress(ProcessLookupError):
                os.kill(identity.pid, signal_number)
        deadline = time.monotonic() + patience
        while any(_is_alive(identity) for identity in living) and time.monotonic() < deadline:
            time.sleep(0.05)


def _is_alive(identity: ProcessIdentity) -> bool:
    # A child of ours stays as a zombie until it is asked for; a zombie has no identity.
    with suppress(ChildProcessError):
        os.waitpid(identity.pid, os.WNOHANG)
    return identify_process(identity.pid) == identity


def clear_leftovers(layout: Layout) -> None:
    """End shims and containers that a killed engine left, unmount what it had mounted, drop its runtime folder."""
    shims = list(_own_processes(layout))
    children = [child for shim in shims for child in _children(shim.pid)]
    _end(children, LEFTOVER_SECONDS)
    _end(shims, LEFTOVER_SECONDS)
    for folder in (layout.data, layout.runtime, layout.work):
        unmount_below(folder)
    shutil.rmtree(layout.runtime, ignore_errors=True)
    layout.socket.unlink(missing_ok=True)


def _own_processes(layout: Layout) -> Iterator[ProcessIdentity]:
    """Find containerd and its shims by the private runtime folder on their command line."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        program = Path(words[0]).name
        is_ours = any(word.startswith(f"{layout.runtime}/containerd/") for word in words[1:])
        if is_ours and program.startswith("containerd"):
            identity = identify_process(int(folder.name))
            if identity:
                yield identity


def _children(pid: int) -> list[ProcessIdentity]:
    words = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            words += path.read_text().split()
    return [identity for word in words if (identity := identify_process(int(word)))]


def unmount_below(folder: Path) -> None:
    """Unmount everything at or below a folder; raise EngineError if something stays: removing would reach it."""
    for point in reversed(_mounts_below(folder)):
        capture(("umount", "--lazy", point))
    left = _mounts_below(folder)
    if left:
        raise EngineError(f"still mounted: {left[0]}", hint="Unmount it by hand, then try again.")


def _mounts_below(folder: Path) -> list[str]:
    """List mount points at or below a folder, outermost first."""
    points = parse_mount_points(Path("/proc/self/mountinfo").read_text())
    return [point for point in points if point == str(folder) or point.startswith(f"{folder}/")]


def parse_mount_points(mountinfo: str) -> list[str]:
    """Return the mount points in the kernel's order (proc_pid_mountinfo(5): field 5, blanks as octal escapes)."""
    fields = [line.split()[4] for line in mountinfo.splitlines()]
    return [field.encode().decode("unicode_escape").encode("latin-1").decode() for field in fields]
