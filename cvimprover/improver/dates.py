"""Spans of time as CVs write them: `Jan 2018 - Mar 2020`, `03/2018 – 2020`, `2018-01 to present`, `since 2020`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_YEAR = r"(?:19[5-9][0-9]|20[0-9]{2})"
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?,?"
)
_POINT = rf"(?:{_MONTH}\s{{1,3}}{_YEAR}|[01]?[0-9][/.]{_YEAR}|{_YEAR}[-/.][01][0-9](?![0-9])|{_YEAR})"
_NOW = r"(?:present|now|today|current|currently|ongoing|to\s?date)"
_SPAN = re.compile(
    rf"(?<![\w/.-])(?:(?P<first>{_POINT})\s{{0,3}}(?:-|–|—|to|until|till)\s{{0,3}}(?P<last>{_POINT}|{_NOW})"
    rf"|since\s{{1,3}}(?P<since>{_POINT}))(?![\w/])",
    re.IGNORECASE,
)
_IS_NOW = re.compile(_NOW, re.IGNORECASE)
_NUMERIC = re.compile(rf"(?P<month>[01]?[0-9])[/.](?P<year>{_YEAR})|(?P<year2>{_YEAR})[-/.](?P<month2>[01][0-9])")


@dataclass(frozen=True)
class Moment:
    """A month, or a year; months are counted from the year 0."""

    earliest: int
    latest: int


@dataclass(frozen=True)
class Span:
    """A span of time; `last` is the month of the review where the span goes on."""

    first: Moment
    last: Moment
    is_current: bool
    text: str


def find_spans(text: str, *, today: date) -> Iterator[Span]:
    """Yield the spans in a text in their order."""
    now = month_of(today)
    for found in _SPAN.finditer(text):
        is_current = not found["last"] or _IS_NOW.fullmatch(found["last"]) is not None
        first = read_moment(found["first"] or found["since"])
        last = Moment(now, now) if is_current else read_moment(found["last"])
        if first and last:
            yield Span(first, last, is_current, found[0])


def read_moment(text: str) -> Moment | None:
    """Return the month or year that a text such as `Mar 2020`, `3/2020` or `2020` means, or nothing."""
    if numeric := _NUMERIC.fullmatch(text):
        year, month = numeric["year"] or numeric["year2"], int(numeric["month"] or numeric["month2"])
        return _month(int(year), month) if 1 <= month <= 12 else None
    if not text[-4:].isdecimal():
        return None
    year_number = int(text[-4:])
    if len(text) == 4:
        return Moment(year_number * 12, year_number * 12 + 11)
    return _month(year_number, MONTHS.index(text[:3].casefold()) + 1)


def month_of(day: date) -> int:
    return day.year * 12 + day.month - 1


def show_months(count: int) -> str:
    """Return a length of time in words."""
    years, months = divmod(count, 12)
    parts = [f"{number} {unit}{'s' * (number > 1)}" for number, unit in ((years, "year"), (months, "month")) if number]
    return " and ".join(parts) or "no time"


def _month(year: int, month: int) -> Moment:
    return Moment(year * 12 + month - 1, year * 12 + month - 1)
