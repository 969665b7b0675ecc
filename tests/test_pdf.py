"""PDFs as the service answers them: by this Python where it has cairo, and by the production image."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from cvimprover.document import parse_document
from cvimprover.pdf import Content, draw_pdf
from tests.docker import ask, docker, service

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
needs_cairo = pytest.mark.skipif(find_spec("cairo") is None, reason="pycairo is not installed; the image has it")

Headers = dict[str, str]
Fetch = Callable[..., tuple[Headers, bytes]]


@pytest.fixture(scope="module")
def container(production_image: str) -> Iterator[tuple[str, str]]:
    """The container and the URL of a service."""
    with service(production_image, "--tmpfs=/data:uid=1000,gid=1000,mode=0700") as found:
        yield found


@pytest.fixture(scope="module")
def container_url(container: tuple[str, str]) -> str:
    return container[1]


def by_this_python(request: pytest.FixtureRequest) -> Fetch:
    request.getfixturevalue("db")

    def fetch(**fields: str) -> tuple[Headers, bytes]:
        client = Client()
        created = client.post("/api/cvs/", fields, content_type="application/json")
        answer = client.get(f"{created.json()['url']}/pdf")
        assert answer.status_code == 200
        return dict(answer.items()), answer.content

    return fetch


def by_the_image(request: pytest.FixtureRequest) -> Fetch:
    url = request.getfixturevalue("container_url")

    def fetch(**fields: str) -> tuple[Headers, bytes]:
        created = ask("POST", f"{url}/api/cvs/", fields)
        answer = ask("GET", f"{url}{created.json()['url']}/pdf")
        assert answer.status == 200
        return dict(answer.headers.items()), answer.body

    return fetch


@pytest.fixture(
    params=[
        pytest.param(by_this_python, marks=needs_cairo, id="host"),
        pytest.param(by_the_image, marks=pytest.mark.engine, id="image"),
    ]
)
def fetch(request: pytest.FixtureRequest) -> Fetch:
    """A function that stores a CV and returns the headers and the bytes of its PDF."""
    made: Fetch = request.param(request)
    return made


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


def test_a_cv_becomes_pages_of_a4_with_its_name_and_numbers(fetch: Fetch) -> None:
    headers, pdf = fetch(name="Ada Lovelace", title="Programmer", text="Experience\n\n" + "- Built an engine\n" * 120)
    reader = PdfReader(BytesIO(pdf))
    assert headers["Content-Type"] == "application/pdf"
    assert re.fullmatch(r'inline; filename="cv-[0-9]+[.]pdf"', headers["Content-Disposition"])
    assert "X-PDF-Warning" not in headers
    assert len(reader.pages) == 3
    for number, page in enumerate(reader.pages, 1):
        assert (round(page.mediabox.width), round(page.mediabox.height)) == (595, 842)
        assert "Ada Lovelace" in page.extract_text()
        assert f"Page {number} of 3" in page.extract_text()
    assert text_of(pdf).count("Built an engine") == 120


def test_latin_greek_and_cyrillic_are_set_in_dejavu(fetch: Fetch) -> None:
    lines = ("Œuvre déjà naïve, Łódź, ŐŰ", "Ἄνδρες Ἀθηναῖοι, γεωμετρία", "Съешь ещё булок, Ђорђе, Київ")
    headers, pdf = fetch(name="Ωμέγα Жуков Ÿ", text="\n".join(lines))
    fonts = [
        str(font.get_object()["/BaseFont"])
        for page in PdfReader(BytesIO(pdf)).pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]
    ]
    assert "X-PDF-Warning" not in headers
    for line in (*lines, "Ωμέγα Жуков Ÿ"):
        assert line in text_of(pdf)
    assert {name.partition("+")[2] for name in fonts} == {"DejaVuSans", "DejaVuSans-Bold"}


def test_other_scripts_are_named_in_the_header_and_on_the_page(fetch: Fetch) -> None:
    headers, pdf = fetch(name="Ada 阿达", title="", text="مرحبا بالعالم and שלום and \U0001f9d1\u200d\U0001f680 \ue000")
    text = " ".join(text_of(pdf).split())
    assert headers["X-PDF-Warning"] == "unsupported-script: Arabic, Han, Hebrew, emoji, unknown"
    assert "This PDF shows Latin, Greek and Cyrillic text only. Left out: Arabic, Han, Hebrew, emoji, unknown." in text
    assert "Ada [Han]" in text
    assert "[Arabic] and [Hebrew] and [emoji] [U+E000]" in text


def test_the_document_says_what_it_is_and_lists_its_headings(fetch: Fetch) -> None:
    _, pdf = fetch(name="Ada Lovelace", text="Experience\n\n### Acme\n- Built\n\nSkills\nPython")
    reader = PdfReader(BytesIO(pdf))
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author) == ("CV of Ada Lovelace", "Ada Lovelace")
    outline: Any = reader.outline
    experience, below, skills = outline
    assert [experience["/Title"], [item["/Title"] for item in below], skills["/Title"]] == [
        "Experience",
        ["Acme"],
        "Skills",
    ]


def test_a_word_that_is_too_long_is_broken(fetch: Fetch) -> None:
    _, pdf = fetch(name="Ada", text="W" * 300)
    lines = [line for line in text_of(pdf).splitlines() if line.startswith("W")]
    assert "".join(lines) == "W" * 300
    assert max(map(len, lines)) < 60


def test_a_cv_of_the_largest_size_is_drawn(fetch: Fetch) -> None:
    _, pdf = fetch(name="Ada", text="# a\n" * 25_000)
    assert len(PdfReader(BytesIO(pdf)).pages) > 1000


@pytest.mark.django_db
def test_without_cairo_there_is_no_pdf_and_the_answer_says_why(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cairo", None)
    url = client.post("/api/cvs/", {"name": "Ada", "text": "x"}, content_type="application/json").json()["url"]
    answer = client.get(f"{url}/pdf")
    assert answer.status_code == 503
    assert "install pycairo and libcairo2" in answer.json()["error"]["message"]


LINE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=20).filter(str.strip)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=LINE, title=LINE, text=LINE | st.lists(LINE | st.sampled_from(["", "# A", "- b", "Skills"])).map("\n".join))
def test_any_text_can_be_drawn(fetch: Fetch, name: str, title: str, text: str) -> None:
    _, pdf = fetch(name=name, title=title, text=f"x{text}")
    assert pdf.startswith(b"%PDF-")


MIXED = {"name": "Ada", "text": "Experience\n\nEngineer, Ünïcode Ωμέγα, 2019 - 2021\n" + "- Built it\n" * 100}


@needs_cairo
def test_the_same_cv_gives_the_same_bytes_in_several_threads() -> None:
    content = Content(MIXED["name"], "", parse_document(MIXED["text"]))
    with ThreadPoolExecutor(8) as pool:
        pdfs = list(pool.map(lambda _: draw_pdf(content, created=CREATED).pdf, range(16)))
    assert len(set(pdfs)) == 1


@pytest.mark.engine
def test_the_same_cv_gives_the_same_bytes_in_several_requests_at_once(container_url: str) -> None:
    url = f"{container_url}{ask('POST', f'{container_url}/api/cvs/', MIXED).json()['url']}/pdf"
    with ThreadPoolExecutor(8) as pool:
        pdfs = list(pool.map(lambda _: ask("GET", url).body, range(16)))
    assert len(set(pdfs)) == 1


@pytest.mark.engine
def test_drawing_writes_nothing_but_the_json_log(container: tuple[str, str]) -> None:
    name, url = container
    created = ask("POST", f"{url}/api/cvs/", MIXED)
    assert ask("GET", f"{url}{created.json()['url']}/pdf").status == 200
    logged = subprocess.run(("docker", "logs", name), capture_output=True, text=True, check=True)
    assert logged.stderr == ""
    assert all(json.loads(line)["level"] in {"info", "warning"} for line in logged.stdout.splitlines())


@pytest.mark.engine
def test_without_the_font_there_is_no_pdf_and_the_error_names_its_package(container: tuple[str, str]) -> None:
    script = """
from datetime import datetime
from cvimprover.pdf import Content, PdfUnavailableError, draw_pdf
try:
    draw_pdf(Content("Ada", "", ()), created=datetime(2026, 1, 1))
except PdfUnavailableError as error:
    print(error)
"""
    no_fonts = "echo '<fontconfig/>' >/tmp/none.conf && FONTCONFIG_FILE=/tmp/none.conf exec python -c \"$1\""
    said = docker("exec", container[0], "sh", "-c", no_fonts, "sh", script)
    assert said == "The font DejaVu Sans is not installed: it is in Debian's fonts-dejavu-core."
