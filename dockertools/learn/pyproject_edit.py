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
    table = before.get("tool", {}).get("dockertools", {})
    name = next((name for name in reversed(list(table)) if name.replace("-", "_").upper() == key), None)
    expected = copy.deepcopy(before)
    written = show_list(key, values) if name is None else ""
    expected.setdefault("tool", {}).setdefault("dockertools", {})[name or written.partition(" ")[0]] = values
    edited = _append(text, written) if not _HEADER.search(text) else _in_table(text, name, values, written)
    try:
        if tomllib.loads(edited) == expected:
            return edited
    except tomllib.TOMLDecodeError:
        pass
    raise NotEditableError("the table tool.dockertools is not written in the plain way")


def _read(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotEditableError(f"it is not valid TOML ({error})") from error


def _append(text: str, written: str) -> str:
    newline = newline_of(text)
    begin = "" if not text or text.endswith("\n") else newline
    return f"{text}{begin}{newline if text else ''}[tool.dockertools]{newline}{written}{newline}"


def _in_table(text: str, name: str | None, values: list[str], written: str) -> str:
    header = _HEADER.search(text)
    if header is None:
        return text
    if name is None:
        return f"{text[: header.end()]}{newline_of(text)}{written}{text[header.end() :]}"
    following = _NEXT_HEADER.search(text, header.end())
    end = following.start() if following else len(text)
    pattern = re.compile(rf"^[ \t]*[\"']?{re.escape(name)}[\"']?[ \t]*=[ \t]*\[", re.MULTILINE)
    found = pattern.search(text, header.end(), end)
    if found is None:
        return text
    items = list(_items(text, found.end()))
    wanted = [(value, f'"{value}"') for value in values]
    return edit_items(text, items[:-1], (found.end(), items[-1].start), wanted)


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
