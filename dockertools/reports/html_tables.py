"""The tables of the HTML page, as facts for its template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dockertools.build.history import BuildRecord
from dockertools.image.analysis import ImageAnalysis
from dockertools.image.compare import Change
from dockertools.reports.report_facts import Report, Usage
from dockertools.reports.report_tables import printable, signed, some
from dockertools.sizes import format_size

LONG = 15
"""Rows above which a table scrolls."""
LONGEST = 240
"""Characters of an instruction or a path that are shown."""
_ORDER = {"fail": 0, "warn": 1, "skip": 2, "pass": 3}
_TONES = {"pass": "good", "fail": "bad", "warn": "warn"}


@dataclass(frozen=True)
class Cell:
    """A cell: its text, what it is sorted by if it is a number, the length of its bar in percent, a badge's tone."""

    text: str
    number: float | None = None
    share: float | None = None
    tone: str = ""
    is_code: bool = False


@dataclass(frozen=True)
class Column:
    """A heading."""

    name: str
    is_number: bool


@dataclass(frozen=True)
class PageTable:
    """A section with a table."""

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    @property
    def is_long(self) -> bool:
        """Whether it scrolls within the page."""
        return len(self.rows) > LONG


def make_tables(report: Report, analysis: ImageAnalysis, builds: Sequence[BuildRecord]) -> list[PageTable]:
    """Return the tables that have rows, in the order of the page."""
    tables = [
        _table("layers", "Layers", ("Size", "Files", "Wastes", "Line", "Made by"), _layers(report, analysis)),
        _table(
            "waste",
            "Bytes that later layers hide",
            ("Bytes", "Files", "How", "Line", "Line to change", "The largest"),
            _waste(report, analysis),
        ),
        _table("python", "Python packages", ("Size", "Files", "Package", "Version", "Required by"), _python(analysis)),
        _table("system", "System packages", ("Size", "Package", "Version", "Needed by"), _system(analysis)),
        *_comparison(report),
        _table("history", "Builds", ("Finished", "Size", "Seconds", "Cached steps"), _history(builds)),
        *(_usage(report.usage) if report.usage else ()),
        *(_checks(report.checks) if report.checks else ()),
    ]
    return [table for table in tables if table.rows]


def _table(
    table_id: str, title: str, names: Sequence[str], rows: Iterable[tuple[Cell, ...]], note: str = ""
) -> PageTable:
    found = tuple(rows)
    first = found[0] if found else ()
    columns = tuple(Column(name, cell.number is not None) for name, cell in zip(names, first, strict=bool(found)))
    return PageTable(table_id, title, columns, found, note)


def _layers(report: Report, analysis: ImageAnalysis) -> Iterator[tuple[Cell, ...]]:
    largest = max((layer.size_bytes for layer in analysis.layers), default=0) or 1
    for layer, line in zip(analysis.layers, report.lines, strict=True):
        yield (
            Cell(format_size(layer.size_bytes), layer.size_bytes, round(100 * layer.size_bytes / largest, 1)),
            _count(layer.use.files),
            _size(layer.use.wasted_bytes),
            Cell(str(line) if line else "base" if layer.is_base else "", line or 0),
            _code(layer.instruction or "(imported)"),
        )


def _waste(report: Report, analysis: ImageAnalysis) -> Iterator[tuple[Cell, ...]]:
    for item in analysis.waste:
        layer, line = analysis.layers[item.hidden_by], report.lines[item.hidden_by]
        yield (
            _size(item.bytes),
            _count(item.files),
            Cell(item.how),
            Cell(str(line) if line else "base" if layer.is_base else "", line or 0),
            _code(layer.instruction or f"layer {item.hidden_by + 1}"),
            _code(f"/{item.largest}"),
        )


def _python(analysis: ImageAnalysis) -> Iterator[tuple[Cell, ...]]:
    for package in analysis.python_packages:
        reasons = some(package.required_by, 6) or "the project, or nothing"
        yield (
            _size(package.size_bytes),
            _count(package.files),
            _text(package.name),
            _text(package.version),
            _text(reasons),
        )


