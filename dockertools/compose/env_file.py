"""The lines of `.env` that the modes own: read and replaced, every other byte left as it is. Pure.

What is an assignment is as compose sees it: https://github.com/compose-spec/compose-go/blob/main/dotenv/parser.go
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dockertools.errors import DockertoolsError

FILES, UID, GID = "COMPOSE_FILE", "DOCKERTOOLS_UID", "DOCKERTOOLS_GID"
_BOM = "\ufeff"
_SPACES = "\t\v\f\r \x85\xa0"
_EXPORT = re.compile(r"export\s+")
_PLAIN = re.compile(r"[\w./:;|@%+,=~-]+", re.ASCII)
_IDS = re.compile(rf"(?:\r?\n{UID}=\d+(?=\r?\n|\Z))?(?:\r?\n{GID}=\d+(?=\r?\n|\Z))?")


@dataclass(frozen=True)
class Assignment:
    """`KEY=value` with the span of its value, quotes included; `value` is without quotes, variables as written."""

    key: str
    value: str
    start: int
    end: int
    quote: str = ""

    @property
    def uses_variables(self) -> bool:
        """Whether compose puts the value together from variables."""
        return self.quote != "'" and "$" in self.value


def decode(data: bytes) -> str:
    """Return the text of a file, so that `encode` gives the same bytes, whatever they are."""
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """Return the bytes of a decoded text."""
    return text.encode("utf-8", "surrogateescape")


def read_value(text: str, key: str) -> Assignment | None:
    """Return the assignment of `key` that counts, or None."""
    found = [entry for entry in _assignments(text) if entry.key == key]
    return found[-1] if found else None


def edit_env(text: str, files: str, ids: tuple[int, int] | None) -> str:
    """Return the text with COMPOSE_FILE set to `files`, and with the ids or without.

    Ids that stand where this function puts them are taken out again; lines of one's own elsewhere are only updated.
    """
    text = _set(text, FILES, files)
    if ids is None:
        start, end = _ids_span(text)
        return text[:start] + text[end:]
    missing = []
    for key, number in zip((UID, GID), ids, strict=True):
        if read_value(text, key) is None:
            missing.append(f"{key}={number}")
        else:
            text = _set(text, key, str(number))
    place = _ids_span(text)[1] if missing == [f"{GID}={ids[1]}"] else _line_end(text)
    return text[:place] + "".join(_line_break(text) + line for line in missing) + text[place:]


def changed_lines(old: str, new: str) -> tuple[str, ...]:
    """Return the owned lines that differ, as a diff without the lines around them: these can be secrets."""
    lines: list[str] = []
    for key in (FILES, UID, GID):
        before, after = read_value(old, key), read_value(new, key)
        if (before and before.value) != (after and after.value):
            lines += [f"-{key}={before.value}"] if before else []
            lines += [f"+{key}={after.value}"] if after else []
    return tuple(lines)


def _set(text: str, key: str, value: str) -> str:
    entry = read_value(text, key)
    if entry is not None:
        return text[: entry.start] + _quoted(value, entry) + text[entry.end :]
    line = f"{key}={_quoted(value, None)}"
    if text.lstrip(_BOM) and not text.endswith("\n"):
        return f"{text}{_line_break(text)}{line}"
    return f"{text}{line}{_line_break(text)}"


def _quoted(value: str, before: Assignment | None) -> str:
    """Return the value as it is written, quoted as the one before it was where that will do."""
    had_to = before is not None and not _PLAIN.fullmatch(before.value)
    if _PLAIN.fullmatch(value):
        return f"{before.quote}{value}{before.quote}" if before is not None and not had_to else value
    if "'" not in value and "\\" not in value:
        return f"'{value}'"
    escaped = re.sub(r'(["\\$])', r"\\\1", value)
    return f'"{escaped}"'


def _ids_span(text: str) -> tuple[int, int]:
    """Return where the ids are that `edit_env` put below COMPOSE_FILE."""
    end = _line_end(text)
    match = _IDS.match(text, end)
    return (end, match.end()) if match else (end, end)


def _line_end(text: str) -> int:
    """Return the end of COMPOSE_FILE's line, before its line break."""
    entry = read_value(text, FILES)
    position = text.find("\n", entry.end if entry else 0)
    if position == -1:
        return len(text)
    return position - 1 if text[position - 1 : position] == "\r" else position


def _line_break(text: str) -> str:
    position = text.find("\n")
    return "\r\n" if position > 0 and text[position - 1] == "\r" else "\n"


def _assignments(text: str) -> Iterator[Assignment]:
    position = 1 if text.startswith(_BOM) else 0
    while (position := _statement(text, position)) < len(text):
        if match := _EXPORT.match(text, position):
            position = match.end()
        stop = re.compile(r"[=:\n]").search(text, position)
        if stop is None:
            return
        if stop[0] == "\n":  # a name alone: the value comes from the environment
            position = stop.end()
            continue
        key = text[position : stop.start()].strip()
        start = stop.end()
        while start < len(text) and text[start] in _SPACES:
            start += 1
        entry = _read_value_at(text, key, start)
        yield entry
        position = entry.end if entry.quote else _end_of_line(text, entry.end)


def _statement(text: str, position: int) -> int:
    """Return where the next statement begins: blank space and comments are passed over."""
    while position < len(text):
        if text[position].isspace():
            position += 1
        elif text[position] == "#":
            position = _end_of_line(text, position)
        else:
            break
    return position


def _end_of_line(text: str, position: int) -> int:
    found = text.find("\n", position)
    return len(text) if found == -1 else found


def _read_value_at(text: str, key: str, start: int) -> Assignment:
    quote = text[start : start + 1]
    if quote not in ("'", '"'):
        line = text[start : _end_of_line(text, start)]
        value = line.partition(" #")[0].rstrip()
        return Assignment(key, value, start, start + len(value))
    position = start + 1
    characters: list[str] = []
    while position < len(text):
        character = text[position]
        if character == "\\" and text[position + 1 : position + 2] == quote:
            characters.append(quote)
            position += 2
        elif character == "\\" and position + 1 < len(text):
            characters.append(text[position : position + 2])
            position += 2
        elif character == quote:
            return Assignment(key, "".join(characters), start, position + 1, quote)
        else:
            characters.append(character)
            position += 1
    line_number = text.count("\n", 0, start) + 1
    raise DockertoolsError(
        f"The quote of {key} in .env, line {line_number}, is never closed.",
        hint="Close it, then run this again.",
        code="env-broken",
    )


def values_of(text: str) -> Mapping[str, str]:
    """Return what the file sets, variables as written; of several assignments to one key, the last counts.

    Raises DockertoolsError for a quote that is not closed.
    """
    return {entry.key: entry.value for entry in _assignments(text)}
