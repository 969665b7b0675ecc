"""The bench of ways to build: what it does with what it measures, and that sizes have not grown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.ways import COMMITTED, Options, check_sizes, render_section
from bench.ways.apps import APPS, ROOT, change_requirement
from bench.ways.parts import parts_of_files, parts_of_history
from bench.ways.plots import write_plots
from bench.ways.report import AppResults, ratios, regressions, size_ratios
from bench.ways.sizes import WayFacts, last_line
from bench.ways.times import Times
from bench.ways.ways import WAYS, Way

HISTORY = tuple(
    json.dumps({"Size": size, "CreatedBy": command})
    for command, size in (
        ("/bin/sh -c #(nop) ADD file:1 in / ", "150000000"),
        ("RUN |1 SOURCE_DATE_EPOCH= /bin/sh -c apt-get update # buildkit", "10000000"),
        ("COPY /opt/layers/1 /opt/venv # buildkit", "60000000"),
        ("COPY /opt/layers/2 /opt/venv # buildkit", "40000000"),
        ("COPY . . # buildkit", "1000000"),
        ("RUN |1 SOURCE_DATE_EPOCH= /bin/sh -c python manage.py collectstatic <<'SCRIPT'\n# buildkit", "9000000"),
        ("COPY /bytecode/1 / # buildkit", "30000000"),
        ('CMD ["gunicorn"]', "0"),
    )
)
OPENED = {
    "/usr/local/bin/python3.11": 30_000_000,
    "/opt/venv/lib/python3.11/site-packages/shop/__init__.py": 45_000_000,
    "/opt/venv/lib/python3.11/site-packages/shop/__pycache__/__init__.cpython-311.pyc": 20_000_000,
    "/app/shop/wsgi.py": 5_000_000,
}


def make_results() -> AppResults:
    times = {
        "single": Times(cold=[50.0], start=[2.0]),
        "guide": Times(cold=[60.0, 80.0, 61.0], added=[30.0], upgraded=[40.0], start=[1.5], code=[1.0]),
        "slim": Times(cold=[30.0], added=[6.0], upgraded=[10.0], start=[1.5], code=[1.0], memory=[2e8]),
    }
    facts = {
        "single": WayFacts("single", 900_000_000, 300_000_000, 1000),
        "guide": WayFacts("guide", 600_000_000, 150_000_000, 1000),
        "init": WayFacts("init", 500_000_000, 90_000_000, 1000, "OSError: cannot load library | libpango"),
        "slim": WayFacts("slim", 300_000_000, 120_000_000, 1000, parts=parts_of_history(HISTORY)),
    }
    return AppResults(facts, times, parts_of_files(OPENED), 150_000_000)


def test_ours_is_compared_with_ways_that_work() -> None:
    found = ratios(make_results())
    assert found["slim, size against single stage"] == pytest.approx(1 / 3)
    assert found["slim, compressed against the smallest other"] == pytest.approx(0.8)
    assert found["slim, size against the files that are opened"] == pytest.approx(3)
    assert found["slim, cold against the fastest other"] == pytest.approx(0.6)
    assert found["slim, start against the fastest other"] == pytest.approx(1)
    assert found["slim, dependency added against the guide"] == pytest.approx(0.2)
    assert not [name for name in found if name.startswith("distroless")]


def test_the_section_says_what_does_not_work_and_how_far_the_runs_are_apart() -> None:
    section = render_section({"heavy": make_results()}, 3, 1.0)
    assert "| **does not work**: OSError: cannot load library / libpango |" in section
    assert "| 61.0 (60.0 to 80.0) |" in section
    assert "| docker_init, slim | 300.0 | 0.33 | 120.0 | 1 | yes |" in section
    assert "| the files that it opens | 100.0 | 0.11 |" in section


def test_the_section_says_what_the_image_is_made_of_and_what_of_it_is_opened() -> None:
    section = render_section({"heavy": make_results()}, 3, 1.0)
    for row in (
        "| the system: interpreter and libraries | 160.0 | 30.0 |",
        "| `/opt/venv` without byte code | 100.0 | 45.0 |",
        "| byte code of what is imported | 30.0 | 20.0 |",
        "| code and static files | 10.0 | 5.0 |",
        "The base image is 150.0 MB, 0.17 of single stage.",
    ):
        assert row in section


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("Traceback\nOSError: no libpango\n\nsee https://example.org\n", "OSError: no libpango"),
        ("it ended\nwithout much ado\n", "without much ado"),
        ("", "no word of it"),
    ],
)
def test_what_does_not_work_is_told_in_one_line(said: str, problem: str) -> None:
    assert last_line(said) == problem


def test_plots_are_the_same_bytes_for_the_same_numbers(tmp_path: Path) -> None:
    results = make_results()
    results.times = {name: Times([1.0], [1.0], [], [1.0], [1.0]) for name in results.facts}
    written = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        written.append([path.read_bytes() for path in write_plots("heavy", results, tmp_path / name)])
    assert written[0] == written[1]
    assert len(written[0]) == 2
    assert b"does not work" in written[0][0]


def test_a_size_that_has_grown_is_named() -> None:
    results = make_results()
    results.facts["distroless"] = WayFacts("distroless", 90_000_000, 30_000_000)
    found = size_ratios(results)
    assert found["slim.size_bytes"] == 0.333
    assert regressions(found, {**found, "slim.size_bytes": 0.331}) == []
    (line,) = regressions(found, {**found, "distroless.size_bytes": 0.09})
    assert line.startswith("distroless.size_bytes is 0.100 of the single stage's, and was 0.090")


@pytest.mark.parametrize("app", APPS)
def test_each_change_is_one_of_a_locked_requirement(app: str) -> None:
    application = APPS[app]
    folder = ROOT if application.name == "cvimprover" else ROOT / "bench/heavy"
    before = (folder / "requirements.txt").read_text(encoding="utf-8")
    for name in application.added:
        assert change_requirement(before, name).count("==") == before.count("==") + 1
    for name in application.upgraded:
        after = change_requirement(before, name)
        assert after.count("==") == before.count("==")
        assert after.count(f"\n{name}==") == 1


@pytest.mark.parametrize("way", [way for way in WAYS if not way.is_ours], ids=lambda way: way.name)
@pytest.mark.parametrize("name", APPS)
def test_a_way_leaves_no_field_of_its_dockerfile_open(way: Way, name: str, tmp_path: Path) -> None:
    way.prepare(APPS[name], tmp_path)
    text = (tmp_path / "Dockerfile").read_text(encoding="utf-8")
    assert "{" not in text.replace("${", "")
    assert APPS[name].application in text


@pytest.mark.engine
@pytest.mark.matrix
def test_the_images_of_the_service_have_not_grown(engine: object) -> None:
    lines: list[str] = []
    assert COMMITTED.exists()
    assert check_sizes(lines.append, Options(("cvimprover",))) == 0, lines
