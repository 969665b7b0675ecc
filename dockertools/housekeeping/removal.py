"""Remove what was planned, one thing after the other, and measure what the disk gains."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockertools.errors import CouldNotRunError
from dockertools.housekeeping.prune import UNNAMED, PruneItem, PruneOptions

if TYPE_CHECKING:
    from docker import DockerClient

ANSWER_SECONDS = 1800
"""How long the engine may take for an answer: a full build cache has hundreds of thousands of files."""


@dataclass(frozen=True)
class Removing:
    """An item is about to be removed."""

    item: PruneItem


@dataclass(frozen=True)
class Removed:
    """An item was removed, or could not be: then it has a problem."""

    item: PruneItem


Event = Removing | Removed


def remove(
    client: DockerClient, items: Iterable[PruneItem], options: PruneOptions, on_event: Callable[[Event], None]
) -> None:
    """Remove the items in their order and tell what came of each; what another uses by now stays.

    Raises CouldNotRunError when the engine is lost midway.
    """
    store = find_store(client) if (items := tuple(items)) else None
    for item in items:
        on_event(Removing(item))
        before = _free_bytes(store)
        result = _remove_item(client, item, options)
        after = _free_bytes(store)
        if result.removed and before is not None and after is not None:
            result = replace(result, freed_bytes=max(after - before, 0))
        on_event(Removed(result))


def find_store(client: DockerClient) -> Path | None:
    """Return the folder in which the engine stores; None where it is not on this machine.

    Raises CouldNotRunError when the engine does not answer.
    """
    from docker.errors import APIError  # noqa: PLC0415  # the SDK comes with the extra [engine]
    from requests.exceptions import RequestException  # noqa: PLC0415

    api: Any = client.api
    try:
        info = api.info()
    except (APIError, RequestException) as error:
        raise CouldNotRunError(f"The engine does not answer: {error}", code="engine-lost") from error
    folder = Path(str(info.get("DockerRootDir", "")))
    is_here = str(api.base_url).startswith("http+docker://") and info.get("Name") == socket.gethostname()
    return folder if is_here and folder.is_dir() else None


def freed_bytes(items: Iterable[PruneItem]) -> int | None:
    """Return what the disk gained by all removals; None where that cannot be seen.

    The disk is asked, not the engine: what it counts as an image's is partly the build cache's as well, and stays.
    """
    gains = [item.freed_bytes for item in items if item.removed]
    return None if None in gains else sum(gain for gain in gains if gain is not None)


def _free_bytes(store: Path | None) -> int | None:
    if store is None:
        return None
    space = os.statvfs(store)
    return space.f_bfree * space.f_frsize


def _remove_item(client: DockerClient, item: PruneItem, options: PruneOptions) -> PruneItem:
    from docker.errors import APIError, NotFound  # noqa: PLC0415  # the SDK comes with the extra [engine]
    from requests.exceptions import RequestException  # noqa: PLC0415

    try:
        _call(client, item, options)
    except NotFound:
        return replace(item, problem="it is gone already")
    except APIError as error:
        return replace(item, problem=str(error.explanation or error))
    except RequestException as error:
        raise CouldNotRunError(f"The engine does not answer: {error}", code="engine-lost") from error
    return replace(item, removed=True)


def _call(client: DockerClient, item: PruneItem, options: PruneOptions) -> None:
    api: Any = client.api
    if item.kind == "container":
        api.remove_container(item.id)
    elif item.kind == "network":
        api.remove_network(item.id)
    elif item.kind == "volume":
        api.remove_volume(item.id)
    elif item.kind == "cache":
        age = options.older_than
        api.prune_builds(filters={"until": f"{int(age.total_seconds())}s"} if age else None)
    else:  # by its name: another name of the image, given meanwhile, keeps it
        api.remove_image(item.id if item.name == UNNAMED else item.name)
