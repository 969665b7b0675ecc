"""Change the items of a list, in Python or TOML, and leave every other character of the text alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_END_OF_LINE = re.compile(r"(?P<comma>[ \t]*,)?[ \t]*(?P<comment>#.*)?")


@dataclass(frozen=True)
class Item:
    """An item, with its place in the text; `value` tells it from others."""

    start: int
    end: int
    value: str


@dataclass(frozen=True)
class _Line:
    """The line on which an item stands: where it begins and ends, and what is before and behind the item."""

    start: int
    end: int
    before: str
    behind: str

    @property
    def is_of_its_own(self) -> bool:
        """Whether nothing else stands on the line but a comma and a comment."""
        return not self.before.strip() and _END_OF_LINE.fullmatch(self.behind) is not None


def newline_of(text: str) -> str:
    """Return the line end that the text uses."""
    return "\r\n" if "\r\n" in text else "\n"


def edit_items(text: str, items: Sequence[Item], inside: tuple[int, int], wanted: Sequence[tuple[str, str]]) -> str:
    """Return the text with the items that are wanted: pairs of a value and how it is written.

    `inside` is the range between the brackets. Items that stay keep their place, lines and comments; where that
    cannot be, the list is written anew.
    """
    values = [value for value, _ in wanted]
    known = {item.value for item in items}
    kept = [item for item in items if item.value in values]
    added = [written for value, written in wanted if value not in known]
    is_in_order = [item.value for item in kept] == values[: len(kept)] and len(known) == len(items)
    gone = [_removal(text, items, place, kept) for place, item in enumerate(items) if item not in kept]
    removals = _merged(filter(None, gone))
    insertions = _insertions(text, kept[-1], added) if kept and added else []
    is_tangled = any(start < place < end for start, end, _ in removals for place, _, _ in insertions)
    if not kept or not is_in_order or None in gone or is_tangled:
        return text[: inside[0]] + ", ".join(written for _, written in wanted) + text[inside[1] :]
    changes = [*removals, *insertions]
    for start, end, written in sorted(changes, reverse=True):
        text = text[:start] + written + text[end:]
    return text


def _removal(text: str, items: Sequence[Item], place: int, kept: Sequence[Item]) -> tuple[int, int] | None:
    """Return the range that takes an item out; None where a comment would be lost that may belong to another.

    It goes with the comma behind it, and where none is kept behind it, with the one before it.
    """
    item, line = items[place], _line_of(text, items[place])
    if line.is_of_its_own:
        return line.start, min(line.end + len(_end_at(text, line.end)), len(text))
    if any(other in kept for other in items[place:]):
        start, end = item.start, items[place + 1].start
    else:
        start, end = (items[place - 1].end if place else item.start), item.end
    return None if "#" in text[start : item.start] + text[item.end : end] else (start, end)


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int, str]]:
    """Return the removals, those as one that overlap."""
    merged: list[tuple[int, int, str]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), "")
        else:
            merged.append((start, end, ""))
    return merged


def _insertions(text: str, last: Item, added: Sequence[str]) -> list[tuple[int, int, str]]:
    line = _line_of(text, last)
    if not line.is_of_its_own:
        return [(last.end, last.end, "".join(f", {written}" for written in added))]
    match = _END_OF_LINE.fullmatch(line.behind)
    begin = f"{newline_of(text)}{line.before}"
    if match and match["comma"]:
        return [(line.end, line.end, "".join(f"{begin}{written}," for written in added))]
    return [(last.end, last.end, ","), (line.end, line.end, ",".join(f"{begin}{written}" for written in added))]


def _line_of(text: str, item: Item) -> _Line:
    start = max(text.rfind("\n", 0, item.start), text.rfind("\r", 0, item.start)) + 1
    ends = [place for place in (text.find("\r", item.end), text.find("\n", item.end)) if place >= 0]
    end = min(ends, default=len(text))
    return _Line(start, end, text[start : item.start], text[item.end : end])


def _end_at(text: str, place: int) -> str:
    return "\r\n" if text.startswith("\r\n", place) else text[place : place + 1]
