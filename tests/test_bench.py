from pathlib import Path

from bench.__main__ import main, put_section
from bench.check import CheckRun, render_section
from bench.context import make_tree
from bench.images import Measured, Process, Turn
from bench.images import render_section as render_images


def test_a_section_is_added_and_then_replaced() -> None:
    text = put_section("# Performance\n", "a", "one\n")
    assert put_section(text, "a", r"two \1" + "\n") == put_section("# Performance\n", "a", r"two \1" + "\n")
    assert put_section(text, "b", "two\n").count("<!-- bench") == 2


def test_a_case_that_does_not_exist_is_wrong_usage() -> None:
    assert main(["nothing"]) == 2


def test_the_tree_has_the_files_it_says(tmp_path: Path) -> None:
    count = make_tree(tmp_path, 90)
    assert count == sum(1 for path in tmp_path.rglob("*") if path.is_file()) == 101


def test_the_section_on_checks_has_the_median_and_the_slowest() -> None:
    summary = {"pass": 2, "warn": 0, "fail": 0, "skip": 0}
    runs = [CheckRun(seconds, 1.5, 57, summary, {"C101 apps load": 0.1, "C103 imports": 0.5}) for seconds in (2, 9, 3)]
    section = render_section(runs, {"pyelftools": [1_500_000, 0]})
    assert "**3.0 s** (2.0 to 9.0)" in section
    assert section.index("C103") < section.index("C101")
    assert "| pyelftools | 1.50 MB | 0 B |" in section


def test_the_section_on_images_compares_each_run_with_the_save_beside_it() -> None:
    turns = tuple(
        Turn(Process(save, 30.0), Process(report, 79.0), Process(audit, 96.4))
        for save, report, audit in ((4.0, 4.4, 8.0), (2.0, 3.0, 4.2), (4.0, 4.0, 6.0))
    )
    section = render_images([Measured("shop", 500_000_000, 9000, turns)], 1.8)
    row = "| shop | 500 MB | 9,000 | 4.0 s (2.0 to 4.0) | 4.0 s (3.0 to 4.4), **1.10 x** | 79 MB "
    assert f"{row}| 6.0 s (4.2 to 8.0), **2.00 x** | 96 MB |" in section
    assert "a load average of 2" in section
