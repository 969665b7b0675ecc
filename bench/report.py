"""How long `docker_report` takes for an image of 500 MB, beside `docker save` of it, and how much memory."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from bench.machine import describe_machine
from dockertools.errors import CouldNotRunError
from dockertools.process import run
from dockertools.sizes import format_size

BASE = "python:3.11-slim-bookworm"
REPEATS = 3
# Many small modules and some hundred shared objects, as an environment has them, and files that change hands later.
DOCKERFILE = f"""FROM {BASE}
RUN mkdir -p /opt/venv /app && for name in 1 2 3 4 5 6 7 8; do cp -a /usr/lib/python3.11 /opt/venv/$name; done
RUN cp -a /usr/lib/*-linux-gnu /opt/venv/lib
RUN cp -a /usr/share /app
RUN chown -R 1000 /app
"""


@dataclass(frozen=True)
class Measured:
    """Seconds of a process, and its peak memory in MB."""

    seconds: float
    megabytes: float = 0.0


def measure(say: Callable[[str], object]) -> str:
    """Return the section for docs/performance.md."""
    with example_image(say) as image:
        # In turns, so that what else the machine does weighs on both.
        runs = [(_save(image), _report(image)) for _ in range(REPEATS)]
        facts = json.loads(run(_argv(image), timeout=600).stdout)
    save, report = (_median(column) for column in zip(*runs, strict=True))
    for name, found in (("docker save", save), ("docker_report", report)):
        say(f"  {name}: {found.seconds:.1f} s, {found.megabytes:.0f} MB")
    return _section(facts, save, report)


def _section(facts: dict[str, Any], save: Measured, report: Measured) -> str:
    size, files = format_size(facts["image"]["size_bytes"]), sum(layer["files"] for layer in facts["layers"])
    ratio = report.seconds / save.seconds
    return "\n".join(
        [
            "## What an image is made of",
            "",
            f"An image of {size} with {files:,} files in {len(facts['layers'])} layers. Seconds: the median of",
            f"{REPEATS} runs, a new process each, the interpreter's start counted, in turns. Both read the image from",
            "the engine, which stores its layers compressed; `docker save` throws away what it reads, `docker_report`",
            "unpacks it and looks at every file. Other work on the machine stretches both.",
            "",
            "| | seconds | against `docker save` | memory |",
            "|---|---|---|---|",
            f"| `docker save` | {save.seconds:.1f} | | |",
            f"| `docker_report` | {report.seconds:.1f} | {ratio:.2f} x | {report.megabytes:.0f} MB |",
            "",
            f"Measured on {describe_machine()}.",
            "",
        ]
    )


@contextmanager
def example_image(say: Callable[[str], object]) -> Iterator[str]:
    """Build the image; it is removed at the end."""
    image = f"dockertools-bench/report:{uuid4().hex[:12]}"
    say("building an image of about 500 MB")
    _check(("docker", "buildx", "build", "--quiet", "--load", "--tag", image, "-"), stdin=DOCKERFILE)
    try:
        yield image
    finally:
        run(("docker", "image", "rm", "--force", image))


def _check(argv: tuple[str, ...], *, stdin: str | None = None) -> str:
    done = run(argv, stdin=stdin, timeout=1800)
    if done.returncode:
        raise CouldNotRunError(f"The measurement failed: {done.stderr}")
    return done.stdout


def _median(runs: Sequence[Measured]) -> Measured:
    return Measured(statistics.median(item.seconds for item in runs), max(item.megabytes for item in runs))


def _save(image: str) -> Measured:
    begin = time.perf_counter()
    _check(("sh", "-c", 'docker save "$0" >/dev/null', image))
    return Measured(time.perf_counter() - begin)


def _argv(image: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "dockertools", "report", image, "--format", "json", "--verbosity", "0")


_CHILD = """
import json, resource, subprocess, sys, time
begin = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
seconds = time.perf_counter() - begin
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000]))
sys.stderr.write(done.stderr)
sys.exit(done.returncode)
"""


def _report(image: str) -> Measured:
    return Measured(*json.loads(_check((sys.executable, "-c", _CHILD, *_argv(image)))))
