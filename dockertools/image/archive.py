"""An image archive -> a fact for each entry of each layer, in one pass and in bounded memory.

Read are what `docker save` writes, in its old form (docker-archive) and as an OCI layout, and what buildx writes with
`--output type=oci`. Blobs come in any order, and what says which is which mostly last: so entries are reported as they
come by, under their blob's name, and the order of the layers is known at the end.
"""

from __future__ import annotations

import io
import posixpath
import struct
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from dockertools.errors import CouldNotRunError, DockertoolsError
from dockertools.image.compression import PIECE, Counted, DamagedArchiveError, Readable, open_layer
from dockertools.image.files import ArchiveFacts, FileFacts, FileKind, ReadProgress
from dockertools.image.manifests import Blobs, find_image
from dockertools.image.prefetch import prefetched

if TYPE_CHECKING:
    from docker import DockerClient

OpenContent = Callable[[], IO[bytes]]
"""Opens an entry's content, from its start, once; it can be read until the visitor returns."""
Visitor = Callable[[FileFacts, OpenContent], None]
"""Called for every entry of every layer; read no more of the content than is needed, and keep little of it."""
ProgressListener = Callable[[ReadProgress], None]

LAYER_PIECES_AHEAD = 16
LARGEST_DOCUMENT = 4 * 2**20
"""Bytes above which a blob that is no layer is not kept: manifests and configurations are far smaller."""
EXPANDED_PIECE = 64 * 1024
EXPANDED_AHEAD = 64
"""Pieces of an expanded layer that wait to be looked at: 4 MB."""
WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"

_ENDS = ("EOFHeaderError", "EmptyHeaderError")
"""What tarfile raises at an archive's regular end: a block of zeros, or nothing more; not in its public interface."""
_PLAIN = struct.Struct("100s 8s 8s 8s 12s 12s 8s c 100s 88x 155s 12x")
"""Name, mode, uid, gid, size, mtime, checksum, type, link, prefix:
https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06"""
_PLAIN_TYPES = (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE)
_KINDS = {
    tarfile.DIRTYPE: FileKind.DIRECTORY,
    tarfile.SYMTYPE: FileKind.SYMLINK,
    tarfile.LNKTYPE: FileKind.HARD_LINK,
    tarfile.CHRTYPE: FileKind.SPECIAL,
    tarfile.BLKTYPE: FileKind.SPECIAL,
    tarfile.FIFOTYPE: FileKind.SPECIAL,
}


def read_image(
    client: DockerClient, reference: str, visit: Visitor, on_progress: ProgressListener | None = None
) -> ArchiveFacts:
    """Read an image of the engine's store as `docker save` would write it.

    Raises DockertoolsError when there is no such image, CouldNotRunError when the engine is lost midway.
    """
    from docker.errors import APIError, ImageNotFound  # noqa: PLC0415  # the SDK comes with the extra [engine]
    from requests.exceptions import RequestException  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    api: Any = client.api
    try:
        with prefetched(api.get_image(reference, chunk_size=PIECE)) as stream:
            return read_archive(stream, visit, on_progress, reference=reference)
    except ImageNotFound as error:
        raise DockertoolsError(
            f"There is no image {reference!r}.", hint="Build it with `docker_build`, or name another.", code="no-image"
        ) from error
    except (APIError, RequestException, HTTPError) as error:
        raise CouldNotRunError(
            f"The engine stopped sending the image {reference!r}: {error}",
            hint=f"See whether `docker save {reference} --output FILE` succeeds.",
            code="engine-lost",
        ) from error


def read_archive(
    stream: Readable, visit: Visitor, on_progress: ProgressListener | None = None, *, reference: str = ""
) -> ArchiveFacts:
    """Read an archive to its end, and return its image; of several the one named `reference`, else the first.

    Raises DamagedArchiveError for what is no image archive or ends early, and whatever `visit` raises.
    """
    blobs = Blobs()
    files = 0

    def count_and_visit(facts: FileFacts, open_content: OpenContent) -> None:
        nonlocal files
        files += 1
        visit(facts, open_content)

    def report(count: int) -> None:
        if on_progress:
            on_progress(ReadProgress(count, files))

    counted = Counted(stream, report)
    with _open_tar(counted) as archive:
        for member in _members(archive):
            _read_blob(archive, member, blobs, count_and_visit)
    report(counted.count)
    return find_image(blobs, reference)


