"""BuildOptions -> argv."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dockertools.build.options import BuildOptions


def buildx_argv(options: BuildOptions, metadata_file: Path | str) -> tuple[str, ...]:
    """Return the command that builds the image without a tag and writes its digest to `metadata_file`.

    There is no `--tag`: a build that fails after naming the image would have moved it already.
    """
    return tuple(_words(options, str(metadata_file)))


def tag_argv(image_id: str, tag: str) -> tuple[str, ...]:
    """Return the command that names a finished image."""
    return ("docker", "tag", image_id, tag)


def _words(options: BuildOptions, metadata_file: str) -> Iterator[str]:
    yield from ("docker", "buildx", "build", "--progress=rawjson", "--load", "--provenance=false")
    yield from ("--metadata-file", metadata_file, "--file", str(options.dockerfile))
    if options.target:
        yield from ("--target", options.target)
    if options.no_cache:
        yield "--no-cache"
    for key, value in options.labels:
        yield from ("--label", f"{key}={value}")
    yield str(options.context)
