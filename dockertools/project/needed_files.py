"""Files that the image cannot do without, whatever they are called: what the ignore rules must not touch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from dockertools.project.facts import FrontEndFacts, ManifestFacts, ManifestKind, SettingsFacts
from dockertools.project.layout import Layout

TEST_FOLDERS = {"tests", "test", "testing"}
_PACKAGING = ("pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in")
_CODE_SUFFIXES = {".py", ".sql", ".html", ".txt", ".md"}
_LOCAL_SETTINGS = {"local_settings.py", "settings_local.py"}
_DATA_FOLDERS = {"templates", "static", "locale", "fixtures", "jinja2", "assets"}


def find_needed_files(
    layout: Layout, manifest: ManifestFacts, settings: SettingsFacts, front_end: FrontEndFacts | None
) -> tuple[str, ...]:
    """Return the manifests, the code of the project's packages with its data, and what the front end is built from.

    Only folders that are packages, or are named in INSTALLED_APPS, count as code: `build/lib/...`, which a build
    leaves behind, does not.
    """
    apps = {app.split(".")[0] for app in settings.installed_apps or ()}
    wanted = {*manifest.files, *manifest.documents, *settings.read_files}
    if manifest.installs_project or "." in manifest.local_paths or manifest.kind is ManifestKind.SETUP:
        wanted.update(_PACKAGING)
    if layout.manage:
        wanted.add(layout.manage)
    if front_end:
        names = ("package.json", front_end.lock_file or "")
        wanted |= {f"{front_end.folder}/{name}".removeprefix("./") for name in names}
    for folder in layout.search_path:
        wanted |= {path.relative_to(layout.root).as_posix() for path in _code(folder, apps)}
    for local in manifest.local_paths:
        wanted |= {path.relative_to(layout.root).as_posix() for path in _python_files(layout.root / local)}
    return tuple(sorted(name for name in wanted if (layout.root / name).is_file()))


def _code(folder: Path, apps: set[str]) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir() and ((path / "__init__.py").is_file() or path.name in apps):
            yield from _package(path, apps)


def _package(folder: Path, apps: set[str]) -> Iterator[Path]:
    """Yield the package's modules and data, without tests that are no installed app."""
    if folder.name in TEST_FOLDERS and folder.name not in apps:
        return
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            continue
        if path.is_dir():
            if path.name in _DATA_FOLDERS:
                yield from _all_files(path)
            elif (path / "__init__.py").is_file():
                yield from _package(path, apps)
        elif path.suffix in _CODE_SUFFIXES and not _is_left_out(path.name):
            yield path


def _is_left_out(name: str) -> bool:
    return name.startswith("test_") or name in {"tests.py", "conftest.py", *_LOCAL_SETTINGS}


def _all_files(folder: Path) -> Iterable[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "node_modules" and not name.startswith("."))
        yield from (Path(parent) / name for name in sorted(names) if not name.startswith("."))


def _python_files(folder: Path) -> Iterable[Path]:
    return (path for path in _all_files(folder) if path.suffix in (".py", ".toml", ".cfg")) if folder.is_dir() else ()
