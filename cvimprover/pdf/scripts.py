"""Which characters the PDF can set, and what stands for the others.

cairo's simple text interface neither joins letters nor turns lines around, so only scripts that need neither are
drawn: Latin, Greek and Cyrillic. Others are replaced by their script's name in brackets.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

DRAWN_SCRIPTS = frozenset({"Latin", "Greek", "Cyrillic"})
COMMON = ""

# The first word of a character's Unicode name is its script, but for these.
_SCRIPT_OF_WORD = {
    "CJK": "Han",
    "IDEOGRAPHIC": "Han",
    "KANGXI": "Han",
    "ARABIC-INDIC": "Arabic",
    "EXTENDED": "Arabic",
    "HALFWIDTH": "Katakana",
}
_COMMON_WORDS = frozenset(
    {
        "COMBINING",
        "DOUBLE-STRUCK",
        "FEMININE",
        "FULLWIDTH",
        "MASCULINE",
        "MATHEMATICAL",
        "MICRO",
        "MODIFIER",
        "ROMAN",
        "SCRIPT",
    }
)
_INVISIBLE = frozenset({"Cf", "Cs"})
_UNKNOWN = frozenset({"Cn", "Co"})
_EMOJI_FROM = 0x1F000


@dataclass(frozen=True)
class Readable:
    """A text of drawable characters, and the names of what was left out of it."""

    text: str
    left_out: frozenset[str]


def make_readable(text: str, has_glyph: Callable[[str], bool]) -> Readable:
    """Return the text with every run of characters that cannot be drawn replaced by its script's name."""
    if text.isascii() and text.isprintable():
        return Readable(text, frozenset())
    pieces: list[str] = []
    left_out: set[str] = set()
    run = gap = ""
    for piece, name in _read(unicodedata.normalize("NFC", text), has_glyph):
        if name and piece == run:
            gap = ""  # the spaces between words of one script
        elif name:
            pieces.append(f"{gap}[{piece}]")
            left_out.add(name)
            run, gap = piece, ""
        elif run and piece == " ":
            gap += piece
        else:
            pieces.append(gap + piece)
            run = gap = ""
    return Readable("".join(pieces) + gap, frozenset(left_out))


def script_of(character: str) -> str:
    """Return the script of a letter, mark or digit, and nothing for what all scripts share."""
    if character.isascii() or unicodedata.category(character)[0] not in "LMN":
        return COMMON
    word = unicodedata.name(character, "").partition(" ")[0]
    if not word or word in _COMMON_WORDS or unicodedata.category(character) == "No":
        return COMMON
    return _SCRIPT_OF_WORD.get(word, word.capitalize())


def _read(text: str, has_glyph: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Yield what to draw and an empty name, or a mark and the name of what it stands for."""
    for character in text:
        category = unicodedata.category(character)
        if category in _INVISIBLE or _is_variation(character):
            continue
        if category in {"Cc", "Zs", "Zl", "Zp"}:
            yield " ", ""
        elif _is_drawable(character, has_glyph):
            yield character, ""
        elif all(_is_drawable(part, has_glyph) for part in unicodedata.normalize("NFKC", character)):
            yield unicodedata.normalize("NFKC", character), ""
        else:
            yield _mark(character, category)


def _is_drawable(character: str, has_glyph: Callable[[str], bool]) -> bool:
    script = script_of(character)
    is_known = unicodedata.category(character) not in _UNKNOWN
    return is_known and (script == COMMON or script in DRAWN_SCRIPTS) and has_glyph(character)


def _is_variation(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _mark(character: str, category: str) -> tuple[str, str]:
    script = script_of(character)
    if script in DRAWN_SCRIPTS:
        return f"U+{ord(character):04X}", f"rare {script}"
    if script:
        return script, script
    if category in _UNKNOWN:
        return f"U+{ord(character):04X}", "unknown"
    name = "emoji" if ord(character) >= _EMOJI_FROM else "symbol"
    return name, name
