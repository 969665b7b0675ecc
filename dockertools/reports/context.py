"""A context as a person, or a program, reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dockertools.context.facts import ContextFacts, RuleUse
from dockertools.context.findings import ContextFindings
from dockertools.context.fix import rules_against
from dockertools.context.ignore_file import Rule
from dockertools.context.risks import Risk
from dockertools.reports.terminal import plain
from dockertools.sizes import format_size

SHOWN = 8
"""Lines of a list; --verbosity 2 shows all."""
_STYLES = {"fail": "bad", "warn": "yellow"}


@dataclass(frozen=True)
class Budget:
    """How large the context may be, in bytes."""

    limit: int
    ok: bool


def show_path(path: str) -> str:
    r"""Return the path as it can be printed: bytes that are not UTF-8 as `\xe9`, no control characters."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return plain(text.replace("\n", "\\n"))


def context_payload(facts: ContextFacts, findings: ContextFindings, budget: Budget | None) -> dict[str, Any]:
    """Return the context's part of the JSON document."""
    path = facts.ignore_file.path
    return {
        "context": str(facts.root),
        "dockerfile": str(facts.dockerfile) if facts.dockerfile else None,
        "ignore_file": str(path) if path else None,
        "files": facts.files,
        "bytes": facts.size,
        "excluded_files": facts.excluded_files,
        "excluded_bytes": facts.excluded_size,
        "largest": [{"path": show_path(file.path), "bytes": file.size} for file in facts.largest(20)],
        "folders": [
            {"path": show_path(folder.path), "files": folder.files, "bytes": folder.size}
            for folder in facts.folders(20)
        ],
        "rules": [_rule_payload(use, findings) for use in facts.rules],
        "risks": [_risk_payload(risk) for risk in findings.risks],
        "needed": [
            {"path": show_path(item.path), "level": item.level, "reason": item.reason, "rule": rule_payload(item.rule)}
            for item in findings.needed
        ],
        "troubles": [
            {
                "path": show_path(trouble.oddity.path),
                "code": trouble.oddity.code,
                "level": trouble.level,
                "message": trouble.message,
                "detail": show_path(trouble.oddity.detail),
            }
            for trouble in findings.troubles
        ],
        "suggestions": [
            {"line": item.rule.line, "pattern": item.rule.text, "instead": item.instead, "message": item.message}
            for item in findings.suggestions
        ],
        "budget": None if budget is None else {"limit_bytes": budget.limit, "ok": budget.ok},
    }


def _rule_payload(use: RuleUse, findings: ContextFindings) -> dict[str, Any]:
    return {
        "line": use.rule.line,
        "pattern": use.rule.text,
        "files": use.files,
        "bytes": use.size,
        "unused": use.rule in findings.unused,
    }


def rule_payload(rule: Rule | None) -> dict[str, Any] | None:
    """Return a rule as documents name it."""
    return None if rule is None else {"line": rule.line, "pattern": rule.text}


def _risk_payload(risk: Risk) -> dict[str, Any]:
    return {
        "path": show_path(risk.path),
        "reason": risk.reason,
        "code": risk.code,
        "level": risk.level,
        "files": risk.files,
        "bytes": risk.size,
        "rule": show_path(risk.rule),
        "silenced": risk.silenced or None,
    }


def print_context(
    console: Console, facts: ContextFacts, findings: ContextFindings, budget: Budget | None, *, show_all: bool = False
) -> None:
    """Print what is sent, by which rules, and what to do about it; lists are cut unless `show_all`."""
    limit = None if show_all else SHOWN
    console.print(_summary(facts, budget))
    _print_sizes(console, facts, limit or 20)
    _print_rules(console, facts, findings, limit)
    _print_findings(console, findings, limit)


def _summary(facts: ContextFacts, budget: Budget | None) -> Table:
    path = facts.ignore_file.path
    rules = f"{_within(facts, path)}, {len(facts.rules)} rules" if path else "none: everything is sent"
    dockerfile = _within(facts, facts.dockerfile) if facts.dockerfile else "none on this machine"
    total_files, total = facts.files + facts.excluded_files, facts.size + facts.excluded_size
    saved = f" ({100 * facts.excluded_size / total:.0f} % smaller)" if total else ""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="muted")
    table.add_column(overflow="fold")
    table.add_row("context", Text(show_path(str(facts.root)), style="name"))
    table.add_row("Dockerfile", Text(show_path(dockerfile)))
    table.add_row("rules", Text(show_path(rules)))
    table.add_row("before", f"{total_files:,} files, {format_size(total)} without the rules")
    table.add_row("after", Text(f"{facts.files:,} files, {format_size(facts.size)} sent{saved}", style="number"))
    if budget is not None:
        style, word = ("good", "within") if budget.ok else ("bad", "over")
        table.add_row("budget", Text(f"{word} {format_size(budget.limit)}", style=style))
    return table


