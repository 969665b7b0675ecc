"""A running build on a terminal: the steps that ended scroll by, those that run stand below with what they do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from dockertools.build.events import TransferEvent
from dockertools.build.progress import BuildProgress, Step
from dockertools.reports.build_steps import show_seconds, show_step
from dockertools.reports.terminal import cut, has_unicode, plain
from dockertools.sizes import format_size

REDRAWS_PER_SECOND = 8
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
ASCII_SPINNER = "|/-\\"
BAR_WIDTH = 20
MOST_LOG_LINES = 6
MOST_BARS = 3
MARGIN = 2
"""Rows that are left free, so that the cursor and a prompt have room."""
RIGHT_MARGIN = 3
"""Columns that are left free: the terminal echoes `^C` there, which must not begin a new row."""


class LiveView:
    """Shows a build; used as a context manager, so that the terminal is put in order however the build ends."""

    def __init__(self, console: Console, tag: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._tag = tag
        self._clock = clock
        self._begin = clock()
        self._drawn = -1.0
        self._cached = 0
        self._since: dict[str, float] = {}
        self._progress = BuildProgress()
        self._live = Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop")

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flush_cached()
        self._live.stop()

    def __call__(self, progress: BuildProgress, finished: Step | None) -> None:
        """Take note of an event of the build."""
        self._progress = progress
        for step in progress.steps.values():
            if step.is_running:
                self._since.setdefault(step.id, self._clock())
            else:
                self._since.pop(step.id, None)
        if finished is not None and finished.is_noteworthy:
            self._scroll(finished)
        if self._clock() - self._drawn >= 1 / REDRAWS_PER_SECOND:
            self._drawn = self._clock()
            self._live.update(self.render(), refresh=True)

    def render(self) -> RenderableType:
        """Return what stands below: the total, and the steps that run with their transfers and last log lines."""
        now = self._clock()
        room = max(self._console.height - MARGIN - 1, 1)
        running = [step for step in self._progress.steps.values() if step.is_running][-room:]
        spare = room - len(running)
        lines = [self._header(now)]
        for position, step in enumerate(running):
            share = spare // (len(running) - position)
            details = list(self._details(step, share))
            spare -= len(details)
            lines += [self._running_line(step, now), *details]
        return Group(*lines)

    def _scroll(self, step: Step) -> None:
        """Let a step that ended scroll by; those from the cache become one line."""
        if step.cached:
            self._cached += 1
            return
        self._flush_cached()
        mark, style = ("✗", "bad") if step.error else ("✓", "good")
        if step.is_cancelled:
            mark, style = "·", "muted"
        self._console.print(self._line(mark, style, show_step(step.name), show_seconds(step.seconds)))

    def _flush_cached(self) -> None:
        if self._cached:
            word = "step" if self._cached == 1 else "steps"
            self._console.print(self._line("✓", "muted", f"{self._cached} {word} from the cache", "cached"))
            self._cached = 0

    def _header(self, now: float) -> Text:
        steps = list(self._progress.instruction_steps)
        done = sum(step.is_finished for step in steps)
        cached = sum(step.cached for step in steps)
        count = f"{done}/{len(steps)} steps, {cached} cached" if steps else "reading the Dockerfile"
        return self._line(self._frame(now), "number", f"{self._tag}: {count}", show_seconds(now - self._begin))

    def _running_line(self, step: Step, now: float) -> Text:
        elapsed = now - self._since.get(step.id, now)
        return self._line(self._frame(now), "name", show_step(step.name), show_seconds(elapsed))

    def _details(self, step: Step, rows: int) -> Iterator[Text]:
        moving = [item for item in step.transfers.values() if not item.completed and (item.total or item.current)]
        bars = moving[: min(MOST_BARS, rows)]
        for transfer in bars:
            yield self._detail(_bar(transfer, fancy=has_unicode(self._console)))
        left = min(rows - len(bars), MOST_LOG_LINES)
        for line in list(step.log)[-left:] if left > 0 else ():
            yield self._detail(plain(line))

    def _detail(self, text: str) -> Text:
        return cut(self._console, Text(f"    {text}", style="muted"), self._console.width - RIGHT_MARGIN)

    def _line(self, mark: str, style: str, text: str, right: str) -> Text:
        """Return one row: a mark, the text as far as there is room, a time at the right edge."""
        mark = mark if has_unicode(self._console) else {"✓": "+", "✗": "x", "·": "."}.get(mark, mark)
        width = self._console.width - RIGHT_MARGIN
        room = max(width - len(right) - 4, 4)
        line = Text(no_wrap=True)
        line.append(f"{mark} ", style=style)
        line.append_text(cut(self._console, Text(text), room, pad=True))
        line.append(f"  {right}", style="muted")
        return line

    def _frame(self, now: float) -> str:
        frames = SPINNER if has_unicode(self._console) else ASCII_SPINNER
        return frames[int(now * 10) % len(frames)]


def _bar(transfer: TransferEvent, *, fancy: bool) -> str:
    name = plain(transfer.id).removeprefix("sha256:")[:24].rstrip(":")
    if not transfer.total:
        return f"{name}  {format_size(transfer.current)}"
    full, empty = ("━", "─") if fancy else ("#", ".")
    filled = min(round(BAR_WIDTH * transfer.current / transfer.total), BAR_WIDTH)
    sizes = f"{format_size(transfer.current)} of {format_size(transfer.total)}"
    return f"{name:<24}  {full * filled}{empty * (BAR_WIDTH - filled)}  {sizes}"
