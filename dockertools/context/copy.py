"""A copy of the context that is the same wherever the project was checked out.

What a checkout leaves to chance is set: all times are one, modes follow the executable bit as Git has it, second names
of a file become files, and folders without a file in them are left out. Owners need no care: BuildKit sends none.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from dockertools.context.inspect import sent_entries
from dockertools.context.walk import EMPTY_ON_ARRIVAL, Entry, Kind
from dockertools.errors import DockertoolsError

_EXECUTABLE, _PLAIN, _FOLDER = 0o755, 0o644, 0o755


def copy_context(root: Path, dockerfile: Path | None, target: Path, timestamp: int) -> None:
    """Copy what a build of `root` would send into the empty folder `target`; `timestamp` is in seconds of the epoch.

    Raises IgnoreFileError for rules that BuildKit refuses, DockertoolsError for what cannot be read or written.
    """
    folders = {target}
    for entry in sent_entries(root, dockerfile):
        if entry.kind is Kind.SPECIAL:  # a socket or a pipe: BuildKit sends none either
            continue
        path = target / entry.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _copy(root, entry, path)
            os.utime(path, (timestamp, timestamp), follow_symlinks=False)
        except OSError as error:
            raise _not_copied(root / entry.path, target, error) from error
        folders.update(parent for parent in path.parents if parent.is_relative_to(target))
    for folder in folders:
        folder.chmod(_FOLDER)
        os.utime(folder, (timestamp, timestamp))


def _copy(root: Path, entry: Entry, path: Path) -> None:
    source = root / entry.path
    if entry.kind is Kind.FOLDER:
        source.stat()  # it could not be read: this says why
        raise PermissionError(None, entry.problem)
    if entry.kind is Kind.LINK:
        path.symlink_to(os.readlink(source))  # noqa: PTH115  # the text as it is; Path would clean it
        return
    if entry.problem == EMPTY_ON_ARRIVAL:
        path.touch()
    else:
        shutil.copyfile(source, path, follow_symlinks=False)
    path.chmod(_EXECUTABLE if source.lstat().st_mode & stat.S_IXUSR else _PLAIN)


def _not_copied(source: Path, target: Path, error: OSError) -> DockertoolsError:
    return DockertoolsError(
        f"{source} cannot be copied to {target}: {error.strerror}.",
        hint="Let it be read, name it in .dockerignore, or set TMPDIR to a folder with room for a copy of the context.",
        code="context-not-copied",
    )
