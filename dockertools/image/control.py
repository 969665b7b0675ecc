"""Debian's control files, such as dpkg's status.

The format: https://manpages.debian.org/bookworm/dpkg-dev/deb-control.5.en.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping


def read_stanzas(text: str) -> Iterator[dict[str, str]]:
    """Yield the fields of each paragraph."""
    for block in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"(?m)^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t].*)*)", block))
        if fields:
            yield fields


def read_names(text: str, separator: str) -> Iterator[str]:
    """Yield the names of a relation field, without versions and architectures."""
    for part in text.split(separator):
        match = re.match(r"\s*([a-z0-9][a-z0-9+.-]*)", part)
        if match:
            yield match[1]


def read_dependencies(fields: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """Return what a package depends on: groups of names, of each of which one is enough."""
    groups = f"{fields.get('Pre-Depends', '')},{fields.get('Depends', '')}".split(",")
    return tuple(tuple(read_names(group, "|")) for group in groups if group.strip())


def is_installed(fields: Mapping[str, str]) -> bool:
    """Tell whether a paragraph of the status is about a package that is there, and not just its configuration."""
    return "Package" in fields and fields.get("Status", "install ok installed").endswith(" installed")