def _within(facts: ContextFacts, path: Path) -> str:
    return str(path.relative_to(facts.root) if path.is_relative_to(facts.root) else path)


def _print_sizes(console: Console, facts: ContextFacts, limit: int) -> None:
    folders = facts.folders(limit)
    if folders:
        table = _table(("heaviest folders", "left"), ("files", "right"), ("bytes", "right"))
        for folder in folders:
            table.add_row(Text(show_path(folder.path)), f"{folder.files:,}", format_size(folder.size))
        console.print()
        console.print(table)
    table = _table(("largest files", "left"), ("bytes", "right"))
    for file in facts.largest(limit):
        table.add_row(Text(show_path(file.path)), format_size(file.size))
    if table.row_count:
        console.print()
        console.print(table)


def _print_rules(console: Console, facts: ContextFacts, findings: ContextFindings, limit: int | None) -> None:
    uses = sorted((use for use in facts.rules if use.files), key=lambda use: (-use.size, use.rule.line))
    if uses:
        table = _table(("line", "right"), ("rule", "left"), ("files", "right"), ("bytes", "right"))
        for use in uses[:limit]:
            table.add_row(str(use.rule.line), Text(show_path(use.rule.text)), f"{use.files:,}", format_size(use.size))
        console.print()
        console.print(table)
        _print_more(console, uses, limit)
    unused = findings.unused
    if unused:
        names = "  ".join(show_path(f"{rule.line}:{rule.text}") for rule in unused[: limit and 2 * limit])
        more = f"  and {len(unused) - 2 * limit} more" if limit and len(unused) > 2 * limit else ""
        console.print()
        console.print(
            Text(f"{len(unused)} of {len(facts.rules)} rules have no effect here: {names}{more}", style="muted")
        )


def _print_findings(console: Console, findings: ContextFindings, limit: int | None) -> None:
    live = [risk for risk in findings.risks if not risk.silenced]
    needed = [
        (item.level, show_path(item.path), f"{item.reason}; {_why_missing(item.rule)}") for item in findings.needed
    ]
    troubles = [
        (trouble.level, show_path(trouble.oddity.path), f"{trouble.message} {_detail(trouble.oddity.detail)}")
        for trouble in findings.troubles
    ]
    mistyped = [
        ("warn", f"line {item.rule.line}: {show_path(item.rule.text)}", f"{item.message}: {show_path(item.instead)}")
        for item in findings.suggestions
    ]
    _print_list(console, "sent, and should not be", [_risk_row(risk) for risk in live], limit)
    _print_list(console, "not sent, and needed", needed, limit)
    _print_list(console, "cannot be sent as it is", troubles, limit)
    _print_list(console, "rules that look mistyped", mistyped, limit)
    rules = rules_against(live, automatic=True)
    if rules:
        console.print("\nrules to add, by hand or with --fix:", style="muted")
        for rule in rules:
            console.print(Text(show_path(rule)), soft_wrap=True)


def _risk_row(risk: Risk) -> tuple[str, str, str]:
    many = f"{risk.files:,} files, " if risk.files > 1 else ""
    return risk.level, show_path(risk.path), f"{risk.reason} ({many}{format_size(risk.size)})"


def _why_missing(rule: Rule | None) -> str:
    return f"left out by line {rule.line}, `{show_path(rule.text)}`" if rule else "it does not exist"


def _detail(detail: str) -> str:
    return f"({show_path(detail)})" if detail else ""


def _print_list(console: Console, title: str, rows: list[tuple[str, str, str]], limit: int | None) -> None:
    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="muted")
    table.add_column("")
    table.add_column(title, overflow="fold")
    table.add_column("", overflow="fold")
    for level, path, text in rows[: limit and 2 * limit]:
        table.add_row(Text(level, style=_STYLES[level]), Text(path), Text(text.strip(), style="muted"))
    console.print()
    console.print(table)
    _print_more(console, rows, limit and 2 * limit)


def _print_more(console: Console, rows: list[Any], limit: int | None) -> None:
    if limit and len(rows) > limit:
        console.print(f"and {len(rows) - limit} more (--verbosity 2 shows all)", style="muted")


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="muted")
    for title, side in columns:
        table.add_column(title, justify="right" if side == "right" else "left", overflow="fold")
    return table
