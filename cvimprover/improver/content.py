"""Rules on what is there: evidence, sections, contact, length, and what should not be there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from cvimprover.document import Block, Kind
from cvimprover.improver import tables
from cvimprover.improver.dates import find_spans
from cvimprover.improver.findings import Facts, Finding

FEW_WORDS = 120
MANY_WORDS = 1000  # about two pages
LONG_BULLET = 35  # words
LONG_PARAGRAPH = 90  # words
EXPECTED_SECTIONS = {
    "experience": "positions with their dates, the newest first",
    "education": "degrees or training, with places and years",
    "skills": "what you can do, as a short list",
}

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_PHONE = re.compile(r"(?<![\w+])\+?\(?[0-9](?:[ ()./-]{0,2}[0-9]){6,14}(?!\w)")
_NUMBER = re.compile(
    r"[0-9]|(?<![\w-])(?:two|three|four|five|six|seven|eight|nine|ten|dozens?|hundreds?|thousands?|millions?|half"
    r"|halved|doubled|tripled|twice)(?![\w-])",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")
_VERSION = re.compile(r"(?<=[^\W\d_])\s?[0-9]+(?:\.[0-9]+)+|(?<=[^\W\d_])[0-9]+")  # Python 3.11, S3
_PLACEHOLDER = re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in tables.PLACEHOLDERS), re.IGNORECASE)
_PRIVATE = re.compile("|".join(map(re.escape, tables.PRIVATE_DETAILS)), re.IGNORECASE)


def missing_number(facts: Facts) -> Iterator[Finding]:
    """Find positions whose bullets tell of no amount, and an experience without any bullet."""
    told = [entry for entry in facts.entries if entry.bullets]
    if facts.entries and not told:
        yield Finding("Tell each position's results in bullets.", facts.entries[0].place)
    for entry in told:
        if not any(has_number(block.text) for block in entry.bullets):
            yield Finding("No bullet of this position has a number: how many, how much, how fast?", entry.bullets[0])


def few_numbers(facts: Facts) -> Iterator[Finding]:
    """Find an experience where less than a third of the bullets tell of an amount."""
    bullets = [block for entry in facts.entries for block in entry.bullets]
    with_number = sum(has_number(block.text) for block in bullets)
    if len(bullets) >= 4 and with_number * 3 < len(bullets):
        yield Finding(f"{with_number} of {len(bullets)} bullets have a number: aim for every second one.")


def has_number(text: str) -> bool:
    """Tell whether a text names an amount; years and versions are none."""
    return _NUMBER.search(_VERSION.sub("", _YEAR.sub("", text))) is not None


def no_experience(facts: Facts) -> Iterator[Finding]:
    if not facts.entries:
        yield Finding("Nothing tells what you have done: add positions or projects, with results in bullets.")


def missing_section(facts: Facts) -> Iterator[Finding]:
    present = facts.sections()
    for section, content in EXPECTED_SECTIONS.items():
        if section not in present:
            yield Finding(f"There is no section “{section.capitalize()}”: {content}.")


def missing_summary(facts: Facts) -> Iterator[Finding]:
    if "summary" not in facts.sections() and facts.words >= FEW_WORDS:
        yield Finding("Begin with two or three lines that say who you are and what you look for.")


def missing_contact(facts: Facts) -> Iterator[Finding]:
    text = [block.text for block in facts.blocks]
    if not any(_EMAIL.search(line) for line in text):
        yield Finding("There is no email address.")
    if not any(_has_phone(facts, line) for line in text):
        yield Finding("There is no telephone number.")


def private_detail(facts: Facts) -> Iterator[Finding]:
    for block in facts.blocks:
        if found := _PRIVATE.search(block.text):
            yield Finding(f"“{found[0].rstrip(':')}” invites bias and helps identity theft: leave it out.", block)


def placeholder(facts: Facts) -> Iterator[Finding]:
    for block in facts.blocks:
        if found := _PLACEHOLDER.search(block.text):
            yield Finding(f"“{found[0]}” looks unfinished: fill it in or delete it.", block)


def empty_section(facts: Facts) -> Iterator[Finding]:
    """Find headings that nothing follows before the next heading of their level."""
    for block, after in pairwise((*facts.blocks, None)):
        if block is None or block.kind is not Kind.HEADING or not block.section:
            continue
        if after is None or (after.kind is Kind.HEADING and after.level <= block.level):
            yield Finding(f"The section “{block.text}” is empty: fill it or delete it.", block)


def too_short(facts: Facts) -> Iterator[Finding]:
    if facts.words < FEW_WORDS:
        yield Finding(f"{facts.words} words are too few to judge you by: {FEW_WORDS} to {MANY_WORDS} fit most CVs.")


def too_long(facts: Facts) -> Iterator[Finding]:
    if facts.words > MANY_WORDS:
        yield Finding(f"{facts.words} words are more than two pages: cut the oldest and the least relevant.")


def long_bullet(facts: Facts) -> Iterator[Finding]:
    for block in facts.bullets():
        if (words := count_words(block.text)) > LONG_BULLET:
            yield Finding(f"This bullet has {words} words: split it, or keep the result alone.", block)


def long_paragraph(facts: Facts) -> Iterator[Finding]:
    for block in facts.blocks:
        if block.kind is Kind.PARAGRAPH and (words := count_words(block.text)) > LONG_PARAGRAPH:
            yield Finding(f"This paragraph has {words} words: nobody reads that; use bullets.", block)


def uneven_ends(facts: Facts) -> Iterator[Finding]:
    """Find positions where some bullets end with a full stop and others do not."""
    for entry in facts.entries:
        with_stop = [block for block in entry.bullets if block.text.endswith(".")]
        without = [block for block in entry.bullets if not block.text.endswith(".")]
        if with_stop and without:
            fewer: list[Block] = min(with_stop, without, key=len)
            yield Finding("Some bullets here end with a full stop and some do not: choose one.", fewer[0])


def count_words(text: str) -> int:
    return sum(any(character.isalnum() for character in word) for word in text.split())


def _has_phone(facts: Facts, line: str) -> bool:
    dates = {span.text for span in find_spans(line, today=facts.today)}
    return any(found[0] not in dates for found in _PHONE.finditer(line))
