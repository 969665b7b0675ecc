"""Check results for people, with Django's own colours: a production image has no rich."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.core.management.base import OutputWrapper
from django.core.management.color import color_style, no_style

from dockertools.checks.registry import CheckInfo
from dockertools.checks.results import CheckReport, CheckResult, Status
from dockertools.checks.runner import Event, Finished, Notice, Running, Waiting, Working

TITLE_WIDTH = 26
EVIDENCE_WIDTH = 100
SAID_SECONDS = 1.0
"""A check that took as long as this comes with its time."""
SLOW_SECONDS = 2.0
"""After this time a check is said to be running; a moment on a terminal, a line in a log."""
LOG_SECONDS = 10.0

_INDENT = 8 * " "
_WORDS = {Status.PASS: "ok", Status.WARN: "WARN", Status.FAIL: "FAIL", Status.SKIP: "skip"}
_CONTROL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)?"
    r"|[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
)


def choose_style(style: Any, environment: Mapping[str, str], *, no_color: bool) -> Any:
    """Return Django's style as NO_COLOR (https://no-color.org) and FORCE_COLOR would have it."""
    if no_color or environment.get("NO_COLOR"):
        return no_style()
    return color_style(force_color=True) if environment.get("FORCE_COLOR") else style


class TextReport:
    """Writes each check's results as they come: grouped, a line a check, findings with evidence and next step."""

    def __init__(self, stream: OutputWrapper, style: Any, verbosity: int = 1) -> None:
        self._write = stream.write
        self._width = terminal_width(1) if stream.isatty() else None
        self._style = style
        self._verbosity = verbosity
        self._group = ""

    def __call__(self, event: Event) -> None:
        """Take note of an event of the run."""
        if isinstance(event, Finished):
            seconds = sum(result.seconds for result in event.results)
            for result in event.results:
                if self._verbosity > 0 or result.status in (Status.WARN, Status.FAIL):
                    self._write_result(result, seconds)
                    seconds = 0.0  # said once: the results of a check come together

    def write_summary(self, report: CheckReport) -> None:
        """Write the last line."""
        summary = report.summary
        text = (
            f"{summary.passed} passed, {summary.warned} warned, {summary.failed} failed, {summary.skipped} skipped"
            f" in {report.seconds:.1f} s"
        )
        paint = self._style.ERROR if report.exit_code else self._style.SUCCESS
        self._write(f"\n{paint(text)}")

    def _write_result(self, result: CheckResult, seconds: float) -> None:
        if result.group != self._group:
            self._write(f"{chr(10) if self._group else ''}{self._style.MIGRATE_HEADING(result.group)}")
            self._group = result.group
        for line in result_lines(result, self._style, seconds, self._width):
            self._write(line)


def result_lines(result: CheckResult, style: Any, seconds: float = 0.0, width: int | None = None) -> Iterator[str]:
    """Yield the lines of one result, broken between words to fit `width`; slow ones come with the time they took."""
    paints = {Status.PASS: style.SUCCESS, Status.WARN: style.WARNING, Status.FAIL: style.ERROR}
    name = result.id.removeprefix("dockertools.")
    time = f" ({seconds:.1f} s)" if seconds >= SAID_SECONDS else ""
    word = f"{_WORDS[result.status]:<4}"
    line = f"  {word}  {name:<5} {result.title:<{TITLE_WIDTH}} {plain(result.message)}{time}"
    yield from _paint(_wrap(line, width), word, paints.get(result.status, style.HTTP_INFO))
    if result.status in (Status.WARN, Status.FAIL):
        evidence = " ".join(_evidence(result.evidence))
        line = f"{_INDENT}{result.code}{': ' if evidence else ''}{evidence}"
        yield from _paint(_wrap(line, width), result.code, style.NOTICE)
        yield from _wrap(f"{_INDENT}next: {plain(result.hint)}", width)


def _wrap(line: str, width: int | None) -> list[str]:
    """Return the line, or its parts for a terminal; a log keeps it whole, so that it can be searched."""
    if width is None:
        return [line]
    return textwrap.wrap(line, width, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False)


def _paint(lines: list[str], word: str, paint: Callable[[str], str]) -> list[str]:
    return [lines[0].replace(word, paint(word), 1), *lines[1:]]


def list_lines(checks: Iterable[CheckInfo]) -> Iterator[str]:
    """Yield what `--list` shows."""
    for check in checks:
        yield f"{check.id:<18} {check.group:<12} {check.title}"


def plain(text: str) -> str:
    """Return the text on one line, without control sequences that could garble the screen."""
    return _CONTROL.sub(" ", text)


class ProgressLines:
    """Says on standard error which check takes long, and what is waited for."""

    def __init__(self, stream: OutputWrapper) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._next = SLOW_SECONDS
        self._has_line = False

    def __call__(self, event: Event) -> None:
        """Take note of an event of the run."""
        match event:
            case Running(check, seconds) if seconds >= self._next:
                self._show(f"... {check.id} {check.title}: {seconds:.0f} s", is_passing=True)
                self._next = seconds + (1.0 if self._is_terminal else LOG_SECONDS)
            case Waiting(check, results, seconds_left):
                states = "; ".join(plain(result.message) for result in results if result.status is Status.FAIL)
                self._show(f"... waiting, {seconds_left:.0f} s left, for {check.group}: {states}", is_passing=False)
                self._next = SLOW_SECONDS
            case Working(what, seconds) if seconds >= self._next:
                self._show(f"... {what}: {seconds:.0f} s", is_passing=True)
                self._next = seconds + (1.0 if self._is_terminal else LOG_SECONDS)
            case Notice(text):
                self._show(plain(text), is_passing=False)
                self._next = SLOW_SECONDS
            case Finished():
                self._clear()
                self._next = SLOW_SECONDS

    def _show(self, text: str, *, is_passing: bool) -> None:
        self._clear()
        if is_passing and self._is_terminal:
            width = terminal_width(2)
            self._stream.write(text[: width - 1], style_func=str, ending="")
            self._has_line = True
        else:
            self._stream.write(text, style_func=str)
        self._stream.flush()

    def _clear(self) -> None:
        if self._has_line:
            self._stream.write("\r\x1b[K", style_func=str, ending="")
            self._stream.flush()
            self._has_line = False


def terminal_width(descriptor: int) -> int:
    """Return the columns of the terminal that the descriptor is, 80 where it does not tell."""
    try:
        return os.get_terminal_size(descriptor).columns or 80
    except OSError:
        return 80


def _evidence(evidence: Mapping[str, Any]) -> Iterator[str]:
    for key, value in evidence.items():
        if key == "code" or value is None or value in ("", [], ()):
            continue
        text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        shown = plain(text)
        yield f"{key}={shown if len(shown) <= EVIDENCE_WIDTH else shown[: EVIDENCE_WIDTH - 3] + '...'}"
