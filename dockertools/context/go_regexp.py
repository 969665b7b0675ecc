r"""Go's regular expressions, as far as an ignore rule can produce them, for Python's `re`.

BuildKit turns a rule into a Go regular expression without quoting what stands in brackets or behind a backslash, so
`[[:alpha:]]`, `\d` and `[a*]` mean there what Go makes of them. Only what that translation emits is understood here.
Source of the rules: https://github.com/google/re2/wiki/Syntax and https://pkg.go.dev/regexp/syntax
"""

from __future__ import annotations

import re
import sys
import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

Ranges = tuple[tuple[int, int], ...]

LAST_CODE_POINT = sys.maxunicode
FOLDERS = "(.*/)?"
_NO_SLASH = "[^/]"
EVERYTHING = ".*"
_ESCAPES = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CATEGORIES = "CLMNPSZ"
_REPETITION = re.compile(r"\{(?P<low>0|[1-9][0-9]{0,7})(?:(?P<comma>,)(?P<high>0|[1-9][0-9]{0,7})?)?\}")
MOST_REPETITIONS = 1000


def _spans(text: str) -> Ranges:
    return tuple((ord(text[index]), ord(text[index + 1])) for index in range(0, len(text), 2))


_SLASH = _spans("//")
_PERL = {"d": _spans("09"), "s": _spans("\t\n\f\r  "), "w": _spans("09AZ__az")}
_POSIX = {
    "alnum": _spans("09AZaz"),
    "alpha": _spans("AZaz"),
    "ascii": _spans("\x00\x7f"),
    "blank": _spans("\t\t  "),
    "cntrl": _spans("\x00\x1f\x7f\x7f"),
    "digit": _spans("09"),
    "graph": _spans("!~"),
    "lower": _spans("az"),
    "print": _spans(" ~"),
    "punct": _spans("!/:@[`{~"),
    "space": _spans("\t\r  "),
    "upper": _spans("AZ"),
    "word": _spans("09AZaz__"),
    "xdigit": _spans("09AFaf"),
}


class BadPatternError(ValueError):
    """Go would refuse the expression."""


class TokenKind(Enum):
    """What a piece of an expression matches."""

    LITERAL = "literal"
    CLASS = "class"
    STAR = "star"
    FOLDERS = "folders"
    EVERYTHING = "everything"
    REPEATED = "repeated"
    ASSERTION = "assertion"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression; `text` is the literal, or the source for Python's `re`."""

    kind: TokenKind
    text: str
    crosses_folders: bool = False

    @property
    def is_star(self) -> bool:
        """Tell whether this is a plain `*`: any number of characters within one folder."""
        return self.kind is TokenKind.STAR and self.text == _NO_SLASH


Tokens = tuple[Token, ...]
_REPEATING = frozenset({TokenKind.STAR, TokenKind.FOLDERS, TokenKind.EVERYTHING})

BEGIN = Token(TokenKind.ASSERTION, r"\A")
END = Token(TokenKind.ASSERTION, r"\Z")


def parse(source: str) -> tuple[Tokens, ...]:
    """Return the alternatives of a Go regular expression, each as its pieces.

    Raises BadPatternError where Go's `regexp.Compile` fails.
    """
    alternatives: list[list[Token]] = [[]]
    position = 0
    repeated = False
    while position < len(source):
        count = _REPETITION.match(source, position)
        if count:
            _repeat(alternatives[-1], count, repeated=repeated)
            position = count.end()
        elif source[position] == "|":
            alternatives.append([])
            position += 1
        else:
            tokens, position = _next_token(source, position)
            alternatives[-1].extend(tokens)
        last = alternatives[-1][-1:]
        repeated = count is not None or (bool(last) and last[0].kind in _REPEATING)
    return tuple(tuple(tokens) for tokens in alternatives)


