from dataclasses import replace
from pathlib import Path

import pytest

from bench.__main__ import APPLICATIONS, main, put_section
from bench.check import CheckRun, render_section
from bench.context import make_tree
from bench.faults import FAULTS, Finding, Scan, left_over, render_list, render_table
from bench.images import Measured, Process, Turn
from bench.images import render_section as render_images
from bench.tools import render_section as render_tools
from bench.variants import Measured as Variant
from bench.variants import render_section as render_variants
from bench.ways.apps import APPS
from dockertools.checks.image import load_image_checks


def test_a_section_is_added_and_then_replaced() -> None:
    text = put_section("# Performance\n", "a", "one\n")
    assert put_section(text, "a", r"two \1" + "\n") == put_section("# Performance\n", "a", r"two \1" + "\n")
    assert put_section(text, "b", "two\n").count("<!-- bench") == 2


def test_a_case_that_does_not_exist_is_wrong_usage() -> None:
    assert main(["nothing"]) == 2


@pytest.mark.parametrize("words", [["--quick"], ["build", "--quick"], ["ways", "--update"], ["ways", "--app", "shop"]])
def test_an_option_that_does_not_go_with_the_case_is_wrong_usage(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(words)
    assert raised.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_the_applications_are_those_of_the_case() -> None:
    assert set(APPLICATIONS) == set(APPS)


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


def make_scans() -> list[Scan]:
    return [
        Scan(
            "docker_check", (Finding("I101", "the image", "USER toor, whose number is 0"), Finding("I404", "/x", "x"))
        ),
        Scan("hadolint", (Finding("DL3025", "Dockerfile", "CMD gunicorn"), Finding("DL3008", "Dockerfile", "RUN apt"))),
        Scan(
            "detect-secrets",
            (
                Finding("Basic Auth", "/app/Dockerfile", "ENV DATABASE_URL=postgres://shop:x@db"),
                Finding("Secret Keyword", "/opt/venv/lib/a.py", "password = 1"),
                Finding("Secret Keyword", "/opt/venv/lib/b.py", "password = 2"),
            ),
            ("layer 1 of 7",),
        ),
    ]


def test_a_tool_has_found_a_fault_where_a_finding_of_it_says_so() -> None:
    rows = {row.split(" | ")[0].removeprefix("| "): row for row in render_table(make_scans())}
    assert rows["`USER toor`, a name whose uid is 0"].endswith("| I101 | - | - (not finished) |")
    assert rows["CMD in shell form"].endswith("| - | DL3025 | - (not finished) |")
    assert rows["`ENV DATABASE_URL` with a password"].endswith("| - | - | Basic Auth, as the Dockerfile was copied |")
    assert rows["**found**"].endswith("| **1 of 30** | **1 of 30** | **1 of 30** |")


def test_what_is_of_no_fault_is_counted_by_kind_and_folder() -> None:
    ours, hadolint, secrets = make_scans()
    assert [finding.place for finding in left_over(ours)] == ["/x"]
    assert [finding.code for finding in left_over(hadolint)] == ["DL3008"]
    line = "- detect-secrets: 2: Secret Keyword (2); in /opt/venv (2); not finished: layer 1 of 7"
    assert render_list([secrets], {secrets.tool: left_over(secrets)}) == [line]
    assert render_list([ours], {ours.tool: ()}) == ["- docker_check: nothing"]


def test_the_section_on_tools_names_their_versions() -> None:
    section = render_tools({"checkov": "3.3"}, make_scans(), make_scans())
    assert "Versions: checkov 3.3." in section
    assert section.count("\n- hadolint: ") == 2


def test_every_check_of_an_image_has_a_fault_in_the_table() -> None:
    ids = {check.id.rpartition(".")[2] for check in load_image_checks()}
    assert {fault.check for fault in FAULTS} == ids


def test_the_section_on_variants_has_a_column_for_each() -> None:
    slim = Variant("slim", 220_000_000, 68_500_000, (2.0, 9.0, 3.0), 4_000_000, 140, 9)
    section = render_variants([slim, replace(slim, name="distroless", system_packages=30)])
    assert "| | slim | distroless |" in section
    assert "| a change of code, `docker_build` included | 3.0 s | 3.0 s |" in section
    assert "| system packages, for scanners to look up | 140 | 30 |" in section
