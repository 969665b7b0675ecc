"""Which files of the context changed since a moment."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterable
from pathlib import Path

from dockertools.build.options import BuildOptions
from dockertools.context import ContextSummary, inspect_context
from dockertools.errors import DockertoolsError

MOST_FILES = 20_000
"""Files above which nobody is kept waiting for the names of those that changed."""
NAMED_FILES = 5


def newer_files(
    options: BuildOptions, context: ContextSummary | None, sources: Iterable[str], since: float
) -> tuple[str, ...]:
    """Return files below the sources of a COPY that changed after `since` (seconds since the epoch), newest first.

    A file that went away cannot be named; neither can one whose times were set back.
    """
    patterns = tuple(posixpath.normpath(source).lstrip("/") for source in sources)
    if context is None or context.files > MOST_FILES or not patterns:
        return ()
    try:
        sent = inspect_context(options.context, options.dockerfile).sent
    except DockertoolsError:
        return ()
    wanted = (file.path for file in sent if any(_is_below(file.path, pattern) for pattern in patterns))
    times = [(time, path) for path in wanted if (time := _changed_at(options.context / path)) > since]
    return tuple(path for _, path in sorted(times, reverse=True)[:NAMED_FILES])


def _is_below(path: str, pattern: str) -> bool:
    if pattern in {".", path} or path.startswith(f"{pattern}/"):
        return True
    depth = pattern.count("/") + 1
    return fnmatch.fnmatchcase("/".join(path.split("/")[:depth]), pattern)


def _changed_at(path: Path) -> float:
    """Return when content or mode of the file changed last, 0 when it is gone."""
    try:
        status = path.lstat()
    except OSError:
        return 0.0
    return max(status.st_mtime, status.st_ctime)
