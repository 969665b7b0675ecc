"""One ignore rule's pattern, with the meaning BuildKit gives it.

Source of the rules: https://pkg.go.dev/github.com/moby/patternmatcher, and Go's `filepath.Clean` and `filepath.Match`.
Paths are relative to the context, with `/` between folders. Names that are not UTF-8 hold lone surrogates
(PEP 383); a Go expression sees U+FFFD for each such byte, a comparison of text sees the byte.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from dockertools.context.go_regexp import BadPatternError, Tokens, parse, render

REPLACEMENT = "\ufffd"
BYTE_ORDER_MARK = "\ufeff"
# Quoted on the way to Go's regular expression; all else, brackets, backslash and `^` too, goes there as it is. The
# reference means to quote `{`, `|` and `}` as well, but its table of bits has no room for characters from `@` on.
_QUOTED = frozenset(".+()$")
_SURROGATES = re.compile("[\udc80-\udcff]")


class PatternKind(Enum):
    """How a pattern is compared; the texts below are what is left of it then."""

    EXACT = "the path is the text"
    PREFIX = "the path begins with the text"
    SUFFIX = "the path ends with the text"
    REGEXP = "the expression matches the path"
    BROKEN = "the expression cannot be compiled"


@dataclass(frozen=True)
class Pattern:
    """A compiled pattern. `text` is what EXACT, PREFIX and SUFFIX compare with, else the Go expression."""

    kind: PatternKind
    text: str

    @cached_property
    def alternatives(self) -> tuple[Tokens, ...]:
        """The pieces of a REGEXP pattern, one tuple for each side of a `|`."""
        return parse(self.text)

    @cached_property
    def _regexp(self) -> re.Pattern[str]:
        return re.compile("|".join(render(tokens) for tokens in self.alternatives), re.ASCII)

    def matches(self, path: str) -> bool:
        """Tell whether the pattern matches this very path, its folders aside.

        Raises BadPatternError when BuildKit would fail at this point.
        """
        if self.kind is PatternKind.EXACT:
            return path == self.text
        if self.kind is PatternKind.PREFIX:
            return path.startswith(self.text)
        if self.kind is PatternKind.SUFFIX:
            return path.endswith(self.text) or (self.text[:1] == "/" and path == self.text[1:])
        if self.kind is PatternKind.REGEXP:
            return self._regexp.search(without_surrogates(path)) is not None
        raise BadPatternError(self.text)


def without_surrogates(path: str) -> str:
    """Return the path as a Go expression sees it."""
    return path if path.isascii() else _SURROGATES.sub(REPLACEMENT, path)


def clean_path(path: str) -> str:
    """Return the path as Go's `filepath.Clean` does."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def compile_pattern(pattern: str) -> Pattern:
    """Compile a cleaned pattern without its `!`.

    A pattern that passes `check_pattern` may still hold an expression that Go cannot compile. BuildKit finds that only
    when it compares a path with it; such a pattern is BROKEN, its `text` the reason.
    """
    kind, source = _translate(pattern)
    if kind is PatternKind.EXACT:
        return Pattern(kind, pattern)
    if kind is PatternKind.PREFIX:
        return Pattern(kind, pattern[:-2])
    if kind is PatternKind.SUFFIX and not pattern.startswith(BYTE_ORDER_MARK):
        return Pattern(kind, pattern[2:])
    if kind is PatternKind.SUFFIX:  # Go cuts the mark in half: what is left is no text, and matches nothing
        return Pattern(PatternKind.EXACT, "")
    compiled = Pattern(kind, source)
    try:
        compiled.alternatives  # noqa: B018  # parsed for its error
    except BadPatternError as error:
        return Pattern(PatternKind.BROKEN, str(error))
    return compiled


