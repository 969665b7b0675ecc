"""Write files without ever losing one: marked as ours, compared, replaced whole."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from dockertools import __version__
from dockertools.errors import DockertoolsError

_MARKER = re.compile(r"^# Written by django-dockertools (?P<version>\S+) \(sha256:(?P<digest>[0-9a-f]{64})\)")
_DIRECTIVE = re.compile(r"^#\s*(syntax|escape|check)\s*=", re.IGNORECASE)


class Ownership(Enum):
    """Whose file it is."""

    MISSING = "missing"
    OURS = "ours"
    EDITED = "edited"
    THEIRS = "theirs"


def mark(body: str, *, is_python: bool = False) -> str:
    """Return `body` with the ownership marker as its first comment after any parser directives.

    Linters of Python are told that the line is long.
    Parser directives: https://docs.docker.com/reference/dockerfile/#parser-directives
    """
    lines = body.splitlines(keepends=True)
    position = _directives(lines)
    digest = hashlib.sha256(body.encode()).hexdigest()
    marker = f"# Written by django-dockertools {__version__} (sha256:{digest}); once edited, it is kept."
    ending = "  # noqa: E501\n" if is_python else "\n"
    return "".join([*lines[:position], marker, ending, *lines[position:]])


def ownership(text: str | None) -> Ownership:
    """Return whose the file with this text is; None stands for a file that does not exist.

    Line ends of Windows, as a checkout there gives them, are no edit.
    """
    if text is None:
        return Ownership.MISSING
    lines = with_plain_ends(text).splitlines(keepends=True)
    position = _directives(lines)
    match = _MARKER.match(lines[position]) if position < len(lines) else None
    if match is None:
        return Ownership.THEIRS
    body = "".join([*lines[:position], *lines[position + 1 :]])
    same = hashlib.sha256(body.encode()).hexdigest() == match["digest"]
    return Ownership.OURS if same else Ownership.EDITED


def with_plain_ends(text: str) -> str:
    """Return the text with the line ends that we write."""
    return text.replace("\r\n", "\n")


def unmark(text: str) -> str:
    """Return the body of a marked file: the text without its marker; another text as it is."""
    lines = text.splitlines(keepends=True)
    position = _directives(lines)
    if position < len(lines) and _MARKER.match(lines[position]):
        del lines[position]
    return "".join(lines)


def unified_diff(name: str, old: str, new: str) -> str:
    """Return the change from `old` to `new` as a unified diff; empty when there is none."""
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(
            old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{name}", f"b/{name}"
        )
    )


def read_text(path: Path) -> str | None:
    """Return the file's text with its line ends as they are, or None when there is no such file.

    Raises DockertoolsError when it cannot be read or is not UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise DockertoolsError(f"{path} is not UTF-8 (byte {error.start}).", hint="Save it as UTF-8.") from error
    except OSError as error:
        raise DockertoolsError(f"{path} cannot be read: {error.strerror}.") from error


def write_atomically(path: Path, data: str | bytes) -> None:
    """Replace the file whole: a reader, or a crash, finds the old content or the new.

    Links are followed and mode bits kept. Raises DockertoolsError when the folder cannot be written or is full.
    """
    write_together({path: data})


def write_together(contents: Mapping[Path, str | bytes]) -> None:
    """Replace several files, each whole: all are written beside theirs first, so that a failure changes none.

    Raises as `write_atomically` does.
    """
    staged: list[tuple[Path, Path]] = []
    path = Path()
    try:
        for path, data in contents.items():  # named in the error
            target = path.resolve()
            content = data.encode() if isinstance(data, str) else data
            staged.append((stage_beside(target, content, f".{target.name}."), target))
        for temporary, target in staged:
            temporary.replace(target)
    except OSError as error:
        raise DockertoolsError(
            f"{path} cannot be written: {error.strerror}.",
            hint="Nothing was changed. Check the folder's owner and the free space, then run it again.",
        ) from error
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def free_name(path: Path) -> Path:
    """Return the path, numbered where something of that name is there already."""
    number, candidate = 1, path
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}.{number}")
    return candidate


def stage_beside(path: Path, content: bytes, prefix: str) -> Path:
    """Write a file that is to replace `path` into the same folder, and return it.

    It has the mode bits, and where that is allowed the owner, of the one it will replace. Raises OSError.
    """
    handle, name = tempfile.mkstemp(prefix=prefix, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            _like(path, stream.fileno())
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def _like(target: Path, handle: int) -> None:
    """Give an open file the owner and the mode bits of `target`; a new file gets those that are usual."""
    if target.exists():
        status = target.stat()
        with contextlib.suppress(PermissionError):
            os.fchown(handle, status.st_uid, status.st_gid)
    os.fchmod(handle, _mode_for(target))


def _mode_for(target: Path) -> int:
    try:
        return target.stat().st_mode & 0o7777
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask


def _directives(lines: list[str]) -> int:
    count = 0
    while count < len(lines) and _DIRECTIVE.match(lines[count]):
        count += 1
    return count
