"""gunicorn.conf.py fits workers to the limits of the container."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

CONFIGURATION = Path(__file__).parent.parent / "gunicorn.conf.py"


@pytest.fixture
def limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that loads the configuration under the given cgroup files and CPUs."""
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)

    def load(files: dict[str, str], cpus: int = 8) -> int:
        monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(cpus)))
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(f"{text}\n")
        names = runpy.run_path(str(CONFIGURATION))
        workers = names["worker_count"]
        workers.__globals__["CGROUP"] = tmp_path
        return int(workers())

    return load


@pytest.mark.parametrize(
    ("files", "cpus", "expected"),
    [
        pytest.param({}, 2, 5, id="no limits: two a CPU and one more"),
        pytest.param({"cpu.max": "100000 100000"}, 8, 3, id="v2: a quota of one CPU"),
        pytest.param({"cpu.max": "50000 100000"}, 8, 2, id="v2: half a CPU"),
        pytest.param({"cpu.max": "max 100000", "memory.max": "max"}, 2, 5, id="v2: unlimited"),
        pytest.param({"memory.max": "268435456"}, 8, 2, id="v2: 256 MiB"),
        pytest.param({"memory.max": "1000000"}, 8, 1, id="v2: too little for one, so one"),
        pytest.param(
            {"cpu/cpu.cfs_quota_us": "150000", "cpu/cpu.cfs_period_us": "100000"}, 8, 4, id="v1: one CPU and a half"
        ),
        pytest.param({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 2, 5, id="v1: unlimited"),
        pytest.param({"memory/memory.limit_in_bytes": "419430400"}, 8, 3, id="v1: 400 MiB"),
    ],
)
def test_workers_follow_cpu_and_memory(limits: Any, files: dict[str, str], cpus: int, expected: int) -> None:
    assert limits(files, cpus) == expected


def test_web_concurrency_decides(limits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "7")
    assert limits({"memory.max": "1000000"}) == 7
