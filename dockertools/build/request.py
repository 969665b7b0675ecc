"""Config and command line -> BuildOptions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dockertools.build.options import BuildOptions
from dockertools.build.reference import normalize_tag
from dockertools.build.source_date import VARIABLE, find_source_date
from dockertools.conf import Config, image_name
from dockertools.errors import DockertoolsError, UsageError
from dockertools.sizes import parse_size

PROGRESS = ("auto", "tty", "plain", "quiet")
"""The ways to show a running build."""


_FOLDER_LABELS = ("io.dockertools.project", "com.docker.compose.project", "com.docker.compose.service")
"""Labels that tell the name of the folder of the project: a reproducible image has those of its Dockerfile."""


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """The options of `docker_build` as they are typed; None and empty stand for "as configured"."""

    tag: str | None = None
    file: str | None = None
    target: str | None = None
    no_cache: bool = False
    pull: bool = False
    push: bool = False
    builder: str | None = None
    build_arg: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    platform: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    sbom: str | None = None
    provenance: str | None = None
    max_size: str | None = None
    reproducible: bool = False
    verify: bool = False


def make_build_options(config: Config, request: BuildRequest) -> BuildOptions:
    """Return what to build for this project.

    `file` is relative to the current folder, as for `docker build`; the configured one to the project's root.
    Raises DockertoolsError when there is no Dockerfile, UsageError for options that cannot be or contradict.
    """
    dockerfile = Path(request.file).resolve() if request.file else config.root / config.dockerfile
    options = BuildOptions(
        context=config.root,
        dockerfile=dockerfile,
        project=config.root,
        tag=normalize_tag(request.tag or config.image),
        labels=(("io.dockertools.project", image_name(config.root)),),
        max_size=config.max_size,
    )
    if not dockerfile.is_file():
        raise missing_dockerfile(dockerfile)
    return with_request(options, request)


def missing_dockerfile(path: Path) -> DockertoolsError:
    """Return the error for a Dockerfile that is not there."""
    return DockertoolsError(
        f"There is no Dockerfile at {path}.",
        hint="Write one with `docker_init`, or name it with --file or DOCKERTOOLS['DOCKERFILE'].",
        code="no-dockerfile",
    )


def with_request(options: BuildOptions, request: BuildRequest) -> BuildOptions:
    """Return the options with those of the command line over them; lists are added to.

    Raises UsageError for options that cannot be or contradict.
    """
    if request.output and request.push:
        raise UsageError(
            "--push and --output exclude each other.", hint="Write --output type=registry,name=IMAGE to push at once."
        )
    if request.output and request.max_size is not None:
        raise UsageError("--max-size needs the image in the engine.", hint="Leave out --output or --max-size.")
    if any(field in ("-", "dest=-") for output in request.output for field in output.split(",")):
        raise UsageError("--output cannot write to standard output.", hint="Name a file: --output type=tar,dest=FILE.")
    platforms = tuple(name for item in request.platform for name in item.split(",") if name)
    merged = replace(
        options,
        target=request.target or options.target,
        no_cache=request.no_cache or options.no_cache,
        pull=request.pull or options.pull,
        push=request.push,
        builder=request.builder,
        build_args=_merge(options.build_args, map(_build_arg, request.build_arg)),
        labels=(*options.labels, *(_label(item) for item in request.label)),
        secrets=(*options.secrets, *request.secret),
        ssh=(*options.ssh, *request.ssh),
        platforms=platforms or options.platforms,
        cache_from=(*options.cache_from, *request.cache_from),
        cache_to=(*options.cache_to, *request.cache_to),
        outputs=request.output,
        sbom=request.sbom,
        provenance=request.provenance,
        max_size=None if request.output else _budget(request.max_size, options.max_size),
    )
    return _reproducible(merged, request) if request.reproducible or request.verify else merged


def _reproducible(options: BuildOptions, request: BuildRequest) -> BuildOptions:
    """Return the options of a build whose digest is to be the same everywhere.

    It takes nothing from the cache: a layer that is older than the commit bears the time at which it was made.
    """
    flag = "--verify" if request.verify else "--reproducible"
    for is_asked, what, hint in _irreproducible(options):
        if is_asked:
            raise UsageError(f"{flag} excludes {what}.", hint=hint)
    moment = find_source_date(dict(options.build_args), options.context)
    return replace(
        options,
        no_cache=True,
        labels=tuple((key, value) for key, value in options.labels if key not in _FOLDER_LABELS),
        build_args=_merge(options.build_args, [(VARIABLE, str(moment))]),
        source_date_epoch=moment,
        is_verified=request.verify,
    )


def _irreproducible(options: BuildOptions) -> Iterator[tuple[bool, str, str]]:
    """Yield what cannot be had together with a digest that is the same everywhere, and what to do instead."""
    yield bool(options.outputs), "--output", "The image goes into the engine; `docker save` writes it from there."
    yield len(options.platforms) > 1, "several platforms", "Build one --platform at a time."
    for flag, value in (("--sbom", options.sbom), ("--provenance", options.provenance)):
        yield (value or "false") != "false", flag, f"What {flag} attaches holds the time of the build. Leave it out."
    has_folder = "--build-context" in options.extra
    yield has_folder, "additional contexts", "Copy what is needed of them into the build's own context."


def _budget(text: str | None, configured: int | None) -> int | None:
    if text is None:
        return configured
    size = parse_size(text)
    if size == 0:
        raise UsageError("--max-size 0 leaves no room for an image.", hint="Write a size such as 400MB.")
    return size


def _merge(
    before: Iterable[tuple[str, str | None]], after: Iterable[tuple[str, str | None]]
) -> tuple[tuple[str, str | None], ...]:
    return tuple({**dict(before), **dict(after)}.items())


def _build_arg(text: str) -> tuple[str, str | None]:
    key, equals, value = text.partition("=")
    if not key or key != key.strip():
        raise UsageError(f"--build-arg {text!r} has no name.", hint="Write --build-arg NAME=VALUE, or NAME alone.")
    return key, value if equals else os.environ.get(key)


def _label(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    if not key.strip():
        raise UsageError(f"--label {text!r} has no name.", hint="Write --label NAME=VALUE.")
    return key, value
