"""A failed build as a person reads it: the step, its last words, and what it was made of."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from dockertools.build.diagnose import read_text
from dockertools.build.inside import inside_command
from dockertools.build.options import BuildOptions
from dockertools.build.redact import redact_patterns
from dockertools.build.result import FailedBuild
from dockertools.reports.build_steps import show_step
from dockertools.reports.terminal import plain

LOG_LINES = 15
_AROUND = 2


def print_failure(console: Console, failed: FailedBuild, options: BuildOptions) -> None:
    """Print the failing step with its line of the Dockerfile, its last log lines, and how to look inside.

    Cause and fix are the error's message and hint, which come last.
    """
    failure = failed.failure
    console.print()
    if failure.step:
        console.print(Text(f"failed  {show_step(failure.step)}", style="bad"), overflow="ellipsis", no_wrap=True)
    if failure.line:
        console.print(Text(f"        {options.dockerfile.name}, line {failure.line}", style="muted"))
    for line in _source_lines(options, failure.line):
        console.print(line, overflow="ellipsis", no_wrap=True)
    if failure.log:
        console.print()
    for text in failure.log[-LOG_LINES:]:
        console.print(Text(f"  | {plain(text)}", style="muted"), soft_wrap=True)
    between = "\n" if failure.step or failure.line else ""
    if failure.explanation and failure.error:
        console.print(Text(f"{between}  {plain(failure.brief_error)}", style="muted"), soft_wrap=True)
    if command := inside_command(options, failure):
        console.print(Text("\nTo look inside, as it was before this step:", style="muted"))
        console.print(Text(f"  {command}"), soft_wrap=True)
    console.print()


def _source_lines(options: BuildOptions, number: int | None) -> list[Text]:
    """Return the Dockerfile's lines around the failing one."""
    if number is None:
        return []
    lines = redact_patterns(read_text(options)).splitlines()
    first, last = max(number - _AROUND, 1), min(number + _AROUND, len(lines))
    return [
        Text(
            f"  {'>' if place == number else ' '} {place:>4}  {plain(lines[place - 1])}",
            style="" if place == number else "muted",
        )
        for place in range(first, last + 1)
    ]
