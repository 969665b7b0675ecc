"""Which images, containers, networks and volumes of the engine are this project's.

Images bear the label that `docker_build` puts on them; containers bear compose's label with the project's folder, and
through them its compose projects are known by name. A name that another folder uses too is nobody's to clean up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockertools.conf import COMPOSE_FILE_NAMES, Config, image_name
from dockertools.errors import CouldNotRunError
from dockertools.process import ProgramNotFoundError, run

if TYPE_CHECKING:
    from docker import DockerClient

PROJECT_LABEL = "io.dockertools.project"
STAND_IN_LABEL = "io.dockertools.stand-in"
STAND_IN_REPOSITORIES = frozenset({"debian", "postgres", "python", "redis", "registry"})
_COMPOSE = "com.docker.compose.project"
_COMPOSE_FOLDER = f"{_COMPOSE}.working_dir"


@dataclass(frozen=True)
class EngineImage:
    """An image; `bytes` is what only it holds, as far as the engine says, else its size."""

    id: str
    names: tuple[str, ...]
    created: datetime
    bytes: int


@dataclass(frozen=True)
class EngineContainer:
    """A container; `bytes` is what it wrote."""

    id: str
    name: str
    service: str
    compose_project: str
    image_id: str
    created: datetime
    bytes: int
    is_running: bool
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True)
class EngineNetwork:
    """A network of a compose project."""

    id: str
    name: str
    compose_project: str
    created: datetime


@dataclass(frozen=True)
class EngineVolume:
    """A volume of a compose project."""

    name: str
    created: datetime
    bytes: int


@dataclass(frozen=True)
class BuildCache:
    """The engine's build cache, which all projects share."""

    bytes: int
    reclaimable_bytes: int
    records: int


@dataclass(frozen=True)
class Belongings:
    """What the engine holds for the project; `foreign_images` and `foreign_volumes` are in use by other containers."""

    project: str
    images: tuple[EngineImage, ...]
    stand_ins: tuple[EngineImage, ...]
    containers: tuple[EngineContainer, ...]
    networks: tuple[EngineNetwork, ...]
    volumes: tuple[EngineVolume, ...]
    cache: BuildCache
    foreign_images: frozenset[str] = frozenset()
    foreign_volumes: frozenset[str] = frozenset()


def find_belongings(client: DockerClient, config: Config) -> Belongings:
    """Ask the engine for all that is this project's.

    Raises CouldNotRunError when the engine does not answer.
    """
    usage = _Usage(client)
    all_containers = usage.read("container", "Containers")
    folder = str(config.root)
    containers = [item for item in all_containers if _labels(item).get(_COMPOSE_FOLDER) == folder]
    foreign = [item for item in all_containers if _labels(item).get(_COMPOSE_FOLDER) != folder]
    names = _compose_projects(config.root, containers, foreign)
    project = image_name(config.root)
    images = usage.read("image", "Images")
    return Belongings(
        project=project,
        images=tuple(_image(item) for item in images if _labels(item).get(PROJECT_LABEL) == project),
        stand_ins=tuple(_image(item) for item in images if _is_stand_in(item)),
        containers=tuple(_container(item) for item in containers),
        networks=tuple(_network(item) for item in _networks(client) if _labels(item).get(_COMPOSE) in names),
        volumes=tuple(
            _volume(item) for item in usage.read("volume", "Volumes") if _labels(item).get(_COMPOSE) in names
        ),
        cache=_cache(usage.read("build-cache", "BuildCache")),
        foreign_images=frozenset(str(item["ImageID"]) for item in foreign),
        foreign_volumes=frozenset(name for item in foreign for name in _mounted(item)),
    )


class _Usage:
    """The engine's disk usage, asked for by kind: the SDK's own `df()` always asks for all of it.

    https://docs.docker.com/reference/api/engine/version/v1.48/#tag/System/operation/SystemDataUsage
    """

    def __init__(self, client: DockerClient) -> None:
        self._api: Any = client.api

    def read(self, kind: str, key: str) -> list[dict[str, Any]]:
        """Return the list of one kind; asked again when things are removed meanwhile, which the engine fails upon."""
        from requests.exceptions import RequestException  # noqa: PLC0415  # comes with the extra [engine]

        address = f"{self._api.base_url}/v{self._api.api_version}/system/df"
        try:
            for _attempt in range(5):
                answer = self._api.get(address, params={"type": kind})
                if answer.ok:
                    return list(answer.json().get(key) or ())
        except RequestException as error:
            raise CouldNotRunError(f"The engine does not answer: {error}", code="engine-lost") from error
        raise CouldNotRunError(
            f"The engine cannot say what it holds: {answer.text.strip()}",
            hint="`docker system df` shows the same; try again when nothing else builds or prunes.",
            code="disk-usage-unknown",
        )


