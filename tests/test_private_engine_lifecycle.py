"""A second private engine, alone in a network of its own, is brought up, killed, brought up again and ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.private_engine.daemon import read_record
from scripts.private_engine.layout import Layout
from tests.private_engine import ROOT, Bench, image_for, make_bench

pytestmark = pytest.mark.engine


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with make_bench(tmp_path) as bench:
        yield bench


def mounts_of(layout: Layout) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f" {layout.root}" in line]


def processes_of(layout: Layout) -> list[str]:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(layout.runtime) in line or str(layout.root) in line:
            lines.append(line)
    return lines


def test_two_calls_at_once_bring_up_one_engine_and_down_ends_all_of_it(bench: Bench) -> None:
    assert bench.engine("status").returncode == 3
    answers: list[subprocess.CompletedProcess[str]] = []
    threads = [threading.Thread(target=lambda: answers.append(bench.engine("up", "--no-images"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.returncode for answer in answers] == [0, 0], answers
    assert sum(answer.stderr.count("Starting the engine") for answer in answers) == 1
    status = bench.engine("status")
    assert status.returncode == 0
    assert f"address: unix://{bench.layout.socket}" in status.stdout
    for plugin in ("buildx", "compose"):
        assert re.search(rf"^{plugin}: .*\d+\.\d+", status.stdout, re.MULTILINE)

    down = bench.engine("down")
    assert "is down" in down.stderr
    assert bench.engine("status").returncode == 3
    assert "No private engine was running" in bench.engine("down").stderr
    assert processes_of(bench.layout) == []
    assert mounts_of(bench.layout) == []
    assert not bench.layout.runtime.exists()
    assert not bench.layout.socket.exists()


def test_the_shell_that_evaluates_env_has_docker_buildx_and_compose(bench: Bench) -> None:
    assert bench.engine("up", "--no-images").returncode == 0
    script = f'eval "$({ROOT}/scripts/engine env)"; docker info >/dev/null; docker buildx ls; docker compose ls'
    done = bench.run("sh", "-euc", script)
    assert done.returncode == 0, done.stderr
    again = bench.run("sh", "-euc", f'eval "$({ROOT}/scripts/engine env)"; {ROOT}/scripts/engine env')
    assert again.stdout == bench.engine("env").stdout


def test_an_engine_that_was_killed_comes_up_again_with_its_containers(bench: Bench, tmp_path: Path) -> None:
    assert bench.engine("up", "--no-images").returncode == 0
    container = bench.docker("run", "--detach", "--restart", "always", image_for(bench, tmp_path), "sleep", "3600")
    before = bench.docker("inspect", "--format", "{{.State.Pid}}", container)
    daemon = read_record(bench.layout.daemon_record)
    assert daemon is not None
    os.kill(daemon.pid, signal.SIGKILL)
    assert bench.engine("up", "--no-images").returncode == 0
    after = bench.docker("inspect", "--format", "{{.State.Running}} {{.State.Pid}}", container).split()
    assert after[0] == "true"
    assert after[1] != before
    assert not Path(f"/proc/{before}").exists()
    bench.docker("rm", "--force", container)


def test_a_purge_leaves_nothing(bench: Bench) -> None:
    assert bench.engine("up", "--no-images").returncode == 0
    assert bench.engine("down", "--purge").returncode == 0
    assert not bench.layout.root.exists()
    assert mounts_of(bench.layout) == []
