"""The page of docker_report in a real browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from dockertools.build.history import BuildRecord, StepRecord
from dockertools.image.compare import compare_images
from dockertools.image.limits import Verdict
from dockertools.reports.report_facts import Report
from dockertools.reports.report_html import render_html
from tests.analysed import analysed
from tests.archives import Entry
from tests.docker import skip_or_fail

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
HOSTILE = "</script><img src=x onerror=alert(1)>\x1b[31m\udce9'\"&lt;"
SITE = "opt/venv/lib/python3.11/site-packages"
CHECKS: dict[str, Any] = {
    "schema": "dockertools.check/1",
    "summary": {"pass": 1, "fail": 1},
    "results": [
        {"id": "dockertools.E101", "title": "Libraries", "status": "pass", "message": "All load.", "hint": ""},
        {
            "id": "dockertools.S101",
            "title": "Debugging",
            "status": "fail",
            "message": "It is on.",
            "hint": "Switch it off.",
        },
    ],
}
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Debian's Chromium; playwright itself brings none."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        skip_or_fail("There is no Chromium; scripts/setup --tests installs it.")
    # Chromium's sandbox refuses to run as root, as in a container of CI; the page is our own.
    arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


def make_report(**changes: Any) -> Report:
    layers = (
        [
            Entry("usr/lib/libc.so", b"x" * 400_000),
            Entry("etc/hosts", b"x" * 300),
            Entry(f"{SITE}/Django-5.2.dist-info/METADATA", b"Name: Django\nVersion: 5.2\n"),
            Entry(f"{SITE}/Django-5.2.dist-info/RECORD", b"django/conf.py,,\ndjango/db/models.py,,\n"),
        ],
        [Entry(f"{SITE}/django/conf.py", b"x" * 90_000), Entry(f"{SITE}/django/db/models.py", b"x" * 150_000)],
        [Entry(f"app/{HOSTILE}", b"x" * 50_000), Entry("app/old.bin", b"x" * 60_000)],
        [Entry("app/.wh.old.bin"), Entry("app/new.bin", b"x" * 30_000)],
    )
    instructions = ("base", "COPY /opt/venv /opt/venv", f"COPY {HOSTILE} .", "RUN rm app/old.bin")
    with (
        analysed([Entry("a", b"x" * 1000)]) as before,
        analysed(*layers, instructions=instructions, base_layers=1) as after,
    ):
        facts: dict[str, Any] = {
            "analysis": after[0],
            "lines": (None, 7, 8, 9),
            "comparison": compare_images(*before, *after),
            "compared_with": "the build before",
            "history": tuple(record(number) for number in range(5)),
            "verdicts": (Verdict("max-size", ok=True, message="kept"), Verdict("max-growth", ok=False, message="not")),
            "checks": CHECKS,
        }
    return Report(**{**facts, **changes})


def record(number: int) -> BuildRecord:
    steps = (StepRecord("RUN a", cached=True, seconds=0.0),)
    size, time = 700_000 + 1000 * number, 1.79e9 + 86400 * number
    return BuildRecord("example:latest", f"sha256:{number}", None, size, None, 3.5 + number, time, 0, (), steps)


def render(**changes: Any) -> str:
    report = make_report(**changes)
    assert report.analysis
    return render_html(report, report.analysis, datetime(2026, 11, 25, tzinfo=UTC))


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Open a page; at the end there must have been no error, no dialog, and nothing loaded but the file."""
    troubles: list[str] = []
    contexts = []

    def open_it(text: str | None = None, **options: Any) -> Page:
        file = tmp_path / "report.html"
        file.write_text(text or render(), encoding="utf-8")
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.on("request", lambda request: troubles.extend({request.url} - {file.as_uri()}))
        page.goto(file.as_uri())
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert troubles == []


def cell(page: Page, text: str) -> Any:
    return page.locator("#map button.cell", has_text=text).first


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.id"))


def way(page: Page) -> list[str]:
    return page.locator("#path button").all_inner_texts()


def test_the_page_needs_nothing_but_itself() -> None:
    text = render()
    assert not re.search(r"<(link|iframe|object|embed|base)\b", text)
    assert "default-src &#x27;none&#x27;" in text
    assert "Permission to use, copy, modify, and/or distribute this software" in text
    assert "d3-hierarchy 3.1.3" in text


def test_a_click_zooms_in_and_the_way_leads_back(open_page: Open) -> None:
    page = open_page()
    assert way(page) == ["All layers"]
    cell(page, "line 7: COPY /opt/venv").click(position={"x": 20, "y": 8})
    assert way(page) == ["All layers", "line 7: COPY /opt/venv /opt/venv"]
    assert "models.py" in page.locator("#map").inner_text()
    assert "libc.so" not in page.locator("#map").inner_text()
    page.locator("#path button").first.click()
    assert way(page) == ["All layers"]


