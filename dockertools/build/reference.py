"""Names of images."""

from __future__ import annotations

import re

from dockertools.errors import UsageError

# https://github.com/distribution/reference/blob/main/regexp.go
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]|\[[0-9a-fA-F:]+\])(?::\d+)?"
_REFERENCE = re.compile(rf"(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*(?P<tag>:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?")


def normalize_tag(tag: str) -> str:
    """Return the name with its tag, `:latest` unless it has one.

    Raises UsageError for what no image can be called, before time is spent on a build.
    """
    match = _REFERENCE.fullmatch(tag)
    if match is None:
        raise UsageError(
            f"{tag!r} cannot be the name of an image.",
            hint="Write it like shop:2026-11 or registry.example.com/team/shop:1.0, in lower case before the colon.",
        )
    return tag if match["tag"] else f"{tag}:latest"
