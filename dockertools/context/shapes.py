"""Take a pattern apart into a question about the folder, asked once, and one about the name, asked for each entry.

`**/*.py[co]` is "any folder" and "a name that ends in ..."; `docs/*/index.md` is "a folder docs/x/" and "the name
index.md". That is what makes a walk through many files with many rules quick.

Only for paths without line breaks and lone surrogates, which Go's expressions treat in their own way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from dockertools.context.go_regexp import BEGIN, END, TokenKind, Tokens, render
from dockertools.context.patterns import Pattern, PatternKind

FolderTest = Callable[[str], object]
"""Called with the folder's path and a slash behind it; empty for the context itself."""


class NameKind(Enum):
    """How a name is compared with a text."""

    ANY = "any"
    EQUALS = "equals"
    STARTS = "starts"
    ENDS = "ends"
    REGEXP = "regexp"


@dataclass(frozen=True)
class Shape:
    """Where and how a pattern matches.

    Exactly one of these says where: `folder` names one folder, `test` asks each folder; neither means everywhere.
    """

    name_kind: NameKind
    name: str = ""
    folder: str | None = None
    test: FolderTest | None = None


def shapes_of(pattern: Pattern) -> tuple[Shape, ...] | None:
    """Return the shapes that together are the pattern, or None when only the whole path can tell."""
    if pattern.kind is PatternKind.EXACT:
        folder, name = _split(pattern.text)
        return (Shape(NameKind.EQUALS, name, folder=folder),)
    if pattern.kind is PatternKind.PREFIX:
        return _prefix_shapes(pattern.text)
    if pattern.kind is PatternKind.SUFFIX:
        return (_suffix_shape(pattern.text),)
    if pattern.kind is PatternKind.REGEXP:
        return _regexp_shapes(pattern.alternatives)
    return None


def _split(path: str) -> tuple[str, str]:
    folder, slash, name = path.rpartition("/")
    return folder + slash, name


def _prefix_shapes(text: str) -> tuple[Shape, ...]:
    below = Shape(NameKind.ANY, test=lambda folder: folder.startswith(text))
    folder, name = _split(text)
    return (below, Shape(NameKind.STARTS, name, folder=folder)) if name else (below,)


def _suffix_shape(text: str) -> Shape:
    if text == "":
        return Shape(NameKind.ANY)
    if "/" not in text:
        return Shape(NameKind.ENDS, text)
    folder, name = _split(text)
    if folder == "/":
        return Shape(NameKind.EQUALS, name)
    return Shape(NameKind.EQUALS, name, test=lambda path: path.endswith(folder) or "/" + path == folder)


def _regexp_shapes(alternatives: tuple[Tokens, ...]) -> tuple[Shape, ...] | None:
    tokens = alternatives[0]
    inner = tokens[1:-1]
    is_anchored = len(alternatives) == 1 and len(tokens) > 1 and tokens[0] == BEGIN and tokens[-1] == END
    if not is_anchored or any(token.kind is TokenKind.ASSERTION for token in inner):
        return None
    last = max((position for position, token in enumerate(inner) if token.crosses_folders), default=-1)
    if last > 0 and inner[last].kind is TokenKind.EVERYTHING and _ends_folder(inner, last - 1):
        return (Shape(NameKind.ANY, test=re.compile(render(inner[:last]), re.ASCII).match),)
    if last >= 0 and not _ends_folder(inner, last):
        return None
    return (_split_shape(inner[: last + 1], inner[last + 1 :]),)


def _split_shape(folder: Tokens, name: Tokens) -> Shape:
    if folder and all(token.kind is TokenKind.FOLDERS for token in folder):
        return _name_shape(name)
    if all(token.kind is TokenKind.LITERAL for token in folder):
        return _name_shape(name, folder="".join(token.text for token in folder))
    return _name_shape(name, test=re.compile(render(folder), re.ASCII).fullmatch)


def _ends_folder(tokens: Tokens, position: int) -> bool:
    """Tell whether a name begins behind the piece; behind an optional `**/` it does only where one began before."""
    token = tokens[position]
    if token.kind is TokenKind.FOLDERS:
        return position == 0 or _ends_folder(tokens, position - 1)
    return token.kind is TokenKind.LITERAL and token.text == "/"


def _name_shape(tokens: Tokens, *, folder: str | None = None, test: FolderTest | None = None) -> Shape:
    stars = [position for position, token in enumerate(tokens) if token.kind is not TokenKind.LITERAL]
    literal = "".join(token.text for token in tokens if token.kind is TokenKind.LITERAL)
    kind, text = NameKind.REGEXP, render(tokens)
    if not stars:
        kind, text = NameKind.EQUALS, literal
    elif len(stars) == 1 and tokens[stars[0]].is_star:
        if len(tokens) == 1:
            kind, text = NameKind.ANY, ""
        elif stars[0] == 0:
            kind, text = NameKind.ENDS, literal
        elif stars[0] == len(tokens) - 1:
            kind, text = NameKind.STARTS, literal
    return Shape(kind, text, folder=folder, test=test)
