"""What an image archive holds: a fact for each entry of each layer, and the image around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class FileKind(Enum):
    """What an entry of a layer is."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARD_LINK = "hard link"
    SPECIAL = "special"
    """A device or a pipe."""
    WHITEOUT = "whiteout"
    """The path, and all below it, of earlier layers is removed."""
    OPAQUE = "opaque"
    """Whatever earlier layers hold in this folder is removed; the folder stays."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """An entry of a layer.

    `path` is relative to the root, without `.` and `..`; for a whiteout it is what is removed, for an opaque marker the
    folder. `blob` names the layer as the archive does: its place is known when the archive has been read to its end.
    `size` is what a reader of the file gets, `stored_bytes` what the layer holds of it (less for a sparse file), both
    0 for all that is no regular file. `link` is a symlink's text, or a hard link's path in the same layer.
    """

    blob: str
    path: str
    kind: FileKind
    size: int = 0
    stored_bytes: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    link: str = ""

    @property
    def is_setuid(self) -> bool:
        """Whether it runs with its owner's or its group's rights."""
        return self.kind in (FileKind.FILE, FileKind.HARD_LINK) and bool(self.mode & 0o6000)

    @property
    def is_world_writable(self) -> bool:
        """Whether everybody may write it; a folder with the sticky bit, such as /tmp, is none."""
        if self.kind is FileKind.DIRECTORY:
            return self.mode & 0o1002 == 0o002
        return self.kind in (FileKind.FILE, FileKind.HARD_LINK) and bool(self.mode & 0o002)


@dataclass(frozen=True)
class ArchiveLayer:
    """A layer in its place: `tar_bytes` as a tar, `stored_bytes` as the archive holds it (compressed or not)."""

    blob: str
    instruction: str
    tar_bytes: int
    stored_bytes: int


@dataclass(frozen=True)
class ArchiveFacts:
    """The image of an archive: layers from the base upwards, and the OCI image configuration as it is.

    The configuration: https://github.com/opencontainers/image-spec/blob/main/config.md
    """

    names: tuple[str, ...]
    config: Mapping[str, Any]
    layers: tuple[ArchiveLayer, ...]

    def places(self, blob: str) -> tuple[int, ...]:
        """Return where in `layers` this blob is: nowhere for another platform's, twice for a repeated layer."""
        return tuple(place for place, layer in enumerate(self.layers) if layer.blob == blob)


@dataclass(frozen=True)
class ReadProgress:
    """How far the archive is read: its bytes so far, the entries of layers seen, and about how many bytes there are."""

    bytes_read: int
    files: int
    total_bytes: int | None = None
