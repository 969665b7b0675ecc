"""Which image is reported, and which it is compared with: named, recorded, or built for it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from dockertools.build.dockerfile import Stage, chain_of, read_stages
from dockertools.build.driver import Listener, build_image
from dockertools.build.history import BuildRecord, read_records, state_file
from dockertools.build.options import BuildOptions
from dockertools.build.request import BuildRequest, extend_dockerfile, make_build_options
from dockertools.conf import Config
from dockertools.errors import CouldNotRunError, DockertoolsError
from dockertools.files import read_text

if TYPE_CHECKING:
    from docker import DockerClient

BUILDER = "builder"
SINGLE_STAGE = "single-stage"
PREVIOUS = "previous"
_TEMPORARY = "dockertools-report"


@dataclass(frozen=True)
class Subject:
    """An image to look at: how the engine finds it, what to call it, and the stage that it was built of.

    `id` is empty where the engine has no such image; `tag` and `target` are those of its build record.
    """

    reference: str
    title: str
    id: str = ""
    tag: str = ""
    target: str | None = None


def read_history(config: Config) -> tuple[BuildRecord, ...]:
    """Return the project's recorded builds, oldest first."""
    return read_records(state_file(config.root))


def find_subject(client: DockerClient, config: Config, name: str | None, records: Sequence[BuildRecord]) -> Subject:
    """Return the image that is named, by default the project's last build, else the configured image."""
    last = records[-1] if records else None
    reference = name or (last.tag if last and _id(client, last.tag) else config.image)
    image_id = _id(client, reference)
    names = (reference, f"{reference}:latest")
    builds = [item for item in records if item.id == image_id]
    record = next((item for item in reversed(builds) if item.tag in names), builds[-1] if builds else None)
    if record:
        return Subject(reference, reference, image_id, record.tag, record.target)
    tag = reference if repository(reference) != reference else names[1]
    return Subject(reference, reference, image_id, tag)


def earlier_builds(this: Subject, records: Sequence[BuildRecord]) -> tuple[BuildRecord, ...]:
    """Return the recorded builds of the same name and stage before the one that `this` is, oldest first."""
    same = [item for item in records if (item.tag, item.target) == (this.tag, this.target)]
    places = [place for place, item in enumerate(same) if item.id == this.id]
    before = same[: places[-1]] if places else same
    return tuple(item for item in before if item.id != this.id)


def no_previous(this: Subject, reason: str) -> CouldNotRunError:
    """Return the error for an earlier build that is not there."""
    return CouldNotRunError(
        f"No earlier build of {this.title} {reason}.",
        hint="Name the image to compare with: --compare IMAGE.",
        code="no-previous-build",
    )


@contextmanager
def other_subject(
    client: DockerClient,
    config: Config,
    name: str,
    this: Subject,
    watch: AbstractContextManager[Listener],
) -> Iterator[Subject]:
    """Give the image to compare with: an image, a tag of the same one, `previous`, `builder` or `single-stage`.

    The last two are built for the time of the block, `watch` shows it. Raises DockertoolsError when there is no such
    image, CouldNotRunError when no earlier build is left.
    """
    if name in (BUILDER, SINGLE_STAGE):
        with _built(client, config, name, watch) as subject:
            yield subject
    elif name == PREVIOUS:
        yield find_previous(client, this, read_history(config))
    else:
        sibling = f"{repository(this.reference)}:{name}"
        is_tag = not _id(client, name) and _id(client, sibling)
        yield Subject(sibling, sibling) if is_tag else Subject(name, name)


def find_previous(client: DockerClient, this: Subject, records: Sequence[BuildRecord]) -> Subject:
    """Return the build before the one that `this` is.

    Raises CouldNotRunError when none is recorded, or its image is gone.
    """
    earlier = earlier_builds(this, records)
    for record in reversed(earlier):
        if _id(client, record.id):
            return Subject(record.id, f"the build before ({record.id.removeprefix('sha256:')[:12]})")
    raise no_previous(this, "is in the engine any more" if earlier else "is recorded on this machine")


@contextmanager
def _built(
    client: DockerClient, config: Config, name: str, watch: AbstractContextManager[Listener]
) -> Iterator[Subject]:
    tag = f"{_TEMPORARY}/{name}:{uuid4().hex[:12]}"
    with tempfile.TemporaryDirectory(prefix="dockertools-") as folder:
        options = make_variant(make_build_options(config, BuildRequest(tag=tag, target=BUILDER)), name, Path(folder))
        try:
            with watch as listener:
                build_image(options, listener)
            yield Subject(tag, "the builder stage" if name == BUILDER else "a single stage")
        finally:
            _forget(client, tag)


def make_variant(options: BuildOptions, name: str, folder: Path) -> BuildOptions:
    """Return the build of the builder stage, or of the same with all the code copied into it: a single stage.

    The Dockerfile for that is written into `folder`, its ignore file beside it as BuildKit looks for it there.
    Raises DockertoolsError when the Dockerfile has no stage `builder`.
    """
    text = read_text(options.dockerfile) or ""
    stages = read_stages(text)
    if not any((stage.name or "").lower() == BUILDER for stage in stages):
        raise DockertoolsError(
            f"{options.dockerfile} has no stage `{BUILDER}` to compare with.",
            hint=f"Name it `FROM ... AS {BUILDER}`, or compare with an image: --compare IMAGE.",
            code="no-builder-stage",
        )
    options = replace(options, max_size=None, is_recorded=False)
    if name == BUILDER:
        return options
    code = f"\nFROM {BUILDER} AS dockertools-{SINGLE_STAGE}\nWORKDIR {last_workdir(stages)}\nCOPY . .\n"
    return replace(extend_dockerfile(options, code, folder), target=f"dockertools-{SINGLE_STAGE}")


def last_workdir(stages: tuple[Stage, ...]) -> str:
    """Return the last stage's WORKDIR: where the code goes."""
    folders = [item.value for item in chain_of(stages, None) if item.name == "WORKDIR"]
    return folders[-1] if folders else "/app"


def _forget(client: DockerClient, tag: str) -> None:
    from docker.errors import APIError  # noqa: PLC0415  # the SDK comes with the extra [engine]

    api: Any = client.api
    try:
        api.remove_image(tag)
    except APIError:  # the build failed, and there is none
        return


def repository(reference: str) -> str:
    """Return the name of an image without its tag."""
    head, colon, tail = reference.rpartition(":")
    return head if colon and "/" not in tail else reference


def _id(client: DockerClient, reference: str) -> str:
    from docker.errors import APIError  # noqa: PLC0415  # the SDK comes with the extra [engine]

    api: Any = client.api
    try:
        return str(api.inspect_image(reference)["Id"])
    except APIError:  # no such image, or no name that an image can have
        return ""
