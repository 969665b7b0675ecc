"""Walk a context the way BuildKit's client does: in order of names, links not followed, left-out folders skipped."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from dockertools.context.matcher import SENT, Folder, Matcher
from dockertools.errors import DockertoolsError

_by_name = attrgetter("name")

UNREADABLE = "unreadable-file"
EMPTY_ON_ARRIVAL = "refused-when-opened"
"""Problems of a file that BuildKit lists, and then sends without its content."""


class Kind(Enum):
    """What an entry of a folder is."""

    FILE = "file"
    LINK = "link"
    FOLDER = "folder"
    SPECIAL = "special"


class Entry(NamedTuple):
    """A file, link or special file (`size` in bytes), or a folder that could not be read.

    `rule` is the index of the rule that leaves it out, or SENT. A second name of a file that is sent already costs
    nothing more: its `size` is 0.
    """

    path: str
    size: int
    kind: Kind
    rule: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Walk:
    root: str
    matcher: Matcher
    with_excluded: bool
    inodes: set[tuple[int, int]]


def walk_context(root: Path, matcher: Matcher, *, with_excluded: bool = True) -> Iterator[Entry]:
    """Yield every file below `root`; without what is left out if `with_excluded` is false, which saves its sizes.

    Raises DockertoolsError when `root` is no folder, BrokenRuleError when BuildKit cannot compile a rule that it needs.
    """
    if not root.is_dir():
        raise DockertoolsError(f"The context {root} is not a folder.", hint="Name an existing folder as the context.")
    yield from _walk(_Walk(f"{root}/", matcher, with_excluded, set()), matcher.top())


def _walk(walk: _Walk, top: Folder) -> Iterator[Entry]:
    pending = [(top, SENT)]
    while pending:
        folder, rule = pending.pop()
        try:
            with os.scandir(walk.root + folder.prefix) as found:
                entries = sorted(found, key=_by_name)
        except OSError as error:
            yield Entry(folder.prefix.rstrip("/") or ".", 0, Kind.FOLDER, rule, _problem(error))
            continue
        below: list[tuple[Folder, int]] = []
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                decision, inner = walk.matcher.enter(folder, entry.name)
                if decision == SENT or not walk.matcher.is_skipped(inner.prefix):
                    below.append((inner, decision))
                elif walk.with_excluded:
                    yield from _walk_excluded(walk, inner.prefix, decision)
            else:
                decision = walk.matcher.judge(folder, entry.name)
                if decision == SENT or walk.with_excluded:
                    yield _file_entry(walk, folder, entry, decision)
        pending.extend(reversed(below))


def _walk_excluded(walk: _Walk, prefix: str, rule: int) -> Iterator[Entry]:
    pending = [prefix]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(walk.root + folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(f"{folder}{entry.name}/")
                    else:
                        yield Entry(folder + entry.name, _size(entry), _kind(entry), rule)
        except OSError as error:
            yield Entry(folder.rstrip("/"), 0, Kind.FOLDER, rule, _problem(error))


def _file_entry(walk: _Walk, folder: Folder, entry: os.DirEntry[str], rule: int) -> Entry:
    path = folder.prefix + entry.name
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:  # gone since it was listed
        return Entry(path, 0, Kind.SPECIAL, rule, _problem(error))
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        return Entry(path, 0, Kind.LINK, rule)
    if not stat.S_ISREG(mode):
        return Entry(path, 0, Kind.SPECIAL, rule, _special(mode))
    if rule != SENT:
        return Entry(path, status.st_size, Kind.FILE, rule)
    problem = _file_problem(walk, folder, entry.name, mode)
    return Entry(path, 0 if problem else _new_bytes(walk, status), Kind.FILE, rule, problem)


def _file_problem(walk: _Walk, folder: Folder, name: str, mode: int) -> str:
    if mode & 0o444 != 0o444 and not _is_readable(walk.root + folder.prefix + name):
        return UNREADABLE
    is_empty = folder.opens_differently and walk.matcher.is_empty_on_arrival(folder, name)
    return EMPTY_ON_ARRIVAL if is_empty else ""


def _is_readable(path: str) -> bool:
    return os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids)


def _new_bytes(walk: _Walk, status: os.stat_result) -> int:
    if status.st_nlink == 1:
        return status.st_size
    identity = (status.st_dev, status.st_ino)
    if identity in walk.inodes:
        return 0
    walk.inodes.add(identity)
    return status.st_size


def _size(entry: os.DirEntry[str]) -> int:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _kind(entry: os.DirEntry[str]) -> Kind:
    if entry.is_symlink():
        return Kind.LINK
    return Kind.FILE if entry.is_file(follow_symlinks=False) else Kind.SPECIAL


def _special(mode: int) -> str:
    for is_kind, name in ((stat.S_ISSOCK, "socket"), (stat.S_ISFIFO, "named pipe")):
        if is_kind(mode):
            return name
    return "device"


def _problem(error: OSError) -> str:
    return (error.strerror or "cannot be read").lower()
