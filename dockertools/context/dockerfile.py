"""What a Dockerfile takes from the context.

Source of the rules: https://docs.docker.com/reference/dockerfile/ (COPY, ADD, RUN --mount, here-documents, escape).
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_ESCAPE = re.compile(r"#\s*escape\s*=\s*(?P<character>[\\`])\s*$", re.IGNORECASE)
_DIRECTIVE = re.compile(r"#\s*\w+\s*=")
_HEREDOC = re.compile(r"<<-?\s*(?P<quote>[\"']?)(?P<word>\w+)(?P=quote)")


class Instruction(NamedTuple):
    """An instruction with the line it begins in, its name in capitals."""

    line: int
    name: str
    value: str


class ContextUse(NamedTuple):
    """A path that an instruction takes from the context; `.` for all of it."""

    line: int
    instruction: str
    source: str


def read_instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions, continued lines joined, comments and here-documents taken out."""
    lines = text.removeprefix("\ufeff").split("\n")
    escape = _escape_character(lines)
    position = 0
    while position < len(lines):
        start = position
        joined: list[str] = []
        while position < len(lines):
            line = lines[position].rstrip()
            position += 1
            if line.lstrip().startswith("#") or not line.strip():
                start = start if joined else position
                continue
            joined.append(line.removesuffix(escape))
            if not line.endswith(escape):
                break
        name, _, value = " ".join(joined).strip().partition(" ")
        if name:
            yield Instruction(start + 1, name.upper(), value.strip())
        for word in _HEREDOC.finditer(value if name.upper() in ("RUN", "COPY", "ADD") else ""):
            while position < len(lines) and lines[position].strip() != word["word"]:
                position += 1
            position += 1


def context_uses(text: str) -> Iterator[ContextUse]:
    """Yield every path that COPY, ADD and bind mounts take from the context; those with variables are left out."""
    for instruction in read_instructions(text):
        for source in sources_of(instruction):
            if "$" not in source and "://" not in source and not source.startswith(("git@", "<<")):
                yield ContextUse(instruction.line, instruction.name, source)


def sources_of(instruction: Instruction) -> Iterable[str]:
    """Return what the instruction takes from the context; `.` for all of it."""
    if instruction.name in ("COPY", "ADD"):
        return _copy_sources(instruction.value)
    return _mount_sources(instruction.value) if instruction.name == "RUN" else ()


def _escape_character(lines: list[str]) -> str:
    for line in lines:
        match = _ESCAPE.match(line.strip())
        if match:
            return match["character"]
        if not _DIRECTIVE.match(line.strip()):
            break
    return "\\"


def _copy_sources(value: str) -> list[str]:
    words = value.split()
    while words and words[0].startswith("--"):
        if words[0].startswith("--from="):
            return []
        value = value.partition(words[0])[2].strip()
        words = value.split()
    if value.startswith("["):
        try:
            words = [str(word) for word in json.loads(value)]
        except ValueError:
            return []
    else:
        words = _words(value)
    return words[:-1]


def _mount_sources(value: str) -> Iterator[str]:
    for word in value.split():
        if not word.startswith("--"):
            return
        if not word.startswith("--mount="):
            continue
        options = dict(part.partition("=")[::2] for part in word.removeprefix("--mount=").split(","))
        if options.get("type", "bind") == "bind" and "from" not in options:
            yield options.get("source") or options.get("src") or "."


def _words(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()
