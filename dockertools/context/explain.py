"""Why a path is sent or left out: which rule decided."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dockertools.context.facts import ContextFacts
from dockertools.context.ignore_file import Rule, broken_rule_error
from dockertools.context.matcher import SENT, BrokenRuleError, Matcher
from dockertools.context.patterns import PatternKind, clean_path
from dockertools.errors import UsageError


class Match(NamedTuple):
    """A rule that matches the path or a folder above, and which of them."""

    rule: Rule
    path: str


@dataclass(frozen=True)
class Verdict:
    """What happens to a path.

    `rule` is the one that left it out, or brought it back, or None; `at` is the path or the folder above at which it
    did; `skipped` means that BuildKit never looks inside that folder. `matches` are all rules that match, asked or not.
    """

    path: str
    exists: bool
    is_sent: bool
    rule: Rule | None
    at: str
    skipped: bool
    matches: tuple[Match, ...]


def explain_path(facts: ContextFacts, path: str) -> Verdict:
    """Return why `path`, relative to the context, is sent or left out; it need not exist.

    Raises IgnoreFileError where BuildKit would fail.
    """
    cleaned = clean_path(path).lstrip("/")
    try:
        is_sent, rule, at, skipped = _decide(facts.ignore_file.rules, cleaned)
    except BrokenRuleError as error:
        raise broken_rule_error(facts.ignore_file, error.rule) from error
    return Verdict(
        path=cleaned,
        exists=os.path.lexists(facts.root / cleaned),
        is_sent=is_sent,
        rule=rule,
        at=at,
        skipped=skipped,
        matches=tuple(_matches(facts.ignore_file.rules, cleaned)),
    )


def path_in_context(root: Path, text: str) -> str:
    """Return what the user calls `text` relative to the context: as it is, or from the current folder.

    Raises UsageError for a path outside the context.
    """
    given = Path(text)
    if not given.is_absolute() and os.path.lexists(root / given) and ".." not in given.parts:
        return given.as_posix()
    whole = Path(os.path.normpath(Path.cwd() / given))
    for base in (root, root.resolve()):
        if whole.is_relative_to(base):
            return whole.relative_to(base).as_posix()
    if given.is_absolute() or ".." in given.parts:
        raise UsageError(f"{text} is not inside the context {root}.", hint="Name a path below the context.")
    return given.as_posix()


def _decide(rules: Sequence[Rule], path: str) -> tuple[bool, Rule | None, str, bool]:
    matcher = Matcher(rules)
    folder = matcher.top()
    names = path.split("/")
    for depth, name in enumerate(names[:-1], 1):
        decision, folder = matcher.enter(folder, name)
        if decision != SENT and matcher.is_skipped(folder.prefix):
            return False, rules[decision], "/".join(names[:depth]), True
    decision = matcher.judge(folder, names[-1])
    rule = rules[decision] if decision != SENT else _brought_back(rules, path)
    at = next((match.path for match in _matches([rule], path)), path) if rule else path
    return decision == SENT, rule, at, False


def _brought_back(rules: Sequence[Rule], path: str) -> Rule | None:
    """Return the last rule with `!` that matches a path which an earlier rule had left out."""
    matching = [match.rule for match in _matches(rules, path)]
    kept = [rule for rule in matching if rule.keeps]
    return kept[-1] if kept and any(rule.line < kept[-1].line for rule in matching if not rule.keeps) else None


def _matches(rules: Sequence[Rule], path: str) -> Iterator[Match]:
    names = path.split("/")
    for rule in rules:
        for depth in range(1, len(names) + 1):
            candidate = "/".join(names[:depth])
            if rule.compiled.kind is not PatternKind.BROKEN and rule.compiled.matches(candidate):
                yield Match(rule, candidate)
                break
