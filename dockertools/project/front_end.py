"""A front end that Node builds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from dockertools.errors import DockertoolsError
from dockertools.project.facts import FrontEndFacts, Note
from dockertools.project.layout import walk_folders
from dockertools.project.locks import read_json

DEFAULT_NODE = "22"
_LOCKS = {"package-lock.json": "npm", "npm-shrinkwrap.json": "npm", "yarn.lock": "yarn", "pnpm-lock.yaml": "pnpm"}
_MAJOR = re.compile(r"(\d+)")
# Tailwind looks for class names in templates, which lie all over the project.
_READ_TEMPLATES = ("tailwindcss", "purgecss", "@fullhuman/postcss-purgecss", "unocss")


def find_front_end(root: Path) -> tuple[FrontEndFacts | None, tuple[Note, ...]]:
    """Return the first package.json, from the root down, that has a build."""
    notes: list[Note] = []
    for folder in walk_folders(root, 2):
        path = folder / "package.json"
        if not path.is_file():
            continue
        try:
            package = read_json(path)
        except DockertoolsError as error:
            notes.append(Note(f"is passed over: {error.message}", path.relative_to(root).as_posix()))
            continue
        if "build" in (package.get("scripts") or {}):
            facts = _make_facts(root, folder, package)
            if facts.lock_file is None:
                notes.append(Note("has no lock file: builds on different days differ", f"{facts.folder}/package.json"))
            return facts, tuple(notes)
    return None, tuple(notes)


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
    texts = [
        path.read_text(encoding="utf-8", errors="replace")
        for folder in folders
        for path in (folder / ".nvmrc", folder / ".node-version")
        if path.is_file()
    ]
    engines = package.get("engines", {}).get("node", "")
    exact = engines if not any(mark in engines for mark in "><|*") else ""
    found = (match[1] for text in (*texts, exact) if (match := _MAJOR.search(text)))
    return next(found, DEFAULT_NODE)
