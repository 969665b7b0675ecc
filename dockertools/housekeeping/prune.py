"""What to remove, and removing it. The plan is pure: it is shown before anything happens."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockertools.errors import CouldNotRunError, UsageError
from dockertools.housekeeping.belongings import Belongings, EngineContainer, EngineImage
from dockertools.process import run

if TYPE_CHECKING:
    from docker import DockerClient

KINDS = ("container", "network", "image", "dangling", "stand-in", "cache", "volume")
"""In the order in which they are removed: what uses something goes before it."""
CACHE_ID = "build-cache"
UNNAMED = "<none>"
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, kw_only=True)
class PruneOptions:
    """What may go: of images all but the newest `keep`; only what is older than `older_than`, if given."""

    kinds: frozenset[str]
    keep: int
    older_than: timedelta | None = None
    keep_names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PruneItem:
    """A thing to remove; `bytes` is what the engine says of it, `problem` why it could not be removed."""

    kind: str
    id: str
    name: str
    bytes: int
    removed: bool = False
    problem: str = ""


def parse_age(text: str) -> timedelta:
    """Return `7d`, `12h`, `30m` or `2w` as a time. Raises UsageError for anything else."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*([mhdw])\s*", text)
    if match is None:
        raise UsageError(f"{text!r} is not an age.", hint="Write it like 30m, 12h, 7d or 2w.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def plan(belongings: Belongings, options: PruneOptions, now: datetime) -> tuple[PruneItem, ...]:
    """Return what would be removed, in the order of removal."""
    limit = now - options.older_than if options.older_than else now
    going = [item for item in belongings.containers if not item.is_running and item.created <= limit]
    removed = {item.id for item in going} if "container" in options.kinds else set()
    staying = [container for container in belongings.containers if container.id not in removed]
    items = (
        *(PruneItem("container", item.id, item.name, item.bytes) for item in going),
        *_networks(belongings, staying, limit),
        *_images(belongings, staying, options, limit),
        *_cache(belongings),
        *_volumes(belongings, staying, limit),
    )
    wanted = (item for item in items if item.kind in options.kinds)
    return tuple(sorted(wanted, key=lambda item: KINDS.index(item.kind)))


def _networks(belongings: Belongings, staying: Iterable[EngineContainer], limit: datetime) -> Iterator[PruneItem]:
    """Yield networks of which no container remains: one that stays, running or not, would not start without."""
    in_use = {container.compose_project for container in staying}
    for network in belongings.networks:
        if network.compose_project not in in_use and network.created <= limit:
            yield PruneItem("network", network.id, network.name, 0)


def _images(
    belongings: Belongings, staying: Iterable[EngineContainer], options: PruneOptions, limit: datetime
) -> Iterator[PruneItem]:
    used = {container.image_id for container in staying} | belongings.foreign_images

    def is_free(image: EngineImage) -> bool:
        return image.id not in used and image.created <= limit and not options.keep_names.intersection(image.names)

    named = sorted((image for image in belongings.images if image.names), key=lambda image: image.created, reverse=True)
    for image in named[options.keep :]:
        if is_free(image):
            yield from (_image_item("image", image, name) for name in image.names)
    for image in belongings.images:
        if not image.names and is_free(image):
            yield _image_item("dangling", image, UNNAMED)
    for image in belongings.stand_ins:
        if is_free(image):
            yield from (_image_item("stand-in", image, name) for name in image.names or (UNNAMED,))


def _image_item(kind: str, image: EngineImage, name: str) -> PruneItem:
    """Return the item for one name of an image; its bytes go with its last name."""
    is_last = name == (image.names or (UNNAMED,))[-1]
    return PruneItem(kind, image.id, name, image.bytes if is_last else 0)


def _cache(belongings: Belongings) -> Iterator[PruneItem]:
    if belongings.cache.reclaimable_bytes:
        yield PruneItem("cache", CACHE_ID, "build cache", belongings.cache.reclaimable_bytes)


def _volumes(belongings: Belongings, staying: Iterable[EngineContainer], limit: datetime) -> Iterator[PruneItem]:
    in_use = {name for container in staying for name in container.volumes} | belongings.foreign_volumes
    for volume in belongings.volumes:
        if volume.name not in in_use and volume.created <= limit:
            yield PruneItem("volume", volume.name, volume.name, volume.bytes)


def remove(
    client: DockerClient,
    items: Sequence[PruneItem],
    options: PruneOptions,
    on_item: Callable[[PruneItem], None],
) -> tuple[PruneItem, ...]:
    """Remove the items one by one and return them with what came of it; what another uses by now stays.

    Raises CouldNotRunError when the engine is lost midway.
    """
    done = []
    for item in items:
        result = _remove_item(client, item, options)
        on_item(result)
        done.append(result)
    return tuple(done)


def measure_free_bytes(client: DockerClient) -> int | None:
    """Return the free bytes of the disk that the engine stores on; None where it is not this machine's.

    The disk is asked, not the engine: what it counts as an image's is partly the build cache's as well, and stays.
    """
    api: Any = client.api
    root = Path(str(api.info().get("DockerRootDir", "")))
    if not root.is_dir():
        return None
    space = os.statvfs(root)
    return space.f_bavail * space.f_frsize


def _remove_item(client: DockerClient, item: PruneItem, options: PruneOptions) -> PruneItem:
    from docker.errors import APIError, NotFound  # noqa: PLC0415  # the SDK comes with the extra [engine]
    from requests.exceptions import RequestException  # noqa: PLC0415

    if item.kind == "cache":
        return _prune_cache(item, options)
    try:
        _call(client, item)
    except NotFound:
        return replace(item, problem="it is gone already")
    except APIError as error:
        return replace(item, problem=str(error.explanation or error))
    except RequestException as error:
        raise CouldNotRunError(f"The engine does not answer: {error}", code="engine-lost") from error
    return replace(item, removed=True)


def _call(client: DockerClient, item: PruneItem) -> None:
    api: Any = client.api
    if item.kind == "container":
        api.remove_container(item.id)
    elif item.kind == "network":
        api.remove_network(item.id)
    elif item.kind == "volume":
        api.remove_volume(item.id)
    else:  # by its name: another name of the image, given meanwhile, keeps it
        api.remove_image(item.id if item.name == UNNAMED else item.name)


def prune_cache_argv(older_than: timedelta | None) -> tuple[str, ...]:
    """Return the command that removes the build cache."""
    age = (f"--filter=until={int(older_than.total_seconds())}s",) if older_than else ()
    return ("docker", "buildx", "prune", "--force", *age)


def _prune_cache(item: PruneItem, options: PruneOptions) -> PruneItem:
    done = run(prune_cache_argv(options.older_than), timeout=600)
    if done.returncode:
        return replace(item, problem=done.stderr.strip())
    return replace(item, removed=True)


def total_bytes(items: Iterable[PruneItem]) -> int:
    """Return what the engine says the items hold."""
    return sum(item.bytes for item in items)