def _repeat(tokens: list[Token], count: re.Match[str], *, repeated: bool) -> None:
    low, comma, high = count["low"], count["comma"], count["high"]
    if repeated:
        raise BadPatternError(f"`{count[0]}` repeats what is repeated already")
    if not tokens:
        raise BadPatternError(f"`{count[0]}` repeats nothing")
    if max(int(low), int(high or 0)) > MOST_REPETITIONS or (high and int(high) < int(low)):
        raise BadPatternError(f"`{count[0]}` is no number of repetitions")
    last = tokens.pop()
    text = f"(?:{_source(last)}){{{low}{comma or ''}{high or ''}}}"
    tokens.append(Token(TokenKind.REPEATED, text, last.crosses_folders))


def render(tokens: Tokens) -> str:
    """Return the pieces as an expression for Python's `re`, to be used with `re.ASCII`.

    A star takes as little as lets the piece behind it match, and never gives back when another star follows: within
    one folder that finds a match whenever there is one, and it keeps the time linear where Python would try them all.
    """
    parts: list[str] = []
    position = 0
    while position < len(tokens):
        if tokens[position].kind is TokenKind.STAR:
            end = _end_of_segment(tokens, position + 1)
            segment = "".join(_source(token) for token in tokens[position + 1 : end])
            star = tokens[position].text
            last = end == len(tokens) or not (tokens[position].is_star and tokens[end].is_star)
            parts.append(f"{star}*{segment}" if last else f"(?>{star}*?{segment})")
            position = end
        else:
            parts.append(_source(tokens[position]))
            position += 1
    return "".join(parts)


def _end_of_segment(tokens: Tokens, position: int) -> int:
    while position < len(tokens) and _has_one_way(tokens[position]):
        position += 1
    return position


def _has_one_way(token: Token) -> bool:
    """Tell whether the piece matches one character that is either always or never a slash."""
    return token.kind is TokenKind.LITERAL or (token.kind is TokenKind.CLASS and not token.crosses_folders)


def _source(token: Token) -> str:
    return re.escape(token.text) if token.kind is TokenKind.LITERAL else token.text


def _next_token(source: str, position: int) -> tuple[list[Token], int]:
    if source.startswith(FOLDERS, position):
        return [Token(TokenKind.FOLDERS, r"(?:[^\n]*/)?", crosses_folders=True)], position + len(FOLDERS)
    if source.startswith(EVERYTHING, position):
        return [Token(TokenKind.EVERYTHING, r"[^\n]*", crosses_folders=True)], position + len(EVERYTHING)
    character = source[position]
    if character == "[":
        return _class_token(source, position)
    if character == "\\":
        return _escape_token(source, position)
    if character in "^$":
        return [BEGIN if character == "^" else END], position + 1
    return [Token(TokenKind.LITERAL, character, crosses_folders=character == "/")], position + 1


def _class_token(source: str, position: int) -> tuple[list[Token], int]:
    ranges, position = _parse_class(source, position + 1)
    if source.startswith("*", position):
        return [_class(ranges, TokenKind.STAR)], position + 1
    return [_class(ranges)], position


def _class(ranges: Ranges, kind: TokenKind = TokenKind.CLASS) -> Token:
    slash = any(low <= ord("/") <= high for low, high in ranges)
    return Token(kind, _class_source(ranges), crosses_folders=slash)


def _escape_token(source: str, position: int) -> tuple[list[Token], int]:
    letter = source[position + 1 : position + 2]
    if letter == "Q":
        quoted, _, _ = source[position + 2 :].partition("\\E")
        tokens = [Token(TokenKind.LITERAL, character, crosses_folders=character == "/") for character in quoted]
        return tokens, min(position + 2 + len(quoted) + 2, len(source))
    if letter in ("A", "z", "b", "B"):
        return [END if letter == "z" else Token(TokenKind.ASSERTION, f"\\{letter}")], position + 2
    named = _named_class(source, position)
    if named is not None:
        ranges, position = named
        return [_class(ranges)], position
    character, position = _escaped_character(source, position)
    return [Token(TokenKind.LITERAL, character, crosses_folders=character == "/")], position


