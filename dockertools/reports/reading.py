"""How far the reading of an image is: a bar in a terminal, a few lines elsewhere; and what the engine is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from dockertools.image.files import ReadProgress
from dockertools.reports.terminal import plain
from dockertools.sizes import format_size

STEP = 100 * 10**6
"""Bytes after which a new line is written where there is no terminal."""


@contextmanager
def asking(console: Console, what: str, *, is_quiet: bool = False) -> Iterator[None]:
    """Say what the engine is asked: it counts what it holds for some seconds, where there is much of it."""
    if is_quiet:
        yield
    elif console.is_terminal:
        with console.status(f"asking the engine {what}"):
            yield
    else:
        console.print(f"asking the engine {what}")
        yield


class ReadingProgress:
    """A context manager that is told how far the reading is."""

    def __init__(self, console: Console, title: str, *, is_quiet: bool = False) -> None:
        self._console = console
        self._title = plain(title)
        self._is_quiet = is_quiet
        self._written = 0
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> ReadingProgress:
        if self._is_quiet:
            return self
        if self._console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
            self._progress = Progress(*columns, console=self._console, transient=True)
            self._task = self._progress.add_task(f"reading {self._title}", total=None)
            self._progress.start()
        else:
            self._console.print(f"reading {self._title}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress:
            self._progress.stop()

    def __call__(self, read: ReadProgress) -> None:
        """Take note of how far it is."""
        if self._progress:
            total = max(read.total_bytes, read.bytes_read) if read.total_bytes else None
            self._progress.update(self._task, completed=read.bytes_read, total=total)
        elif not self._is_quiet and read.bytes_read - self._written >= STEP:
            self._written = read.bytes_read
            self._console.print(f"reading {self._title}: {format_size(read.bytes_read)}, {read.files} files")