def _read_blob(archive: tarfile.TarFile, member: tarfile.TarInfo, blobs: Blobs, visit: Visitor) -> None:
    name = normal_path(member.name)
    if member.issym() or member.islnk():
        target = posixpath.join(posixpath.dirname(name), member.linkname) if member.issym() else member.linkname
        blobs.aliases[name] = normal_path(target)
        return
    content = archive.extractfile(member)
    if content is None:
        return
    head = content.read(512)
    layer = open_layer(head, content)
    if layer is not None:
        blobs.add_layer(name, _read_layer(name, layer, visit), member.size)
    elif member.size <= LARGEST_DOCUMENT:
        blobs.documents[name] = head + content.read()


def _read_layer(blob: str, stream: Readable, visit: Visitor) -> int:
    """Report every entry of a layer, and return the bytes of its tar.

    The layer is expanded in a thread: that is half of the work, and Python is not held up by it.
    """
    with prefetched(iter(partial(stream.read, PIECE), b""), LAYER_PIECES_AHEAD) as pieces:
        counted = Counted(pieces)
        with _open_tar(counted) as layer:
            for member in _members(layer):
                facts = make_file_facts(blob, member)
                visit(facts, lambda member=member: layer.extractfile(member) or io.BytesIO())  # type: ignore[misc]
        while counted.read(PIECE):  # padding: reading on to the end also proves that the layer is whole
            pass
        return counted.count


def make_file_facts(blob: str, member: tarfile.TarInfo) -> FileFacts:
    """Return what a tar header says.

    Whiteouts: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
    """
    path = normal_path(member.name)
    folder, _, name = path.rpartition("/")
    if name == OPAQUE:
        return FileFacts(blob, folder, FileKind.OPAQUE)
    if name.startswith(WHITEOUT):
        return FileFacts(blob, posixpath.join(folder, name.removeprefix(WHITEOUT)), FileKind.WHITEOUT)
    kind = _KINDS.get(member.type, FileKind.FILE)
    is_file = kind is FileKind.FILE
    sparse: list[tuple[int, int]] | None = getattr(member, "sparse", None)
    stored = sum(length for _offset, length in sparse) if sparse else member.size
    return FileFacts(
        blob=blob,
        path=path,
        kind=kind,
        size=member.size if is_file else 0,
        stored_bytes=stored if is_file else 0,
        mode=member.mode & 0o7777,
        uid=member.uid,
        gid=member.gid,
        mtime=int(member.mtime),
        link=normal_path(member.linkname) if kind is FileKind.HARD_LINK else member.linkname,
    )


def normal_path(name: str) -> str:
    """Return a path of an archive relative to its root; nothing leads out of it."""
    return posixpath.normpath(f"/{name}").lstrip("/")


class Header(tarfile.TarInfo):
    """A header that is damaged is an error: tarfile itself takes it for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Header:
        try:
            return cls._from_plain(bytes(buf), encoding, errors) or super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if type(error).__name__ in _ENDS:
                raise
            raise DamagedArchiveError(f"The archive is damaged: {error}.", hint="Save the image again.") from error

    @classmethod
    def _from_plain(cls, buffer: bytes, encoding: str, errors: str) -> Header | None:
        """Return what an ordinary header says, in a third of tarfile's time; None for one that tarfile must look at.

        The owner's names and device numbers, which nobody here asks for, are left out.
        """
        if len(buffer) != tarfile.BLOCKSIZE or buffer[156:157] not in _PLAIN_TYPES:
            return None
        name, *numbers, kind, link, prefix = _PLAIN.unpack(buffer)
        header = cls(_text(prefix, encoding, errors) + "/" * (prefix[0] > 0) + _text(name, encoding, errors))
        try:
            header.mode, header.uid, header.gid, header.size, header.mtime, header.chksum = map(_octal, numbers)
        except ValueError:
            return None
        header.type, header.linkname = kind, _text(link, encoding, errors)
        if kind == tarfile.DIRTYPE:
            header.name = header.name.rstrip("/")
        # The checksum counts its own eight bytes as spaces.
        return header if header.chksum == sum(buffer) - sum(buffer[148:156]) + 8 * 32 else None


def _text(field: bytes, encoding: str, errors: str) -> str:
    return field.partition(b"\0")[0].decode(encoding, errors)


def _octal(field: bytes) -> int:
    return int(field.partition(b"\0")[0], 8)


@contextmanager
def _open_tar(stream: Readable) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=PIECE, tarinfo=Header) as archive:  # type: ignore[call-overload]
            yield archive
    except (tarfile.TarError, EOFError) as error:
        raise DamagedArchiveError(
            f"This is no whole image archive: {error}.", hint="Write one with `docker save`."
        ) from error


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the headers, and forget them: tarfile would keep a kilobyte of each."""
    while (member := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]
        yield member
