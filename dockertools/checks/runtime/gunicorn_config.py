"""Gunicorn's configuration as it would run: `gunicorn --check-config` accepts much that does not."""

from __future__ import annotations

import ast
import contextlib
import difflib
import io
import os
import runpy
import shlex
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dockertools.checks.isolation import End, describe_end, isolate

if TYPE_CHECKING:
    from gunicorn.config import Config

CONFIG_NAMES = (
    "gunicorn.conf.py",
    "gunicorn_conf.py",
    "gunicorn_config.py",
    "config/gunicorn.py",
    "docker/gunicorn.conf.py",
    "deploy/gunicorn.conf.py",
)
ARGUMENTS = "GUNICORN_CMD_ARGS"
CONFIG_SECONDS = 10.0
LARGEST_PORT = 65535


@dataclass(frozen=True)
class Problem:
    """A condition of the configuration under which gunicorn does not run as it says."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True)
class GunicornFacts:
    """The configuration that holds in the end; `source` is where it comes from."""

    source: str
    workers: int = 1
    threads: int = 1
    worker_class: str = "sync"
    preload: bool = False
    worker_tmp_dir: str | None = None
    addresses: tuple[str | tuple[str, int], ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def concurrency(self) -> int:
        """How many requests are worked on at the same time, each of which may hold a database connection."""
        return self.workers * max(1, self.threads)


def inspect_gunicorn(root: Path) -> GunicornFacts:
    """Return gunicorn's configuration; the file is run in a process of its own."""
    variable = os.environ.get(ARGUMENTS, "")
    try:
        arguments = (*shlex.split(variable), *read_running_arguments())
    except ValueError as error:
        problem = Problem("invalid-value", f"{ARGUMENTS} is {variable!r}: {error}", f"Close the quotes in {ARGUMENTS}.")
        return GunicornFacts(ARGUMENTS, problems=(problem,))
    ended = isolate(lambda: _evaluate(root, arguments), timeout=CONFIG_SECONDS)
    if ended.end is End.RETURNED:
        values = dict(ended.value)
        problems = tuple(Problem(**problem) for problem in values.pop("problems"))
        addresses = tuple(
            address if isinstance(address, str) else (address[0], address[1]) for address in values.pop("addresses")
        )
        return GunicornFacts(**values, addresses=addresses, problems=problems)
    source = str(find_config(root) or ARGUMENTS)
    code = {End.EXITED: "config-exits", End.TIMED_OUT: "config-hangs"}.get(ended.end, "config-error")
    message = f"running {source} {describe_end(ended, CONFIG_SECONDS)}"
    if ended.output:
        message += f": {ended.output.splitlines()[-1]}"
    return GunicornFacts(
        source, problems=(Problem(code, message, f"Correct {source}; gunicorn runs it the same way."),)
    )


def find_config(root: Path) -> Path | None:
    """Return the project's configuration file: gunicorn takes `gunicorn.conf.py` of the current folder by itself."""
    return next((path for name in CONFIG_NAMES if (path := root / name).is_file()), None)


def read_running_arguments(path: Path = Path("/proc/1/cmdline")) -> tuple[str, ...]:
    """Return the options with which the container's first process runs gunicorn; empty when it does not."""
    words = read_running_command(path)
    options = []
    position = 0
    while position < len(words):
        word = words[position]
        if word.startswith("-"):
            options.append(word)
            if "=" not in word and position + 1 < len(words) and not words[position + 1].startswith("-"):
                position += 1
                options.append(words[position])
        position += 1
    return tuple(options)


def read_running_command(path: Path = Path("/proc/1/cmdline")) -> tuple[str, ...]:
    """Return the arguments of gunicorn where it is the container's first process, or that one's child by an init."""
    try:
        words = path.read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return ()
    for position, word in enumerate(words):
        if word.rpartition("/")[2] == "gunicorn":
            return tuple(words[position + 1 :])
    return ()


