"""Which images, containers, networks and volumes of the engine are this project's.

Images bear the label that `docker_build` puts on them; containers bear compose's label with the project's folder, and
through them its compose projects are known by name. A name that another folder uses too is nobody's to clean up, and
so is an image that the build record of another folder, or another compose project, claims.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockertools.build.history import BuildRecord, read_records, state_file
from dockertools.conf import COMPOSE_FILE_NAMES, Config, image_name
from dockertools.errors import CouldNotRunError
from dockertools.process import ProgramNotFoundError, run

if TYPE_CHECKING:
    from docker import DockerClient

PROJECT_LABEL = "io.dockertools.project"
STAND_IN_LABEL = "io.dockertools.stand-in"
STAND_IN_REPOSITORIES = frozenset(
    {"debian", "mariadb", "node", "postgis/postgis", "postgres", "python", "redis", "registry"}
)
_COMPOSE = "com.docker.compose.project"
_COMPOSE_FOLDER = f"{_COMPOSE}.working_dir"
ATTEMPTS = 5
_ANONYMOUS = "com.docker.volume.anonymous"


@dataclass(frozen=True)
class EngineImage:
    """An image; `bytes` is what only it holds, as far as the engine says, else its size.

    `created` is when it was built, by the build record where it is known: a reproducible image bears an older time.
    """

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
    networks: tuple[str, ...] = ()


@dataclass(frozen=True)
class EngineNetwork:
    """A network of a compose project."""

    id: str
    name: str
    compose_project: str
    created: datetime


@dataclass(frozen=True)
class EngineVolume:
    """A volume of a compose project, or one without a name that its containers made."""

    name: str
    created: datetime
    bytes: int


@dataclass(frozen=True)
class BuildCache:
    """The engine's build cache, which all projects share; `idle` are the bytes that can go, with their last use."""

    bytes: int
    reclaimable_bytes: int
    records: int
    idle: tuple[tuple[datetime, int], ...] = ()


@dataclass(frozen=True)
class Belongings:
    """What the engine holds for the project; what is `foreign_` is in use by containers that are not the project's."""

    project: str
    images: tuple[EngineImage, ...]
    stand_ins: tuple[EngineImage, ...]
    containers: tuple[EngineContainer, ...]
    networks: tuple[EngineNetwork, ...]
    volumes: tuple[EngineVolume, ...]
    cache: BuildCache
    foreign_images: frozenset[str] = frozenset()
    foreign_volumes: frozenset[str] = frozenset()
    foreign_networks: frozenset[str] = frozenset()


def find_belongings(client: DockerClient, config: Config) -> Belongings:
    """Ask the engine for all that is this project's.

    Raises CouldNotRunError when the engine does not answer.
    """
    engine = _Engine(client)
    folders = _compose_folders(config)
    all_containers = engine.containers()
    containers = [item for item in all_containers if _folder(item) in folders]
    foreign = [item for item in all_containers if _folder(item) not in folders]
    names = _compose_projects(config.root, containers, foreign)
    project = image_name(config.root)
    images = engine.images()
    elsewhere = _built_elsewhere(config.root)
    built = {
        record.id: datetime.fromtimestamp(record.finished_at, UTC) for record in read_records(state_file(config.root))
    }
    ours = [item for item in images if _is_ours(item, project, names) and item["Id"] not in elsewhere]
    return Belongings(
        project=project,
        images=tuple(_image(item, built.get(item["Id"]) or engine.created(item["Id"])) for item in ours),
        stand_ins=tuple(_image(item) for item in images if _is_stand_in(item)),
        containers=tuple(_container(item) for item in engine.measure(containers)),
        networks=tuple(_network(item) for item in engine.networks() if _labels(item).get(_COMPOSE) in names),
        volumes=tuple(_volumes(engine.volumes(), names, containers)),
        cache=_cache(engine.cache()),
        foreign_images=frozenset(str(item["ImageID"]) for item in foreign),
        foreign_volumes=frozenset(name for item in foreign for name in _mounted(item)),
        foreign_networks=frozenset(name for item in foreign for name in _connected(item)),
    )


