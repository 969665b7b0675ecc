"""Facts about a context -> everything there is to say about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from dockertools.context.facts import ContextFacts, Oddity
from dockertools.context.ignore_file import Rule
from dockertools.context.needed import Needed, find_needed
from dockertools.context.risks import Risk, find_risks
from dockertools.context.suggestions import Suggestion, suggest_rules, unused_rules


class Trouble(NamedTuple):
    """Something that BuildKit cannot send as it is, and what comes of it."""

    oddity: Oddity
    level: str
    message: str


@dataclass(frozen=True)
class ContextFindings:
    """What should not be sent, what is missing, what cannot be sent; rules without effect, and those mistyped."""

    risks: tuple[Risk, ...]
    needed: tuple[Needed, ...]
    troubles: tuple[Trouble, ...]
    unused: tuple[Rule, ...]
    suggestions: tuple[Suggestion, ...]

    def has(self, level: str) -> bool:
        """Tell whether anything is at or above `level`, which is `warn` or `fail`; what is silenced does not count.

        A rule that looks mistyped is a warning.
        """
        levels = {risk.level for risk in self.risks if not risk.silenced}
        levels |= {item.level for item in self.needed} | {trouble.level for trouble in self.troubles}
        return "fail" in levels or (level == "warn" and bool(levels or self.suggestions))


def find_all(facts: ContextFacts, silenced: Mapping[str, str] | None = None) -> ContextFindings:
    """Return all findings; `silenced` is as for `find_risks`."""
    unused = unused_rules(facts)
    return ContextFindings(
        risks=tuple(find_risks(facts, silenced)),
        needed=tuple(find_needed(facts)),
        troubles=tuple(Trouble(oddity, *_TROUBLES[oddity.code]) for oddity in facts.oddities),
        unused=tuple(unused),
        suggestions=tuple(suggest_rules(facts, unused)),
    )


# What BuildKit makes of each, found by building: engine 28.5, buildx 0.29.
_TROUBLES = {
    "unreadable-folder": ("fail", "cannot be read, and the build fails; make it readable or leave it out by a rule"),
    "unreadable-file": ("fail", "cannot be read, and arrives empty in the image; make it readable or leave it out"),
    "refused-when-opened": ("fail", "arrives empty in the image: a rule behind its `!` leaves out a folder above it"),
    "not-utf-8": ("fail", "has a name that is not UTF-8, and the build fails; rename it or leave out its folder"),
    "special-file": ("warn", "is not a file; in the image it is empty, or a device"),
    "link-out-of-context": ("warn", "points out of the context: in the image it leads to another file, or to none"),
}
