"""Whether the index has a wheel that fits the image, by the names of the files that a lock lists."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

_ANY = "any"
_GLIBC, _MUSL = ("manylinux", "linux"), ("musllinux", "linux")
_INTERPRETER = re.compile(r"(?P<kind>cp|py)3(?P<minor>\d*)")


def has_wheel(names: Iterable[str], python_version: str, *, is_musl: bool = False) -> bool:
    """Tell whether one of the files is a wheel for Linux, with glibc or musl, and this version of Python (`3.13`).

    The tags: https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/
    """
    return any(_fits(tag, python_version, _MUSL if is_musl else _GLIBC) for tag in _tags(names))


def has_machine_code(names: Iterable[str]) -> bool:
    """Tell whether one of the files is a wheel for a certain system: then the source has to be compiled."""
    return any(tag.platform != _ANY for tag in _tags(names))


def _tags(names: Iterable[str]) -> Iterable[Tag]:
    for name in names:
        try:
            yield from parse_wheel_filename(name.rpartition("/")[2])[3]
        except InvalidWheelFilename:
            continue


def _fits(tag: Tag, python_version: str, systems: tuple[str, ...]) -> bool:
    match = _INTERPRETER.fullmatch(tag.interpreter)
    if match is None or not (tag.platform == _ANY or _is_for(tag.platform, systems)):
        return False
    made_for, minor = match["minor"], int(python_version.partition(".")[2])
    is_older = not made_for or int(made_for) <= minor
    is_same = made_for == str(minor)
    if tag.abi == "none":
        return is_older if match["kind"] == "py" else is_same
    return is_older if tag.abi == "abi3" else is_same and tag.abi == tag.interpreter


def _is_for(platform: str, systems: tuple[str, ...]) -> bool:
    return platform.startswith(systems) and platform.endswith("x86_64")
