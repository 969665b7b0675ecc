"""Bytes as people write them. MB is 10**6 bytes, as in the engine's own output."""

from __future__ import annotations

import re

from dockertools.errors import UsageError

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[KMGT]?B?)", re.IGNORECASE)


def parse_size(text: str) -> int:
    """Return the bytes that `400MB`, `1.2GB` or `500000` mean.

    Raises UsageError for anything else.
    """
    match = _SIZE.fullmatch(text.strip())
    unit = match["unit"].upper() if match else ""
    unit = unit if unit in _UNITS else f"{unit}B"
    if match is None:
        raise UsageError(f"{text!r} is not a size.", hint="Write it like 400MB, 1.2GB or 500000 (bytes).")
    return round(float(match["number"]) * _UNITS[unit])


def count_of(count: int, noun: str) -> str:
    """Return `1 layer` or `2,000 layers`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def format_size(count: float) -> str:
    """Return `count` bytes with three significant digits, such as `41.3 MB`."""
    sign, count = ("-", -count) if count < 0 else ("", count)
    for unit in ("B", "kB", "MB", "GB"):
        if count < (1000 if unit == "B" else 999.5):
            break
        count /= 1000
    else:
        unit = "TB"
    digits = 0 if unit == "B" or count >= 99.95 else 1 if count >= 9.995 else 2
    return f"{sign}{count:.{digits}f} {unit}"
