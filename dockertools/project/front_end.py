"""A front end that Node builds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dockertools.errors import DockertoolsError
from dockertools.project.facts import FrontEndFacts, Note
from dockertools.project.layout import Layout, walk_folders
from dockertools.project.locks import as_expected, read_json
from dockertools.project.settings_source import find_module

DEFAULT_NODE = 22
_LONG_TERM = (24, 22, 20, 18, 16)
"""The releases that are looked after for long, the newest first."""
_LOCKS = {"package-lock.json": "npm", "npm-shrinkwrap.json": "npm", "yarn.lock": "yarn", "pnpm-lock.yaml": "pnpm"}
_MAJOR = re.compile(r"(\d+)")
_BOUND = re.compile(r"(?P<operator>[<>]=?|[\^~=]?)\s*v?(?P<major>\d+)(?P<more>[.\dx*]*)")
# Tailwind looks for class names in templates, which lie all over the project.
_READ_TEMPLATES = ("tailwindcss", "purgecss", "@fullhuman/postcss-purgecss", "unocss")
_DOCUMENTATION = {"docs", "doc", "documentation", "website"}
_CONFIGURATIONS = {".json", ".js", ".cjs", ".mjs", ".ts"}


def find_front_end(layout: Layout, chosen: str | None = None) -> tuple[FrontEndFacts | None, tuple[Note, ...]]:
    """Return the chosen one, else the first package.json, from the root down, that has a build for Django.

    Raises DockertoolsError when there is no package.json in the chosen folder.
    """
    root = layout.root
    if chosen is not None:
        return (_make_facts(root, root / chosen, read_json(root / chosen / "package.json")) if chosen else None), ()
    notes: list[Note] = []
    others: list[str] = []
    for folder, package in _with_build(root, notes):
        shown = (folder / "package.json").relative_to(root).as_posix()
        if not _is_djangos(layout, folder):
            others.append(shown)
            continue
        facts = _make_facts(root, folder, package)
        if facts.lock_file is None:
            notes.append(Note("has no lock file: builds on different days differ", shown))
        return facts, tuple(notes)
    if others:
        more = f" (and {len(others) - 1} more)" if others[1:] else ""
        reason = f"the settings do not name it, and it does not name {layout.code_folder}"
        notes.append(Note(f"has a build{more}, which is left out: {reason}", others[0]))
    return None, tuple(notes)


def _with_build(root: Path, notes: list[Note]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the folders, from the root down, whose package.json has a build."""
    for folder in walk_folders(root, 2):
        path = folder / "package.json"
        if not path.is_file() or _DOCUMENTATION & set(folder.relative_to(root).parts):
            continue
        try:
            package = read_json(path)
            with as_expected(path):
                has_build = "build" in (package.get("scripts") or {})
                _make_facts(root, folder, package)
        except DockertoolsError as error:
            notes.append(Note(f"is passed over: {error.message}", path.relative_to(root).as_posix()))
            continue
        if has_build:
            yield folder, package


def _is_djangos(layout: Layout, folder: Path) -> bool:
    """Tell whether the front end lies with manage.py, or one names the other: else it is an application beside it."""
    home = layout.root / layout.code_folder
    if layout.code_folder == "." or folder.is_relative_to(home):
        return True
    code = os.path.relpath(home, folder)
    texts = (_read(path) for path in sorted(folder.iterdir()) if path.suffix in _CONFIGURATIONS)
    if any(f"{code}/" in text for text in texts):
        return True
    settings = find_module(layout.search_path, layout.settings_module or "")
    name = re.compile(rf"""['"/]{re.escape(folder.name)}['"/]""")
    return settings is not None and folder.parent == layout.root and bool(name.search(_read(settings)))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _make_facts(root: Path, folder: Path, package: dict[str, Any]) -> FrontEndFacts:
    lock = next((name for name in _LOCKS if (folder / name).is_file()), None)
    required = {**package.get("dependencies", {}), **package.get("devDependencies", {})}
    return FrontEndFacts(
        folder=folder.relative_to(root).as_posix(),
        manager=_LOCKS.get(lock or "", "npm"),
        lock_file=lock,
        node_version=_node_version((folder, root), package),
        reads_templates=folder == root or any(name in required for name in _READ_TEMPLATES),
        has_workspaces="workspaces" in package or (folder / "pnpm-workspace.yaml").is_file(),
    )


def _node_version(folders: tuple[Path, ...], package: dict[str, Any]) -> str:
    files = [folder / name for folder in folders for name in (".nvmrc", ".node-version")]
    found = (match[1] for path in files if (match := _MAJOR.search(_read(path))))
    return next(found, None) or str(_pick_node(str((package.get("engines") or {}).get("node") or "")))


def _pick_node(text: str) -> int:
    """Return the default version when the range allows it, else the newest that it does, else the one it names."""
    fitting = [major for major in (DEFAULT_NODE, *_LONG_TERM) if _allows(text, major)]
    named = [int(match["major"]) for match in _BOUND.finditer(text)]
    return next(iter([*fitting, *named]), DEFAULT_NODE)


def _allows(text: str, major: int) -> bool:
    """Tell whether one of the alternatives allows the version: https://github.com/npm/node-semver#ranges."""
    return any(_all_allow(part, major) for part in text.split("||"))


def _all_allow(part: str, major: int) -> bool:
    for bound in _BOUND.finditer(part):
        number, operator = int(bound["major"]), bound["operator"]
        # `<21` and `<21.0.0` leave 21 out, `<=21` and `<21.5` do not.
        is_whole = not bound["more"].strip(".0x*")
        checks = {
            ">": major > number or (major == number and not is_whole),
            ">=": major >= number,
            "<": major < number or (major == number and not is_whole),
            "<=": major <= number,
        }
        if not checks.get(operator, major == number):
            return False
    return True
