"""A finished build as a person, or a program, reads it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dockertools.build.history import BuildRecord
from dockertools.build.inside import inside_command
from dockertools.build.options import BuildOptions
from dockertools.build.progress import is_instruction_name
from dockertools.build.result import BuildResult, CacheMiss, FailedBuild, Reproducible, StepResult
from dockertools.build.verify import NotReproducibleError
from dockertools.image.facts import ImageFacts
from dockertools.image.inspect import clean_instruction
from dockertools.reports.build_steps import show_seconds, show_step
from dockertools.reports.terminal import cut, plain
from dockertools.sizes import format_size

LARGEST_LAYERS = 6
TITLES = 14
"""Columns that the titles of the summary take."""
BEFORE_INSTRUCTION = 16
"""Columns that size and line of a layer take."""
SHORT_ID = len("sha256:") + 12
_ALL = 2
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def build_payload(result: BuildResult) -> dict[str, Any]:
    """Return the build's part of the JSON document."""
    miss, budget = result.cache_miss, result.budget
    return {
        "image": result.image and _image_payload(result.image, result.layer_lines),
        "steps": _steps_payload(result.steps),
        "seconds": round(result.seconds, 3),
        "context": {
            "files": result.context and result.context.files,
            "bytes": result.context and result.context.size,
            "transferred_bytes": result.transferred_bytes,
        },
        "cache_miss": miss and {"step": miss.step, "line": miss.line, "reason": miss.reason, "files": list(miss.files)},
        "previous": result.previous and _previous_payload(result.previous),
        "budget": budget and {"limit_bytes": budget.limit_bytes, "ok": budget.ok},
        "warnings": [{"message": message, "line": line} for message, line in result.warnings],
        "pushed": result.pushed,
        "outputs": list(result.outputs),
        "platforms": list(result.platforms),
        "reproducible": result.reproducible and _reproducible_payload(result.reproducible),
    }


def _reproducible_payload(reproducible: Reproducible) -> dict[str, Any]:
    return {
        "source_date_epoch": reproducible.source_date_epoch,
        "digest": reproducible.digest,
        "verified": reproducible.is_verified,
    }


def difference_payload(error: NotReproducibleError) -> dict[str, Any]:
    """Return what two builds that differ add to the JSON document."""
    difference = error.difference
    return {
        "difference": {
            "kind": difference.kind,
            "path": difference.path,
            "first": difference.first,
            "second": difference.second,
            "layer": difference.layer,
            "instruction": clean_instruction(difference.instruction),
            "line": error.finding.line,
            "files": difference.files,
            "cause": error.finding.cause,
            "digests": list(error.digests),
        }
    }


def failure_payload(failed: FailedBuild, options: BuildOptions) -> dict[str, Any]:
    """Return what a failed build adds to the JSON document."""
    failure = failed.failure
    cause = failure.explanation
    return {
        "failure": {
            "step": failure.step or None,
            "error": failure.error,
            "dockerfile": str(options.dockerfile),
            "line": failure.line,
            "stage": failure.stage,
            "log": list(failure.log),
            "explanation": cause and {"id": cause.id, "cause": cause.cause, "fix": cause.fix},
            "look_inside": inside_command(options, failure),
        },
        "steps": _steps_payload(failed.steps),
        "seconds": round(failed.seconds, 3),
    }


def _image_payload(image: ImageFacts, lines: tuple[int | None, ...]) -> dict[str, Any]:
    layers = zip(image.layers, lines or (None,) * len(image.layers), strict=True)
    return {
        "reference": image.reference,
        "id": image.id,
        "size_bytes": image.size_bytes,
        "compressed_bytes": image.compressed_bytes,
        "user": image.user,
        "layers": [
            {"instruction": layer.instruction, "size_bytes": layer.size_bytes, "line": line} for layer, line in layers
        ],
    }


def _steps_payload(steps: tuple[StepResult, ...]) -> list[dict[str, Any]]:
    return [
        {"name": step.name, "cached": step.cached, "seconds": round(step.seconds, 3), "line": step.line}
        for step in steps
    ]


def _previous_payload(record: BuildRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "size_bytes": record.size_bytes,
        "compressed_bytes": record.compressed_bytes,
        "seconds": record.seconds,
        "finished_at": record.finished_at,
    }


def print_build_summary(console: Console, result: BuildResult, verbosity: int = 1, now: float | None = None) -> None:
    """Print what was built: its size, what ran and why, the largest layers, the next step; all layers with verbosity 2.

    `now` is the time in seconds since the epoch.
    """
    table = Table.grid(padding=(0, 2))
    table.add_column(style="muted", no_wrap=True)
    table.add_column(overflow="fold")
    for title, value in _rows(console, result, time.time() if now is None else now):
        table.add_row(title, value)
    console.print()
    console.print(table)
    if result.image is not None and verbosity > 0:
        console.print()
        console.print(
            _layer_table(console, result.image, result.layer_lines, None if verbosity >= _ALL else LARGEST_LAYERS)
        )
    for message, line in result.warnings if verbosity > 0 else ():
        place = f"line {line}: " if line else ""
        text = plain(message).removesuffix(f" (line {line})")
        console.print(Text(f"warning: {place}{text}", style="warning"))
    if command := _next_command(result):
        console.print()
        console.print(Text.assemble(("next  ", "muted"), command), soft_wrap=True)


