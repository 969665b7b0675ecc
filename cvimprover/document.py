"""A CV's plain text as headings, paragraphs and bullets, each with its line and the section it stands in.

What counts as what:

- heading: `# Markdown`, the name of a known section (with or without a colon), or a short line in capitals;
- bullet: a line that begins with a bullet character, a hyphen or a number; indented lines after it belong to it;
- paragraph: every other line, joined with the next one where it is long enough to have been wrapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

WRAPPED_AT = 60  # characters: a shorter line ends where its author ended it
SECTION_LEVEL = 2
SUBHEADING_LEVEL = 3


class Kind(StrEnum):
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    BULLET = "bullet"


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, paragraph or bullet. `line` counts from 1; `section` is a key of SECTIONS, or empty."""

    kind: Kind
    text: str
    line: int
    section: str = ""
    level: int = 0
    is_apart: bool = False  # an empty line stands before it


SECTIONS: dict[str, tuple[str, ...]] = {
    "summary": (
        "about",
        "about me",
        "career objective",
        "objective",
        "personal profile",
        "personal statement",
        "professional profile",
        "professional summary",
        "profile",
        "summary",
    ),
    "experience": (
        "career history",
        "employment",
        "employment history",
        "experience",
        "professional background",
        "professional experience",
        "relevant experience",
        "work experience",
        "work history",
    ),
    "education": (
        "academic background",
        "academic qualifications",
        "education",
        "education and qualifications",
        "education and training",
        "qualifications",
        "studies",
    ),
    "skills": (
        "competencies",
        "core competencies",
        "core skills",
        "key skills",
        "skills",
        "skills and tools",
        "technical skills",
        "technologies",
        "tools",
    ),
    "contact": ("contact", "contact details", "contact information", "personal details", "personal information"),
    "languages": ("languages",),
    "projects": ("personal projects", "projects", "selected projects", "side projects"),
    "certifications": ("certificates", "certifications", "courses", "licences", "licenses", "training"),
    "publications": ("publications", "selected publications", "talks", "talks and publications"),
    "awards": ("achievements", "awards", "honours", "honors", "honors and awards", "prizes"),
    "volunteering": ("volunteer experience", "volunteer work", "volunteering", "voluntary work"),
    "interests": ("hobbies", "hobbies and interests", "interests"),
    "references": ("references",),
}
_SECTION_OF = {name: section for section, names in SECTIONS.items() for name in names}

_MARKDOWN_HEADING = re.compile(r"\s{0,3}(#{1,6})\s+(\S.*)")
_BULLET = re.compile(r"\s*(?:[-*+•▪◦‣·●○∙–—]|[0-9]{1,2}[.)])\s+(\S.*)")


def parse_document(text: str) -> tuple[Block, ...]:
    """Return the blocks of a CV in their order."""
    return tuple(_with_sections(_join_lines(text)))


def section_of(heading: str) -> str:
    """Return the section that a heading names, or nothing."""
    name = " ".join(heading.strip().rstrip(":").replace("&", "and").casefold().split())
    return _SECTION_OF.get(name, "")


def _join_lines(text: str) -> Iterator[Block]:
    block: Block | None = None
    last_length = 0
    is_apart = False
    for number, line in enumerate(text.split("\n"), 1):
        new = _read_line(line, number, is_apart=is_apart)
        if new is None:
            is_apart = True
            continue
        if block and not is_apart and _continues(block, new, line, last_length):
            block = replace(block, text=f"{block.text} {new.text}")
        else:
            if block:
                yield block
            block = new
        is_apart = False
        last_length = len(line.rstrip())
    if block:
        yield block


def _read_line(line: str, number: int, *, is_apart: bool) -> Block | None:
    stripped = " ".join(line.split())
    if not stripped:
        return None
    if found := _MARKDOWN_HEADING.fullmatch(line):
        return Block(Kind.HEADING, found[2].strip(), number, level=len(found[1]), is_apart=is_apart)
    if found := _BULLET.fullmatch(line):
        return Block(Kind.BULLET, " ".join(found[1].split()), number, is_apart=is_apart)
    if section_of(stripped):
        return Block(Kind.HEADING, stripped.rstrip(":"), number, level=SECTION_LEVEL, is_apart=is_apart)
    if is_apart and _is_shouted(stripped):
        return Block(Kind.HEADING, stripped, number, level=SUBHEADING_LEVEL, is_apart=is_apart)
    return Block(Kind.PARAGRAPH, stripped, number, is_apart=is_apart)


def _continues(block: Block, new: Block, line: str, last_length: int) -> bool:
    if new.kind is not Kind.PARAGRAPH or block.kind is Kind.HEADING:
        return False
    if block.kind is Kind.BULLET:
        return line[:1].isspace() or last_length >= WRAPPED_AT
    return last_length >= WRAPPED_AT


def _is_shouted(line: str) -> bool:
    letters = sum(character.isalpha() for character in line)
    return letters >= 4 and len(line) <= 40 and line == line.upper() != line.lower() and "@" not in line


def _with_sections(blocks: Iterator[Block]) -> Iterator[Block]:
    section, level = "", SECTION_LEVEL
    for block in blocks:
        if block.kind is Kind.HEADING:
            named = section_of(block.text)
            if named or block.level <= level:  # a deeper heading stays within its section
                section = named
                level = block.level
        yield replace(block, section=section)
