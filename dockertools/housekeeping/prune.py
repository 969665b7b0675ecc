"""What to remove: a pure plan, shown before anything happens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from dockertools.errors import UsageError
from dockertools.housekeeping.belongings import Belongings, EngineContainer, EngineImage

KINDS = ("container", "network", "image", "dangling", "stand-in", "cache", "volume")
"""In the order in which they are removed: what uses something goes before it."""
ON_REQUEST = frozenset({"stand-in", "volume"})
"""Other projects may count on the former, and the latter are data: these go only when they are asked for."""
_BY_NAME = frozenset({"container", "network", "volume"})
"""The engine lists these in no order; images come by age."""
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
    """A thing to remove; `bytes` is what the engine says of it, `problem` why it could not be removed.

    `freed_bytes` is what the disk gained by it, None while it is there or where the disk cannot be seen.
    """

    kind: str
    id: str
    name: str
    bytes: int
    removed: bool = False
    problem: str = ""
    freed_bytes: int | None = None


def parse_age(text: str) -> timedelta:
    """Return `7d`, `12h`, `30m` or `2w` as a time. Raises UsageError for anything else."""
    match = re.fullmatch(r"\s*([0-9]{1,6})\s*([mhdw])\s*", text)
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
        *_cache(belongings, limit),
        *_volumes(belongings, staying, limit),
    )
    wanted = (item for item in items if item.kind in options.kinds)
    return tuple(sorted(wanted, key=lambda item: (KINDS.index(item.kind), item.name if item.kind in _BY_NAME else "")))


def _networks(belongings: Belongings, staying: Iterable[EngineContainer], limit: datetime) -> Iterator[PruneItem]:
    """Yield networks of which no container remains: one that stays, running or not, would not start without."""
    staying = tuple(staying)
    projects = {container.compose_project for container in staying}
    in_use = {name for container in staying for name in container.networks} | belongings.foreign_networks
    for network in belongings.networks:
        if network.compose_project not in projects and network.name not in in_use and network.created <= limit:
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


def _cache(belongings: Belongings, limit: datetime) -> Iterator[PruneItem]:
    idle = sum(size for last_used, size in belongings.cache.idle if last_used <= limit)
    if idle:
        yield PruneItem("cache", CACHE_ID, "build cache", idle)


def _volumes(belongings: Belongings, staying: Iterable[EngineContainer], limit: datetime) -> Iterator[PruneItem]:
    in_use = {name for container in staying for name in container.volumes} | belongings.foreign_volumes
    for volume in belongings.volumes:
        if volume.name not in in_use and volume.created <= limit:
            yield PruneItem("volume", volume.name, volume.name, volume.bytes)


def total_bytes(items: Iterable[PruneItem]) -> int:
    """Return what the engine says the items hold."""
    return sum(item.bytes for item in items)
