"""Tables of a report: what comes from an image is text, never markup, and can do nothing to the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dockertools.reports.report_document import clean
from dockertools.reports.terminal import plain
from dockertools.sizes import format_size

Cell = str | Text
NUMBERS = frozenset({"size", "line", "files", "wastes", "bytes", "change", "before", "after", "seconds", "cores"})
"""Headings of columns that are set to the right."""


class Paper:
    """A console, and how many rows a table has at most; None for all."""

    def __init__(self, console: Console, rows: int | None) -> None:
        self.console = console
        self._rows = rows

    def title(self, title: str) -> None:
        """Begin a part."""
        self.console.print()
        self.console.print(Text(title, style="bold"))

    def lines(self, rows: Iterable[tuple[Cell, Cell]], *, style: str = "number") -> None:
        """Print a short first column and what belongs to it."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style=style, justify="right" if style == "number" else "left", no_wrap=True)
        grid.add_column(overflow="fold")
        for row in rows:
            grid.add_row(*map(text, row))
        self.console.print(grid)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[Cell]], total: int) -> None:
        """Print the first rows of `total`; the last column takes what room is left, and is cut off."""
        table = Table(box=None, pad_edge=False, header_style="muted", expand=True)
        *others, last = headings
        for heading in others:
            table.add_column(heading, justify="right" if heading in NUMBERS else "left", no_wrap=True)
        table.add_column(last, no_wrap=True, overflow="ellipsis", ratio=1)
        for row in self._first(rows):
            table.add_row(*map(text, row))
        self.console.print(table)
        if total > table.row_count:
            self.console.print(Text(f"and {total - table.row_count} more (--verbosity 2 shows all)", style="muted"))

    def _first(self, rows: Iterable[Sequence[Cell]]) -> Iterator[Sequence[Cell]]:
        return islice(rows, self._rows)


def text(cell: Cell) -> Text:
    """Return a cell as it can be printed."""
    return cell if isinstance(cell, Text) else Text(printable(cell))


def printable(words: str) -> str:
    """Return words on one line, without control sequences, in characters that can be written."""
    return plain(clean(words)).replace("\n", " ")


def signed(count: int) -> str:
    """Return bytes with a plus where something grew."""
    return f"{'+' if count > 0 else ''}{format_size(count)}"


def some(names: Sequence[str], count: int = 3) -> str:
    """Return the first names, and how many more there are."""
    shown = ", ".join(names[:count])
    return f"{shown} and {len(names) - count} more" if len(names) > count else shown