def _system(analysis: ImageAnalysis) -> Iterator[tuple[Cell, ...]]:
    for package in analysis.system_packages:
        reasons = some(package.needed_by, 6) or "nothing that was found"
        yield _size(package.size_bytes), _text(package.name), _text(package.version), _text(reasons)


def _comparison(report: Report) -> Iterator[PageTable]:
    comparison = report.comparison
    if comparison is None:
        return
    against = printable(report.compared_with)
    for id_, name, changes in (
        ("layers", "layers", comparison.layers),
        ("python", "Python packages", comparison.packages),
        ("system", "system packages", comparison.system_packages),
        ("files", "files", comparison.files),
    ):
        title = f"Against {against}: {name}"
        yield _table(f"change-{id_}", title, ("Change", "Before", "After", name.capitalize()), map(_change, changes))


def _change(change: Change) -> tuple[Cell, ...]:
    return (
        Cell(signed(change.bytes), change.bytes),
        Cell("-" if change.before is None else format_size(change.before), change.before or 0),
        Cell("-" if change.after is None else format_size(change.after), change.after or 0),
        _code(f"{change.name} {change.note}".strip() or "(imported)"),
    )


def _history(builds: Sequence[BuildRecord]) -> Iterator[tuple[Cell, ...]]:
    for record in reversed(builds):
        yield (
            Cell(f"{datetime.fromtimestamp(record.finished_at, UTC).astimezone():%Y-%m-%d %H:%M}"),
            _size(record.size_bytes),
            Cell(f"{record.seconds:.1f}", record.seconds),
            Cell(f"{sum(step.cached for step in record.steps)} of {len(record.steps)}"),
        )


def _usage(usage: Usage) -> Iterator[PageTable]:
    held = usage.belongings
    rows = (
        (Cell(name), _count(len(items)), _size(sum(item.bytes for item in items)))
        for name, items in (("images", held.images), ("containers", held.containers), ("volumes", held.volumes))
    )
    cache = (Cell("build cache of all projects"), _count(held.cache.records), _size(held.cache.bytes))
    yield _table("usage", "What the engine holds for the project", ("Kind", "Number", "Bytes"), (*rows, cache))
    loads = (
        (
            Cell(printable(load.service)),
            Cell(f"{load.cpu:.2f} of {'no limit' if load.cpu_limit is None else f'{load.cpu_limit:g}'}"),
            Cell(
                f"{format_size(load.memory_bytes)} of "
                f"{'no limit' if load.memory_limit is None else format_size(load.memory_limit)}"
            ),
            _count(load.processes),
        )
        for load in usage.loads
    )
    yield _table("load", "Running services", ("Service", "Cores", "Memory", "Processes"), loads)


def _checks(document: Mapping[str, Any]) -> Iterator[PageTable]:
    rows = (
        (
            Cell(result["status"], tone=_TONES.get(result["status"], "muted")),
            _text(result["id"]),
            _text(result["title"]),
            _text(f"{result['message']} {result['hint']}".strip()),
        )
        # A long table scrolls: what there is to do comes first.
        for result in sorted(document["results"], key=lambda result: _ORDER.get(result["status"], 0))
    )
    counts = ", ".join(f"{number} {status}" for status, number in (document.get("summary") or {}).items())
    yield _table("checks", "Checks", ("Status", "Check", "What", "Result, and the next step"), rows, counts)


def _size(count: int) -> Cell:
    return Cell(format_size(count) if count else "0", count)


def _count(number: int) -> Cell:
    return Cell(f"{number:,}", number)


def _text(words: str) -> Cell:
    return Cell(printable(words))


def _code(words: str) -> Cell:
    shown = printable(words)
    return Cell(f"{shown[:LONGEST]}…" if len(shown) > LONGEST else shown, is_code=True)
