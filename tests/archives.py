"""Image archives made by hand: layers from entries, in each form that image stores write."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

Compress = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Entry:
    """An entry of a layer; `kind` is a tar type."""

    name: str
    content: bytes = b""
    kind: bytes = tarfile.REGTYPE
    link: str = ""
    mode: int = 0o644
    uid: int = 0
    mtime: int = 0


def folder(name: str, mode: int = 0o755) -> Entry:
    return Entry(name, kind=tarfile.DIRTYPE, mode=mode)


def hard_link(name: str, target: str) -> Entry:
    return Entry(name, kind=tarfile.LNKTYPE, link=target)


@dataclass(frozen=True)
class Image:
    """An image to be written: its layers as tars, what made them, and its configuration."""

    layers: Sequence[bytes]
    instructions: Sequence[str] = ()
    config: dict[str, Any] = field(default_factory=dict)
    name: str = "example:latest"

    @property
    def document(self) -> bytes:
        texts = self.instructions or [f"COPY {place} /" for place in range(len(self.layers))]
        history = [{"created_by": text} for text in texts]
        empty = {"created_by": "USER 1000:1000", "empty_layer": True}
        return json.dumps({"config": self.config, "history": [*history, empty], "os": "linux"}).encode()


def make_layer(entries: Iterable[Entry]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            info.type, info.linkname, info.mode = entry.kind, entry.link, entry.mode
            info.uid, info.mtime, info.size = entry.uid, entry.mtime, len(entry.content)
            tar.addfile(info, io.BytesIO(entry.content))
    return out.getvalue()


def write_tar(files: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    entries = [Entry(name, content) for name, content in files.items()]
    entries += [Entry(name, kind=tarfile.SYMTYPE, link=target) for name, target in (links or {}).items()]
    return make_layer(entries)


def make_docker_archive(image: Image) -> bytes:
    """Return what `docker save` wrote before it wrote OCI layouts; a repeated layer is a link."""
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    first: dict[bytes, str] = {}
    names = []
    for place, layer in enumerate(image.layers):
        name = f"{place:064x}/layer.tar"
        names.append(name)
        if layer in first:
            links[name] = f"../{first[layer]}"
        else:
            files[name] = layer
            first[layer] = name
    manifest = [{"Config": "config.json", "RepoTags": [image.name], "Layers": names}]
    return write_tar({**files, "config.json": image.document, "manifest.json": json.dumps(manifest).encode()}, links)


def make_oci_archive(
    image: Image, compress: Compress = gzip.compress, *, with_docker_manifest: bool = False, nested: bool = False
) -> bytes:
    """Return an OCI layout, beside the image an attestation that is none."""
    files: dict[str, bytes] = {}

    def add(content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        files[f"blobs/sha256/{digest}"] = content
        return f"sha256:{digest}"

    layers = [add(compress(layer)) for layer in image.layers]
    config = add(image.document)
    manifest = add(json.dumps({"config": {"digest": config}, "layers": [{"digest": name} for name in layers]}).encode())
    attestation = add(json.dumps({"config": {"digest": config}, "layers": []}).encode())
    entries: list[dict[str, Any]] = [
        {"digest": attestation, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
        {"digest": manifest, "annotations": {"io.containerd.image.name": image.name}},
        {"digest": "sha256:" + "0" * 64, "platform": {"architecture": "arm64"}},
    ]
    if nested:
        entries = [{"digest": add(json.dumps({"manifests": entries}).encode())}]
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
    files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    if with_docker_manifest:
        names = [f"blobs/sha256/{name.removeprefix('sha256:')}" for name in layers]
        document = [
            {"Config": f"blobs/sha256/{config.removeprefix('sha256:')}", "RepoTags": [image.name], "Layers": names}
        ]
        files["manifest.json"] = json.dumps(document).encode()
    return write_tar(files)
