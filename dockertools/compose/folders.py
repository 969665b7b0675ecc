"""What a folder of the host holds: code, or data."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from dockertools.tables import read_table

NAMES: dict[str, list[str]] = read_table("compose_names")
DATA_NAMES = frozenset(NAMES["data_folders"])
CODE_NAMES = frozenset(NAMES["code_folders"])
ENVIRONMENT_NAMES = frozenset(NAMES["environment_folders"])
_CODE_SUFFIXES = frozenset({".py", ".pyx"})
_BAKED_SUFFIXES = frozenset(
    {".css", ".html", ".js", ".jsx", ".po", ".mo", ".scss", ".sh", ".ts", ".tsx", ".txt", ".vue"}
)
_SKIPPED = ENVIRONMENT_NAMES | {".git", ".hg", ".mypy_cache"}
_LIMIT = 5000
"""Files that are looked at before a folder is taken to hold none of what is looked for."""
_SETTINGS = re.compile(r"DJANGO_SETTINGS_MODULE[\"']\s*,\s*[\"'](?P<module>[\w.]+)[\"']")


def holds_code(folder: Path) -> bool:
    """Return whether there is Python code in the folder or below it."""
    return any(path.suffix in _CODE_SUFFIXES for path in walk(folder))


def holds_baked_files(folder: Path) -> bool:
    """Return whether the folder holds templates, styles or the like, that belong into the image."""
    return any(path.suffix in _BAKED_SUFFIXES for path in walk(folder))


def is_data_name(path: Path) -> bool:
    """Return whether the folder is called as those are that an application writes to."""
    name = path.name.lower().lstrip(".")
    return name in DATA_NAMES or name.endswith(("-data", "_data", "-media", "_media"))


def walk(folder: Path) -> Iterator[Path]:
    """Yield files, the near ones first; environments, caches and links to elsewhere are passed over."""
    count = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            count += 1
            if count > _LIMIT:
                return
            yield Path(parent, name)


def find_manage(folder: Path) -> Path | None:
    """Return the nearest manage.py at or below the folder, at most two levels down."""
    found = [folder / "manage.py", *sorted(folder.glob("*/manage.py")), *sorted(folder.glob("*/*/manage.py"))]
    return next((path for path in found if path.is_file() and not set(path.parts) & _SKIPPED), None)


def default_settings_module(manage: Path) -> str | None:
    """Return the settings that manage.py takes when nothing else is said."""
    match = _SETTINGS.search(manage.read_text(encoding="utf-8", errors="replace"))
    return match["module"] if match else None
