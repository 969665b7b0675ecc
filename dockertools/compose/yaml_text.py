"""Just enough YAML to write an overlay that a person reads: every text quoted, comments above the keys."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_PLAIN_KEY = re.compile(r"[A-Za-z_][\w.-]*")
_WIDTH = 100
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
INDENT = "  "


@dataclass(frozen=True)
class Entry:
    """A key with its value; `tag` is compose's `!override` or `!reset`, `comment` says why it is there.

    A tuple of entries as the value is a mapping with tags and comments of its own.
    """

    key: str
    value: Any
    comment: str = ""
    tag: str = ""


def render_entries(entries: Sequence[Entry], depth: int) -> list[str]:
    """Return the lines of a mapping, indented by `depth` levels."""
    lines: list[str] = []
    for entry in entries:
        lines += [f"{INDENT * depth}# {line}" for line in entry.comment.splitlines()]
        tag = f" {entry.tag}" if entry.tag else ""
        if entry.value and isinstance(entry.value, tuple) and isinstance(entry.value[0], Entry):
            lines += [f"{INDENT * depth}{_key(entry.key)}:{tag}", *render_entries(entry.value, depth + 1)]
        else:
            lines += _key_lines(f"{_key(entry.key)}:{tag}", entry.value, depth)
    return lines


def _key_lines(start: str, value: Any, depth: int) -> list[str]:
    """Return a key and its value, on one line where it is short."""
    pad = INDENT * depth
    flow = _flow(value)
    is_tree = (isinstance(value, Mapping) and value) or _has_mappings(value)
    if not is_tree and len(pad) + len(start) + len(flow) < _WIDTH:
        return [f"{pad}{start} {flow}"]
    if isinstance(value, Mapping):
        lines = [f"{pad}{start}"]
        for key, item in value.items():
            lines += _key_lines(f"{_key(key)}:", item, depth + 1)
        return lines
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [f"{pad}{start}", *(line for item in value for line in _item_lines(item, depth + 1))]
    return [f"{pad}{start} {flow}"]


def _item_lines(item: Any, depth: int) -> list[str]:
    pad = INDENT * depth
    if not isinstance(item, Mapping) or not item:
        return [f"{pad}- {_flow(item)}"]
    lines: list[str] = []
    for key, value in item.items():
        lines += _key_lines(f"{_key(key)}:", value, depth + 1)
    return [f"{pad}- {lines[0].lstrip()}", *lines[1:]]


def _has_mappings(value: Any) -> bool:
    return (
        isinstance(value, Sequence) and not isinstance(value, str) and any(isinstance(item, Mapping) for item in value)
    )


def _flow(value: Any) -> str:
    if isinstance(value, str):
        return '"' + "".join(_escaped(character) for character in value) + '"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return json.dumps(value)


def _escaped(character: str) -> str:
    """Escape as YAML does: https://yaml.org/spec/1.2.2/#57-escaped-characters."""
    if character in '"\\':
        return f"\\{character}"
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _RESERVED else _flow(key)