def _rows(console: Console, result: BuildResult, now: float) -> Iterator[tuple[str, Text | str]]:
    image, previous = result.image, result.previous
    yield "image", Text(result.tag if image else ", ".join(result.outputs), style="name")
    if image:
        yield "size", _size_text(image)
        if previous:
            yield "change", _change_text(image.size_bytes - previous.size_bytes)
        if result.budget:
            yield "budget", _budget_text(image.size_bytes, result.budget.limit_bytes)
        yield "user", Text(plain(image.user))
        yield "id", image.id[:SHORT_ID]
    if result.reproducible:
        yield "reproducible", _reproducible_text(result.reproducible)
    if result.platforms:
        yield "platforms", Text(", ".join(result.platforms))
    cached = [step.cached for step in result.steps if is_instruction_name(step.name)]
    yield "steps", f"{len(cached)}: {sum(cached)} from the cache, {len(cached) - sum(cached)} ran"
    if result.cache_miss:
        yield "first to run", _miss_text(console, result.cache_miss)
    yield "context", _context_text(result)
    yield "time", _time_text(result, now)
    if result.pushed:
        yield "pushed", "yes"


def _size_text(image: ImageFacts) -> Text:
    text = Text(format_size(image.size_bytes), style="number")
    compressed = image.compressed_bytes
    return text.append(
        " uncompressed" if compressed is None else f" uncompressed, {format_size(compressed)} compressed", ""
    )


def _reproducible_text(reproducible: Reproducible) -> Text:
    moment = datetime.fromtimestamp(reproducible.source_date_epoch, UTC)
    text = Text("two builds gave the same image" if reproducible.is_verified else "yes", "good")
    return text.append(f", as of {moment:%Y-%m-%dT%H:%M:%SZ}\n{reproducible.digest}", "")


def _change_text(change: int) -> Text:
    return Text(f"{_signed(change)} since the last build" if change else "none since the last build")


def _signed(count: int) -> str:
    return f"{'+' if count > 0 else ''}{format_size(count)}"


def _budget_text(size: int, limit: int) -> Text:
    rest = limit - size
    if rest < 0:
        return Text(f"{format_size(limit)}, exceeded by {format_size(-rest)}", style="bad")
    return Text(f"{format_size(limit)}, {format_size(rest)} left", style="good")


def _miss_text(console: Console, miss: CacheMiss) -> Text:
    where = f" (line {miss.line})" if miss.line else ""
    text = cut(console, Text(show_step(miss.step)), console.width - TITLES - len(where))
    text.no_wrap = None
    text.append(where)
    text.append(f"\n{plain(' '.join(miss.reason.split()))}", "number")
    if miss.files:
        text.append(f": {', '.join(map(plain, miss.files))}")
    return text


def _context_text(result: BuildResult) -> str:
    sent = f"{format_size(result.transferred_bytes)} sent"
    if result.context is None:
        return sent
    return f"{result.context.files:,} files, {format_size(result.context.size)}; {sent}"


def _time_text(result: BuildResult, now: float) -> Text:
    text = Text(show_seconds(result.seconds))
    if result.previous:
        ago = _ago(now - result.previous.finished_at)
        text.append(f" (the last build, {ago}, took {show_seconds(result.previous.seconds)})", "muted")
    return text


def _ago(seconds: float) -> str:
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return "just now"


def _layer_table(console: Console, image: ImageFacts, lines: tuple[int | None, ...], limit: int | None) -> Table:
    table = Table(box=None, pad_edge=False, header_style="muted")
    table.add_column("layer", justify="right", no_wrap=True, min_width=8)
    table.add_column("line", justify="right", no_wrap=True, min_width=4)
    table.add_column("made by", no_wrap=True)
    layers = list(zip(image.layers, lines or (None,) * len(image.layers), strict=True))
    largest = sorted(layers, key=lambda pair: -pair[0].size_bytes)[:limit]
    for layer, line in largest:
        made_by = cut(console, Text(show_step(layer.instruction) or "(imported)"), console.width - BEFORE_INSTRUCTION)
        table.add_row(format_size(layer.size_bytes), str(line) if line else "base", made_by)
    return table


def _next_command(result: BuildResult) -> str | None:
    if result.image is None or (result.budget and not result.budget.ok):
        return None
    return f"{_command('check')} --image {result.tag}"


def _command(name: str) -> str:
    """Return how to call another command, the way this one was called."""
    by_manage = Path(sys.argv[0]).name == "manage.py"
    return f"python manage.py docker_{name}" if by_manage else f"python -m dockertools {name}"
