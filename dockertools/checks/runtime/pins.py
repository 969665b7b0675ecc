"""Which versions the project asked for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from dockertools.project.requirements import decode

LOCK_NAME = "requirements.lock"
_OPTION = re.compile(r"(?:^|\s)--?[a-zA-Z].*$")
_COMMENT = re.compile(r"(?:^|\s)#.*$")


@dataclass(frozen=True)
class Pin:
    """A distribution, its name normalized, and the version that it must have."""

    name: str
    version: str


def find_pins_file(prefix: Path, root: Path, manifest: str | None) -> Path | None:
    """Return the file with the pins: the lock that the builder left, else the project's requirements."""
    candidates = (prefix / LOCK_NAME, *((root / manifest,) if manifest else ()), root / "requirements.txt")
    return next((path for path in candidates if path.suffix != ".toml" and os.access(path, os.R_OK)), None)


def read_pins(path: Path) -> tuple[Pin, ...]:
    """Return the pins of the file: UTF-8 or by its byte order mark; what is neither can only be in a comment."""
    content = path.read_bytes()
    try:
        text, _ = decode(content)
    except UnicodeDecodeError:
        text = content.decode("utf-8", errors="replace")
    return parse_pins(text)


def parse_pins(text: str) -> tuple[Pin, ...]:
    """Return the `name==version` lines whose markers hold here; all other lines pin nothing.

    The format: https://pip.pypa.io/en/stable/reference/requirements-file-format/
    """
    return tuple(pin for line in _logical_lines(text) if (pin := _parse_pin(line)))


def _logical_lines(text: str) -> Iterator[str]:
    """Yield lines with continuations joined, without comments and options such as `--hash`."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        bare = _OPTION.sub("", _COMMENT.sub("", line)).strip()
        if bare:
            yield bare


def _parse_pin(line: str) -> Pin | None:
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return None
    specifiers = list(requirement.specifier)
    if len(specifiers) != 1 or specifiers[0].operator not in ("==", "===") or specifiers[0].version.endswith(".*"):
        return None
    if not holds(requirement):
        return None
    return Pin(canonicalize_name(requirement.name), specifiers[0].version)


def holds(requirement: Requirement) -> bool:
    """Return whether the requirement's marker holds here without any extra; one that compares nonsense does not."""
    try:
        return requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    except (UndefinedComparison, UndefinedEnvironmentName):
        return False
