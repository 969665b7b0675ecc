"""Judges what a switch did to files: the user's own bytes, `.env`, and the text of overlays.

Nothing of dockertools is used here. A judge returns what is wrong, in words.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

OWNED = (b"COMPOSE_FILE", b"DOCKERTOOLS_UID", b"DOCKERTOOLS_GID")
_NAME = re.compile(rb"[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.\-]*)[ \t]*[=:][ \t]*")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class FileState:
    """A file as it is: `link` is where a link points to, `data` what is read through it."""

    data: bytes
    mode: int
    link: str | None = None


Snapshot = Mapping[str, FileState]


def take_snapshot(folder: Path) -> Snapshot:
    """Return the state of every file below the folder, by its path."""
    return {
        path.relative_to(folder).as_posix(): FileState(
            path.read_bytes(), stat.S_IMODE(path.lstat().st_mode), str(path.readlink()) if path.is_symlink() else None
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def judge_files(before: Snapshot, after: Snapshot, *, env_file: str, overlays: Iterable[str]) -> list[str]:
    """Return what is wrong with the files: all but `env_file` and the `overlays` are the user's and stay."""
    wrong: list[str] = []
    allowed = {env_file, *overlays}
    shared = _link_target(before, env_file)
    for name, state in before.items():
        if name not in after:
            wrong.append(f"{name}: the file is gone")
        elif name in (env_file, shared):
            if (state.mode, state.link) != (after[name].mode, after[name].link):
                wrong.append(f"{name}: {state.mode:o} {state.link} became {after[name].mode:o} {after[name].link}")
        elif state != after[name]:
            wrong.append(f"{name}: the user's file was changed")
    wrong += [f"{name}: a file was left behind" for name in sorted(after.keys() - before.keys() - allowed)]
    old = before.get(env_file, FileState(b"", 0)).data
    return wrong + judge_env(old, after.get(env_file, FileState(b"", 0)).data)


def judge_env(before: bytes, after: bytes) -> list[str]:
    """Return what is wrong with the new `.env`: each byte stays, but for the owned lines, one of each at most."""
    wrong: list[str] = []
    old, new = (b"".join(line for line in split_env(data) if name_of(line) not in OWNED) for data in (before, after))
    is_open = bool(before.removeprefix(_BOM)) and not before.endswith(b"\n")
    if new != old and not (is_open and new.rstrip(b"\r\n") == old):
        wrong.append(f".env: {old!r} became {new!r}")
    if is_open and after != before and after.endswith(b"\n"):
        wrong.append(".env: a final line end that was not there")
    for owned in OWNED:
        lines = [line for line in split_env(after) if name_of(line) == owned]
        if len(lines) > 1 and after != before:
            wrong.append(f".env: {owned.decode()} is there {len(lines)} times")
        if lines and b"\r\n" in before and any(line.endswith(b"\n") and line[-2:] != b"\r\n" for line in lines):
            wrong.append(f".env: {owned.decode()} has another line end than the file")
    return wrong


def judge_overlay(text: str, *, secrets: Iterable[str], folder: Path) -> list[str]:
    """Return what may not be in an overlay: values that are interpolated, and paths of this machine."""
    wrong = [f"the overlay holds the value {secret!r}" for secret in secrets if secret in text]
    return wrong + [f"the overlay holds {path}" for path in {str(folder), os.path.realpath(folder)} if path in text]


def split_env(data: bytes) -> Iterator[bytes]:
    """Yield the lines of an env file; a quoted value with line ends in it is one line."""
    data = data.removeprefix(_BOM)
    start = 0
    while start < len(data):
        end = _value_end(data, start)
        line_end = data.find(b"\n", end)
        stop = len(data) if line_end < 0 else line_end + 1
        yield data[start:stop]
        start = stop


def name_of(line: bytes) -> bytes | None:
    """Return the variable that a line sets."""
    match = _NAME.match(line)
    return match[1] if match else None


def _value_end(data: bytes, start: int) -> int:
    """Return where a quoted value that starts on the line at `start` ends, or `start`."""
    match = _NAME.match(data, start)
    if match is None or data[match.end() : match.end() + 1] not in (b"'", b'"'):
        return start
    quote = data[match.end()]
    for position in range(match.end() + 1, len(data)):
        if data[position] == quote and data[position - 1] != ord("\\"):
            return position
    return start


def _link_target(before: Snapshot, name: str) -> str | None:
    link = before[name].link if name in before else None
    return None if link is None else os.path.normpath(Path(name).parent / link)