def _named_class(source: str, position: int) -> tuple[Ranges, int] | None:
    r"""Read `\d`, `\W`, `\pL` and their like; None when none stands here."""
    letter = source[position + 1 : position + 2]
    if letter and letter.lower() in _PERL:
        ranges = _PERL[letter.lower()]
        return (_complement(ranges) if letter.isupper() else ranges), position + 2
    if letter in ("p", "P"):
        ranges = _category(source[position + 2 : position + 3])
        return (_complement(ranges) if letter == "P" else ranges), position + 3
    return None


def _escaped_character(source: str, position: int) -> tuple[str, int]:
    letter = source[position + 1 : position + 2]
    if not letter:
        raise BadPatternError("a backslash at the end")
    if letter in _ESCAPES:
        return _ESCAPES[letter], position + 2
    octal = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}").match(source, position + 1)
    if octal:
        return chr(int(octal[0], 8)), octal.end()
    hexadecimal = re.compile(r"x([0-9A-Fa-f]{2})").match(source, position + 1)
    if hexadecimal:
        return chr(int(hexadecimal[1], 16)), hexadecimal.end()
    if letter.isascii() and not letter.isalnum():
        return letter, position + 2
    raise BadPatternError(f"`\\{letter}` is no escape sequence")


def _parse_class(source: str, position: int) -> tuple[Ranges, int]:
    """Read a bracket expression from behind its `[`; return its ranges and the position behind its `]`."""
    negated = source.startswith("^", position)
    position += negated
    ranges: list[tuple[int, int]] = []
    first = True
    while first or not source.startswith("]", position):
        first = False
        found, position = _parse_class_item(source, position)
        ranges.extend(found)
    merged = _merge(ranges)
    return (_complement(merged) if negated else merged), position + 1


def _parse_class_item(source: str, position: int) -> tuple[Ranges, int]:
    end = source.find(":]", position + 2)
    if source.startswith("[:", position) and end >= 0:
        return _posix_class(source[position + 2 : end]), end + 2
    if source.startswith("\\", position):
        named = _named_class(source, position)
        if named is not None:
            return named
    low, position = _class_character(source, position)
    high = low
    if source.startswith("-", position) and source[position + 1 : position + 2] not in ("", "]"):
        high, position = _class_character(source, position + 1)
    if high < low:
        raise BadPatternError(f"the range `{low}-{high}` runs backwards")
    return ((ord(low), ord(high)),), position


def _class_character(source: str, position: int) -> tuple[str, int]:
    if position >= len(source):
        raise BadPatternError("`[` without its `]`")
    if source[position] == "\\":
        return _escaped_character(source, position)
    return source[position], position + 1


def _posix_class(name: str) -> Ranges:
    ranges = _POSIX.get(name.removeprefix("^"))
    if ranges is None:
        raise BadPatternError(f"`[:{name}:]` is no character class")
    return _complement(ranges) if name.startswith("^") else ranges


@lru_cache
def _category(letter: str) -> Ranges:
    if not letter or letter not in _CATEGORIES:
        raise BadPatternError(f"`\\p{letter}` is no character class")
    members = (
        code
        for code in range(LAST_CODE_POINT + 1)
        if unicodedata.category(chr(code))[0] == letter and unicodedata.category(chr(code)) != "Cn"
    )
    return _merge([(code, code) for code in members])


def _merge(ranges: list[tuple[int, int]]) -> Ranges:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def _complement(ranges: Ranges) -> Ranges:
    gaps: list[tuple[int, int]] = []
    start = 0
    for low, high in _merge(list(ranges)):
        if start < low:
            gaps.append((start, low - 1))
        start = high + 1
    if start <= LAST_CODE_POINT:
        gaps.append((start, LAST_CODE_POINT))
    return tuple(gaps)


def _class_source(ranges: Ranges) -> str:
    if not ranges:
        return f"[^\\0-\\U{LAST_CODE_POINT:08x}]"
    if ranges == _complement(_SLASH):
        return _NO_SLASH
    inside = "".join(f"\\U{low:08x}-\\U{high:08x}" if low < high else f"\\U{low:08x}" for low, high in ranges)
    return f"[{inside}]"