def test_the_keyboard_moves_zooms_in_and_out_and_shows_all(open_page: Open) -> None:
    page = open_page()
    cells = page.locator("#map button.cell")
    assert page.locator("#map button.cell[tabindex='0']").count() == 1
    page.locator("#map button.cell[tabindex='0']").focus()
    first = focused(page)
    page.keyboard.press("ArrowRight")
    assert focused(page) != first
    page.keyboard.press("ArrowLeft")
    seen = {focused(page)}
    for key in ("ArrowDown", "ArrowRight", "ArrowDown", "ArrowUp") * 4:
        page.keyboard.press(key)
        seen.add(focused(page))
    assert len(seen) > 3
    assert all(label in {cells.nth(i).get_attribute("aria-label") for i in range(cells.count())} for label in seen)
    cell(page, "line 7").focus()
    page.keyboard.press("Enter")
    assert way(page)[-1] == "line 7: COPY /opt/venv /opt/venv"
    assert "django" in focused(page)
    page.keyboard.press("Enter")
    assert len(way(page)) == 2 + focused(page).count("models.py")
    while len(way(page)) > 1:
        page.keyboard.press("Escape")
    assert "COPY /opt/venv" in focused(page)
    page.keyboard.press("Enter")
    page.keyboard.press("Home")
    assert way(page) == ["All layers"]


def test_what_is_sought_is_counted_listed_and_shown(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("/")
    assert focused(page) == "find"
    page.keyboard.type("DJANGO/db")
    assert page.locator("#found").inner_text() == "1 found, 150 kB"
    assert page.locator("#map .cell.dim").count() > 0
    page.locator("#matches button").click()
    assert "models.py" in focused(page)
    page.fill("#find", "no such file")
    assert page.locator("#found").inner_text().startswith("Nothing found.")
    page.locator("#find").press("Escape")
    assert page.locator("#map .cell.dim").count() == 0


def test_the_box_under_the_pointer_is_told_in_full(open_page: Open) -> None:
    page = open_page()
    cell(page, "libc.so").hover()
    detail = page.locator("#detail").inner_text()
    assert detail.startswith("/usr/lib/libc.so: 400 kB, ")
    assert detail.endswith("in layer 1: base")
    assert page.locator(".cell.gone").count() >= 1


def test_a_package_is_named_and_found_by_its_name(open_page: Open) -> None:
    page = open_page()
    assert cell(page, "(Django 5.2)").count() == 1
    cell(page, "models.py").hover()
    assert "of the package Django 5.2; in line 7" in page.locator("#detail").inner_text()
    page.fill("#find", "Django 5")
    assert page.locator("#found").inner_text() == "1 found, 240 kB"


def test_the_theme_is_the_systems_until_it_is_changed(open_page: Open) -> None:
    page = open_page(color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    page.get_by_role("button", name="Change to light colours").click()
    assert page.evaluate(paper) != dark
    page.get_by_role("button", name="Change to dark colours").click()
    assert page.evaluate(paper) == dark


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
def test_nobody_is_shut_out(open_page: Open, scheme: str, width: int) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    cell(page, "libc.so").wait_for()
    assert violations(page) == []
    page.locator("footer summary").click()
    cell(page, "line 7").click(position={"x": 10, "y": 8})
    page.fill("#find", "models")
    page.locator("#layers-title ~ .scroll th button").first.click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def violations(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page).response["violations"]
    return [(item["id"], node["html"]) for item in found for node in item["nodes"]]


def test_a_heading_sorts_its_table(open_page: Open) -> None:
    page = open_page()
    table = page.locator("#layers-title ~ .scroll table")
    heading = table.get_by_role("button", name="Size")
    sizes = table.locator("tbody tr td:first-child")
    heading.click()
    values = [int(sizes.nth(i).get_attribute("data-value") or 0) for i in range(sizes.count())]
    assert values == sorted(values, reverse=True)
    assert table.locator("th").first.get_attribute("aria-sort") == "descending"
    heading.click()
    assert table.locator("th").first.get_attribute("aria-sort") == "ascending"


def test_names_in_the_image_are_text_and_nothing_else(open_page: Open) -> None:
    page = open_page()
    assert page.locator("img").count() == 0
    page.fill("#find", "onerror")
    assert page.locator("#matches button").count() == 1
    assert "</script><img src=x onerror=alert(1)>" in page.locator("#matches").inner_text()
    assert "\x1b" not in page.content()


def test_the_trend_has_a_point_for_each_build(open_page: Open) -> None:
    page = open_page()
    curves = page.locator("#trend svg")
    assert [curves.nth(place).locator("circle").count() for place in range(2)] == [5, 5]
    label = curves.first.get_attribute("aria-label") or ""
    assert label.startswith("Size, uncompressed: from 700 kB to 704 kB over 5 builds")


def test_one_build_is_no_curve_and_none_is_no_section(open_page: Open) -> None:
    page = open_page(render(history=(record(1),)))
    assert "One build is recorded" in page.locator("main").inner_text()
    assert open_page(render(history=())).locator("#trend-title").count() == 0


def test_rules_changes_savings_and_checks_are_there_to_read(open_page: Open) -> None:
    words = open_page(java_script_enabled=False).locator("main").inner_text()
    for part in ("broken max-growth: not", "against the build before", "Wastes", "dockertools.S101", "Switch it off."):
        assert part in words
    assert "The map needs JavaScript" in words
    assert words.index("dockertools.S101") < words.index("dockertools.E101")


def test_an_image_without_a_file_has_no_map(open_page: Open) -> None:
    with analysed([]) as (analysis, _catalog):
        page = open_page(render_html(Report(analysis=analysis, lines=(None,)), analysis))
    assert page.locator("#map").is_hidden()
    assert violations(page) == []
