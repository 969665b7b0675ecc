"""Where things lie in the project: manage.py, the settings module that production runs with, the code."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dockertools.errors import DockertoolsError
from dockertools.project.environment_calls import dotted
from dockertools.project.facts import Note
from dockertools.project.settings_source import find_module

SKIPPED_FOLDERS = {"node_modules", "site-packages", "__pycache__", "venv", "env", "htmlcov"}
DEEPEST = 3
LOCAL_NAMES = ("local", "dev", "develop", "development", "debug", "test", "tests", "testing", "ci")
PRODUCTION_NAMES = ("production", "prod", "live", "deploy", "deployment", "docker")
BASE_NAMES = ("base", "common", "defaults")
_VARIABLE = "DJANGO_SETTINGS_MODULE"


@dataclass(frozen=True)
class Layout:
    """`search_path` is where first-party modules are imported from."""

    root: Path
    manage: str | None
    settings_module: str | None
    search_path: tuple[Path, ...]
    notes: tuple[Note, ...]

    @property
    def code_folder(self) -> str:
        """The folder of manage.py, `.` for the root."""
        return self.manage.rpartition("/")[0] or "." if self.manage else "."


def find_layout(root: Path, *, settings_module: str | None = None, manage: Path | None = None) -> Layout:
    """Return the layout; `settings_module` and `manage` are those that are known already.

    Raises DockertoolsError when there is no Django project.
    """
    notes: list[Note] = []
    script = manage or _find_manage(root, notes)
    folder = script.parent if script else root
    search_path = tuple(dict.fromkeys((folder, root, root / "src")))
    module = settings_module or _choose_settings(root, script, search_path, notes)
    if script is None and module is None:
        raise DockertoolsError(
            f"{root} is not a Django project: there is no manage.py in it, and no settings module is known.",
            hint="Run this in the folder of manage.py, or name the module in DOCKERTOOLS['SETTINGS_MODULE'].",
            code="no-project",
        )
    if script is None:
        notes.append(Note(f"there is no manage.py; `python -m django` with {module} is used"))
    shown = script.relative_to(root).as_posix() if script else None
    return Layout(root, shown, module, search_path, tuple(notes))


def walk_folders(root: Path, deepest: int = DEEPEST) -> Iterator[Path]:
    """Yield the root and the folders below it that may hold code, the nearest first."""
    level = [root]
    for _ in range(deepest + 1):
        yield from level
        level = [child for folder in level for child in sorted(_children(folder))]


def _children(folder: Path) -> Iterator[Path]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        path = Path(entry.path)
        is_code = entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
        is_environment = (path / "pyvenv.cfg").is_file()
        if is_code and not is_environment and (entry.name not in SKIPPED_FOLDERS or (path / "__init__.py").is_file()):
            yield path


def _find_manage(root: Path, notes: list[Note]) -> Path | None:
    found = [path for folder in walk_folders(root) if _is_manage(path := folder / "manage.py")]
    if len(found) > 1:
        others = ", ".join(path.relative_to(root).as_posix() for path in found[1:])
        message = f"is taken for the project's; there are others: {others}"
        notes.append(Note(message, found[0].relative_to(root).as_posix()))
    return found[0] if found else None


def _is_manage(path: Path) -> bool:
    try:
        return b"django" in path.read_bytes().lower()
    except OSError:
        return False


def default_settings(path: Path) -> tuple[str, int] | None:
    """Return the settings module that a script sets, and the line where it does."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
    for node in ast.walk(tree):
        values: list[ast.expr] = []
        if isinstance(node, ast.Call) and dotted(node.func).endswith("environ.setdefault"):
            values = node.args
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            values = [node.targets[0].slice, node.value]
        words = [value.value for value in values if isinstance(value, ast.Constant)]
        if len(words) == 2 and words[0] == _VARIABLE and isinstance(words[1], str):
            return words[1], values[0].lineno
    return None


def _choose_settings(root: Path, script: Path | None, search_path: tuple[Path, ...], notes: list[Note]) -> str | None:
    """Return the module that production runs with: what wsgi.py says, unless that is somebody's local one."""
    folder = script.parent if script else root
    entries = [path for near in walk_folders(folder, 2) for path in (near / "wsgi.py", near / "asgi.py")]
    said = [(path, default_settings(path)) for path in (*entries, *([script] if script else ()))]
    named = [(path, *found) for path, found in said if found and find_module(search_path, found[0])]
    if not named:
        return _unnamed(folder, search_path, notes)
    path, module, line = next((item for item in named if not _is_local(item[1])), named[0])
    if not _is_local(module) and _is_package_of_variants(search_path, module) is False:
        return module
    better = _production_sibling(search_path, module)
    place = path.relative_to(root).as_posix()
    if better and better != module:
        notes.append(Note(f"names {module}; production is assumed to run with {better}", place, line))
    elif _is_local(module):
        meant = "those of production are named in DOCKERTOOLS['SETTINGS_MODULE']"
        notes.append(Note(f"names {module}, which look like somebody's own settings; {meant}", place, line))
    return better or module


def _unnamed(folder: Path, search_path: tuple[Path, ...], notes: list[Note]) -> str | None:
    """Return the settings module that no script names."""
    module = _conventional(folder)
    if module is not None and _is_package_of_variants(search_path, module):
        module = _production_sibling(search_path, module) or _base_of(search_path, module) or module
    if module is not None:
        notes.append(Note(f"no script names the settings; {module} is assumed"))
    return module


def _base_of(search_path: tuple[Path, ...], package: str) -> str | None:
    candidates = (f"{package}.{name}" for name in BASE_NAMES)
    return next((module for module in candidates if find_module(search_path, module)), None)


def _is_local(module: str) -> bool:
    last = module.rpartition(".")[2].lower()
    return any(part in LOCAL_NAMES for part in last.split("_"))


def _is_package_of_variants(search_path: tuple[Path, ...], module: str) -> bool:
    """Tell whether the module is an empty package or its base, so that one of its neighbours must be meant."""
    if module.rpartition(".")[2] in BASE_NAMES:
        return True
    path = find_module(search_path, module)
    return path is not None and path.name == "__init__.py" and not path.read_text(errors="replace").strip()


def _production_sibling(search_path: tuple[Path, ...], module: str) -> str | None:
    parent = module.rpartition(".")[0]
    packages = [module, parent] if module != parent else [module]
    for package in filter(None, packages):
        for name in PRODUCTION_NAMES:
            for candidate in (f"{package}.{name}", f"{package}.settings_{name}", f"{package}.{name}_settings"):
                if find_module(search_path, candidate):
                    return candidate
    return None


def _conventional(folder: Path) -> str | None:
    """Return the settings module that no script names: `settings.py` in a package, or in the folder itself."""
    for path in (folder / "settings.py", *sorted(folder.glob("*/settings.py")), *sorted(folder.glob("*/settings"))):
        if path.is_file() or (path / "__init__.py").is_file():
            return ".".join(path.relative_to(folder).with_suffix("").parts)
    return None
