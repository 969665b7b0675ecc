"""What would go, what went, and what came free."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dockertools.housekeeping.prune import KINDS, PruneItem, PruneOptions, total_bytes
from dockertools.reports.terminal import plain
from dockertools.sizes import format_size

_TITLES = {
    "container": "stopped containers",
    "network": "networks",
    "image": "old images",
    "dangling": "images without a name",
    "stand-in": "stand-ins for base images: `scripts/engine up` makes them again",
    "cache": "build cache of the whole engine: all projects build more slowly once",
    "volume": "volumes: their data is lost",
}


def prune_payload(items: Iterable[PruneItem], freed_bytes: int | None) -> dict[str, Any]:
    """Return the command's part of the JSON document; `freed_bytes` is null where it cannot be measured."""
    return {
        "items": [
            {
                "kind": item.kind,
                "id": item.id,
                "name": item.name,
                "bytes": item.bytes,
                "removed": item.removed,
                "problem": item.problem or None,
            }
            for item in items
        ],
        "freed_bytes": freed_bytes,
    }


def print_plan(console: Console, items: Sequence[PruneItem], options: PruneOptions) -> None:
    """Print what would go, by kind."""
    if not items:
        console.print(f"Nothing to remove ({', '.join(sorted(options.kinds))}).")
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    table.add_column(style="muted", no_wrap=True)
    for kind in KINDS:
        of_kind = [item for item in items if item.kind == kind]
        if of_kind:
            table.add_row(Text(format_size(total_bytes(of_kind)), style="number"), Text(_TITLES[kind], style="name"))
            for item in of_kind:
                table.add_row(format_size(item.bytes) if item.bytes else "", plain(item.name), _short(item))
    console.print(table)
    console.print(Text(f"{len(items)} to remove, {format_size(total_bytes(items))} as the engine counts.", "number"))


def print_progress(console: Console) -> Callable[[PruneItem], None]:
    """Return a listener that prints a line for each item that was dealt with."""

    def print_item(item: PruneItem) -> None:
        mark, style = ("kept", "bad") if item.problem else ("removed", "good")
        line = Text(f"{mark:>8}  ", style=style)
        line.append(f"{item.kind} {plain(item.name)}", style="")
        line.append(f"  {plain(item.problem)}" if item.problem else "", style="muted")
        console.print(line, no_wrap=True, overflow="ellipsis")

    return print_item


def print_outcome(console: Console, items: Sequence[PruneItem], freed_bytes: int | None) -> None:
    """Print how many went, and how much room it made."""
    removed = sum(item.removed for item in items)
    if not items:
        return
    freed = (
        "how much came free cannot be seen from here"
        if freed_bytes is None
        else f"{format_size(freed_bytes)} came free on the disk"
    )
    console.print(f"{removed} of {len(items)} removed, {freed}.")
    if removed and freed_bytes is not None and freed_bytes < total_bytes(item for item in items if item.removed) // 2:
        console.print(Text("Layers that other images or the build cache share stay until these go too.", "muted"))


def _short(item: PruneItem) -> str:
    return item.id.removeprefix("sha256:")[:12] if item.kind in ("image", "dangling", "stand-in", "container") else ""
