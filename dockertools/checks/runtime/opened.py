"""Libraries that code opens by name and programs that it starts: what no ELF file tells."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockertools.checks.runtime.source import PROGRAM_STARTERS, find_programs, iterate_source
from dockertools.checks.runtime.suites import read_table
from dockertools.conf import INFERRED

_OPENERS = frozenset({"CDLL", "PyDLL", "LoadLibrary", "dlopen", "find_library"})
# Only names that mean this platform: those without a version are of many systems, or of development packages.
_LITERAL = re.compile(rb"""(?:CDLL|PyDLL|LoadLibrary|dlopen)\(\s*["'](lib[\w+.-]+\.so\.\d+)["']""")


@dataclass(frozen=True)
class Use:
    """A library or program and who uses it; `is_certain` is false for what was merely read in foreign code."""

    name: str
    user: str
    is_certain: bool = True


def find_opened_libraries(
    installed: frozenset[str], features: str, root: Path, site_packages: Iterable[Path]
) -> tuple[Use, ...]:
    """Return the libraries that are opened by name.

    `installed` are normalized names of distributions, `features` the dotted paths of the settings in one text.
    """
    known = tuple(_from_table("libraries", installed, features))
    own = tuple(
        Use(name, str(path)) for path, tree in iterate_source(root, _OPENERS) for name in find_literal_libraries(tree)
    )
    foreign = tuple(use for folder in site_packages for use in _scan(folder))
    uses: dict[str, Use] = {}
    for use in (*known, *own, *foreign):
        uses.setdefault(use.name, use)
    return tuple(uses.values())


def find_needed_programs(
    installed: frozenset[str], features: str, root: Path, configured: Iterable[str]
) -> tuple[Use, ...]:
    """Return the programs that are started; `configured` is `DOCKERTOOLS["PROGRAMS"]`."""
    uses = {name: Use(name, 'DOCKERTOOLS["PROGRAMS"]') for name in configured if name != INFERRED}
    if INFERRED in configured:
        for use in _from_table("programs", installed, features):
            uses.setdefault(use.name, use)
        for path, tree in iterate_source(root, PROGRAM_STARTERS):
            for name in find_programs(tree):
                uses.setdefault(name, Use(name, str(path)))
    return tuple(uses.values())


def find_literal_libraries(tree: ast.Module) -> Iterator[str]:
    """Yield the libraries that the module opens by a literal name."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        first = node.args[0]
        if name in _OPENERS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value


def _from_table(kind: str, installed: frozenset[str], features: str) -> Iterator[Use]:
    table: Mapping[str, Any] = read_table("opened_by_name")
    for distribution, entry in table.items():
        if distribution in installed and installed.isdisjoint(entry.get("unless", ())):
            yield from (Use(name, distribution) for name in entry.get(kind, ()))
    for feature, entry in table["feature"].items():
        if feature in features:
            yield from (Use(name, feature) for name in entry.get(kind, ()))


def _scan(folder: Path) -> Iterator[Use]:
    """Yield the literal names in installed code that is not in the table."""
    table = read_table("opened_by_name")
    for parent, names, files in os.walk(folder):
        if parent == str(folder):
            names[:] = [name for name in names if name.lower().replace("_", "-") not in table]
        for name in files:
            if name.endswith(".py"):
                path = os.path.join(parent, name)  # noqa: PTH118  # ten thousand times: Path is too slow
                yield from (Use(found, path, is_certain=False) for found in _literals(path))


def _literals(path: str) -> Iterator[str]:
    try:
        with open(path, "rb") as stream:  # noqa: PTH123  # as above
            data = stream.read()
    except OSError:
        return
    if b".so." in data:
        yield from (match.decode() for match in _LITERAL.findall(data))