def _translate(pattern: str) -> tuple[PatternKind, str]:
    """Return how a pattern is compared, and its Go expression."""
    kind = PatternKind.EXACT
    source = "^"
    position = first = 1 if pattern.startswith(BYTE_ORDER_MARK) else 0
    while position < len(pattern):
        character = pattern[position]
        if pattern.startswith("**", position):
            start, position = position, position + 2
            position += pattern.startswith("/", position)
            kind, piece = _double_star(kind, is_first=start == first, is_last=position == len(pattern))
        elif character == "\\":
            kind, piece, position = PatternKind.REGEXP, pattern[position : position + 2], position + 2
        elif character in _MEANINGS:
            kind, piece, position = PatternKind.REGEXP, _MEANINGS[character], position + 1
        else:
            piece, position = ("\\" if character in _QUOTED else "") + character, position + 1
        source += piece
    return kind, f"{source}$"


def _double_star(kind: PatternKind, *, is_first: bool, is_last: bool) -> tuple[PatternKind, str]:
    if is_first:
        return PatternKind.SUFFIX, ".*" if is_last else "(.*/)?"
    if is_last:
        return (PatternKind.PREFIX, "") if kind is PatternKind.EXACT else (PatternKind.REGEXP, ".*")
    return PatternKind.REGEXP, "(.*/)?"


_MEANINGS = {"*": "[^/]*", "?": "[^/]", "[": "[", "]": "]"}


def check_pattern(pattern: str) -> None:
    """Raise BadPatternError where BuildKit does: where Go's `filepath.Match(pattern, ".")` calls the pattern bad.

    It looks at one piece between stars after the other, at each one whole, and no further once one does not fit.
    """
    name = "."
    for piece in _pieces(pattern):
        if not _fits(piece, name):
            return
        name = ""


def _pieces(pattern: str) -> Iterator[str]:
    """Yield what stands between the stars; one inside `[...]` or behind a backslash is none."""
    start = position = len(pattern) - len(pattern.lstrip("*"))
    is_in_class = False
    while position < len(pattern):
        character = pattern[position]
        if character == "*" and not is_in_class:
            yield pattern[start:position]
            start = position = len(pattern) - len(pattern[position:].lstrip("*"))
            continue
        is_in_class = character == "[" or (is_in_class and character != "]")
        position += 2 if character == "\\" else 1
    yield pattern[start:]


def _fits(piece: str, name: str) -> bool:
    """Return whether a piece is the name, which is `.` or nothing; raise BadPatternError for one that is malformed."""
    position = count = 0
    fits = True
    while position < len(piece):
        count += 1
        if piece[position] == "[":
            position, matches = _check_class(piece, position + 1)
        elif piece[position] == "\\":
            if position + 1 == len(piece):
                raise BadPatternError("a backslash at the end quotes nothing")
            position, matches = position + 2, piece[position + 1] == "."
        else:
            position, matches = position + 1, piece[position] in ".?"
        fits = fits and matches
    return fits and count == len(name)


def _check_class(pattern: str, position: int) -> tuple[int, bool]:
    """Return where the class ends, and whether it matches `.`."""
    is_negated = pattern.startswith("^", position)
    position += is_negated
    first, matches = True, False
    while first or not pattern.startswith("]", position):
        first = False
        position = _check_class_character(pattern, position)
        low = high = pattern[position - 1]
        if pattern.startswith("-", position):
            position = _check_class_character(pattern, position + 1)
            high = pattern[position - 1]
        matches = matches or low <= "." <= high
    return position + 1, matches != is_negated


def _check_class_character(pattern: str, position: int) -> int:
    if position < len(pattern) and pattern[position] in "-]":
        raise BadPatternError(f"`{pattern[position]}` inside `[...]` needs a backslash")
    position += pattern.startswith("\\", position)
    if position + 1 >= len(pattern):
        raise BadPatternError("`[` without its `]`")
    if _SURROGATES.match(pattern, position):
        raise BadPatternError("a byte inside `[...]` that is not UTF-8")
    return position + 1
