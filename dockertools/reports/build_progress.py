"""A running build as a person watches it: live on a terminal, a line for each step elsewhere."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from dockertools.build.driver import Listener
from dockertools.build.progress import BuildProgress, Step
from dockertools.reports.build_live import LiveView
from dockertools.reports.build_steps import show_seconds, show_step
from dockertools.reports.terminal import plain

_ALL_LOGS = 3


@contextlib.contextmanager
def watch_build(console: Console, tag: str, progress: str, verbosity: int) -> Iterator[Listener]:
    """Yield the listener for a build that shows it the way that is asked for, or that fits."""
    chosen = choose_progress(console, progress, verbosity)
    if chosen == "quiet":
        yield ignore
    elif chosen == "plain":
        yield StepLines(console, with_logs=verbosity >= _ALL_LOGS)
    else:
        with LiveView(console, tag) as view:
            yield view


def choose_progress(console: Console, progress: str, verbosity: int) -> str:
    """Return `tty`, `plain` or `quiet`: `auto` is live on a terminal, unless every log line is wanted.

    Forced colours do not make a terminal of a file: there a view that redraws itself would only be noise.
    """
    if progress != "auto":
        return progress
    if verbosity == 0:
        return "quiet"
    is_terminal = console.file.isatty() and not console.is_dumb_terminal
    return "tty" if is_terminal and verbosity < _ALL_LOGS else "plain"


def ignore(_progress: BuildProgress, _finished: Step | None) -> None:
    """Show nothing."""


class StepLines:
    """One line for each finished step; with `with_logs` also each line that a step writes, as it comes."""

    def __init__(self, console: Console, *, with_logs: bool = False) -> None:
        self._console = console
        self._with_logs = with_logs
        self._shown: dict[str, int] = {}

    def __call__(self, progress: BuildProgress, finished: Step | None) -> None:
        """Take note of an event of the build."""
        if self._with_logs:
            for step in progress.steps.values():
                self._show_log(step)
        if finished is None or not finished.is_noteworthy:
            return
        mark, style = _mark(finished)
        line = Text(f"{mark:>8}  ", style=style)
        line.append(show_step(finished.name))
        self._console.print(line, no_wrap=True, overflow="ellipsis")

    def _show_log(self, step: Step) -> None:
        new = step.log_count - self._shown.get(step.id, 0)
        if new <= 0:
            return
        self._shown[step.id] = step.log_count
        place = _place(step.name)
        for line in list(step.log)[-new:]:
            self._console.print(Text(f"{'':>8}  {place} | {plain(line)}", style="muted"), soft_wrap=True)


def _place(name: str) -> str:
    """Return the short name before the instruction: `builder 2/5`."""
    match = re.match(r"\[(?P<place>[^\]]+)\]", name)
    return match["place"] if match else show_step(name)[:20]


def _mark(step: Step) -> tuple[str, str]:
    if step.is_cancelled:
        return "stopped", "muted"
    if step.error:
        return "failed", "bad"
    return ("cached", "muted") if step.cached else (show_seconds(step.seconds), "good")
