"""Read a CV's facts, run the rules, and add up the score."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import chain

from cvimprover.document import Block, Kind, parse_document
from cvimprover.improver import chronology, content, tables, wording
from cvimprover.improver.dates import Span, find_spans
from cvimprover.improver.findings import (
    Deduction,
    Entry,
    Facts,
    Finding,
    Part,
    PartScore,
    Result,
    Rule,
    Severity,
    Suggestion,
    excerpt,
)

SUGGESTIONS_EACH = 20
MAXIMA = {Part.WORDING: 30, Part.EVIDENCE: 20, Part.STRUCTURE: 20, Part.CHRONOLOGY: 15, Part.FORM: 15}
ENGLISH_FROM = 40  # words: fewer say nothing about the language
NOT_ENGLISH = (
    "The rules on wording know English only, and this text does not look English: they were left out, "
    "and the names of sections were not asked for."
)

_HIGH, _MEDIUM, _LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW
RULES: tuple[Rule, ...] = (
    Rule("weak-verb", Part.WORDING, _MEDIUM, 3, 12, wording.weak_verb, needs_english=True),
    Rule("passive-voice", Part.WORDING, _MEDIUM, 3, 9, wording.passive_voice, needs_english=True),
    Rule("first-person", Part.WORDING, _LOW, 1, 5, wording.first_person, needs_english=True),
    Rule("cliche", Part.WORDING, _MEDIUM, 3, 9, wording.cliche, needs_english=True),
    Rule("filler", Part.WORDING, _LOW, 1, 4, wording.filler, needs_english=True),
    Rule("repeated-verb", Part.WORDING, _LOW, 1, 5, wording.repeated_verb),
    Rule("doubled-word", Part.WORDING, _LOW, 1, 3, wording.doubled_word, needs_english=True),
    Rule("inconsistent-tense", Part.WORDING, _MEDIUM, 3, 9, wording.inconsistent_tense, needs_english=True),
    Rule("missing-number", Part.EVIDENCE, _HIGH, 6, 18, content.missing_number),
    Rule("few-numbers", Part.EVIDENCE, _MEDIUM, 3, 3, content.few_numbers),
    Rule("no-experience", Part.EVIDENCE, _HIGH, 20, 20, content.no_experience, needs_english=True),
    Rule("missing-section", Part.STRUCTURE, _HIGH, 6, 14, content.missing_section, needs_english=True),
    Rule("missing-summary", Part.STRUCTURE, _LOW, 1, 1, content.missing_summary, needs_english=True),
    Rule("missing-contact", Part.STRUCTURE, _MEDIUM, 3, 6, content.missing_contact),
    Rule("private-detail", Part.STRUCTURE, _MEDIUM, 3, 6, content.private_detail),
    Rule("placeholder", Part.STRUCTURE, _HIGH, 6, 12, content.placeholder),
    Rule("empty-section", Part.STRUCTURE, _MEDIUM, 3, 6, content.empty_section),
    Rule("overlapping-dates", Part.CHRONOLOGY, _MEDIUM, 3, 6, chronology.overlapping_dates),
    Rule("date-gap", Part.CHRONOLOGY, _MEDIUM, 3, 6, chronology.date_gap),
    Rule("reversed-dates", Part.CHRONOLOGY, _HIGH, 6, 12, chronology.reversed_dates),
    Rule("future-date", Part.CHRONOLOGY, _HIGH, 6, 6, chronology.future_date),
    Rule("missing-dates", Part.CHRONOLOGY, _MEDIUM, 3, 9, chronology.missing_dates),
    Rule("wrong-order", Part.CHRONOLOGY, _LOW, 1, 3, chronology.wrong_order),
    Rule("too-short", Part.FORM, _HIGH, 6, 15, content.too_short),
    Rule("too-long", Part.FORM, _MEDIUM, 3, 5, content.too_long),
    Rule("long-bullet", Part.FORM, _LOW, 1, 5, content.long_bullet),
    Rule("long-paragraph", Part.FORM, _LOW, 1, 4, content.long_paragraph),
    Rule("uneven-ends", Part.FORM, _LOW, 1, 3, content.uneven_ends),
)


def review_text(text: str, *, today: date) -> Result:
    """Return the review of a CV; `today` ends what goes on to the present."""
    facts = read_facts(text, today=today)
    rules = [rule for rule in RULES if facts.is_english or not rule.needs_english]
    found = {rule: tuple(rule.check(facts)) for rule in rules}
    parts = tuple(_score_part(part, found, facts) for part in Part)
    suggestions = chain.from_iterable(_suggest(rule, findings) for rule, findings in found.items())
    order = list(Severity)
    return Result(
        score=sum(part.points for part in parts),
        words=facts.words,
        parts=parts,
        suggestions=tuple(sorted(suggestions, key=lambda item: (order.index(item.severity), item.line or 0))),
        notes=() if facts.is_english else (NOT_ENGLISH,),
    )


def read_facts(text: str, *, today: date) -> Facts:
    blocks = parse_document(text)
    words = [word for block in blocks for word in block.text.split()]
    return Facts(
        blocks=blocks,
        entries=tuple(_read_entries(blocks, today)),
        words=sum(content.count_words(block.text) for block in blocks),
        is_english=_is_english(words),
        today=today,
    )


def _is_english(words: list[str]) -> bool:
    """Tell whether a text may be English: CVs are terse, so one common word in forty is enough."""
    common = sum(word.casefold().strip(".,;:()") in tables.COMMON_ENGLISH for word in words)
    if len(words) < ENGLISH_FROM:
        letters = [character for word in words for character in word if character.isalpha()]
        return sum(character.isascii() for character in letters) * 2 >= len(letters)
    return common * 40 >= len(words)


def _read_entries(blocks: tuple[Block, ...], today: date) -> Iterator[Entry]:
    headers: list[Block] = []
    bullets: list[Block] = []
    span: Span | None = None
    for block in (block for block in blocks if block.section == "experience" and not _names_section(block)):
        if block.kind is Kind.BULLET:
            bullets.append(block)
            continue
        here = next(find_spans(block.text, today=today), None)
        if bullets or (span and (here or block.kind is Kind.HEADING)):
            yield Entry(tuple(headers), tuple(bullets), span)
            headers, bullets, span = [], [], None
        headers.append(block)
        span = span or here
    if headers or bullets:
        yield Entry(tuple(headers), tuple(bullets), span)


def _names_section(block: Block) -> bool:
    return block.kind is Kind.HEADING and block.level <= 2


def _suggest(rule: Rule, findings: tuple[Finding, ...]) -> Iterator[Suggestion]:
    for finding in findings[:SUGGESTIONS_EACH]:
        block = finding.block
        line, text = (block.line, excerpt(block.text)) if block else (None, "")
        yield Suggestion(rule.id, rule.severity, line, text, finding.advice)


def _score_part(part: Part, found: dict[Rule, tuple[Finding, ...]], facts: Facts) -> PartScore:
    deductions = [
        Deduction(rule.id, len(findings), min(rule.most, rule.points * len(findings)))
        for rule, findings in found.items()
        if rule.part is part and findings
    ]
    maximum = MAXIMA[part]
    if part in {Part.WORDING, Part.CHRONOLOGY} and facts.words < content.FEW_WORDS:
        # Nothing said is nothing said wrong: without this an empty page would score best.
        missing = round(maximum * (1 - facts.words / content.FEW_WORDS))
        deductions.append(Deduction("too-short", 1, missing))
    points = max(0, maximum - sum(deduction.points for deduction in deductions))
    return PartScore(part, points, maximum, tuple(deductions))
