"""What the project's running services use right now, against what they may use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockertools.errors import CouldNotRunError
from dockertools.housekeeping.belongings import EngineContainer

if TYPE_CHECKING:
    from docker import DockerClient

AT_ONCE = 8


@dataclass(frozen=True)
class ServiceLoad:
    """A running container: `cpu` and `cpu_limit` in cores, memory in bytes; a limit of None is none."""

    service: str
    container: str
    cpu: float
    cpu_limit: float | None
    memory_bytes: int
    memory_limit: int | None
    processes: int
    processes_limit: int | None


def measure_load(client: DockerClient, containers: Iterable[EngineContainer]) -> tuple[ServiceLoad, ...]:
    """Return the load of those that run, asked for at once: the engine looks at each for a second or two."""
    running = [container for container in containers if container.is_running]
    with ThreadPoolExecutor(AT_ONCE) as executor:
        loads = executor.map(lambda container: _measure(client, container), running)
        return tuple(load for load in loads if load)


def _measure(client: DockerClient, container: EngineContainer) -> ServiceLoad | None:
    from docker.errors import APIError, NotFound  # noqa: PLC0415  # the SDK comes with the extra [engine]
    from requests.exceptions import RequestException  # noqa: PLC0415

    api: Any = client.api
    try:
        stats = api.stats(container.id, stream=False)
        settings = api.inspect_container(container.id)["HostConfig"]
    except (NotFound, APIError):  # it ended meanwhile
        return None
    except RequestException as error:
        raise CouldNotRunError(f"The engine does not answer: {error}", code="engine-lost") from error
    return make_load(container, stats, settings)


def make_load(container: EngineContainer, stats: Mapping[str, Any], settings: Mapping[str, Any]) -> ServiceLoad:
    """Return the load that the engine's numbers mean.

    CPU and memory are worked out as `docker stats` does: https://docs.docker.com/reference/api/engine/version/v1.48/#tag/Container/operation/ContainerStats
    """
    memory = stats.get("memory_stats") or {}
    details = memory.get("stats") or {}
    cache = details.get("inactive_file", details.get("total_inactive_file", 0))
    pids = settings.get("PidsLimit") or 0
    return ServiceLoad(
        service=container.service or container.name,
        container=container.name,
        cpu=_cores(stats.get("cpu_stats") or {}, stats.get("precpu_stats") or {}),
        cpu_limit=_cpu_limit(settings),
        memory_bytes=max(int(memory.get("usage", 0)) - int(cache), 0),
        memory_limit=settings.get("Memory") or None,
        processes=int((stats.get("pids_stats") or {}).get("current", 0)),
        processes_limit=pids if pids > 0 else None,
    )


def _cpu_limit(settings: Mapping[str, Any]) -> float | None:
    if settings.get("NanoCpus"):
        return float(settings["NanoCpus"]) / 10**9
    if settings.get("CpuQuota", 0) > 0:
        return float(settings["CpuQuota"]) / float(settings.get("CpuPeriod") or 100_000)
    return None


def _cores(now: Mapping[str, Any], before: Mapping[str, Any]) -> float:
    used = _nested(now, "cpu_usage", "total_usage") - _nested(before, "cpu_usage", "total_usage")
    passed = int(now.get("system_cpu_usage", 0)) - int(before.get("system_cpu_usage", 0))
    return max(used / passed * int(now.get("online_cpus", 1)), 0.0) if passed > 0 else 0.0


def _nested(values: Mapping[str, Any], *keys: str) -> int:
    for key in keys[:-1]:
        values = values.get(key) or {}
    return int(values.get(keys[-1], 0))
