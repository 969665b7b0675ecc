"""BuildOptions -> argv."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dockertools.build.options import BuildOptions
from dockertools.build.redact import looks_secret

ARCHIVE = "image.tar"
"""The file beside the metadata that a reproducible image is written to, before the engine gets it."""
# The file with the digest is all that is read; asking for provenance costs a round trip to the engine.
_ENVIRONMENT = {"BUILDX_METADATA_PROVENANCE": "disabled"}


def buildx_argv(options: BuildOptions, metadata_file: Path | str) -> tuple[str, ...]:
    """Return the command that builds the image without a tag and writes its digest to `metadata_file`.

    There is no `--tag`: a build that fails after naming the image would have moved it already. The value of a build
    argument that looks secret is not among the words, where every process could read it: see `buildx_environment`.
    """
    return tuple(_words(options, str(metadata_file)))


def buildx_environment(options: BuildOptions) -> dict[str, str]:
    """Return the variables to add for `buildx_argv`, those that carry secret build arguments among them."""
    secret = {key: value for key, value in options.build_args if value is not None and looks_secret(key, value)}
    return {**_ENVIRONMENT, **secret}


def load_argv(archive: Path) -> tuple[str, ...]:
    """Return the command that puts an archive's image into the engine's store."""
    return ("docker", "load", "--quiet", "--input", str(archive))


def push_argv(tag: str) -> tuple[str, ...]:
    """Return the command that sends a tagged image to its registry."""
    return ("docker", "push", "--quiet", tag)


def _words(options: BuildOptions, metadata_file: str) -> Iterator[str]:
    yield from ("docker", "buildx", "build", "--progress=rawjson")
    yield from ("--metadata-file", metadata_file, "--file", str(options.dockerfile))
    yield f"--provenance={options.provenance or 'false'}"
    if options.source_date_epoch is not None:
        # Times are set in what is exported, not in what is unpacked into the engine's store.
        yield from ("--output", f"type=oci,dest={Path(metadata_file).with_name(ARCHIVE)},rewrite-timestamp=true")
    elif options.is_loaded:
        yield "--load"
    yield from _flags(options)
    yield from _repeated(options)
    yield from options.extra
    yield str(options.context)


def _flags(options: BuildOptions) -> Iterator[str]:
    for flag, wanted in (("--no-cache", options.no_cache), ("--pull", options.pull)):
        if wanted:
            yield flag
    for flag, value in (("--target", options.target), ("--builder", options.builder), ("--sbom", options.sbom)):
        if value:
            yield f"{flag}={value}"


def _repeated(options: BuildOptions) -> Iterator[str]:
    for key, value in options.build_args:
        is_elsewhere = value is None or looks_secret(key, value)
        yield from ("--build-arg", key if is_elsewhere else f"{key}={value}")
    for key, label in options.labels:
        yield from ("--label", f"{key}={label}")
    if options.platforms:
        yield from ("--platform", ",".join(options.platforms))
    specifications = {
        "--secret": options.secrets,
        "--ssh": options.ssh,
        "--cache-from": options.cache_from,
        "--cache-to": options.cache_to,
        "--output": options.outputs,
    }
    for flag, values in specifications.items():
        for specification in values:
            yield from (flag, specification)
