"""Rules that an image must keep: its size, its growth, its efficiency. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dockertools.errors import UsageError
from dockertools.sizes import format_size, parse_size

DEFAULT_FLOOR = 20 * 10**6
"""Wasted bytes up to which an image is never called inefficient: a tenth of a small image is not worth a failure."""


@dataclass(frozen=True)
class Growth:
    """How much an image may grow: so many bytes, or this share of what it was."""

    bytes: int | None = None
    share: float | None = None

    def allowed(self, before: int) -> int:
        """Return the bytes by which an image of `before` bytes may grow."""
        return self.bytes if self.bytes is not None else round(before * (self.share or 0))


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is asked of an image; None asks nothing. `efficiency` is a share from 0 to 1."""

    size: int | None = None
    growth: Growth | None = None
    efficiency: float | None = None
    floor: int = DEFAULT_FLOOR


@dataclass(frozen=True)
class Verdict:
    """A rule, whether it is kept, and the numbers."""

    rule: str
    ok: bool
    message: str


def parse_growth(text: str) -> Growth:
    """Return what `5%` or `20MB` allows. Raises UsageError for anything else."""
    if text.strip().endswith("%"):
        return Growth(share=parse_share(text))
    return Growth(bytes=parse_size(text))


def parse_share(text: str) -> float:
    """Return `95%`, `95` or `0.95` as 0.95. Raises UsageError for anything else, or for less than 0."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*", text)
    if match is None:
        raise UsageError(f"{text!r} is not a share.", hint="Write it like 95% or 0.95.")
    number = float(match[1])
    return number / 100 if match[2] or number > 1 else number


def judge(limits: Limits, *, size: int, before: int | None, wasted: int, efficiency: float) -> tuple[Verdict, ...]:
    """Return a verdict for each rule that is asked for; `before` is the size of the image compared with."""
    verdicts = []
    if limits.size is not None:
        message = f"{format_size(size)} of at most {format_size(limits.size)}"
        verdicts.append(Verdict("max-size", size <= limits.size, message))
    if limits.growth is not None and before is not None:
        allowed = limits.growth.allowed(before)
        message = f"{format_size(size - before)} more than {format_size(before)}, allowed are {format_size(allowed)}"
        verdicts.append(Verdict("max-growth", size - before <= allowed, message))
    if limits.efficiency is not None:
        ok = efficiency >= limits.efficiency or wasted <= limits.floor
        message = f"{efficiency:.1%} of at least {limits.efficiency:.1%}, {format_size(wasted)} wasted"
        if ok and efficiency < limits.efficiency:
            message += f" (up to {format_size(limits.floor)} is no failure)"
        verdicts.append(Verdict("min-efficiency", ok, message))
    return tuple(verdicts)
