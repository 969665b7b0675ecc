"""Rules on words: weak beginnings, passive voice, clichés, the first person, tense."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from cvimprover.document import Block
from cvimprover.improver import tables
from cvimprover.improver.findings import Facts, Finding

REPEATED_FROM = 3

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_FIRST_PERSON = re.compile(r"(?<![\w'’-])(?:I(?:['’](?:m|ve|d|ll))?|[Mm]y|[Mm]yself|me|[Mm]ine)(?![\w'’-])")
_NUMERAL = re.compile(  # "Phase I" is no person
    r"(?:phase|level|part|grade|type|tier|class|stage|war|engineer|developer|analyst|volume|category|union|area)\s$",
    re.IGNORECASE,
)
_BE = r"(?:was|were|been|being|is|are|be)"
_PASSIVE = re.compile(rf"\b{_BE}\s{{1,3}}(?:[a-z]{{2,20}}ly\s{{1,3}})?([a-z]{{2,20}})\b", re.IGNORECASE)


def _any_of(phrases: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(phrases, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)


_WEAK = re.compile(_any_of(tuple(tables.WEAK_BEGINNINGS)).pattern, re.IGNORECASE)
_CLICHE = _any_of(tables.CLICHES)
_FILLER = _any_of(tuple(tables.FILLERS))


def weak_verb(facts: Facts) -> Iterator[Finding]:
    """Find bullets that begin with a duty instead of a deed."""
    for block in facts.bullets():
        if found := _WEAK.match(block.text):
            instead = tables.WEAK_BEGINNINGS[found[0].casefold()]
            yield Finding(f"Begin with what you did, not with “{found[0]}”: {instead}.", block)


def passive_voice(facts: Facts) -> Iterator[Finding]:
    """Find “was built” and the like, once for each block."""
    for block in facts.prose():
        for found in _PASSIVE.finditer(block.text):
            if is_participle(found[1].casefold()):
                yield Finding(f"“{found[0]}” hides who did it: say it in the active voice.", block)
                break


def is_participle(word: str) -> bool:
    """Tell whether a word after “be” makes it passive."""
    return word in tables.IRREGULAR_PARTICIPLES or (
        word.endswith("ed") and not word.endswith("eed") and word not in tables.STATES
    )


def first_person(facts: Facts) -> Iterator[Finding]:
    """Find “I” and “my”, once for each block."""
    for block in facts.prose():
        for found in _FIRST_PERSON.finditer(block.text):
            if not (found[0] == "I" and _NUMERAL.search(block.text, max(0, found.start() - 12), found.start())):
                yield Finding(f"A CV leaves out “{found[0]}”: begin with the verb.", block)
                break


def cliche(facts: Facts) -> Iterator[Finding]:
    for block in facts.prose():
        for found in _CLICHE.finditer(block.text):
            yield Finding(f"“{found[0]}” stands in most CVs: show it with an example, or leave it out.", block)


def filler(facts: Facts) -> Iterator[Finding]:
    for block in facts.prose():
        for found in _FILLER.finditer(block.text):
            yield Finding(f"“{found[0]}” adds little: {tables.FILLERS[found[0].casefold()]}.", block)


def repeated_verb(facts: Facts) -> Iterator[Finding]:
    """Find a word that begins three or more bullets; at its third bullet."""
    beginnings: dict[str, list[Block]] = defaultdict(list)
    for block in facts.bullets():
        if word := first_word(block):
            beginnings[word].append(block)
    for word, blocks in beginnings.items():
        if len(blocks) >= REPEATED_FROM:
            yield Finding(f"{len(blocks)} bullets begin with “{word}”: vary them.", blocks[REPEATED_FROM - 1])


def doubled_word(facts: Facts) -> Iterator[Finding]:
    for block in facts.prose():
        words = block.text.split()
        for first, second in pairwise(words):
            if first.isalpha() and first.casefold() == second.casefold() and first.islower():
                yield Finding(f"“{first} {second}” repeats a word.", block)


def inconsistent_tense(facts: Facts) -> Iterator[Finding]:
    """Find present tense in a position that has ended, and a mixture where nothing says whether it has."""
    for entry in facts.entries:
        present = [block for block in entry.bullets if is_present(block)]
        past = [block for block in entry.bullets if is_past(first_word(block))]
        if entry.span and not entry.span.is_current:
            for block in present:
                yield Finding(f"This position ended ({entry.span.text}): tell it in the past tense.", block)
        elif present and past and not entry.span:
            fewer, tense = (past, "present") if len(past) < len(present) else (present, "past")
            yield Finding(f"Past and present tense are mixed here; most of it is in the {tense}.", fewer[0])


def first_word(block: Block) -> str:
    found = _WORD.match(block.text)
    return found[0].casefold() if found else ""


def is_past(word: str) -> bool:
    return word in tables.PAST or (word.endswith("ed") and word not in tables.PRESENT)


def is_present(block: Block) -> bool:
    """Tell whether a bullet begins with a verb in the present tense, and not with a noun that looks like one."""
    first, second = [*_WORD.findall(block.text.casefold(), 0, 80), "", ""][:2]
    stems = {first, first.removesuffix("s"), first.removesuffix("es"), re.sub(r"ies$", "y", first)}
    is_noun = second in tables.AFTER_NOUNS or (second == "for" and bool(stems & tables.NOUNS_TOO))
    return not is_noun and bool(stems & tables.PRESENT) and first not in tables.PAST
