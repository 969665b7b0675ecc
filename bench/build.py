"""What docker_build costs over a bare `docker buildx build`, where everything comes from the cache."""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.machine import describe_machine
from dockertools.process import run

REPEATS = 15
ROOT = Path(__file__).parent.parent
TAG = "dockertools-bench/build:latest"
BARE = ("docker", "buildx", "build", "--load", "--provenance=false", f"--tag={TAG}")
OURS = (sys.executable, "-m", "dockertools", "build", f"--tag={TAG}")
DOCKERFILE = """FROM python:3.11-slim-bookworm
WORKDIR /app
COPY requirements.txt .
RUN echo install
COPY . .
RUN echo static
"""


@dataclass
class Times:
    """What each run of one way took, in seconds by the clock and of processor time."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def measure(say: Callable[[str], object]) -> str:
    """Return the section for docs/performance.md."""
    with _project() as project:
        ways = {
            "`docker buildx build`": (*BARE, str(project)),
            "`docker_build`": (*OURS, f"--project={project}"),
            "`docker_build --format json`": (*OURS, f"--project={project}", "--format", "json", "--progress", "quiet"),
            "`docker_build --dry-run`": (*OURS, f"--project={project}", "--dry-run"),
        }
        times = _interleave(ways, project.parent, say)
    bare, *_ = times.values()
    rows = "".join(_row(way, measured, bare) for way, measured in times.items())
    return (
        "## docker_build over a bare build\n\n"
        "Six instructions that all come from the cache, built without a terminal: what is left is the price of\n"
        f"asking. Each way {REPEATS} times in turn; medians. Processor seconds are those\n"
        "of the client, the engine's not counted. `--dry-run` builds nothing: it is the start of Python and Django.\n\n"
        "| way | seconds | over the bare build | shortest | over the bare build | processor seconds |\n"
        "|---|---|---|---|---|---|\n"
        f"{rows}\nMeasured on {describe_machine()}, with a load of {os.getloadavg()[0]:.0f}.\n"
    )


def _row(way: str, times: Times, bare: Times) -> str:
    median, shortest = statistics.median(times.clock), min(times.clock)
    cells = (
        way,
        f"{median:.2f}",
        "" if times is bare else f"{median - statistics.median(bare.clock):+.2f}",
        f"{shortest:.2f}",
        "" if times is bare else f"{shortest - min(bare.clock):+.2f}",
        f"{statistics.median(times.processor):.2f}",
    )
    return f"| {' | '.join(cells)} |\n"


@contextmanager
def _project() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-build-") as name:
        folder = Path(name, "project")
        folder.mkdir()
        (folder / "Dockerfile").write_text(DOCKERFILE)
        (folder / "requirements.txt").write_text("")
        try:
            yield folder
        finally:
            run(("docker", "image", "rm", "--force", TAG))


def _interleave(ways: dict[str, tuple[str, ...]], folder: Path, say: Callable[[str], object]) -> dict[str, Times]:
    """Run the ways in turn, so that what else the machine does meets all of them; the first round warms up."""
    environment = {
        "XDG_STATE_HOME": str(folder / "state"),
        "PYTHONPATH": str(ROOT),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    times = {way: Times() for way in ways}
    for number in range(REPEATS + 1):
        for way, argv in ways.items():
            begin, used = time.monotonic(), _processor_seconds()
            done = run(argv, env={**os.environ, **environment})
            if done.returncode:
                raise RuntimeError(done.stderr)
            if number:
                times[way].clock.append(time.monotonic() - begin)
                times[way].processor.append(_processor_seconds() - used)
        say(f"round {number} of {REPEATS}")
    return times


def _processor_seconds() -> float:
    """Return what the programs that ended so far have used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
