"""Rules that do nothing, or less than meant, and what was meant."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from dockertools.context.facts import ContextFacts
from dockertools.context.ignore_file import Rule
from dockertools.context.matcher import SENT, Matcher
from dockertools.context.patterns import PatternKind
from dockertools.context.risks import is_known_rule

_SPECIAL = frozenset("*?[]\\^")
_ALPHABET = string.ascii_lowercase + string.digits + "._-"
SHORTEST_GUESS = 4


class Suggestion(NamedTuple):
    """What a rule should perhaps be; `message` says why."""

    rule: Rule
    instead: str
    message: str


def unused_rules(facts: ContextFacts) -> list[Rule]:
    """Return the rules without effect: they match nothing, or only what an earlier rule has left out already.

    One with `!` is without effect when nothing that it names is sent.
    """
    return [use.rule for use in facts.rules if not use.files and not (use.rule.keeps and _is_sent(facts, use.rule))]


def _is_sent(facts: ContextFacts, rule: Rule) -> bool:
    if rule.compiled.kind is PatternKind.BROKEN:  # and never needed, or we were not here
        return False
    return rule.pattern in facts.sent_paths or any(rule.compiled.matches(path) for path in facts.sent_paths)


def suggest_rules(facts: ContextFacts, unused: Sequence[Rule]) -> list[Suggestion]:
    """Return better rules for those that look mistyped, judged by what is sent in spite of them."""
    names = _names(facts)
    suggestions = {suggestion.rule.line: suggestion for suggestion in _recursive(facts, names)}
    for rule in unused:
        suggestion = _without_comment(rule) or _spelled_differently(rule, names)
        if suggestion:
            suggestions.setdefault(rule.line, suggestion)
    return [suggestions[line] for line in sorted(suggestions)]


def _names(facts: ContextFacts) -> Counter[str]:
    """Return each name below the top, and for how many of the files sent it is on the path."""
    counts: Counter[str] = Counter()
    for path, _ in facts.sent:
        counts.update(path.split("/"))
    return counts


def _recursive(facts: ContextFacts, names: Counter[str]) -> Iterator[Suggestion]:
    """Yield rules without a slash that match only at the top, while files further down are sent."""
    candidates = [use.rule for use in facts.rules if _is_meant_for_all_folders(use.rule)]
    anywhere = [replace(rule, pattern=f"**/{rule.pattern}") for rule in candidates]
    counts = _count_matches(anywhere, names)
    for rule, count in zip(candidates, counts, strict=True):
        if count:
            message = (
                f"matches at the top of the context only; {count} sent file{'s'[: count > 1]} would fit further down"
            )
            yield Suggestion(rule, f"**/{rule.pattern}", message)


def _is_meant_for_all_folders(rule: Rule) -> bool:
    """Tell whether a rule speaks of a sort of file, as `*.pyc` does, or of what is never wanted, as `.DS_Store`."""
    if rule.keeps or "/" in rule.text or rule.pattern.startswith("**") or rule.compiled.kind is PatternKind.BROKEN:
        return False
    names_a_sort = bool(_SPECIAL & set(rule.pattern)) and rule.pattern != "*"
    return names_a_sort or is_known_rule(f"**/{rule.pattern}")


def _count_matches(rules: Sequence[Rule], names: Counter[str]) -> list[int]:
    counts = [0] * len(rules)
    matcher = Matcher(rules)
    top = matcher.top()
    for name, count in names.items():
        found = matcher.judge(top, name)
        if found != SENT:
            counts[found] += count
    return counts


def _without_comment(rule: Rule) -> Suggestion | None:
    pattern, hash_sign, _ = rule.text.partition(" #")
    if not hash_sign or rule.keeps:
        return None
    return Suggestion(rule, pattern.strip(), "`#` begins a comment only at the start of a line")


def _spelled_differently(rule: Rule, names: Counter[str]) -> Suggestion | None:
    """Return the rule with a name that exists and is sent, one letter away from the one that does not."""
    folder, slash, name = rule.pattern.rpartition("/")
    if rule.keeps or len(name) < SHORTEST_GUESS or _SPECIAL & set(name) or name in names:
        return None
    for other in _one_letter_away(name):
        if other in names:
            message = f"nothing is called {name!r}; {other!r} is, and it is sent"
            return Suggestion(rule, f"{folder}{slash}{other}", message)
    return None


def _one_letter_away(name: str) -> Iterator[str]:
    splits = [(name[:position], name[position:]) for position in range(len(name) + 1)]
    yield name.lower()
    yield from (left + right[1:] for left, right in splits if right)
    yield from (left + right[1] + right[0] + right[2:] for left, right in splits if len(right) > 1)
    yield from (left + letter + right for left, right in splits for letter in _ALPHABET)
    if len(name) > SHORTEST_GUESS + 1:
        yield from (left + letter + right[1:] for left, right in splits if right for letter in _ALPHABET)
