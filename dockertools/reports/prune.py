"""What would go, what went, and what came free."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dockertools.housekeeping.prune import KINDS, PruneItem, total_bytes
from dockertools.housekeeping.removal import Event, Removing, freed_bytes
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
_REQUESTS = {"stand-in": "--stand-ins removes them", "volume": "--volumes removes them, and their data"}


def prune_payload(items: Iterable[PruneItem]) -> dict[str, Any]:
    """Return the command's part of the JSON document; `freed_bytes` is null where the disk cannot be seen."""
    items = tuple(items)
    return {
        "items": [
            {
                "kind": item.kind,
                "id": item.id,
                "name": item.name,
                "bytes": item.bytes,
                "removed": item.removed,
                "problem": item.problem or None,
                "freed_bytes": item.freed_bytes,
            }
            for item in items
        ],
        "freed_bytes": freed_bytes(items),
    }


def print_plan(console: Console, items: Sequence[PruneItem], kept: Sequence[PruneItem], project: str) -> None:
    """Print what would go, by kind, and in a line what could go but stays unless it is asked for."""
    table = Table.grid(padding=(0, 2), pad_edge=False)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(style="muted", no_wrap=True)
    for kind in KINDS:
        of_kind = [item for item in items if item.kind == kind]
        if of_kind:
            table.add_row(Text(format_size(total_bytes(of_kind)), style="number"), Text(_TITLES[kind], style="name"))
            for item in of_kind:
                table.add_row(
                    format_size(item.bytes) if item.bytes else "", Text(f"  {plain(item.name)}"), _short(item)
                )
    if items:
        size = format_size(total_bytes(items))
        console.print(table)
        console.print(f"\n{len(items)} to remove, {size} as the engine counts.", style="number")
    else:
        console.print(f"There is nothing of {project} to remove.", markup=False)
    _print_kept(console, kept)


def _print_kept(console: Console, kept: Sequence[PruneItem]) -> None:
    for kind, request in _REQUESTS.items():
        of_kind = [item for item in kept if item.kind == kind]
        if of_kind:
            what = f"{_TITLES[kind].partition(':')[0]} ({len(of_kind)}, {format_size(total_bytes(of_kind))})"
            console.print(f"Not among them: {what}; {request}.", style="muted")


def print_progress(console: Console) -> Callable[[Event], None]:
    """Return a listener that prints a line for each item that was dealt with, and says on a terminal which one is."""
    status = console.status("")

    def on_event(event: Event) -> None:
        if isinstance(event, Removing):
            status.update(Text(f"{event.item.kind} {plain(event.item.name)}"))
            if console.is_terminal:
                status.start()
        else:
            status.stop()
            console.print(_progress_line(event.item), no_wrap=True, overflow="ellipsis")

    return on_event


def _progress_line(item: PruneItem) -> Text:
    mark, style = ("kept", "bad") if item.problem else ("removed", "good")
    line = Text(f"{mark:>8}  ", style=style)
    line.append(f"{item.kind} {plain(item.name)}", style="none")
    line.append(f"  {plain(item.problem)}" if item.problem else "", style="muted")
    return line


def print_outcome(console: Console, items: Sequence[PruneItem]) -> None:
    """Print how many went, and how much room it made."""
    removed = [item for item in items if item.removed]
    freed = freed_bytes(removed)
    if not items:
        return
    room = (
        "how much came free cannot be seen from here"
        if freed is None
        else f"{format_size(freed)} came free on the disk"
    )
    console.print(f"{len(removed)} of {len(items)} removed, {room}.", style="number")
    if freed is not None and freed < total_bytes(removed) // 2:
        console.print("Layers that other images or the build cache share stay until these go too.", style="muted")


def _short(item: PruneItem) -> str:
    return item.id.removeprefix("sha256:")[:12] if item.kind in ("image", "dangling", "stand-in", "container") else ""
