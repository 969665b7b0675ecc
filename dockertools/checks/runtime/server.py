"""Group `server`: the application, gunicorn's configuration, and the room for its workers."""

from __future__ import annotations

import errno
import functools
import os
import resource
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings
from django.utils.module_loading import import_string

from dockertools.checks.context import CheckContext
from dockertools.checks.isolation import End, Ended, describe_end, isolate
from dockertools.checks.registry import register_check
from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.checks.runtime.cgroup import ContainerLimits, read_limits, usable_cpus
from dockertools.checks.runtime.gunicorn_config import GunicornFacts, inspect_gunicorn, read_running_command
from dockertools.sizes import format_size

GROUP = "server"
APPLICATION_SECONDS = 30.0
MEMORY_MARGIN = 0.8
"""Above this part of the limit there is no room for what requests need."""
WORKERS_PER_CPU = 4
"""https://docs.gunicorn.org/en/stable/settings.html#workers: 2 to 4 for each CPU."""

_NO_GUNICORN = {"no-gunicorn": "Skipped: gunicorn is not installed."}
_ADDRESS_ERRORS = {
    errno.EADDRINUSE: ("port-taken", "is taken", "End what listens there, or bind to another port."),
    errno.EACCES: ("port-privileged", "may not be used by this user", "Bind to a port from 1024 on and publish that."),
    errno.EADDRNOTAVAIL: ("address-unavailable", "is no address of this container", "Bind to 0.0.0.0."),
}


@register_check(
    "dockertools.C601",
    group=GROUP,
    title="application",
    timeout=90,
    needs_setup=False,
    codes={
        "no-application": "Skipped: neither WSGI_APPLICATION nor ASGI_APPLICATION is set.",
        "application-broken": "Importing the application fails, or it is not callable.",
        "application-exits": "Importing the application ends or crashes the process, or hangs.",
    },
)
def check_application(context: CheckContext) -> Iterator[Outcome]:
    """Import WSGI_APPLICATION and ASGI_APPLICATION, as a worker does when it starts."""
    names = _application_names()
    if not names:
        yield skipped("no-application", "neither WSGI_APPLICATION nor ASGI_APPLICATION is set")
    for setting, path in names:
        yield _judge_application(setting, path, _load_application(path))


@register_check(
    "dockertools.C602",
    group=GROUP,
    title="gunicorn configuration",
    timeout=30,
    needs_setup=False,
    codes={
        "unknown-setting": "The file sets something that gunicorn ignores, often a misspelled setting.",
        "invalid-value": "A setting has a value that gunicorn refuses.",
        "class-missing": "The worker or logger class cannot be loaded.",
        "bad-bind": "An address to listen on is malformed, or no address of this machine.",
        "certificate-missing": "A certificate or key is missing, cannot be read, or they do not belong together.",
        "zero-workers": "There are no workers: nothing would answer.",
        "folder-unusable": "The folder for the workers' heartbeat cannot be written.",
        "config-exits": "The configuration file ends the process.",
        "config-error": "The configuration file raises an error or crashes.",
        "config-hangs": "The configuration file does not come to its end.",
        **_NO_GUNICORN,
    },
)
def check_gunicorn(context: CheckContext) -> Iterator[Outcome]:
    """Run gunicorn's configuration and judge what comes out, which `gunicorn --check-config` does not.

    It is that of `gunicorn.conf.py`, GUNICORN_CMD_ARGS and, where gunicorn is running as the container's first
    process, of its command line.
    """
    if find_spec("gunicorn") is None:
        yield _skip_without_gunicorn()
        return
    facts = inspect_gunicorn(context.root)
    for problem in facts.problems:
        yield failed(problem.code, problem.message, problem.hint, source=facts.source)
    if not facts.problems:
        summary = f"{facts.workers} x {facts.worker_class}, {facts.threads} threads each"
        yield passed(summary, source=facts.source, workers=facts.workers, threads=facts.threads)


@register_check(
    "dockertools.C603",
    group=GROUP,
    title="address to listen on",
    timeout=30,
    needs_setup=False,
    codes={
        "port-taken": "Another process listens on the port.",
        "port-privileged": "The port is below 1024 and the user may not use it.",
        "address-unavailable": "The address is not one of this container.",
        "cannot-bind": "The address cannot be used for another reason.",
        "no-address": "Skipped: the configuration gives no address.",
        **_NO_GUNICORN,
    },
)
def check_address(context: CheckContext) -> Iterator[Outcome]:
    """Bind to gunicorn's addresses for a moment; where gunicorn is running already, it has shown that it can."""
    if find_spec("gunicorn") is None:
        yield _skip_without_gunicorn()
        return
    if read_running_command():
        yield passed("gunicorn is running here")
        return
    addresses = inspect_gunicorn(context.root).addresses
    if not addresses:
        yield skipped("no-address", "the configuration gives no address")
    for address in addresses:
        yield try_address(address)


@register_check(
    "dockertools.C604",
    group=GROUP,
    title="workers fit the memory",
    timeout=90,
    needs_setup=False,
    codes={
        "memory-exceeded": "The workers need more memory than the container may use, at rest already.",
        "memory-tight": f"They need more than {MEMORY_MARGIN:.0%} of it.",
        "processes-exceeded": "Workers and threads are more than the container may have.",
        "no-limit": "Skipped: the container has no limit.",
        "application-broken": "Skipped: the application does not import, so that its size is not known.",
        **_NO_GUNICORN,
    },
)
def check_memory(context: CheckContext) -> Iterator[Outcome]:
    """Measure what the imported application takes, and set it times the workers against the limits of the cgroup."""
    if find_spec("gunicorn") is None:
        yield _skip_without_gunicorn()
        return
    limits = read_limits()
    if limits.memory_bytes is None and limits.processes is None:
        yield skipped("no-limit", "the container has no memory limit")
        return
    names = _application_names()
    ended = _load_application(names[0][1]) if names else None
    if ended is None or ended.end is not End.RETURNED:
        yield skipped("application-broken", "the application does not import")
        return
    yield from judge_memory(inspect_gunicorn(context.root), limits, ended.value["bytes"])


