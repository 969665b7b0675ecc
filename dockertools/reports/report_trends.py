"""What a report sets beside the image: another one, earlier builds, what runs now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Protocol

from rich.text import Text

from dockertools.build.history import BuildRecord
from dockertools.image.compare import Change, Comparison
from dockertools.reports.report_facts import Usage
from dockertools.reports.report_tables import Cell, Paper, printable, signed
from dockertools.sizes import count_of, format_size

SPARKS = 60
"""Builds that the lines of blocks show, so that they fit into 80 columns."""
_BLOCKS = "▁▂▃▄▅▆▇█"


class _Sized(Protocol):
    @property
    def bytes(self) -> int: ...


def sparkline(values: Sequence[float]) -> str:
    """Return the values as a line of blocks, the smallest the lowest."""
    low, high = (min(values), max(values)) if values else (0, 0)
    top = len(_BLOCKS) - 1
    return "".join(_BLOCKS[round((value - low) / (high - low) * top) if high > low else 0] for value in values)


def print_comparison(paper: Paper, comparison: Comparison, title: str) -> None:
    """Print what grew and what shrank."""
    before = comparison.other.size_bytes
    paper.title(f"Compared with {printable(title)}")
    if comparison.bytes:
        sign = "larger" if comparison.bytes > 0 else "smaller"
        share = f" ({abs(comparison.bytes) / before:.1%})" if before else ""
        paper.console.print(f"{format_size(abs(comparison.bytes))} {sign}{share} than {format_size(before)}.")
    else:
        paper.console.print(f"As large: {format_size(before)}.")
    _print_changes(paper, "layers", comparison.layers)
    _print_changes(paper, "Python packages", comparison.packages)
    _print_changes(paper, "system packages", comparison.system_packages)
    _print_changes(paper, "files", comparison.files)


def _print_changes(paper: Paper, name: str, changes: Sequence[Change]) -> None:
    if not changes:
        return
    paper.console.print()
    rows = (
        (
            Text(signed(change.bytes), style="bad" if change.bytes > 0 else "good"),
            "-" if change.before is None else format_size(change.before),
            "-" if change.after is None else format_size(change.after),
            f"{change.name} {change.note}".strip() or "(imported)",
        )
        for change in changes
    )
    paper.table(("change", "before", "after", name), rows, len(changes))


def print_history(paper: Paper, history: Sequence[BuildRecord]) -> None:
    """Print the recorded builds, the newest first, and how size and time went."""
    if not history:
        paper.console.print("No build of this project is recorded on this machine; `docker_build` records them.")
        return
    paper.title(f"Builds, {count_of(len(history), 'record')}")
    rows = list(_history_rows(history))[::-1]
    paper.table(("finished", "size", "change", "seconds", "cached", "image"), rows, len(history))
    paper.console.print()
    recent = history[-SPARKS:]
    _print_sparks(paper, "size", [record.size_bytes for record in recent], format_size)
    _print_sparks(paper, "time", [record.seconds for record in recent], "{:.1f} s".format)


def _print_sparks(paper: Paper, label: str, values: Sequence[float], show: Callable[[float], str]) -> None:
    low, high = show(min(values)), show(max(values))
    paper.console.print(f"{label}  {sparkline(values)}  {low} to {high}", no_wrap=True, overflow="ellipsis")


def _history_rows(history: Sequence[BuildRecord]) -> Iterator[Sequence[Cell]]:
    before: dict[tuple[str, str | None], int] = {}
    for record in history:
        name = (record.tag, record.target)
        change = record.size_bytes - before.get(name, record.size_bytes)
        before[name] = record.size_bytes
        yield (
            f"{datetime.fromtimestamp(record.finished_at, UTC).astimezone():%Y-%m-%d %H:%M}",
            format_size(record.size_bytes),
            signed(change) if change else "",
            f"{record.seconds:.1f}",
            f"{sum(step.cached for step in record.steps)}/{len(record.steps)}",
            record.tag + (f" ({record.target})" if record.target else ""),
        )


def print_usage(paper: Paper, usage: Usage) -> None:
    """Print what the engine holds for the project, and what its services use."""
    held = usage.belongings
    paper.title(f"What the engine holds for {held.project}")
    cache = held.cache
    paper.lines(
        [
            (_total(held.images), count_of(len(held.images), "image")),
            (_total(held.containers), f"written by {count_of(len(held.containers), 'container')}"),
            (_total(held.volumes), count_of(len(held.volumes), "volume")),
            (
                format_size(cache.bytes),
                f"build cache of all projects, {format_size(cache.reclaimable_bytes)} reclaimable (`docker_prune`)",
            ),
        ]
    )
    if not usage.loads:
        paper.console.print(Text("No service of the project runs.", style="muted"))
        return
    paper.title("Running services")
    rows = (
        (
            f"{load.cpu:.2f}",
            "no limit" if load.cpu_limit is None else f"{load.cpu_limit:g}",
            format_size(load.memory_bytes),
            "no limit" if load.memory_limit is None else format_size(load.memory_limit),
            f"{load.processes}" + (f" of {load.processes_limit}" if load.processes_limit else ""),
            load.service,
        )
        for load in usage.loads
    )
    paper.table(("cores", "of", "memory", "of", "processes", "service"), rows, len(usage.loads))


def _total(items: Iterable[_Sized]) -> str:
    return format_size(sum(item.bytes for item in items))
