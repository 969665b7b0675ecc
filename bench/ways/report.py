"""The results as a table, as JSON, and against the numbers that are committed."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.ways.parts import PARTS
from bench.ways.sizes import WayFacts
from bench.ways.times import Times
from bench.ways.ways import WAYS

TOLERANCE = 1.03
"""What a size may grow to, in times of the committed one: packages of the suite and of the index get updates."""
_SECONDS = (
    ("cold", "cold build"),
    ("code", "code change"),
    ("bare_code", "the same, bare"),
    ("added", "dependency added"),
    ("upgraded", "dependency changed"),
    ("start", "start to first 200"),
)


@dataclass
class AppResults:
    """What was measured of an application, by way.

    `opened` are the bytes of the files that it opens, by part, and `base_bytes` those of the base image; none where
    they were not measured.
    """

    facts: dict[str, WayFacts] = field(default_factory=dict)
    times: dict[str, Times] = field(default_factory=dict)
    opened: dict[str, int] = field(default_factory=dict)
    base_bytes: int = 0

    @property
    def limit_bytes(self) -> int:
        """The bytes of the files that the application opens."""
        return sum(self.opened.values())

    def document(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        ways = {name: {**asdict(facts), **asdict(self.times.get(name, Times()))} for name, facts in self.facts.items()}
        return {"ways": ways, "opened": self.opened, "base_bytes": self.base_bytes}


def render_app(name: str, results: AppResults) -> Iterator[str]:
    """Yield the lines of an application's tables."""
    yield f"### {name}"
    yield ""
    yield "| way | MB | of single stage | MB compressed | kB of context | works |"
    yield "|---|---|---|---|---|---|"
    for way in WAYS:
        if facts := results.facts.get(way.name):
            yield _size_row(way.title, facts, results)
    if results.limit_bytes:
        megabytes, share = results.limit_bytes / 1e6, _share(results.limit_bytes, results)
        yield f"| the files that it opens | {megabytes:.1f} | {share} | | | |"
    yield ""
    yield from _part_table(results)
    kinds = [(key, title) for key, title in _SECONDS if any(getattr(times, key) for times in results.times.values())]
    if not kinds:
        return
    yield f"| way, seconds | {' | '.join(title for _, title in kinds)} | MB of memory |"
    yield "|---|" + "---|" * (len(kinds) + 1)
    for way in WAYS:
        if (times := results.times.get(way.name)) and times.cold:
            cells = [_spread(getattr(times, key)) for key, _ in kinds]
            yield f"| {way.title} | {' | '.join(cells)} | {_spread([value / 1e6 for value in times.memory], 0)} |"
    yield ""


def _part_table(results: AppResults) -> Iterator[str]:
    """Yield what our images are made of, beside what of it is opened: the bounds of their size."""
    ours = [way for way in WAYS if way.is_ours and way.name in results.facts and results.facts[way.name].parts]
    if not ours:
        return
    yield f"| part, MB | {' | '.join(way.title for way in ours)} | what is opened |"
    yield "|---|" + "---|" * (len(ours) + 1)
    for part, title in PARTS.items():
        values = [*(results.facts[way.name].parts[part] for way in ours), results.opened.get(part, 0)]
        yield f"| {title} | {' | '.join(f'{value / 1e6:.1f}' for value in values)} |"
    yield ""
    yield f"The base image is {results.base_bytes / 1e6:.1f} MB, {_share(results.base_bytes, results)} of single stage."
    yield ""


def _size_row(title: str, facts: WayFacts, results: AppResults) -> str:
    works = f"**does not work**: {facts.problem.replace('|', '/')}" if facts.problem else "yes"
    sizes = ("", "", "")
    if facts.size_bytes:
        sizes = (
            f"{facts.size_bytes / 1e6:.1f}",
            _share(facts.size_bytes, results),
            f"{facts.compressed_bytes / 1e6:.1f}",
        )
    return f"| {title} | {' | '.join(sizes)} | {facts.context_bytes / 1e3:.0f} | {works} |"


def _share(size: int, results: AppResults) -> str:
    single = results.facts.get("single")
    return f"{size / single.size_bytes:.2f}" if single and single.size_bytes else ""


def _spread(values: list[float], digits: int = 1) -> str:
    """Return the median, and the range where there was more than one."""
    if not values:
        return ""
    median = f"{statistics.median(values):.{digits}f}"
    return median if len(values) == 1 else f"{median} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def ratios(results: AppResults) -> dict[str, float]:
    """Return the figures that the images are held to: ours against the other ways that work, of one run."""
    facts, times = results.facts, results.times
    others = [way.name for way in WAYS if not way.is_ours and way.name in facts and not facts[way.name].problem]
    found: dict[str, float] = {}
    for name in ("slim", "distroless"):
        ours = facts.get(name)
        if not ours or ours.problem:
            continue
        if "single" in others:
            found[f"{name}, size against single stage"] = ours.size_bytes / facts["single"].size_bytes
        if others:
            smallest = min(facts[other].compressed_bytes for other in others)
            found[f"{name}, compressed against the smallest other"] = ours.compressed_bytes / smallest
        if results.limit_bytes:
            found[f"{name}, size against the files that are opened"] = ours.size_bytes / results.limit_bytes
        for kind in ("cold", "start"):
            measured = [_median(times, other, kind) for other in others if _has(times, other, kind)]
            if measured and _has(times, name, kind):
                found[f"{name}, {kind} against the fastest other"] = _median(times, name, kind) / min(measured)
        for kind in ("added", "upgraded"):
            if _has(times, "guide", kind) and _has(times, name, kind):
                ratio = _median(times, name, kind) / _median(times, "guide", kind)
                found[f"{name}, dependency {kind} against the guide"] = ratio
    return found


def _has(times: Mapping[str, Times], way: str, kind: str) -> bool:
    return way in times and bool(getattr(times[way], kind))


def _median(times: Mapping[str, Times], way: str, kind: str) -> float:
    values: list[float] = getattr(times[way], kind)
    return statistics.median(values)


def size_ratios(results: AppResults) -> dict[str, float]:
    """Return the ratios that do not move from run to run."""
    single = results.facts["single"]
    return {
        f"{name}.{kind}": round(getattr(results.facts[name], kind) / getattr(single, kind), 3)
        for name in ("slim", "distroless")
        for kind in ("size_bytes", "compressed_bytes")
    }


def regressions(found: Mapping[str, float], committed: Mapping[str, float]) -> list[str]:
    """Return what has grown beyond the tolerance."""
    return [
        f"{name} is {found[name]:.3f} of the single stage's, and was {ratio:.3f}"
        for name, ratio in committed.items()
        if found[name] > ratio * TOLERANCE
    ]
