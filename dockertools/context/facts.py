"""What is known about a context. Facts, without judgement."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from dockertools.context.ignore_file import IgnoreFile, Rule


class SentFile(NamedTuple):
    """A file, link or special file that the build would send; `size` in bytes, 0 for all but files."""

    path: str
    size: int


class FolderSize(NamedTuple):
    """What a folder adds to the context, all below it included."""

    path: str
    files: int
    size: int


@dataclass(frozen=True)
class RuleUse:
    """What a rule leaves out: the files and bytes for which it was the one that decided."""

    rule: Rule
    files: int
    size: int


class Oddity(NamedTuple):
    """Something in the context that BuildKit cannot send as it is; `code` names the trouble, `detail` tells more."""

    path: str
    code: str
    detail: str


@dataclass(frozen=True)
class ContextSummary:
    """How much the build would send: `size` in bytes."""

    files: int
    size: int


@dataclass(frozen=True)
class ContextFacts:
    """What the build would send, and what the ignore rules leave out; sizes in bytes.

    `sent` is in the order of BuildKit's walk. Links and special files count as files without bytes. `dockerfile` is
    None when it does not lie on the disk.
    """

    root: Path
    dockerfile: Path | None
    ignore_file: IgnoreFile
    sent: tuple[SentFile, ...]
    excluded_files: int
    excluded_size: int
    rules: tuple[RuleUse, ...]
    oddities: tuple[Oddity, ...]

    @property
    def files(self) -> int:
        """How many files would be sent."""
        return len(self.sent)

    @property
    def size(self) -> int:
        """The bytes of what would be sent."""
        return sum(file.size for file in self.sent)

    @cached_property
    def sent_paths(self) -> frozenset[str]:
        """Every file that would be sent, and every folder above one."""
        paths = {file.path for file in self.sent}
        for path, _ in self.sent:
            slash = path.rfind("/")
            while slash > 0 and path[:slash] not in paths:
                paths.add(path[:slash])
                slash = path.rfind("/", 0, slash)
        return frozenset(paths)

    def largest(self, count: int) -> list[SentFile]:
        """Return the largest files that would be sent."""
        return sorted(self.sent, key=lambda file: (-file.size, file.path))[:count]

    def folders(self, count: int, depth: int = 2) -> list[FolderSize]:
        """Return the heaviest folders, down to `depth` levels; one that is all of its parent is left out."""
        totals: dict[str, list[int]] = {}
        for path, size in self.sent:
            position = -1
            for _ in range(depth):
                position = path.find("/", position + 1)
                if position < 0:
                    break
                total = totals.setdefault(path[: position + 1], [0, 0])
                total[0] += 1
                total[1] += size
        found = [
            FolderSize(path, files, size)
            for path, (files, size) in totals.items()
            if totals.get(path[: path.rfind("/", 0, -1) + 1]) != [files, size]
        ]
        return sorted(found, key=lambda folder: (-folder.size, folder.path))[:count]
