from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.engine import Engine, connect
from dockertools.errors import CouldNotRunError, DockertoolsError
from dockertools.image.archive import Header, OpenContent, normal_path, read_archive, read_image
from dockertools.image.compression import DamagedArchiveError
from dockertools.image.files import ArchiveFacts, FileFacts, FileKind, ReadProgress
from dockertools.image.prefetch import prefetched
from tests.archives import Entry, Image, folder, hard_link, make_docker_archive, make_layer, make_oci_archive
from tests.docker import docker, temporary_tag

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def read(archive: bytes) -> tuple[ArchiveFacts, list[FileFacts], dict[str, bytes]]:
    files: list[FileFacts] = []
    contents: dict[str, bytes] = {}

    def visit(facts: FileFacts, open_content: OpenContent) -> None:
        files.append(facts)
        if facts.kind is FileKind.FILE:
            contents[facts.path] = open_content().read()

    return read_archive(io.BytesIO(archive), visit), files, contents


def in_members(data: bytes) -> bytes:
    """Compress to several gzip members, as lazily pulled layers are."""
    return b"".join(gzip.compress(data[start : start + 700]) for start in range(0, len(data), 700))


LAYERS = (
    make_layer([folder("./etc/"), Entry("./etc/hosts", b"127.0.0.1 localhost\n"), Entry("/app/a.py", b"a" * 3000)]),
    make_layer([Entry("app/.wh.a.py"), Entry("app/b.py", b"b", mode=0o4755, uid=1000), Entry("var/.wh..wh..opq")]),
)
FORMS: dict[str, Callable[[Image], bytes]] = {
    "docker-archive": make_docker_archive,
    "oci-gzip": make_oci_archive,
    "oci-gzip-members": lambda image: make_oci_archive(image, in_members),
    "oci-zstd": lambda image: make_oci_archive(image, zstd.compress),
    "oci-plain": lambda image: make_oci_archive(image, bytes),
    "oci-nested-index": lambda image: make_oci_archive(image, nested=True),
    "oci-with-docker-manifest": lambda image: make_oci_archive(image, with_docker_manifest=True),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_the_same_files_layers_and_instructions(form: str) -> None:
    image = Image(LAYERS, ("/bin/sh -c #(nop) COPY a /", "RUN /bin/sh -c rm a # buildkit"), {"User": "app"})
    archive, files, contents = read(FORMS[form](image))
    assert [layer.instruction for layer in archive.layers] == ["COPY a /", "RUN rm a"]
    assert [layer.tar_bytes for layer in archive.layers] == [len(layer) for layer in LAYERS]
    assert archive.config["config"] == {"User": "app"}
    assert archive.names == ("example:latest",)
    first, second = (layer.blob for layer in archive.layers)
    assert contents == {"etc/hosts": b"127.0.0.1 localhost\n", "app/a.py": b"a" * 3000, "app/b.py": b"b"}
    assert files == [
        FileFacts(first, "etc", FileKind.DIRECTORY, mode=0o755),
        FileFacts(first, "etc/hosts", FileKind.FILE, 20, 20, 0o644),
        FileFacts(first, "app/a.py", FileKind.FILE, 3000, 3000, 0o644),
        FileFacts(second, "app/a.py", FileKind.WHITEOUT),
        FileFacts(second, "app/b.py", FileKind.FILE, 1, 1, 0o4755, uid=1000),
        FileFacts(second, "var", FileKind.OPAQUE),
    ]


@pytest.mark.parametrize("form", ["docker-archive", "oci-gzip"])
def test_a_layer_that_is_there_twice_is_read_once_and_has_two_places(form: str) -> None:
    archive, files, _contents = read(FORMS[form](Image((LAYERS[0], LAYERS[1], LAYERS[0]))))
    assert len(files) == 6
    assert archive.places(archive.layers[0].blob) == (0, 2)


def test_hard_links_and_symlinks_keep_their_targets() -> None:
    layer = make_layer(
        [
            Entry("bin/a", b"x"),
            hard_link("./bin/b", "./bin/a"),
            Entry("bin/c", kind=tarfile.SYMTYPE, link="../bin/a"),
            Entry("dev/null", kind=tarfile.CHRTYPE),
        ]
    )
    _archive, files, _contents = read(make_oci_archive(Image((layer,))))
    assert [(file.path, file.kind, file.link, file.size) for file in files] == [
        ("bin/a", FileKind.FILE, "", 1),
        ("bin/b", FileKind.HARD_LINK, "bin/a", 0),
        ("bin/c", FileKind.SYMLINK, "../bin/a", 0),
        ("dev/null", FileKind.SPECIAL, "", 0),
    ]


@pytest.mark.parametrize("form", ["gnu", "posix"])
def test_a_sparse_file_has_its_size_and_the_bytes_that_are_stored(tmp_path: Path, form: str) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.seek(1_000_000)
        file.write(b"end")
    argv = ("tar", "--sparse", f"--format={form}", "--create", "--file=layer.tar", "sparse")
    subprocess.run(argv, cwd=tmp_path, check=True)
    _archive, files, contents = read(make_oci_archive(Image(((tmp_path / "layer.tar").read_bytes(),))))
    assert files[0].size == 1_000_003
    assert files[0].stored_bytes < 10_000
    assert contents["sparse"] == bytes(1_000_000) + b"end"


def test_content_that_is_read_in_part_or_not_at_all_is_passed_over() -> None:
    heads: list[bytes] = []

    def visit(facts: FileFacts, open_content: OpenContent) -> None:
        if facts.path.startswith("app/"):
            heads.append(open_content().read(2))

    read_archive(io.BytesIO(make_oci_archive(Image((LAYERS[0],)))), visit)
    assert heads == [b"aa"]


def test_progress_tells_bytes_and_files() -> None:
    archive = make_oci_archive(Image(LAYERS))
    seen: list[ReadProgress] = []
    read_archive(io.BytesIO(archive), lambda _facts, _open: None, seen.append)
    assert seen[-1] == ReadProgress(len(archive), 6)


def test_the_image_that_was_asked_for_is_the_one_returned() -> None:
    other, wanted = Image((LAYERS[0],), name="other:1"), Image((LAYERS[1],), name="wanted:1")
    archive, _files, _contents = read(make_oci_archive(other))
    assert archive.names == ("other:1",)
    manifest = b'[{"Config":"a","RepoTags":["other:1"],"Layers":["0/layer.tar"]},'
    manifest += b'{"Config":"b","RepoTags":["wanted:1"],"Layers":["1/layer.tar"]}]'
    entries = [Entry("0/layer.tar", LAYERS[0]), Entry("1/layer.tar", LAYERS[1])]
    entries += [Entry("a", other.document), Entry("b", wanted.document), Entry("manifest.json", manifest)]
    both = read_archive(io.BytesIO(make_layer(entries)), lambda _facts, _open: None, reference="wanted:1")
    assert both.layers[0].blob == "1/layer.tar"


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_an_archive_that_was_cut_off_is_never_taken_for_a_whole_one(data: st.DataObject) -> None:
    form = FORMS[data.draw(st.sampled_from(sorted(FORMS)))]
    archive = form(Image(LAYERS))
    # The last block with content is the last document; zeros that only pad may be missing.
    end = len(archive.rstrip(b"\0")) // 512 * 512
    with pytest.raises(DamagedArchiveError):
        read(archive[: data.draw(st.integers(0, end - 1024))])


@given(st.binary(max_size=2000))
@settings(deadline=None, max_examples=60)
def test_whatever_is_no_archive_is_said_to_be_none(noise: bytes) -> None:
    with pytest.raises(DamagedArchiveError):
        read(noise)


def _make_header(
    name: str, kind: bytes, link: str, numbers: tuple[int, int, int, int, int], form: Literal[0, 1]
) -> bytes:
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, link
    header.mode, header.uid, header.gid, header.size, header.mtime = numbers
    try:
        return header.tobuf(form, "utf-8", "surrogateescape")[-tarfile.BLOCKSIZE :]
    except ValueError:  # too long, or too large, for this form
        return tarfile.TarInfo("short").tobuf(form)


_HEADERS = st.builds(
    _make_header,
    name=st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=120),
    kind=st.sampled_from(
        [tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE]
    ),
    link=st.text(st.characters(exclude_characters="\0"), max_size=100),
    numbers=st.tuples(*[st.integers(0, 2**limit - 1) for limit in (12, 24, 24, 40, 40)]),
    form=st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT]),
)


