from __future__ import annotations

import io
import re
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from dockertools.build.history import BuildRecord, StepRecord
from dockertools.housekeeping.belongings import Belongings, BuildCache, EngineImage
from dockertools.housekeeping.load import ServiceLoad
from dockertools.image.compare import compare_images
from dockertools.image.limits import Verdict
from dockertools.reports.report_facts import Report, Usage
from dockertools.reports.report_text import print_report
from dockertools.reports.report_trends import sparkline
from dockertools.reports.terminal import make_console
from tests.analysed import analyse, analysed
from tests.archives import Entry

HOSTILE = "app/\x1b]0;title\x07\x1b[2J[bold]é\udce9 name"


def printed(report: Report, *, width: int = 80, verbosity: int = 1, with_history: bool = False) -> str:
    stream = io.StringIO()
    console: Console = make_console(stream)
    console.width = width
    print_report(console, report, with_history=with_history, verbosity=verbosity)
    return stream.getvalue()


def report_of(*layers: list[Entry], instructions: tuple[str, ...] = ()) -> Report:
    analysis = analyse(*layers, instructions=instructions)
    return Report(analysis=analysis, lines=tuple(range(1, len(analysis.layers) + 1)))


def record(number: int, size: int, *, seconds: float = 1.5) -> BuildRecord:
    steps = (StepRecord("RUN a", cached=True, seconds=0.0), StepRecord("RUN b", cached=False, seconds=1.0))
    return BuildRecord("shop:latest", f"sha256:{number}", None, size, None, seconds, 1.8e9 + number, 0, (), steps)


def test_what_an_image_holds_can_do_nothing_to_the_terminal() -> None:
    report = report_of([Entry(HOSTILE, b"x" * 100)], [Entry(HOSTILE, b"y")], instructions=("RUN \x1b[31mred", "RUN b"))
    text = printed(report, width=120)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert "/app/[bold]é" in text
    assert text.encode()


def test_every_line_fits_into_80_columns() -> None:
    long = "RUN " + "apt-get install --yes a-package-with-a-long-name " * 5
    report = report_of([Entry("a" * 200, b"x" * 5_000_000)], [Entry("a" * 200, b"y")], instructions=(long, long))
    assert max(map(len, printed(report).splitlines())) <= 80


def test_more_than_a_screen_is_said_and_shown_on_demand() -> None:
    report = report_of(*([Entry(f"file{number}", b"x")] for number in range(15)))
    assert "and 3 more (--verbosity 2 shows all)" in printed(report)
    assert "more" not in printed(report, verbosity=2)
    assert "Layers" not in printed(report, verbosity=0)


def test_a_layer_shows_its_line_and_what_it_wastes() -> None:
    report = report_of([Entry("a", b"x" * 3_000_000)], [Entry(".wh.a")], instructions=("COPY a /", "RUN rm /a"))
    layers, waste, *_savings = re.findall(r"^.*RUN rm /a.*$", printed(report), re.MULTILINE)
    assert layers.split()[-5:] == ["MB", "2", "RUN", "rm", "/a"]
    assert waste.split() == ["3.00", "MB", "removed", "2", "RUN", "rm", "/a", "/a"]


def test_growth_and_shrinking_are_told_apart() -> None:
    with (
        analysed([Entry("a", b"x" * 1000), Entry("gone", b"x" * 500)]) as before,
        analysed([Entry("a", b"x" * 2500)]) as after,
    ):
        comparison = compare_images(*before, *after)
    text = printed(Report(comparison=comparison, compared_with="the build before"))
    assert "Compared with the build before" in text
    assert "1.00 kB larger (66.7%) than 1.50 kB." in text
    assert re.search(r"\+1\.50 kB +1\.00 kB +2\.50 kB +a\b", text)
    assert re.search(r"-500 B +500 B +- +gone", text)


def test_builds_come_the_newest_first_with_their_change_and_a_line_of_blocks() -> None:
    report = Report(history=tuple(record(number, 10**6 * (100 + number)) for number in range(5)))
    text = printed(report, with_history=True)
    sizes = re.findall(r"^\d{4}-\d\d-\d\d \d\d:\d\d +(\S+ MB) +(\+\S+ MB)?", text, re.MULTILINE)
    assert sizes[0] == ("104 MB", "+1.00 MB")
    assert sizes[-1] == ("100 MB", "")
    assert "size  ▁▃▅▆█  100 MB to 104 MB" in text
    assert "time  ▁▁▁▁▁  1.5 s to 1.5 s" in text


def test_no_recorded_build_is_said() -> None:
    assert "No build of this project is recorded" in printed(Report(), with_history=True)


def usage(*loads: ServiceLoad) -> Usage:
    image = EngineImage("sha256:1", ("shop:latest",), datetime(2026, 1, 1, tzinfo=UTC), 5_000_000)
    cache = BuildCache(7_000_000_000, 3_000_000_000, 12)
    return Usage(Belongings("shop", (image, image), (), (), (), (), cache), loads)


def test_usage_shows_what_is_held_and_used_against_the_limits() -> None:
    load = ServiceLoad("web", "shop-web-1", 0.254, 0.5, 40 * 10**6, 64 * 10**6, 3, 20)
    free = ServiceLoad("db", "shop-db-1", 1.5, None, 2 * 10**9, None, 9, None)
    text = printed(Report(usage=usage(load, free)))
    assert re.search(r"10\.0 MB +2 images", text)
    assert re.search(r"7\.00 GB +build cache of all projects, 3\.00 GB reclaimable", text)
    assert re.search(r"0\.25 +0\.5 +40\.0 MB +64\.0 MB +3 of 20 +web", text)
    assert re.search(r"1\.50 +no limit +2\.00 GB +no limit +9 +db", text)


def test_no_running_service_is_said() -> None:
    assert "No service of the project runs." in printed(Report(usage=usage()))


def test_rules_are_kept_or_broken() -> None:
    verdicts = (Verdict("max-size", ok=True, message="a"), Verdict("max-growth", ok=False, message="b"))
    text = printed(Report(verdicts=verdicts))
    assert "kept  max-size: a" in text
    assert "broken  max-growth: b" in text
    assert not Report(verdicts=verdicts).is_within_limits


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(min_value=0, max_value=1e12), max_size=40))
def test_a_sparkline_has_a_block_for_each_value_in_its_order(values: list[float]) -> None:
    line = sparkline(values)
    assert len(line) == len(values)
    for (one, first), (other, second) in zip(zip(values, line), list(zip(values, line))[1:]):  # noqa: B905
        assert first <= second if one <= other else first >= second
