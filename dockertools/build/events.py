"""BuildKit's JSON progress lines -> events. Pure: no input is an error, what is not understood is kept as text.

The lines are `client.SolveStatus` of BuildKit, one JSON object each
(https://github.com/moby/buildkit/blob/master/client/graph.go); what buildx itself says comes as plain text between.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

LONGEST_LINE = 16 * 2**20
"""Bytes above which a line is not parsed: a warning event embeds the Dockerfile, nothing honest is larger."""


@dataclass(frozen=True)
class StepEvent:
    """A vertex of the build graph as it is now; times are in seconds since the epoch."""

    id: str
    name: str
    started: float | None = None
    completed: float | None = None
    cached: bool = False
    error: str = ""
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class TransferEvent:
    """How far a transfer of a step is, in bytes; `total` is 0 while unknown."""

    step_id: str
    id: str
    current: int
    total: int
    completed: bool


@dataclass(frozen=True)
class LogEvent:
    """Output of a step: a piece, not necessarily whole lines."""

    step_id: str
    text: str


@dataclass(frozen=True)
class WarningEvent:
    """A lint warning about the Dockerfile."""

    message: str
    url: str
    line: int | None


@dataclass(frozen=True)
class PlainEvent:
    """A line that was no JSON event: buildx's own words, such as the error at the end."""

    text: str


Event = StepEvent | TransferEvent | LogEvent | WarningEvent | PlainEvent


def parse_line(line: bytes) -> tuple[Event, ...]:
    """Return the events of one line of `--progress=rawjson`; an empty line has none."""
    text = line[:LONGEST_LINE].decode(errors="replace").strip()
    if not text:
        return ()
    document = _load(text) if len(line) <= LONGEST_LINE else None
    if document is None:
        return (PlainEvent(text[:4096]),)
    return tuple(_events(document))


def _load(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _events(document: dict[str, Any]) -> Iterator[Event]:
    for vertex in _objects(document, "vertexes"):
        yield StepEvent(
            id=_text(vertex, "digest"),
            name=_text(vertex, "name"),
            started=_time(vertex, "started"),
            completed=_time(vertex, "completed"),
            cached=vertex.get("cached") is True,
            error=_text(vertex, "error"),
            inputs=tuple(item for item in _list(vertex, "inputs") if isinstance(item, str)),
        )
    for status in _objects(document, "statuses"):
        yield TransferEvent(
            step_id=_text(status, "vertex"),
            id=_text(status, "id"),
            current=_count(status, "current"),
            total=_count(status, "total"),
            completed=_time(status, "completed") is not None,
        )
    for log in _objects(document, "logs"):
        yield LogEvent(_text(log, "vertex"), _decoded(log, "data"))
    for warning in _objects(document, "warnings"):
        yield WarningEvent(_decoded(warning, "short"), _text(warning, "url"), _first_line(warning))


def _objects(document: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    for item in _list(document, key):
        if isinstance(item, dict):
            yield item


def _list(document: dict[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    return value if isinstance(value, list) else []


def _text(document: dict[str, Any], key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""


def _count(document: dict[str, Any], key: str) -> int:
    value = document.get(key)
    return value if isinstance(value, int) and value > 0 else 0


def _time(document: dict[str, Any], key: str) -> float | None:
    try:
        return datetime.fromisoformat(_text(document, key)).timestamp()
    except (ValueError, OverflowError):
        return None


def _decoded(document: dict[str, Any], key: str) -> str:
    try:
        return base64.b64decode(_text(document, key), validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""


def _first_line(warning: dict[str, Any]) -> int | None:
    for block in _objects(warning, "range"):
        start = block.get("start")
        if isinstance(start, dict) and isinstance(start.get("line"), int):
            return int(start["line"])
    return None
