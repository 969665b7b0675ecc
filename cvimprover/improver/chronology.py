"""Rules on time: positions that overlap, gaps between them, dates that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from cvimprover.improver.dates import Span, month_of, show_months
from cvimprover.improver.findings import Entry, Facts, Finding

GAP_MONTHS = 6


def overlapping_dates(facts: Facts) -> Iterator[Finding]:
    """Find positions that begin before the one before them ended, by more than the dates leave open."""
    latest: tuple[Entry, Span] | None = None
    for entry, span in _in_order(facts):
        if latest:
            overlap = latest[1].last.earliest - span.first.latest
            if overlap > 0:
                text = f"This position ({span.text}) overlaps with another one ({latest[1].text})"
                yield Finding(
                    f"{text} by {show_months(overlap)}: correct the dates, or say that both were part-time.",
                    entry.place,
                )
        if latest is None or span.last.earliest > latest[1].last.earliest:
            latest = entry, span


def date_gap(facts: Facts) -> Iterator[Finding]:
    """Find more than six months between positions, however the dates are read."""
    latest: Span | None = None
    for entry, span in _in_order(facts):
        if latest and span.first.earliest - latest.last.latest - 1 > GAP_MONTHS:
            months = show_months(span.first.earliest - latest.last.latest - 1)
            yield Finding(
                f"{months} without a position between {latest.text} and {span.text}: say what you did then.",
                entry.place,
            )
        if latest is None or span.last.latest > latest.last.latest:
            latest = span


def reversed_dates(facts: Facts) -> Iterator[Finding]:
    for entry, span in _spans(facts):
        if span.last.latest < span.first.earliest and not _is_future(facts, span):
            yield Finding(f"{span.text} ends before it begins.", entry.place)


def future_date(facts: Facts) -> Iterator[Finding]:
    for entry, span in _spans(facts):
        if _is_future(facts, span):
            yield Finding(f"{span.text} begins in the future.", entry.place)


def missing_dates(facts: Facts) -> Iterator[Finding]:
    for entry in facts.entries:
        if entry.headers and entry.bullets and not entry.span:
            yield Finding("This position has no dates: give the months in which it began and ended.", entry.place)


def wrong_order(facts: Facts) -> Iterator[Finding]:
    """Find positions that stand before a newer one."""
    spans = list(_spans(facts))
    for (entry, span), (_, after) in pairwise(spans):
        if after.first.earliest > span.first.latest and after.last.earliest > span.last.latest:
            yield Finding(f"{span.text} stands before {after.text}: put the newest position first.", entry.place)


def _spans(facts: Facts) -> Iterator[tuple[Entry, Span]]:
    return ((entry, entry.span) for entry in facts.entries if entry.span)


def _in_order(facts: Facts) -> list[tuple[Entry, Span]]:
    possible = [
        (entry, span)
        for entry, span in _spans(facts)
        if span.first.earliest <= span.last.latest and not _is_future(facts, span)
    ]
    return sorted(possible, key=lambda pair: (pair[1].first.earliest, pair[1].last.latest))


def _is_future(facts: Facts, span: Span) -> bool:
    return span.first.earliest > month_of(facts.today)
