"""Records of builds, under the user's state folder: one JSON line for each, a file for each project.

A cut line is passed over; writers wait for each other; the file is replaced whole, so a crash leaves the old one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dockertools.errors import DockertoolsError
from dockertools.files import write_atomically

KEPT_RECORDS = 100
"""Builds of a project that are remembered."""


@dataclass(frozen=True)
class StepRecord:
    """A step as it was: `shape` tells what it is made of, without the contents of the files that it copies."""

    name: str
    cached: bool
    seconds: float
    shape: str = ""


@dataclass(frozen=True)
class BuildRecord:
    """A build that went well; sizes in bytes, `seconds` of wall time, `finished_at` in seconds since the epoch."""

    tag: str
    id: str
    target: str | None
    size_bytes: int
    compressed_bytes: int | None
    seconds: float
    finished_at: float
    transferred_bytes: int
    build_args: tuple[tuple[str, str], ...] = ()
    steps: tuple[StepRecord, ...] = ()
    platforms: tuple[str, ...] = ()


def state_file(project: Path) -> Path:
    """Return where the builds of the project in this folder are recorded (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_STATE_HOME", "")
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "state"
    digest = hashlib.sha256(os.fsencode(project.resolve())).hexdigest()[:12]
    return root / "dockertools" / f"{project.name or 'root'}-{digest}" / "builds.jsonl"


def read_records(file: Path) -> tuple[BuildRecord, ...]:
    """Return the records, oldest first; what is not one, or cannot be read, is left out."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    return tuple(record for line in text.splitlines() if (record := _parse(line)) is not None)


def last_record(
    records: tuple[BuildRecord, ...], tag: str, target: str | None, platforms: tuple[str, ...] = ()
) -> BuildRecord | None:
    """Return the last build of this tag and target for these platforms."""
    wanted = (tag, target, platforms)
    return next((item for item in reversed(records) if (item.tag, item.target, item.platforms) == wanted), None)


def add_record(file: Path, record: BuildRecord) -> None:
    """Append a record and drop the oldest ones.

    Raises DockertoolsError when the folder cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _exclusive(file):
            records = (*read_records(file), record)[-KEPT_RECORDS:]
            write_atomically(file, "".join(f"{json.dumps(asdict(item))}\n" for item in records))
    except (OSError, DockertoolsError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.message
        raise DockertoolsError(
            f"The build could not be recorded in {file}: {reason}",
            hint="Set XDG_STATE_HOME to a folder that can be written.",
            code="not-recorded",
        ) from error


@contextlib.contextmanager
def _exclusive(file: Path) -> Iterator[None]:
    """Hold the project's lock; the record file itself is replaced, so the lock is a file beside it."""
    with file.with_suffix(".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _parse(line: str) -> BuildRecord | None:
    try:
        document = json.loads(line)
        steps = tuple(StepRecord(**step) for step in document.pop("steps", ()))
        arguments = tuple((str(key), str(value)) for key, value in document.pop("build_args", ()))
        platforms = tuple(str(name) for name in document.pop("platforms", ()))
        record = BuildRecord(**document, platforms=platforms, build_args=arguments, steps=steps)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return record if _is_sound(record) else None


def _is_sound(record: BuildRecord) -> bool:
    """Tell whether the values have the types that the rest counts on: others may have written the file."""
    numbers: list[Any] = [record.size_bytes, record.seconds, record.finished_at, record.transferred_bytes]
    texts: list[Any] = [record.tag, record.id, *(value for step in record.steps for value in (step.name, step.shape))]
    return all(type(number) in (int, float) for number in numbers) and all(type(text) is str for text in texts)
