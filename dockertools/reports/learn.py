"""What `docker_init --learn` found out, as a document and for people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dockertools.learn.learn import Learned
from dockertools.learn.proposal import ADD, BUILD, KEEP, REMOVE, RUNTIME, UNKNOWN, Line
from dockertools.reports.terminal import plain

_TITLES = {RUNTIME: "To run", BUILD: "To build"}
_STYLES = {ADD: "good", REMOVE: "warning", UNKNOWN: "bad", KEEP: "muted"}
_ORDER = (UNKNOWN, ADD, REMOVE, KEEP)


def learn_payload(learned: Learned) -> dict[str, Any]:
    """Return the command's part of the JSON document."""
    return {
        "learn": {
            "image": learned.image,
            "suite": learned.evidence.runtime.suite,
            "elf_files": learned.evidence.environment.elf_files,
            "lines": [
                {
                    "action": line.action,
                    "setting": line.setting,
                    "package": line.package,
                    "reason": line.reason,
                    "evidence": [asdict(need) for need in line.evidence],
                }
                for line in learned.proposal.lines
            ],
            "changes": {setting: list(names) for setting, names in learned.changes.items()},
        }
    }


def print_learned(console: Console, learned: Learned) -> None:
    """Print a table of what is proposed for each package, and why."""
    environment = learned.evidence.environment
    suite = f" on {learned.evidence.runtime.suite}" if learned.evidence.runtime.suite else ""
    counts = f"{environment.elf_files} ELF files, {len(environment.distributions)} distributions"
    console.print(Text.assemble((learned.image, "name"), f"{suite}: {counts}"))
    table = Table.grid(padding=(0, 2), pad_edge=False)
    for style in ("", "", ""):
        table.add_column(style=style, overflow="fold")
    for setting, title in _TITLES.items():
        lines = [line for line in learned.proposal.lines if line.setting == setting]
        if lines:
            table.add_row(Text(f"\n{title}", style="name"))
        for line in sorted(lines, key=lambda item: (_ORDER.index(item.action), item.package)):
            table.add_row(*_row(line))
    console.print(table)
    if not learned.changes:
        console.print("\nThe lists of packages are as they should be.", style="good")


def _row(line: Line) -> tuple[Text, Text, Text]:
    style = _STYLES[line.action]
    return Text(f"  {line.action}", style=style), Text(line.package), Text(plain(line.reason))
