"""Compare the files as they should be with those on the disk, and write what may be written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dockertools.conf import COMPOSE_FILE_NAMES
from dockertools.context.fix import added_rules
from dockertools.context.ignore_file import IGNORE_FILE_NAME
from dockertools.errors import DockertoolsError
from dockertools.files import (
    Ownership,
    free_name,
    mark,
    ownership,
    read_text,
    unified_diff,
    unmark,
    with_plain_ends,
    write_together,
)
from dockertools.rendering.files import COMPOSE, RenderedFile

CREATE, UPDATE, UNCHANGED, KEPT = "create", "update", "unchanged", "kept"


@dataclass(frozen=True)
class PlannedFile:
    """What happens to a file. `owner` is whose it is now; `diff` leads from what is there to what should be."""

    path: str
    action: str
    owner: Ownership
    diff: str
    text: str
    is_saved_first: bool = False
    """Whether the present content goes to `<path>.orig` before."""

    @property
    def is_drift(self) -> bool:
        """Whether a file of ours is not as it should be: missing, outdated, or edited."""
        return self.owner is not Ownership.THEIRS and bool(self.diff)


def plan_files(root: Path, rendered: Iterable[RenderedFile], *, force: bool = False) -> tuple[PlannedFile, ...]:
    """Return what is to be done; files of the user's are kept, and so are edited ones unless `force`.

    Raises DockertoolsError when a file cannot be read.
    """
    return tuple(_plan(root, _existing(root, file), file.body, force) for file in rendered)


def _existing(root: Path, file: RenderedFile) -> str:
    """Return the path, for the compose file the one that compose would find: a second default would shadow it."""
    if file.path != COMPOSE:
        return file.path
    return next((name for name in COMPOSE_FILE_NAMES if (root / name).exists()), COMPOSE)


def _plan(root: Path, path: str, body: str, force: bool) -> PlannedFile:
    present = read_text(root / path)
    owner = ownership(present)
    if present is not None and owner is Ownership.OURS:
        present = with_plain_ends(present)
    if path == IGNORE_FILE_NAME and owner in (Ownership.OURS, Ownership.EDITED):
        body += added_rules(present or "", body)
    marked = mark(body, is_python=path.endswith(".py"))
    diff = unified_diff(path, unmark(present or ""), body)
    if owner is Ownership.MISSING:
        return PlannedFile(path, CREATE, owner, diff, marked)
    if not diff and owner is not Ownership.EDITED:
        return PlannedFile(path, UNCHANGED, owner, diff, present or "")
    if owner is Ownership.OURS:
        return PlannedFile(path, UPDATE, owner, diff, marked)
    if owner is Ownership.EDITED and force:
        return PlannedFile(path, UPDATE, owner, diff, marked, is_saved_first=True)
    return PlannedFile(path, KEPT, owner, diff, present or "")


def write_files(root: Path, planned: Iterable[PlannedFile]) -> None:
    """Write what is created or updated, edited files to `NAME.orig` before; when one fails, none is changed.

    Raises DockertoolsError when a folder cannot be written.
    """
    changed = [file for file in planned if file.action in (CREATE, UPDATE)]
    saved = {
        free_name(root / f"{file.path}.orig"): content
        for file in changed
        if file.is_saved_first and (content := read_text(root / file.path)) is not None
    }
    for file in changed:
        _make_folder(root / file.path)
    write_together({**saved, **{root / file.path: file.text for file in changed}})


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DockertoolsError(
            f"The folder {path.parent} cannot be made: {error.strerror}.", hint="Nothing was written."
        ) from error
