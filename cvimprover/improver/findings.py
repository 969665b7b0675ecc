"""What the rules read and what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cvimprover.document import Block, Kind
from cvimprover.improver.dates import Span

EXCERPT_LENGTH = 120


class Severity(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Part(StrEnum):
    """The parts of the score."""

    WORDING = "wording"
    EVIDENCE = "evidence"
    STRUCTURE = "structure"
    CHRONOLOGY = "chronology"
    FORM = "form"


@dataclass(frozen=True)
class Entry:
    """A position: the lines that name it, its bullets, and its time where one is given."""

    headers: tuple[Block, ...]
    bullets: tuple[Block, ...]
    span: Span | None

    @property
    def place(self) -> Block | None:
        """The block to point at when the whole position is meant."""
        return next(iter((*self.headers, *self.bullets)), None)


@dataclass(frozen=True)
class Facts:
    """A CV as the rules see it. `entries` are those of the experience section."""

    blocks: tuple[Block, ...]
    entries: tuple[Entry, ...]
    words: int
    is_english: bool
    today: date

    def prose(self) -> Iterator[Block]:
        """Yield what is written in sentences: everything but headings."""
        return (block for block in self.blocks if block.kind is not Kind.HEADING)

    def bullets(self) -> Iterator[Block]:
        return (block for block in self.blocks if block.kind is Kind.BULLET)

    def sections(self) -> frozenset[str]:
        return frozenset(block.section for block in self.blocks) - {""}


@dataclass(frozen=True)
class Suggestion:
    """One thing to change; `line` counts from 1 and is None where the whole CV is meant."""

    rule: str
    severity: Severity
    line: int | None
    excerpt: str
    advice: str


@dataclass(frozen=True)
class Finding:
    """What a rule's check yields: the advice, and the block it is about."""

    advice: str
    block: Block | None = None


@dataclass(frozen=True)
class Rule:
    """A rule; a finding takes `points` from its part of the score, all together at most `most`."""

    id: str
    part: Part
    severity: Severity
    points: int
    most: int
    check: Callable[[Facts], Iterator[Finding]]
    needs_english: bool = False


@dataclass(frozen=True)
class Deduction:
    rule: str
    found: int
    points: int


@dataclass(frozen=True)
class PartScore:
    """Points of one part: its maximum less the deductions, never below zero."""

    part: Part
    points: int
    maximum: int
    deductions: tuple[Deduction, ...]


@dataclass(frozen=True)
class Result:
    """A review; `suggestions` holds at most 20 of each rule, `parts` counts all."""

    score: int
    words: int
    parts: tuple[PartScore, ...]
    suggestions: tuple[Suggestion, ...]
    notes: tuple[str, ...]


def excerpt(text: str) -> str:
    """Return a text, cut at a word where it is long."""
    if len(text) <= EXCERPT_LENGTH:
        return text
    cut = text[: EXCERPT_LENGTH - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut) + "…"
