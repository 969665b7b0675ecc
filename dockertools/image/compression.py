"""Layers as they are stored -> plain tar streams, in pieces, however far they expand."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any, Protocol

from dockertools.errors import CouldNotRunError, DockertoolsError

try:  # comes with the extra [engine], and takes half the time
    from isal import isal_zlib as inflating
except ImportError:
    import zlib as inflating  # type: ignore[no-redef]

PIECE = 256 * 1024
_InflateError: Any = inflating.error
_GZIP = b"\x1f\x8b"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"


class Readable(Protocol):
    """What has `read(count)`, with an empty answer at its end."""

    def read(self, count: int, /) -> bytes: ...


class DamagedArchiveError(DockertoolsError):
    """The archive ends early, or is not what it says it is."""

    code = "archive-damaged"


class Joined:
    """A head that was read already, and the stream it came from."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head = head
        self._rest = rest

    def read(self, count: int, /) -> bytes:
        """Return up to `count` bytes."""
        if not self._head:
            return self._rest.read(count)
        piece, self._head = self._head[:count], self._head[count:]
        return piece


class Counted:
    """A stream that knows how many bytes it gave, and tells a listener."""

    def __init__(self, source: Readable, listener: Callable[[int], None] | None = None) -> None:
        self._source = source
        self._listener = listener
        self.count = 0

    def read(self, count: int, /) -> bytes:
        """Return up to `count` bytes."""
        piece = self._source.read(count)
        self.count += len(piece)
        if self._listener:
            self._listener(self.count)
        return piece


class Inflated:
    """A gzip stream, of one member or of many as lazily pulled layers have, in pieces of bounded size."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._inflater = inflating.decompressobj(wbits=31)
        self._pending = b""

    def read(self, count: int, /) -> bytes:
        """Return up to `count` bytes. Raises DamagedArchiveError for what is no gzip, or ends early."""
        while True:
            if self._inflater.eof:
                # Padding after the last member is zeros; what follows otherwise is a member.
                self._pending = self._inflater.unused_data.lstrip(b"\0") or self._source.read(PIECE).lstrip(b"\0")
                if not self._pending:
                    return b""
                self._inflater = inflating.decompressobj(wbits=31)
            compressed = self._pending or self._source.read(PIECE)
            if not compressed:
                raise DamagedArchiveError("A gzip layer ends early.", hint="Save the image again.")
            try:
                piece = self._inflater.decompress(compressed, count)
            except _InflateError as error:
                raise DamagedArchiveError(f"A gzip layer is damaged: {error}.", hint="Save the image again.") from error
            self._pending = self._inflater.unconsumed_tail
            if piece:
                return piece


def open_layer(head: bytes, rest: Readable) -> Readable | None:
    """Return the tar that a stream is, decompressed by what its `head` (its first 512 bytes) says; None for no tar.

    Raises CouldNotRunError for a zstd layer where nothing can read zstd.
    """
    whole = Joined(head, rest)
    if head.startswith(_GZIP):
        return Inflated(whole)
    if head.startswith(_ZSTANDARD):
        return _open_zstandard(whole)
    is_tar = head[257:262] == b"ustar" or (len(head) == 512 and not head.strip(b"\0"))
    return whole if is_tar else None


def _open_zstandard(source: Readable) -> Readable:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd  # noqa: PLC0415  # new in 3.14
        else:
            from backports import zstd  # noqa: PLC0415  # comes with the extra [engine]
    except ImportError as error:
        raise CouldNotRunError(
            "The image has zstd layers, and nothing here can read them.",
            hint="pip install 'django-dockertools[engine]'",
            code="zstd-not-found",
        ) from error
    return _ZstandardStream(zstd.ZstdFile(io.BufferedReader(_Raw(source), PIECE)), zstd.ZstdError)


class _ZstandardStream:
    def __init__(self, file: Any, error: type[Exception]) -> None:
        self._file = file
        self._error = error

    def read(self, count: int, /) -> bytes:
        try:
            piece: bytes = self._file.read(count)
        except (self._error, EOFError) as error:
            raise DamagedArchiveError(f"A zstd layer is damaged: {error}.", hint="Save the image again.") from error
        return piece


class _Raw(io.RawIOBase):
    """A `Readable` as the file object that the decompressor wants."""

    def __init__(self, source: Readable) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        piece = self._source.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)
