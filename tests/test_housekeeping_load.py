"""What running containers use: the engine's numbers, and what they mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.engine import connect
from dockertools.housekeeping.belongings import EngineContainer
from dockertools.housekeeping.load import make_load, measure_load
from tests.docker import docker

WEB = EngineContainer(
    "1", "shop-web-1", "web", "shop", "sha256:1", datetime(2026, 11, 25, tzinfo=UTC), 0, is_running=True
)


def stats(used: int = 5 * 10**8, passed: int = 10**9, **memory: Any) -> dict[str, Any]:
    """Return what the engine says of a container that used this much of the time that passed."""
    return {
        "cpu_stats": {"cpu_usage": {"total_usage": used}, "system_cpu_usage": passed, "online_cpus": 4},
        "precpu_stats": {"cpu_usage": {"total_usage": 0}, "system_cpu_usage": 0},
        "memory_stats": {"usage": 300, "stats": {"inactive_file": 100}, **memory},
        "pids_stats": {"current": 7},
    }


def test_cores_and_memory_are_what_docker_stats_shows() -> None:
    load = make_load(WEB, stats(), {"NanoCpus": 1_500_000_000, "Memory": 1000, "PidsLimit": 50})
    assert (load.cpu, load.cpu_limit) == (2.0, 1.5)
    assert (load.memory_bytes, load.memory_limit) == (200, 1000)
    assert (load.processes, load.processes_limit) == (7, 50)
    assert load.service == "web"


@pytest.mark.parametrize(
    ("host", "cpu", "memory", "processes"),
    [
        ({}, None, None, None),
        ({"CpuQuota": 50_000, "CpuPeriod": 100_000}, 0.5, None, None),
        ({"CpuQuota": 200_000, "Memory": 0, "PidsLimit": -1}, 2.0, None, None),
    ],
)
def test_a_limit_that_is_not_set_is_none(
    host: dict[str, int], cpu: float | None, memory: int | None, processes: int | None
) -> None:
    load = make_load(replace(WEB, service=""), stats(), host)
    assert (load.cpu_limit, load.memory_limit, load.processes_limit) == (cpu, memory, processes)
    assert load.service == "shop-web-1"


def test_older_control_groups_call_the_cache_otherwise() -> None:
    load = make_load(WEB, stats(stats={"total_inactive_file": 250}), {})
    assert load.memory_bytes == 50


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**12), st.integers(-10, 10**12))
def test_no_load_is_less_than_none(used: int, passed: int) -> None:
    assert make_load(WEB, stats(used, passed, stats={"inactive_file": 900}), {}).cpu >= 0
    assert make_load(WEB, {}, {}).cpu == 0
    assert make_load(WEB, stats(stats={"inactive_file": 900}), {}).memory_bytes == 0


@pytest.mark.engine
def test_a_real_container_is_measured_and_one_that_is_gone_is_left_out(engine: object) -> None:
    options = ("--memory=64m", "--cpus=0.5", "--pids-limit=20")
    container = docker("run", "--detach", *options, "python:3.11-slim-bookworm", "sleep", "600")
    client = connect()
    try:
        there = replace(WEB, id=container)
        loads = measure_load(client, [there, replace(WEB, id="0" * 64), replace(there, is_running=False)])
    finally:
        client.close()
        docker("rm", "--force", container)
    assert len(loads) == 1
    assert (loads[0].memory_limit, loads[0].cpu_limit, loads[0].processes_limit) == (64 * 2**20, 0.5, 20)
    assert 0 < loads[0].memory_bytes < 64 * 2**20
    assert loads[0].processes == 1
