"""A build as a person, or a program, reads it."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dockertools.build.progress import BuildProgress, Step
from dockertools.build.result import BuildResult
from dockertools.reports.terminal import plain
from dockertools.sizes import format_size

LARGEST_LAYERS = 6


def build_payload(result: BuildResult) -> dict[str, Any]:
    """Return the build's part of the JSON document."""
    image = result.image
    return {
        "image": {
            "reference": image.reference,
            "id": image.id,
            "size_bytes": image.size_bytes,
            "compressed_bytes": image.compressed_bytes,
            "user": image.user,
            "layers": [{"instruction": layer.instruction, "size_bytes": layer.size_bytes} for layer in image.layers],
        },
        "steps": [
            {"name": step.name, "cached": step.cached, "seconds": round(step.seconds, 3)} for step in result.steps
        ],
        "seconds": round(result.seconds, 3),
        "context": {
            "files": result.context and result.context.files,
            "bytes": result.context and result.context.size,
            "transferred_bytes": result.transferred_bytes,
        },
        "previous": None,
        "budget": None,
    }


class StepLines:
    """One line for each finished step."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, _progress: BuildProgress, finished: Step | None) -> None:
        """Take note of an event of the build."""
        if finished is None or finished.is_internal:
            return
        mark, style = ("failed", "bad") if finished.error else ("cached", "muted") if finished.cached else ("", "good")
        line = Text(f"{mark or f'{finished.seconds:.1f} s':>8}  ", style=style)
        line.append(plain(" ".join(finished.name.split())))
        self._console.print(line, no_wrap=True, overflow="ellipsis")


def print_build_summary(console: Console, result: BuildResult) -> None:
    """Print what was built: the size both ways, the steps, the largest layers."""
    image = result.image
    table = Table.grid(padding=(0, 2))
    table.add_column(style="muted")
    table.add_column()
    table.add_row("image", Text(image.reference, style="name"))
    table.add_row("id", image.id)
    table.add_row("size", _size_text(image.size_bytes, image.compressed_bytes))
    table.add_row("user", image.user)
    table.add_row("steps", f"{len(result.steps)}, of which {result.cached_steps} from the cache")
    table.add_row("context", _context_text(result))
    table.add_row("time", f"{result.seconds:.1f} s")
    console.print()
    console.print(table)
    console.print()
    console.print(_layer_table(result))


def print_failure_log(console: Console, log: tuple[str, ...], lines: int = 20) -> None:
    """Print the last lines that the failing step wrote."""
    for line in log[-lines:]:
        console.print(Text(f"  | {plain(line)}", style="muted"))


def _size_text(size: int, compressed: int | None) -> Text:
    text = Text(format_size(size), style="number")
    text.append(" uncompressed" if compressed is None else f" uncompressed, {format_size(compressed)} compressed", "")
    return text


def _context_text(result: BuildResult) -> str:
    sent = f"{format_size(result.transferred_bytes)} sent"
    if result.context is None:
        return sent
    return f"{result.context.files:,} files, {format_size(result.context.size)}; {sent}"


def _layer_table(result: BuildResult) -> Table:
    table = Table(box=None, pad_edge=False, header_style="muted")
    table.add_column("layer", justify="right", no_wrap=True, min_width=8)
    table.add_column("made by", no_wrap=True, overflow="ellipsis")
    largest = sorted(result.image.layers, key=lambda layer: -layer.size_bytes)[:LARGEST_LAYERS]
    for layer in largest:
        table.add_row(format_size(layer.size_bytes), plain(layer.instruction) or "(imported)")
    return table
