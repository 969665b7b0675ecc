"""How long docker_check takes in the service's own image beside its database, and what it adds to the image."""

from __future__ import annotations

import json
import secrets
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.machine import describe_machine
from dockertools.errors import CouldNotRunError
from dockertools.process import run
from dockertools.sizes import format_size

ROOT = Path(__file__).parent.parent
PROJECT = "dockertools-bench-check"
IMAGE = f"{PROJECT}:latest"
REPEATS = 5
SLOWEST = 6
DISTRIBUTIONS = ("Django", "packaging", "pyelftools")


@dataclass(frozen=True)
class CheckRun:
    """A run of the command in a container, the container's own start not counted.

    `processor_seconds` are those of the command and all processes that it started; `check_seconds` are by check.
    """

    seconds: float
    processor_seconds: float
    megabytes: float
    summary: Mapping[str, int]
    check_seconds: Mapping[str, float]


def measure(say: Callable[[str], object]) -> str:
    """Return the section for docs/performance.md."""
    with service(say) as ask:
        runs = []
        for number in range(REPEATS):
            runs.append(_run(ask(_TIMED)))
            say(f"run {number + 1}: {runs[-1].seconds:.2f} s, {runs[-1].processor_seconds:.2f} s of the processor")
        sizes: dict[str, list[int]] = ask(_SIZES)
    return render_section(runs, sizes)


def render_section(runs: Sequence[CheckRun], sizes: Mapping[str, Sequence[int]]) -> str:
    """Return the section; `sizes` are bytes of files and of byte code by distribution."""
    return "\n".join([*_times(runs), "", *_sizes(sizes), "", f"Measured on {describe_machine()}.", ""])


@contextmanager
def service(say: Callable[[str], object]) -> Iterator[Callable[[str], Any]]:
    """Build the service's image and start its database; yield what runs a script there and returns its JSON.

    Everything is removed afterwards. Raises CouldNotRunError.
    """
    environment = {
        "CVIMPROVER_API_IMAGE": IMAGE,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "POSTGRES_PASSWORD": secrets.token_urlsafe(24),
        "WEB_PORT": "0",
    }
    compose = ("docker", "compose", "--project-name", PROJECT, "--file", "docker-compose.yml")
    try:
        say("building the image")
        _call((sys.executable, "manage.py", "docker_build", "--tag", IMAGE), environment)
        say("starting the database")
        _call((*compose, "up", "--detach", "--wait", "db"), environment)
        _call((*compose, "run", "--rm", "-T", "migrate"), environment)
        one_shot = (*compose, "run", "--rm", "-T", "--no-deps", "check", "python", "-")
        yield lambda script: json.loads(_call(one_shot, environment, script))
    finally:
        run((*compose, "down", "--volumes", "--timeout", "5"), cwd=ROOT, env=environment, timeout=120)
        run(("docker", "image", "rm", "--force", IMAGE))


def _call(argv: tuple[str, ...], environment: Mapping[str, str], stdin: str | None = None) -> str:
    done = run(argv, cwd=ROOT, env=environment, stdin=stdin, timeout=1800)
    if done.returncode:
        raise CouldNotRunError(f"`{' '.join(argv)}` failed: {done.stderr}")
    return done.stdout


_TIMED = """
import json, resource, subprocess, sys, time
begin = time.monotonic()
done = subprocess.run([sys.executable, "manage.py", "docker_check", "--format", "json"], capture_output=True)
seconds = time.monotonic() - begin
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({
    "seconds": seconds,
    "processor_seconds": used.ru_utime + used.ru_stime,
    "megabytes": used.ru_maxrss / 1000,
    "document": json.loads(done.stdout),
}))
"""
_SIZES = """
import importlib.util, json
from importlib import metadata
from pathlib import Path
def size(paths):
    paths = [Path(path) for path in paths]
    compiled = [Path(importlib.util.cache_from_source(path)) for path in paths if path.suffix == ".py"]
    return [sum(path.stat().st_size for path in kind if path.is_file()) for kind in (paths, compiled)]
def files(name):
    found = [entry.locate() for entry in metadata.files(name) or ()]
    return [path for path in found if path.suffix != ".pyc"]
names = %r
package = Path(importlib.util.find_spec("dockertools").origin).parent
own = [path for path in package.rglob("*") if path.suffix != ".pyc"]
print(json.dumps({**{name: size(files(name)) for name in names}, "dockertools itself": size(own)}))
""" % (DISTRIBUTIONS,)  # noqa: UP031  # the script has braces of its own


def _run(values: Mapping[str, Any]) -> CheckRun:
    document = values["document"]
    check_seconds: dict[str, float] = {}
    for result in document["results"]:
        name = f"{result['id'].rpartition('.')[2]} {result['title']}"
        check_seconds[name] = check_seconds.get(name, 0.0) + result["seconds"]
    return CheckRun(
        values["seconds"], values["processor_seconds"], values["megabytes"], document["summary"], check_seconds
    )


def _times(runs: Sequence[CheckRun]) -> Iterator[str]:
    median = statistics.median
    seconds = sorted(item.seconds for item in runs)
    summary = ", ".join(f"{count} {status}" for status, count in runs[0].summary.items())
    yield "## docker_check in the service's container"
    yield ""
    yield f"All checks in `cvimprover`'s own image, its PostgreSQL beside it ({summary})."
    yield f"The median of {len(runs)} runs from the start of `manage.py docker_check` to its end is"
    yield f"**{median(seconds):.1f} s** ({seconds[0]:.1f} to {seconds[-1]:.1f}),"
    yield f"of which the processor works {median(item.processor_seconds for item in runs):.1f} s;"
    yield f"the largest process needs {median(item.megabytes for item in runs):.0f} MB. The slowest checks:"
    yield ""
    yield "| check | seconds |"
    yield "|---|---|"
    by_check = {name: median(item.check_seconds[name] for item in runs) for name in runs[0].check_seconds}
    for name in sorted(by_check, key=by_check.__getitem__, reverse=True)[:SLOWEST]:
        yield f"| {name} | {by_check[name]:.2f} |"


def _sizes(sizes: Mapping[str, Sequence[int]]) -> Iterator[str]:
    yield "What it needs in the image; Django is there anyway, and packaging with gunicorn:"
    yield ""
    yield "| distribution | files | byte code |"
    yield "|---|---|---|"
    for name, (source, compiled) in sizes.items():
        yield f"| {name} | {format_size(source)} | {format_size(compiled)} |"
