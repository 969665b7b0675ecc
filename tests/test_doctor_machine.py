"""The doctor's checks of disk, clock, mounts, and of what a build reaches."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.checks.results import Status
from dockertools.conf import Config
from dockertools.doctor.build_facts import find_base, find_problem, read_sources, shell_proxies
from dockertools.doctor.machine_checks import judge_disk
from dockertools.doctor.machine_facts import (
    MachineFacts,
    Reclaimable,
    inspect_host,
    inspect_machine,
    measure_disk,
    parse_usage,
)
from tests.doctor_facts import BUILD, DISK, ENGINE, GB, INFO, MACHINE, NO_ENGINE, SOURCE, judge, only

IDS = ("D201", "D202", "D203", "D301", "D302", "D303", "D304", "D305")
BIG = (Reclaimable("Build Cache", 90 * GB, 80 * GB), Reclaimable("Local Volumes", 90 * GB, 90 * GB))


@pytest.mark.parametrize("check_id", IDS)
def test_nothing_is_wrong_where_nothing_is(check_id: str) -> None:
    assert only(judge(check_id)).status is Status.PASS


@pytest.mark.parametrize("check_id", IDS)
def test_without_an_engine_it_is_not_known(check_id: str) -> None:
    machine = replace(MACHINE, store=None, usage=())
    assert only(judge(check_id, engine=NO_ENGINE, machine=machine, build=None)).evidence["code"] == "no-engine"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"free_bytes": 4 * GB}, "disk-low"),
        ({"free_bytes": GB - 1}, "disk-full"),
        ({"free_inodes": 49}, "inodes-low"),
        ({"free_inodes": 0}, "inodes-low"),
    ],
)
def test_a_disk_that_is_nearly_full(changes: dict[str, Any], code: str) -> None:
    outcome = only(judge("D201", machine=replace(MACHINE, store=replace(DISK, **changes))))
    assert outcome.evidence["code"] == code
    assert "docker_prune --dry-run" in outcome.hint


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 20 * GB), st.integers(0, 1000), st.sampled_from([0, 1000]))
def test_any_disk_is_judged_and_one_without_inodes_is_not_short_of_them(free: int, inodes: int, of: int) -> None:
    outcomes = list(judge_disk(replace(DISK, free_bytes=free, free_inodes=min(inodes, of), inodes=of), "prune"))
    assert outcomes
    assert all(outcome.hint or outcome.status is Status.PASS for outcome in outcomes)
    assert of or "inodes-low" not in {outcome.evidence["code"] for outcome in outcomes}


def test_an_engine_on_another_machine_has_a_disk_that_is_not_seen() -> None:
    outcome = only(judge("D201", machine=replace(MACHINE, store=None)))
    assert outcome.evidence["code"] == "store-elsewhere"


def test_much_that_could_be_given_back_is_named_by_kind() -> None:
    full = replace(MACHINE, usage=BIG, store=replace(DISK, free_bytes=30 * GB))
    outcome = only(judge("D202", machine=full))
    assert outcome.evidence == {"code": "much-reclaimable", "build_cache": 80 * GB, "local_volumes": 90 * GB}
    assert only(judge("D202", machine=replace(full, usage=(), usage_problem="it hangs"))).status is Status.SKIP


@pytest.mark.parametrize(("skew", "error", "status"), [(40, 1, "fail"), (-40, 1, "fail"), (6, 2, "pass")])
def test_clocks_that_differ_by_more_than_the_question_took(skew: float, error: float, status: str) -> None:
    engine = replace(ENGINE, info=replace(INFO, skew=skew, skew_error=error))
    outcome = only(judge("D203", engine=engine))
    assert outcome.status.value == status


def test_what_system_df_says_is_read_line_by_line() -> None:
    lines = ['{"Type":"Images","Size":"25.5GB","Reclaimable":"3.2kB (100%)"}', "{}", "no", '{"Type":"X","Size":"?"}']
    assert list(parse_usage(lines)) == [Reclaimable("Images", 25_500_000_000, 3200)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    argv = ("mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=10", "tmpfs", str(folder))
    if subprocess.run(argv, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield folder
    finally:
        subprocess.run(("umount", str(folder)), check=True)


def test_a_small_disk_is_measured_and_found_full_in_bytes_and_inodes(small_disk: Path) -> None:
    for number in range(9):
        (small_disk / str(number)).touch()
    codes = {outcome.evidence["code"] for outcome in judge_disk(measure_disk(small_disk), "prune")}
    assert codes == {"disk-full", "inodes-low"}


def test_this_machine_is_looked_at(tmp_path: Path) -> None:
    machine: MachineFacts = inspect_machine(None)
    assert machine.store is None
    assert machine.usage_problem == "no engine answers"
    assert inspect_host().file_system(tmp_path)


# --- inside a build ---


@pytest.mark.parametrize(
    ("check_id", "changes", "code", "words"),
    [
        ("D302", {"lookup_problem": "Name or service not known"}, "name-not-found", '"dns": ["192.0.2.53"]'),
        ("D303", {"failure": "connection", "said": "timed out"}, "connection-fails", "docker run --rm"),
        (
            "D303",
            {"failure": "connection", "said": "refused", "proxy": "http://127.0.0.1:3128"},
            "proxy-on-loopback",
            "172.17.0.1",
        ),
        ("D303", {"status": 407, "proxy": "http://proxy:3128"}, "proxy-denies", "proxies"),
        ("D304", {"failure": "certificate", "said": "self-signed"}, "certificate-untrusted", "update-ca-certificates"),
        ("D305", {"clock_error": -400.0}, "clock-wrong", "set-ntp"),
    ],
)
def test_what_a_build_cannot_reach_is_found(check_id: str, changes: dict[str, Any], code: str, words: str) -> None:
    outcome = only(judge(check_id, build=replace(BUILD, sources=(replace(SOURCE, **changes),))))
    assert outcome.evidence["code"] == code
    assert words in outcome.hint


def test_a_proxy_of_the_shell_that_builds_do_not_know() -> None:
    sources = (replace(SOURCE, lookup_problem="no name"),)
    build = replace(BUILD, sources=sources, shell_proxies={"https_proxy": "http://proxy:3128"})
    outcome = only(judge("D303", build=build))
    assert outcome.evidence["code"] == "proxy-not-passed"
    assert '"httpProxy": "http://proxy:3128"' in outcome.hint


def test_a_build_that_fails_is_said_once() -> None:
    build = replace(BUILD, sources=(), problem="failed to solve: python:3.13: not found")
    assert only(judge("D301", build=build)).evidence["code"] == "build-failed"
    for check_id in ("D302", "D303", "D304", "D305"):
        assert only(judge(check_id, build=build)).evidence["code"] == "probe-failed"


def test_names_behind_a_proxy_are_its_own_affair() -> None:
    sources = (replace(SOURCE, lookup_problem="no name", proxy="http://proxy:3128"),)
    assert only(judge("D302", build=replace(BUILD, sources=sources))).status is Status.PASS


def test_the_base_is_that_of_the_dockerfile_with_its_arguments_filled_in(tmp_path: Path) -> None:
    config = Config(root=tmp_path, image="shop:latest", python_version="3.12")
    assert find_base(config) == "python:3.12-slim-trixie"
    (tmp_path / "Dockerfile").write_text(
        "ARG PYTHON=3.11\nFROM node:20 AS front\nFROM python:${PYTHON}-slim AS base\nFROM base\nFROM scratch\n"
    )
    assert find_base(config) == "python:3.11-slim"


def test_buildkits_reason_and_the_scripts_answers_are_read() -> None:
    said = "#5 ERROR: x\n------\n > [probe 2/2]\nERROR: failed to solve: it is not there\n"
    assert find_problem(said) == "failed to solve: it is not there"
    assert find_problem("") == "no message"
    document = {
        "time": 1_795_600_000.0,
        "sources": [{"what": "x", "host": "h", "port": 80, "date": "Wed, 25 Nov 2026 09:45:40 GMT"}, {"date": "?"}],
    }
    first, second = read_sources(document)
    assert (first.clock_error, second.clock_error) == (60.0, None)
    assert shell_proxies({"HTTP_PROXY": "http://a:b@p:1", "https_proxy": "", "NO_PROXY": "x"}) == {
        "HTTP_PROXY": "http://p:1"
    }