@given(_HEADERS, st.dictionaries(st.integers(0, 511), st.integers(0, 255), max_size=3), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_header_is_read_as_tarfile_reads_it(header: bytes, changes: dict[int, int], is_signed: bool) -> None:
    buffer = bytearray(header)
    for place, value in changes.items():
        buffer[place] = value
    if is_signed:
        buffer[148:156] = b"%06o\0 " % (sum(buffer) - sum(buffer[148:156]) + 256)

    def read(kind: type[tarfile.TarInfo]) -> object:
        try:
            found = kind.frombuf(buffer, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, DamagedArchiveError):
            return None
        return (found.name, found.mode, found.uid, found.gid, found.size, found.mtime, found.type, found.linkname)

    assert read(Header) == read(tarfile.TarInfo)


def test_a_damaged_header_inside_a_layer_is_an_error_and_not_the_end() -> None:
    layer = bytearray(LAYERS[0])
    layer[512 + 148] ^= 1
    with pytest.raises(DamagedArchiveError):
        read(make_oci_archive(Image((bytes(layer),))))


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_a_compressed_layer_that_ends_early_is_an_error(compress: Callable[[bytes], bytes]) -> None:
    with pytest.raises(DamagedArchiveError, match=r"ends early|damaged"):
        read(make_oci_archive(Image((LAYERS[0],)), lambda data: compress(data)[:-9]))


def test_an_archive_that_lacks_a_layer_says_which() -> None:
    manifest = b'[{"Config":"a","RepoTags":null,"Layers":["0/layer.tar"]}]'
    archive = make_layer([Entry("a", Image(()).document), Entry("manifest.json", manifest)])
    with pytest.raises(DamagedArchiveError, match=r"0/layer\.tar"):
        read(archive)


def test_without_a_zstd_module_the_hint_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("backports.zstd", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delattr("backports.zstd", raising=False)
    with pytest.raises(CouldNotRunError) as caught:
        read(make_oci_archive(Image(LAYERS), zstd.compress))
    assert "django-dockertools[engine]" in caught.value.hint


@given(st.lists(st.sampled_from(["..", ".", "a", "b/c", "", "é"]), max_size=6))
def test_no_path_leads_out_of_the_image(parts: list[str]) -> None:
    path = normal_path("/".join(parts))
    assert not path.startswith("/")
    assert ".." not in path.split("/")


def test_what_the_fetching_thread_raises_reaches_the_reader() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"abc"
        raise CouldNotRunError("lost")

    with prefetched(pieces()) as stream:
        assert stream.read(2) == b"ab"
        assert stream.read(9) == b"c"
        with pytest.raises(CouldNotRunError, match="lost"):
            stream.read(1)


def test_fetching_ends_when_the_reader_gives_up() -> None:
    given_out = []

    def pieces() -> Iterator[bytes]:
        for number in range(100_000):
            given_out.append(number)
            yield b"x"

    with prefetched(pieces()) as stream:
        stream.read(1)
    assert len(given_out) < 2_000


@pytest.mark.engine
def test_an_image_of_the_engine_is_read_as_its_tar_says(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        "FROM python:3.11-slim-bookworm\nCOPY --chown=1000 note /srv/\nRUN rm /srv/note\n"
    )
    (tmp_path / "note").write_bytes(b"n" * 5000)
    seen: dict[str, list[FileFacts]] = {}

    def visit(facts: FileFacts, _open_content: OpenContent) -> None:
        if facts.path == "srv/note":
            seen.setdefault(facts.blob, []).append(facts)

    with temporary_tag() as tag:
        docker("build", "--quiet", "--provenance=false", "--tag", tag, str(tmp_path))
        archive = read_image(connect(), tag, visit)
        assert archive.layers[-1].instruction == "RUN rm /srv/note"
        copied, removed = (seen[layer.blob][0] for layer in archive.layers[-2:])
        assert (copied.kind, copied.size, copied.uid) == (FileKind.FILE, 5000, 1000)
        assert removed.kind is FileKind.WHITEOUT


@pytest.mark.engine
def test_an_image_that_is_not_there_is_named(engine: Engine) -> None:
    with pytest.raises(DockertoolsError, match="no-such-image-as-this"):
        read_image(connect(), "no-such-image-as-this:1", lambda _facts, _open: None)
