"""What one way takes, from nothing to a service that answers, and for each kind of change."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bench.ways.apps import App, SmokeError, change_requirement
from bench.ways.engine import BenchEngine
from bench.ways.sizes import WayFacts, build, running, wait_for, weigh
from bench.ways.ways import Way
from dockertools.errors import CouldNotRunError

CODE_CHANGES = 2
STARTS = 4
_SETTLE_SECONDS = 1.0
_PEAKS = ("memory/{group}/memory.max_usage_in_bytes", "{group}/memory.peak")


@dataclass
class Times:
    """Seconds of each build, by kind; of each start up to the first 200; and the service's peak memory in bytes."""

    cold: list[float] = field(default_factory=list)
    code: list[float] = field(default_factory=list)
    bare_code: list[float] = field(default_factory=list)
    added: list[float] = field(default_factory=list)
    upgraded: list[float] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Bench:
    """What all measurements of an application share."""

    engine: BenchEngine
    app: App
    bases: tuple[str, ...]
    say: Callable[[str], object]


def measure_way(bench: Bench, way: Way, folder: Path, repeat: int, times: Times) -> WayFacts:
    """Take one turn: a cold build in an emptied engine, starts of what it made, then builds after changes.

    `folder` is a fresh copy of the application; nothing but sizes is measured of an image that does not work.
    """
    engine, app, tag = bench.engine, bench.app, f"bench/{bench.app.name}-{way.name}:latest"
    engine.empty(bench.bases)
    begin = time.monotonic()
    facts = weigh(engine, app, way, folder, tag, lambda: times.cold.append(time.monotonic() - begin))
    if facts.problem:
        bench.say(f"  {way.name}: does not work: {facts.problem}")
        return facts
    try:
        _measure_changes(bench, way, folder, tag, repeat, times)
    except (SmokeError, CouldNotRunError) as error:
        # One turn of one way is missing then, and not all that was measured before it.
        bench.say(f"  {way.name}: broken off: {error}")
    bench.say(f"  {way.name}: {_told(times)}")
    return facts


def _measure_changes(bench: Bench, way: Way, folder: Path, tag: str, repeat: int, times: Times) -> None:
    app = bench.app
    for _ in range(STARTS):
        _measure_start(bench, tag, times)
    for number in range(CODE_CHANGES):
        times.code.append(_after(bench, way, folder, tag, _change_code(app, folder, f"{repeat}-{number}")))
        if way.is_ours:
            change = _change_code(app, folder, f"{repeat}-{number}-bare")
            times.bare_code.append(_after(bench, way, folder, tag, change, bare=True))
    for kind, names in (("added", app.added), ("upgraded", app.upgraded)):
        path = folder / "requirements.txt"
        text = change_requirement(path.read_text(encoding="utf-8"), names[repeat % len(names)])
        getattr(times, kind).append(_after(bench, way, folder, tag, (path, text)))


def _told(times: Times) -> str:
    kinds = ("cold", "code", "bare_code", "added", "upgraded", "start")
    return ", ".join(f"{kind} {values[-1]:.1f}" for kind in kinds if (values := getattr(times, kind)))


def _after(bench: Bench, way: Way, folder: Path, tag: str, change: tuple[Path, str], *, bare: bool = False) -> float:
    """Write the change, then return the seconds of a build."""
    path, text = change
    path.write_text(text, encoding="utf-8")
    begin = time.monotonic()
    build(bench.engine, bench.app, way, folder, tag, bare=bare)
    return time.monotonic() - begin


def _change_code(app: App, folder: Path, what: str) -> tuple[Path, str]:
    path = folder / app.code
    return path, f"{path.read_text(encoding='utf-8')}# changed: {what}\n"


def _measure_start(bench: Bench, tag: str, times: Times) -> None:
    """Start the service once: from the container's start as the engine notes it to the first 200."""
    engine = bench.engine
    time.sleep(_SETTLE_SECONDS)
    with running(engine, bench.app, tag, wait=False) as (container, url):
        answered = wait_for(engine, container, f"{url}{bench.app.page}")
        started, process = engine.call(
            "docker", "inspect", "--format", "{{.State.StartedAt}} {{.State.Pid}}", container
        ).split()
        times.start.append(answered - _epoch(started))
        bench.app.smoke(engine, container, url)
        if peak := _peak(int(process)):
            times.memory.append(peak)


def _epoch(text: str) -> float:
    """Return the seconds of the engine's time stamp, whose fraction is longer than Python's."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{seconds}+00:00").timestamp() + float(f"0.{fraction or 0}")


def _peak(process: int) -> int | None:
    """Return the peak of a container's control group in bytes, None where the kernel keeps none."""
    lines = Path(f"/proc/{process}/cgroup").read_text(encoding="ascii").splitlines()
    groups = [line.split(":", 2)[2].lstrip("/") for line in lines if line.split(":")[1] in ("", "memory")]
    for pattern in _PEAKS:
        for group in groups:
            path = Path("/sys/fs/cgroup") / pattern.format(group=group)
            if path.exists():
                return int(path.read_text(encoding="ascii"))
    return None
