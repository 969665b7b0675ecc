"""Change lists of `[tool.dockertools]` in a pyproject.toml, and nothing else of it. Pure."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dockertools.learn.sequence_edit import Item, edit_items, newline_of
from dockertools.learn.settings_edit import NotEditableError

_HEADER = re.compile(r"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*[\"']?dockertools[\"']?[ \t]*\][^\r\n]*", re.MULTILINE)
_UNPLAIN = "the table tool.dockertools is not written in the plain way"
_NEXT_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)
_TOKEN = re.compile(r"(?P<text>\"(?:[^\"\\\r\n]|\\.)*\"|'[^'\r\n]*')|(?P<comment>#[^\r\n]*)|(?P<end>\])|[,\s]")


def edit_pyproject(text: str, changes: Mapping[str, Sequence[str]]) -> str:
    """Return the file with these lists in the table, which is added at the end where there is none.

    What comes out is read again: it says what was asked for, and all else as before. Raises NotEditableError.
    """
    for key, values in changes.items():
        text = _edit(text, key, list(values))
    return text


def show_list(key: str, values: Sequence[str]) -> str:
    """Return the entry as one writes it into the table."""
    return f"{key.lower().replace('_', '-')} = {_list(values)}"


def _edit(text: str, key: str, values: list[str]) -> str:
    before = _read(text)
    tools = before.get("tool", {})
    table = tools.get("dockertools", {}) if isinstance(tools, dict) else None
    if not isinstance(table, dict):
        raise NotEditableError(_UNPLAIN)
    name = next((name for name in reversed(list(table)) if name.replace("-", "_").upper() == key), None)
    expected = copy.deepcopy(before)
    written = show_list(key, values) if name is None else ""
    expected.setdefault("tool", {}).setdefault("dockertools", {})[name or written.partition(" ")[0]] = values
    for edited in _attempts(text, name, values, written):
        if _says(edited, expected):
            return edited
    raise NotEditableError(_UNPLAIN)


def _read(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotEditableError(f"it is not valid TOML ({error})") from error


def _append(text: str, written: str) -> str:
    newline = newline_of(text)
    begin = "" if not text or text.endswith("\n") else newline
    return f"{text}{begin}{newline if text else ''}[tool.dockertools]{newline}{written}{newline}"


def _says(text: str, expected: dict[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        return False


def _attempts(text: str, name: str | None, values: list[str], written: str) -> Iterator[str]:
    """Yield the text changed as little as can be, and changed more roughly."""
    header = _HEADER.search(text)
    if header is None:
        yield _append(text, written)
        return
    if name is None:
        yield f"{text[: header.end()]}{newline_of(text)}{written}{text[header.end() :]}"
        return
    following = _NEXT_HEADER.search(text, header.end())
    end = following.start() if following else len(text)
    pattern = re.compile(rf"^[ \t]*[\"']?{re.escape(name)}[\"']?[ \t]*=[ \t]*\[", re.MULTILINE)
    if found := pattern.search(text, header.end(), end):
        items = list(_items(text, found.end()))
        wanted = [(value, f'"{value}"') for value in values]
        for known in (items[:-1], ()):
            yield edit_items(text, known, (found.end(), items[-1].start), wanted)


def _items(text: str, start: int) -> Iterator[Item]:
    """Yield the texts of the array, and at last the bracket that closes it."""
    place = start
    while match := _TOKEN.match(text, place):
        place = match.end()
        if match["text"]:
            yield Item(match.start(), match.end(), tomllib.loads(f"x = {match['text']}")["x"])
        elif match["end"]:
            yield Item(match.start(), match.end(), "")
            return
    raise NotEditableError("the list holds something else than plain texts")


def _list(values: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"