class _Engine:
    """Questions that the SDK cannot ask: its `df()` always asks for everything, which takes long, and lists no sizes.

    https://docs.docker.com/reference/api/engine/version/v1.48/
    """

    def __init__(self, client: DockerClient) -> None:
        self._api: Any = client.api

    def containers(self) -> list[dict[str, Any]]:
        """Return all containers, without what they wrote: that takes long, and fails while another one goes."""
        return list(self._ask("/containers/json", all=1))

    def measure(self, containers: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the containers anew, with what they wrote."""
        ids = [item["Id"] for item in containers]
        return list(self._ask("/containers/json", all=1, size=1, filters=json.dumps({"id": ids}))) if ids else []

    def images(self) -> list[dict[str, Any]]:
        """Return all images; since API 1.42 with what they share with others."""
        return list(self._ask("/images/json", **{"shared-size": 1}))

    def created(self, image: str) -> datetime | None:
        """Return when an image was made: the list knows whole seconds, and two may be built within one."""
        answer = self._get(f"/images/{image}/json")
        text = answer.json().get("Created") if answer.ok else None
        return _time(text) if text else None

    def volumes(self) -> list[dict[str, Any]]:
        """Return all volumes with their size."""
        return list(self._ask("/system/df", type="volume").get("Volumes") or ())

    def cache(self) -> list[dict[str, Any]]:
        """Return the records of the build cache."""
        return list(self._ask("/system/df", type="build-cache").get("BuildCache") or ())

    def networks(self) -> list[dict[str, Any]]:
        """Return all networks."""
        return list(self._ask("/networks"))

    def _ask(self, path: str, **parameters: Any) -> Any:
        """Ask, and again when things are removed meanwhile, which the engine fails upon."""
        for _attempt in range(ATTEMPTS):
            answer = self._get(path, **parameters)
            if answer.ok:
                return answer.json()
        raise CouldNotRunError(
            f"The engine cannot say what it holds: {answer.text.strip()}",
            hint="`docker system df` shows the same; try again when nothing else builds or prunes.",
            code="disk-usage-unknown",
        )

    def _get(self, path: str, **parameters: Any) -> Any:
        from requests.exceptions import RequestException  # noqa: PLC0415  # comes with the extra [engine]

        address = f"{self._api.base_url}/v{self._api.api_version}{path}"
        try:
            return self._api.get(address, params=parameters, timeout=self._api.timeout)
        except RequestException as error:
            raise CouldNotRunError(f"The engine does not answer: {error}", code="engine-lost") from error


def _compose_folders(config: Config) -> frozenset[Path]:
    """Return where compose is run for the project: its root, or the folder of a mode's first file."""
    return frozenset({config.root, *((config.root / files[0]).parent for files in config.modes.values() if files)})


def _folder(item: Mapping[str, Any]) -> Path | None:
    """Return where compose was run for a container; the shell may have called the folder by a link's name."""
    name = _labels(item).get(_COMPOSE_FOLDER)
    return Path(name).resolve() if name else None


def _is_ours(item: Mapping[str, Any], project: str, names: frozenset[str]) -> bool:
    """Whether an image bears the project's label, and not that of a compose project that is somebody else's."""
    labels = _labels(item)
    return labels.get(PROJECT_LABEL) == project and (_COMPOSE not in labels or labels[_COMPOSE] in names)


def _built_elsewhere(root: Path) -> frozenset[str]:
    """Return the images that the build records of other folders claim: a folder of the same name has our label."""
    own = state_file(root)
    claimed = {record.id for file in own.parent.parent.glob("*/builds.jsonl") for record in _others(file, own)}
    return frozenset(claimed - {record.id for record in read_records(own)})


def _others(file: Path, own: Path) -> tuple[BuildRecord, ...]:
    return () if file == own else read_records(file)


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


def _labels(item: Mapping[str, Any]) -> dict[str, str]:
    return item.get("Labels") or {}


def _is_stand_in(item: Mapping[str, Any]) -> bool:
    """Whether it is a base that `scripts/engine` made; what is built upon one has inherited the label."""
    repositories = {name.rpartition(":")[0] for name in item.get("RepoTags") or ()}
    return STAND_IN_LABEL in _labels(item) and bool(repositories & STAND_IN_REPOSITORIES)


def _image(item: Mapping[str, Any], created: datetime | None = None) -> EngineImage:
    shared = item.get("SharedSize", -1)
    size = int(item["Size"])
    return EngineImage(
        id=item["Id"],
        names=tuple(name for name in item.get("RepoTags") or () if name != "<none>:<none>"),
        created=created or datetime.fromtimestamp(item["Created"], UTC),
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
        networks=_connected(item),
    )


def _connected(item: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple((item.get("NetworkSettings") or {}).get("Networks") or ())


def _mounted(item: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(mount["Name"] for mount in item.get("Mounts") or () if mount.get("Type") == "volume")


def _network(item: Mapping[str, Any]) -> EngineNetwork:
    return EngineNetwork(item["Id"], item["Name"], _labels(item)[_COMPOSE], _time(item["Created"]))


def _volumes(
    items: Iterable[Mapping[str, Any]], names: frozenset[str], containers: Iterable[Mapping[str, Any]]
) -> Iterator[EngineVolume]:
    """Yield the compose projects' volumes, and those without a name that the containers made."""
    mounted = {name for container in containers for name in _mounted(container)}
    for item in items:
        labels = _labels(item)
        if labels.get(_COMPOSE) in names or (_ANONYMOUS in labels and item["Name"] in mounted):
            yield _volume(item)


def _volume(item: Mapping[str, Any]) -> EngineVolume:
    usage = item.get("UsageData") or {}
    return EngineVolume(
        name=item["Name"],
        created=_time(item.get("CreatedAt", "")),
        bytes=max(int(usage.get("Size", 0)), 0),
    )


def _cache(records: list[dict[str, Any]]) -> BuildCache:
    idle = [record for record in records if not record.get("InUse") and not record.get("Shared")]
    return BuildCache(
        bytes=sum(int(record["Size"]) for record in records),
        reclaimable_bytes=sum(int(record["Size"]) for record in idle),
        records=len(records),
        idle=tuple((_time(record.get("LastUsedAt") or record["CreatedAt"]), int(record["Size"])) for record in idle),
    )


def _time(text: str) -> datetime:
    """Return the engine's time, whose fraction has up to nine digits; Python before 3.12 reads three or six."""
    try:
        moment = datetime.fromisoformat(text[:19])
    except ValueError:
        return datetime.now(UTC)
    fraction = re.match(r".{19}\.(\d{1,6})", text)
    return moment.replace(microsecond=int(fraction[1].ljust(6, "0")) if fraction else 0, tzinfo=UTC)