def _compose_projects(
    root: Path, ours: Iterable[Mapping[str, Any]], foreign: Iterable[Mapping[str, Any]]
) -> frozenset[str]:
    """Return the names of the folder's compose projects that no other folder's containers use."""
    names = {_labels(item).get(_COMPOSE, "") for item in ours} | set(_configured_project(root))
    return frozenset(names - {_labels(item).get(_COMPOSE, "") for item in foreign} - {""})


def _configured_project(root: Path) -> Iterator[str]:
    """Yield the name that compose gives the project, also when none of its containers is left."""
    if not any((root / name).is_file() for name in COMPOSE_FILE_NAMES):
        return
    try:
        done = run(("docker", "compose", "config", "--no-interpolate", "--format", "json"), cwd=root)
    except ProgramNotFoundError:
        return
    name = _load_name(done.stdout)
    if name:
        yield name


def _load_name(text: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        return ""
    return str(document.get("name") or "") if isinstance(document, dict) else ""


def _networks(client: DockerClient) -> list[dict[str, Any]]:
    api: Any = client.api
    return list(api.networks())


def _labels(item: Mapping[str, Any]) -> dict[str, str]:
    return item.get("Labels") or {}


def _is_stand_in(item: Mapping[str, Any]) -> bool:
    """Whether it is a base that `scripts/engine` made; what is built upon one has inherited the label."""
    repositories = {name.rpartition(":")[0] for name in item.get("RepoTags") or ()}
    return STAND_IN_LABEL in _labels(item) and bool(repositories & STAND_IN_REPOSITORIES)


def _image(item: Mapping[str, Any]) -> EngineImage:
    shared = item.get("SharedSize", -1)
    size = int(item["Size"])
    return EngineImage(
        id=item["Id"],
        names=tuple(name for name in item.get("RepoTags") or () if name != "<none>:<none>"),
        created=datetime.fromtimestamp(item["Created"], UTC),
        bytes=size - shared if 0 < shared < size else size,
    )


def _container(item: Mapping[str, Any]) -> EngineContainer:
    labels = _labels(item)
    return EngineContainer(
        id=item["Id"],
        name=item["Names"][0].lstrip("/") if item.get("Names") else item["Id"][:12],
        service=labels.get("com.docker.compose.service", ""),
        compose_project=labels.get(_COMPOSE, ""),
        image_id=item["ImageID"],
        created=datetime.fromtimestamp(item["Created"], UTC),
        bytes=int(item.get("SizeRw") or 0),
        is_running=item["State"] in ("running", "paused", "restarting", "removing"),
        volumes=_mounted(item),
    )


def _mounted(item: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(mount["Name"] for mount in item.get("Mounts") or () if mount.get("Type") == "volume")


def _network(item: Mapping[str, Any]) -> EngineNetwork:
    return EngineNetwork(item["Id"], item["Name"], _labels(item)[_COMPOSE], _time(item["Created"]))


def _volume(item: Mapping[str, Any]) -> EngineVolume:
    usage = item.get("UsageData") or {}
    return EngineVolume(
        name=item["Name"],
        created=_time(item.get("CreatedAt", "")),
        bytes=max(int(usage.get("Size", 0)), 0),
    )


def _cache(records: list[dict[str, Any]]) -> BuildCache:
    reclaimable = [record for record in records if not record.get("InUse") and not record.get("Shared")]
    return BuildCache(
        bytes=sum(int(record["Size"]) for record in records),
        reclaimable_bytes=sum(int(record["Size"]) for record in reclaimable),
        records=len(records),
    )


def _time(text: str) -> datetime:
    try:
        # Fractions have nine digits here, and Python before 3.12 reads at most six.
        moment = datetime.fromisoformat(text[:19])
    except ValueError:
        return datetime.now(UTC)
    return moment.replace(tzinfo=UTC)
