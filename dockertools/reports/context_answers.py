"""The short answers of `docker_context`: why a path is sent, and what `--fix` did."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from dockertools.context.explain import Verdict
from dockertools.context.facts import ContextFacts
from dockertools.context.fix import Fix
from dockertools.files import Ownership
from dockertools.reports.context import rule_payload, show_path
from dockertools.sizes import format_size

_KEPT = {
    Ownership.THEIRS: "is not ours: it stays as it is. This is the change; apply it by hand, or with `patch`:",
    Ownership.EDITED: "was edited since we wrote it: it stays as it is, unless --force. This is the change:",
}


def verdict_payload(verdict: Verdict) -> dict[str, Any]:
    """Return the answer to `--why` for the JSON document."""
    return {
        "path": show_path(verdict.path),
        "exists": verdict.exists,
        "sent": verdict.is_sent,
        "rule": rule_payload(verdict.rule),
        "decided_at": show_path(verdict.at),
        "folder_skipped": verdict.skipped,
        "matches": [{**(rule_payload(match.rule) or {}), "path": show_path(match.path)} for match in verdict.matches],
    }


def print_verdict(console: Console, verdict: Verdict) -> None:
    """Print why a path is sent or left out, in one sentence, and the rules that match it."""
    path = show_path(verdict.path)
    line = Text(path, style="name")
    line.append(" is sent" if verdict.is_sent else " is left out", style="good" if verdict.is_sent else "bad")
    line.append("" if verdict.exists else " (there is no such file; this is what would happen)", style="muted")
    console.print(line)
    console.print(f"  {_because(verdict)}", markup=False)
    for match in verdict.matches:
        mark = "decides" if match.rule == verdict.rule else "matches"
        at = "" if match.path == verdict.path else f"  (at {show_path(match.path)}/)"
        console.print(f"  line {match.rule.line:>4}  {mark}  {show_path(match.rule.text)}{at}", markup=False)


def _because(verdict: Verdict) -> str:
    if verdict.rule is None:
        return "No rule leaves it out."
    rule = f"`{show_path(verdict.rule.text)}` (line {verdict.rule.line})"
    if verdict.is_sent:
        return f"{rule} brings it back."
    if verdict.skipped:
        return (
            f"{rule} leaves out {show_path(verdict.at)}/, and no rule with `!` reaches into it: it is not read at all."
        )
    return f"{rule} leaves it out."


def fix_payload(fix: Fix, before: ContextFacts, after: ContextFacts, *, is_written: bool) -> dict[str, Any]:
    """Return what `--fix` did for the JSON document."""
    return {
        "fix": {
            "path": str(fix.path),
            "written": is_written,
            "rules": [show_path(rule) for rule in fix.rules],
            "refused_rules": [show_path(rule) for rule in fix.refused],
            "diff": show_lines(fix.diff),
        },
        "before": {"files": before.files, "bytes": before.size},
        "files": after.files,
        "bytes": after.size,
    }


def print_fix(console: Console, fix: Fix, before: ContextFacts, after: ContextFacts, *, is_written: bool) -> None:
    """Print what `--fix` did, or the change that it may not make."""
    for rule in fix.refused:
        console.print(f"not added: {show_path(rule)} (it would leave out what the Dockerfile needs)", markup=False)
    if not fix.rules:
        console.print(f"{fix.path}: nothing to add", markup=False)
    elif is_written:
        console.print(f"{fix.path}: {len(fix.rules)} rule{'s'[: len(fix.rules) > 1]} added", markup=False)
        console.print(
            f"{before.files:,} files, {format_size(before.size)} before;"
            f" {after.files:,} files, {format_size(after.size)} after"
        )
    else:
        console.print(f"{fix.path} {_KEPT[fix.owner]}", markup=False)
        console.print(Text(show_lines(fix.diff)), soft_wrap=True, end="")


def show_lines(text: str) -> str:
    """Return several lines so that each can be printed."""
    return "".join(f"{show_path(line)}\n" for line in text.splitlines())
