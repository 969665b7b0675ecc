"""Where the lists are written: the settings module that has them, or pyproject.toml."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from dockertools.conf import Config
from dockertools.errors import DockertoolsError
from dockertools.files import Ownership, read_text, unified_diff
from dockertools.learn import pyproject_edit, settings_edit
from dockertools.learn.settings_edit import NAME, NotEditableError
from dockertools.project.layout import find_layout
from dockertools.project.settings_source import read_settings_source
from dockertools.rendering.plan import CREATE, UPDATE, PlannedFile

PYPROJECT = "pyproject.toml"
_MENTION = re.compile(rf"^[^#\n]*\b{NAME}\b", re.MULTILINE)


@dataclass(frozen=True)
class Destination:
    """A file that holds, or is to hold, the configuration; `path` is relative to the root."""

    path: str
    is_toml: bool = False

    def show(self, changes: Mapping[str, Sequence[str]]) -> str:
        """Return the lines as one would type them."""
        show = pyproject_edit.show_list if self.is_toml else settings_edit.show_list
        return "\n".join(f"    {show(key, values)}" for key, values in changes.items())


def plan_lists(config: Config, changes: Mapping[str, Sequence[str]], *, manage: Path | None) -> PlannedFile:
    """Return the change of the file that holds the configuration.

    Raises DockertoolsError, with the lines to type, when that cannot be told or is not written plainly.
    """
    destination = None
    try:
        destination = find_destination(config, manage=manage)
        return _plan(config.root, destination, changes)
    except NotEditableError as error:
        where = destination or Destination(NAME)
        raise DockertoolsError(
            f"{where.path} cannot be changed for you: {error}.",
            hint=f"Nothing was written. Put this there yourself:\n{where.show(changes)}",
            code="not-editable",
        ) from error


def find_destination(config: Config, *, manage: Path | None = None) -> Destination:
    """Return the file that has the configuration, or is the place for one.

    Where no file has it, that is the settings module, or the one that it is derived from: whose names it imports before
    all else. Raises NotEditableError.
    """
    module = getattr(settings, "SETTINGS_MODULE", None)
    if module is None:
        return Destination(PYPROJECT, is_toml=True)
    search_path = find_layout(config.root, settings_module=module, manage=manage).search_path
    files = read_settings_source(config.root, search_path, module).files
    inside = [path for path in files if path.is_relative_to(config.root)]
    having = [path for path in inside if _MENTION.search(read_text(path) or "")]
    if len(having) > 1:
        names = ", ".join(path.relative_to(config.root).as_posix() for path in having)
        raise NotEditableError(f"it is set in more than one file ({names})")
    if not having and (not inside or hasattr(settings, NAME)):
        raise NotEditableError(f"the source of {module} does not show where it is set")
    path = having[0] if having else _derived_from(inside)
    return Destination(path.relative_to(config.root).as_posix())


def _derived_from(files: Sequence[Path]) -> Path:
    """Return the last of the files of which each begins with taking over all names of the next."""
    for path, following in zip(files, [*files[1:], None], strict=True):
        if following is None or not _begins_with_star(path):
            return path
    return files[0]


def _begins_with_star(path: Path) -> bool:
    try:
        body = ast.parse(read_text(path) or "").body
    except SyntaxError:
        return False
    imports = [node for node in body if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"]
    first = next((node for node in body if isinstance(node, (ast.Assign, ast.AnnAssign))), None)
    return bool(imports) and (first is None or imports[0].lineno < first.lineno)


def _plan(root: Path, destination: Destination, changes: Mapping[str, Sequence[str]]) -> PlannedFile:
    present = read_text(root / destination.path)
    edit = pyproject_edit.edit_pyproject if destination.is_toml else settings_edit.edit_settings
    edited = edit(present or "", changes)
    diff = unified_diff(destination.path, present or "", edited)
    action = CREATE if present is None else UPDATE
    return PlannedFile(destination.path, action, Ownership.THEIRS, diff, edited)