@register_check(
    "dockertools.C605",
    group=GROUP,
    title="workers fit the CPUs",
    timeout=30,
    needs_setup=False,
    codes={
        "too-many-workers": f"There are more than {WORKERS_PER_CPU} workers for each CPU; they wait for each other.",
        **_NO_GUNICORN,
    },
)
def check_cpus(context: CheckContext) -> Iterator[Outcome]:
    """Set the number of workers against the CPU quota of the cgroup, or the CPUs that the process may run on."""
    if find_spec("gunicorn") is None:
        yield _skip_without_gunicorn()
        return
    yield judge_cpus(inspect_gunicorn(context.root), usable_cpus(read_limits()))


def try_address(address: str | tuple[str, int]) -> Outcome:
    """Return whether the address (host and port, or the path of a socket) can be listened on."""
    name = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
    try:
        _bind(address)
    except OSError as error:
        number = error.errno or 0
        code, state, hint = _ADDRESS_ERRORS.get(number, ("cannot-bind", f"cannot be used: {error}", "Correct `bind`."))
        return failed(code, f"{name} {state}", hint, address=name)
    return passed(name, address=name)


def judge_memory(facts: GunicornFacts, limits: ContainerLimits, worker_bytes: int) -> Iterator[Outcome]:
    """Yield what the workers mean for the limits; `worker_bytes` is what one of them takes at rest."""
    # The parent process is as large as a worker when it loads the application first, and small when it does not.
    needed = facts.workers * worker_bytes + (worker_bytes if facts.preload else worker_bytes // 2)
    evidence = {"workers": facts.workers, "worker_bytes": worker_bytes, "limit_bytes": limits.memory_bytes}
    processes = facts.workers * (facts.threads + 1) + 1
    if limits.processes is not None and processes > limits.processes:
        message = f"{processes} processes and threads, {limits.processes} are allowed"
        yield failed("processes-exceeded", message, "Have fewer workers or threads, or raise the pids limit.")
    if limits.memory_bytes is None:
        yield passed(f"{format_size(needed)}, no limit", **evidence)
        return
    limit = format_size(limits.memory_bytes)
    message = f"{facts.workers} workers take {format_size(needed)} at rest, the limit is {limit}"
    hint = f"Have fewer workers ({facts.source}, WEB_CONCURRENCY) or raise the container's memory limit."
    if needed > limits.memory_bytes:
        yield failed("memory-exceeded", message, hint, **evidence)
    elif needed > MEMORY_MARGIN * limits.memory_bytes:
        yield warned("memory-tight", message, hint, **evidence)
    else:
        yield passed(f"{format_size(needed)} of {limit}", **evidence)


def judge_cpus(facts: GunicornFacts, cpus: float) -> Outcome:
    """Return what the number of workers means for so many CPUs."""
    most = max(2, int(WORKERS_PER_CPU * cpus) + 1)
    if facts.workers > most:
        message = f"{facts.workers} workers for {cpus:g} CPUs"
        hint = f"Have at most {most} workers ({facts.source}, WEB_CONCURRENCY), and more threads in each."
        return warned("too-many-workers", message, hint, workers=facts.workers, cpus=cpus)
    return passed(f"{facts.workers} for {cpus:g}", workers=facts.workers, cpus=cpus)


def _application_names() -> tuple[tuple[str, str], ...]:
    names = ("WSGI_APPLICATION", "ASGI_APPLICATION")
    return tuple((name, path) for name in names if (path := getattr(settings, name, None)))


def _load_application(path: str) -> Ended:
    return isolate(functools.partial(_import_application, path), timeout=APPLICATION_SECONDS)


def _import_application(path: str) -> dict[str, int | bool]:
    application = import_string(path)
    return {"callable": callable(application), "bytes": _resident_bytes()}


def _resident_bytes() -> int:
    """Return the memory of this process; the second number is resident pages: proc_pid_statm(5)."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:  # /proc is not mounted: the peak has to do
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _judge_application(setting: str, path: str, ended: Ended) -> Outcome:
    evidence = {"setting": setting, "application": path}
    hint = f"See for yourself: python -X faulthandler -c 'import {path.rpartition('.')[0]}'"
    if ended.end is End.RETURNED:
        if ended.value["callable"]:
            return passed(path, **evidence, bytes=ended.value["bytes"])
        return failed("application-broken", f"{setting} {path} is not callable", "Name the application.", **evidence)
    code = "application-broken" if ended.end is End.RAISED else "application-exits"
    message = f"importing {path} {describe_end(ended, APPLICATION_SECONDS)}"
    return failed(code, message, hint, **evidence, output=ended.output)


def _bind(address: str | tuple[str, int]) -> None:
    if isinstance(address, str):
        folder = Path(address).parent
        if not os.access(folder, os.W_OK):
            raise OSError(errno.ENOENT, f"the folder {folder} is not there or cannot be written")
        return
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1)


def _skip_without_gunicorn() -> Outcome:
    return skipped("no-gunicorn", "gunicorn is not installed")
