"""The ways to build a Django image, side by side: `python -m bench ways [--app NAME] [--repeat N] [--quick]`."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from bench.machine import describe_machine
from bench.ways.apps import APPS, ROOT
from bench.ways.engine import BenchEngine, bench_engine
from bench.ways.limit import traced_files
from bench.ways.parts import parts_of_files
from bench.ways.report import AppResults, ratios, regressions, render_app, size_ratios
from bench.ways.sizes import layer_sizes, weigh
from bench.ways.times import Bench, Times, measure_way
from bench.ways.ways import OWN_ENVIRONMENT, WAYS, Way
from dockertools.errors import DockertoolsError
from dockertools.process import run

BASES = ("python:3.11-slim-bookworm",)
COMMITTED = Path(__file__).with_name("sizes.json")
DOCUMENT = ROOT / "docs/performance.json"
QUICK_WAYS = ("single", "slim", "distroless")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """Which applications, and how often each way takes its turn."""

    apps: tuple[str, ...] = tuple(APPS)
    repeat: int = 1
    update: bool = False


def measure(say: Say, options: Options = Options()) -> str:
    """Return the section for docs/performance.md; docs/performance.json and the plots are written beside it."""
    from bench.ways.plots import write_plots  # noqa: PLC0415  # matplotlib takes a second, and --quick draws nothing

    measured: dict[str, AppResults] = {}
    with bench_engine(BASES, say) as engine, _own_state(engine):
        for name in options.apps:
            measured[name] = _measure_app(Bench(engine, APPS[name], BASES, say), options.repeat)
    documents = {name: results.document() for name, results in measured.items()}
    before = json.loads(DOCUMENT.read_text(encoding="utf-8"))["apps"] if DOCUMENT.exists() else {}
    document = {"machine": describe_machine(), "load": os.getloadavg()[2], "apps": {**before, **documents}}
    DOCUMENT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for name, results in measured.items():
        write_plots(name, results, DOCUMENT.parent)
    return render_section(measured, options.repeat, os.getloadavg()[2])


def render_section(measured: dict[str, AppResults], repeat: int, load: float) -> str:
    """Return the section; `load` is the machine's load average."""
    lines = [
        "## Ways to build an image",
        "",
        f"Each way takes its turn {repeat} time(s): an emptied engine of the bench's own, a cold build, starts of what",
        "it made, then a build after each change. Medians, the range in brackets. MB: 10^6 bytes of the uncompressed",
        "layers. Two workers serve in every image. `docker_init` means `docker_build` too; *bare* is `docker buildx",
        "build` of the same Dockerfile. In every way `collectstatic` runs when the code has changed.",
        "",
    ]
    for name, results in measured.items():
        lines += [*render_app(name, results), f"![sizes](ways-{name}-size.svg)"]
        lines += [f"![seconds](ways-{name}-seconds.svg)"] if results.times else []
        lines += ["", "| figure | ratio |", "|---|---|"]
        lines += [f"| {figure} | {ratio:.2f} |" for figure, ratio in ratios(results).items()]
        lines.append("")
    return "\n".join([*lines, f"Measured on {describe_machine()}, at a load average of {load:.0f}.", ""])


def _measure_app(bench: Bench, repeat: int) -> AppResults:
    results = AppResults()
    for number in range(repeat):
        for way in WAYS:
            if results.facts.get(way.name) and results.facts[way.name].problem:
                continue
            bench.say(f"{bench.app.name}, turn {number + 1} of {repeat}: {way.title}")
            times = results.times.setdefault(way.name, Times())
            with _copy(bench, way) as folder:
                results.facts[way.name] = measure_way(bench, way, folder, number, times)
            if way.name == "slim" and not results.facts["slim"].problem and not results.opened:
                files = traced_files(bench.engine, bench.app, f"bench/{bench.app.name}-slim:latest")
                results.opened = parts_of_files(files)
                results.base_bytes = sum(layer_sizes(bench.engine, bench.bases[0]))
    return results


def check_sizes(say: Say, options: Options) -> int:
    """Build the quick ways on the engine that runs; return 1 when a size has grown against sizes.json."""
    committed = json.loads(COMMITTED.read_text(encoding="utf-8")) if COMMITTED.exists() else {}
    grown: list[str] = []
    for name in options.apps:
        results = _weigh_app(BenchEngine({}, "127.0.0.1"), name, say)
        found = size_ratios(results)
        say(json.dumps(found))
        if options.update:
            committed[name] = found
        grown += regressions(found, committed.get(name, {}))
    if options.update:
        COMMITTED.write_text(json.dumps(committed, indent=1) + "\n", encoding="utf-8")
    for line in grown:
        say(f"Grown: {line}. `--update` commits the new numbers when that is meant.")
    return 1 if grown else 0


def _weigh_app(engine: BenchEngine, name: str, say: Say) -> AppResults:
    bench, results = Bench(engine, APPS[name], (), say), AppResults()
    with _own_state(engine):
        for way in (way for way in WAYS if way.name in QUICK_WAYS):
            tag = f"bench/{name}-{way.name}-{uuid4().hex[:8]}:latest"
            try:
                with _copy(bench, way) as folder:
                    facts = weigh(engine, bench.app, way, folder, tag)
                    if facts.problem:  # an index that did not answer is no growth
                        say(f"{name}, {way.title}: {facts.problem}; once more")
                        facts = weigh(engine, bench.app, way, folder, tag)
            finally:
                run(("docker", "image", "rm", "--force", tag))
            say(f"{name}, {way.title}: {facts.size_bytes / 1e6:.1f} MB, {facts.compressed_bytes / 1e6:.1f} compressed")
            if facts.problem:
                raise DockertoolsError(f"{way.title} does not work: {facts.problem}")
            results.facts[way.name] = facts
    return results


@contextmanager
def _own_state(engine: BenchEngine) -> Iterator[None]:
    """Keep the records of docker_build out of the user's."""
    with tempfile.TemporaryDirectory(prefix="bench-state-") as state:
        engine.environment.update({"XDG_STATE_HOME": state, **OWN_ENVIRONMENT})
        yield


@contextmanager
def _copy(bench: Bench, way: Way) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-way-") as name:
        folder = Path(name, bench.app.name)
        folder.mkdir()
        way.prepare(bench.app, folder)
        yield folder