def find_unknown_settings(
    source: str | bytes, names: Mapping[str, Any], known: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield names that look like settings and are none, each with the setting it is close to or an empty text.

    A configuration is a program: what it uses itself, modules, classes and private names are no settings, and a
    function is one only under a name close to a hook's.
    """
    known = tuple(known)
    tree = ast.parse(source)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    for name, value in names.items():
        if name.startswith("_") or name in used or name in known or isinstance(value, (ModuleType, type)):
            continue
        close = difflib.get_close_matches(name, known, 1, cutoff=0.8)
        if close or not (callable(value) or name.isupper() or name in _imported(tree)):
            yield name, close[0] if close else ""


def _imported(tree: ast.Module) -> set[str]:
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }


def _evaluate(root: Path, arguments: tuple[str, ...]) -> dict[str, Any]:
    """Return the facts as plain values. Gunicorn is imported here alone: not every project has it."""
    from gunicorn.config import Config  # noqa: PLC0415

    os.chdir(root)
    configuration = Config(prog="gunicorn")
    problems: list[Problem] = []
    options = _parse(configuration, arguments, problems)
    named = options.pop("config", None)
    path = Path(named.removeprefix("file:")) if named else find_config(root)
    options.pop("args", None)
    if path is not None:
        problems += _apply_file(configuration, path)
    for name, value in options.items():
        if value is not None:
            problems += _set(configuration, name, value, "the command line")
    problems += _judge(configuration)
    return {
        "source": str(path) if path else "the defaults",
        "workers": configuration.workers,
        "threads": configuration.threads,
        "worker_class": configuration.worker_class_str,
        "preload": configuration.preload_app,
        "worker_tmp_dir": configuration.worker_tmp_dir,
        "addresses": [address for address, _ in _addresses(configuration) if address and not isinstance(address, int)],
        "problems": [vars(problem) for problem in problems],
    }


def _parse(configuration: Config, arguments: tuple[str, ...], problems: list[Problem]) -> dict[str, Any]:
    """Return the options; those that gunicorn does not understand are a problem, and it would not start."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return dict(vars(configuration.parser().parse_args(list(arguments))))
    except SystemExit:
        reason = said.getvalue().strip().rpartition("\n")[2]
        message = f"gunicorn does not understand {shlex.join(arguments)}: {reason}"
        problems.append(Problem("invalid-value", message, f"Correct {ARGUMENTS} or the command line."))
        return {}


def _apply_file(configuration: Config, path: Path) -> Iterator[Problem]:
    names = runpy.run_path(str(path), run_name="__config__")
    public = {name: value for name, value in names.items() if not name.startswith("__")}
    for name, close in find_unknown_settings(path.read_bytes(), public, configuration.settings):
        hint = f"Write it as {close}." if close else "Remove it, or begin its name with an underscore."
        yield Problem("unknown-setting", f"{path} sets {name}, which is no setting of gunicorn", hint)
    for name, value in public.items():
        if name in configuration.settings:
            yield from _set(configuration, name, value, str(path))


def _set(configuration: Config, name: str, value: Any, source: str) -> Iterator[Problem]:
    from gunicorn.errors import ConfigError  # noqa: PLC0415  # as above

    try:
        configuration.set(name, value)
    except (TypeError, ValueError, AttributeError, ConfigError) as error:
        message = f"{source} sets {name} to {value!r}: {error}"
        yield Problem("invalid-value", message, "https://docs.gunicorn.org/en/stable/settings.html tells its values.")


def _judge(configuration: Config) -> Iterator[Problem]:
    if configuration.workers < 1:
        message = f"workers is {configuration.workers}: nothing would answer a request"
        yield Problem("zero-workers", message, "Set it to 1 or more, also where WEB_CONCURRENCY decides.")
    yield from _judge_classes(configuration)
    for _, problem in _addresses(configuration):
        if problem is not None:
            yield problem
    if configuration.is_ssl:
        yield from _judge_certificate(configuration)
    folder = configuration.worker_tmp_dir
    if folder and not os.access(folder, os.W_OK):
        message = f"worker_tmp_dir is {folder}, which is not there or cannot be written"
        yield Problem("folder-unusable", message, "Name a folder in memory, such as /dev/shm, or mount a tmpfs there.")


def _judge_classes(configuration: Config) -> Iterator[Problem]:
    for name in ("worker_class", "logger_class"):
        value = configuration.settings[name].get()
        try:
            getattr(configuration, name)
        except (RuntimeError, ImportError, AttributeError) as error:
            reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
            message = f"{name} {value!r} cannot be loaded: {reason}"
            yield Problem("class-missing", message, "Correct the name, or pin the package that brings it.")


def _addresses(configuration: Config) -> Iterator[tuple[str | int | tuple[str, int], Problem | None]]:
    from gunicorn.util import parse_address  # noqa: PLC0415  # as above

    for bind in configuration.settings["bind"].get():
        try:
            address = parse_address(bind)
        except RuntimeError as error:
            yield (
                "",
                Problem("bad-bind", f"bind {bind!r}: {error}", "Write it like 0.0.0.0:8000 or unix:/run/app.sock."),
            )
            continue
        if isinstance(address, tuple):
            problem = _judge_address(bind, *address)
            yield ("", problem) if problem else (address, None)
        else:
            yield address, None


def _judge_address(bind: str, host: str, port: int) -> Problem | None:
    if not 0 <= port <= LARGEST_PORT:
        return Problem("bad-bind", f"bind {bind!r}: {port} is no port", f"Choose a port from 1 to {LARGEST_PORT}.")
    try:
        socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        return Problem("bad-bind", f"bind {bind!r}: {host!r} is no address of this machine ({error})", "Use 0.0.0.0.")
    return None


def _judge_certificate(configuration: Config) -> Iterator[Problem]:
    missing = False
    for name in ("certfile", "keyfile", "ca_certs"):
        value = configuration.settings[name].get()
        if value and not os.access(value, os.R_OK):
            missing = True
            message = f"{name} is {value}, which is not there or cannot be read"
            yield Problem("certificate-missing", message, "Mount it, and let the container's user read it.")
    if configuration.certfile and not missing:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(configuration.certfile, configuration.keyfile)
        except (ssl.SSLError, OSError) as error:
            message = f"{configuration.certfile} and its key do not make a certificate: {error}"
            yield Problem("certificate-missing", message, "Name a PEM file and the key that belongs to it.")
