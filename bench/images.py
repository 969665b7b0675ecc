"""How long `docker_report` and the audit of `docker_check --image` take, beside `docker save` of the same image."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from uuid import uuid4

from bench.machine import describe_machine
from bench.ways.engine import call
from dockertools.process import run
from dockertools.sizes import format_size

BASE = "python:3.11-slim-bookworm"
REPEATS = 3


def copies(count: int) -> str:
    """Return a Dockerfile: small modules and shared objects as environments have them, and files that change hands."""
    folders = " ".join(str(number) for number in range(count))
    return f"""\
FROM {BASE}
RUN mkdir -p /opt/venv /app && for name in {folders}; do cp -a /usr/lib/python3.11 /opt/venv/$name; done
RUN cp -a /usr/lib/*-linux-gnu /opt/venv/lib
RUN cp -a /usr/share /app
RUN chown -R 1000 /app
"""


PACKAGES = f"""\
FROM {BASE}
RUN pip install --no-cache-dir --root-user-action=ignore Django numpy scipy pandas pyarrow
"""
IMAGES = {
    "the base image": f"FROM {BASE}\nUSER 1000\n",
    "many small files": copies(8),
    "Django, NumPy, SciPy, pandas, pyarrow": PACKAGES,
    "more small files": copies(24),
}
_AUDIT = """
import sys
from dockertools.checks.image import load_image_checks
from dockertools.checks.image.collect import audit_image
from dockertools.checks.outside import run_outside
from dockertools.conf import make_config
from dockertools.engine import connect
facts = audit_image(connect(), sys.argv[1], make_config({}), lambda progress: None)
run_outside(load_image_checks(), facts, {}, lambda event: None)
"""
_CHILD = """
import json, resource, subprocess, sys, time
begin = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
seconds = time.perf_counter() - begin
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000]))
sys.stderr.write(done.stderr)
sys.exit(done.returncode)
"""


@dataclass(frozen=True)
class Process:
    """Seconds of a process, its start included, and its peak memory in MB."""

    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Turn:
    """One after the other, so that what else the machine does weighs on all three."""

    save: Process
    report: Process
    audit: Process


@dataclass(frozen=True)
class Measured:
    """An image of so many bytes and entries in its layers, and its turns."""

    name: str
    size_bytes: int
    entries: int
    turns: tuple[Turn, ...]

    def seconds(self, what: str) -> list[float]:
        """Return the seconds of `save`, `report` or `audit`, turn by turn."""
        return [getattr(turn, what).seconds for turn in self.turns]

    def ratio(self, what: str) -> float:
        """Return how many times as long as the save of its own turn it took; the median."""
        return statistics.median(own / save for own, save in zip(self.seconds(what), self.seconds("save"), strict=True))

    def megabytes(self, what: str) -> float:
        """Return the largest of its peaks."""
        peaks: list[float] = [getattr(turn, what).megabytes for turn in self.turns]
        return max(peaks)


def measure(say: Callable[[str], object]) -> str:
    """Return the section for docs/performance.md."""
    found = []
    for name, dockerfile in IMAGES.items():
        with _built(dockerfile) as image:
            found.append(_measure_image(name, image))
        ratios = ", ".join(f"{what.name} {found[-1].ratio(what.name):.2f} times" for what in fields(Turn)[1:])
        say(f"  {name}: {ratios}")
    return render_section(found, os.getloadavg()[1])


def render_section(images: Sequence[Measured], load: float) -> str:
    """Return the section for these images, at this load average of the machine."""
    return "\n".join(
        [
            "## Looking at every file of an image",
            "",
            "`docker save` to a file, `docker_report` and the audit of `docker_check --image` take turns,",
            f"{len(images[0].turns)} times; medians, a new process each, the start of Python counted. All three read",
            "the image from the engine, which stores its layers compressed; the latter two unpack it and look at every",
            "file, and the audit searches the text of each for secrets.",
            "",
            "| image | size | entries | `docker save` | `docker_report` | memory | audit | memory |",
            "|---|---|---|---|---|---|---|---|",
            *(_row(image) for image in images),
            "",
            f"Measured on {describe_machine()}, with a load average of {load:.0f}.",
            "",
        ]
    )


def _row(image: Measured) -> str:
    cells = [image.name, format_size(image.size_bytes), f"{image.entries:,}", _told(image.seconds("save"))]
    for what in ("report", "audit"):
        cells.append(f"{_told(image.seconds(what))}, **{image.ratio(what):.2f} x**")
        cells.append(f"{image.megabytes(what):.0f} MB")
    return f"| {' | '.join(cells)} |"


def _told(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f})"


@contextmanager
def _built(dockerfile: str) -> Iterator[str]:
    """Build the image; it is removed at the end."""
    image = f"dockertools-bench/images:{uuid4().hex[:12]}"
    call(("docker", "buildx", "build", "--quiet", "--load", "--tag", image, "-"), stdin=dockerfile)
    try:
        yield image
    finally:
        run(("docker", "image", "rm", "--force", image), timeout=300)


def _measure_image(name: str, image: str) -> Measured:
    turns = tuple(_take_turn(image) for _ in range(REPEATS))
    facts = json.loads(call(_report(image)))
    return Measured(name, facts["image"]["size_bytes"], sum(layer["files"] for layer in facts["layers"]), turns)


def _take_turn(image: str) -> Turn:
    with tempfile.TemporaryDirectory(prefix="bench-images-") as folder:
        save = _run(("docker", "save", "--output", str(Path(folder) / "image.tar"), image))
    time.sleep(1)  # the engine goes on after its answer
    return Turn(save, _run(_report(image)), _run((sys.executable, "-c", _AUDIT, image)))


def _report(image: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "dockertools", "report", image, "--format", "json", "--verbosity", "0")


def _run(argv: tuple[str, ...]) -> Process:
    return Process(*json.loads(call((sys.executable, "-c", _CHILD, *argv))))
