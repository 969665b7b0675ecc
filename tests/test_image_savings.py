from __future__ import annotations

import pytest

from dockertools.image.savings import Saving
from tests.analysed import analyse
from tests.archives import Entry, folder

SITE = "opt/venv/lib/python3.11/site-packages"
MUCH = b"x" * 200_000


def savings(*entries: Entry, languages: tuple[str, ...] = ()) -> dict[str, Saving]:
    analysis = analyse([folder("base")], entries, base_layers=1, languages=languages)
    return {saving.id: saving for saving in analysis.savings}


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("var/cache/apt/archives/a.deb", "package-cache"),
        ("root/.cache/uv/wheels/a", "package-cache"),
        (f"{SITE}/pip/__init__.py", "installer"),
        (f"{SITE}/setuptools-70.dist-info/RECORD", "installer"),
        (f"{SITE}/django/conf/locale/de/LC_MESSAGES/django.mo", "foreign-locales"),
        (f"{SITE}/django/conf/locale/pt_BR/LC_MESSAGES/django.po", "foreign-locales"),
        (f"{SITE}/numpy/core/tests/test_a.py", "tests"),
        ("usr/local/lib/python3.11/test/test_a.py", "tests"),
        (f"{SITE}/lxml/etree.c", "sources"),
        ("usr/share/man/man1/a.1.gz", "documentation"),
        (f"{SITE}/shop/__pycache__/a.cpython-311.pyc", "byte-code"),
    ],
)
def test_what_an_image_can_do_without_is_found(path: str, rule: str) -> None:
    (found,) = savings(Entry(path, MUCH)).values()
    assert (found.id, found.bytes, found.files) == (rule, 200_000, 1)
    assert found.how


@pytest.mark.parametrize(
    "path",
    [
        f"{SITE}/django/conf/locale/en/LC_MESSAGES/django.mo",
        f"{SITE}/django/conf/locale/de/LC_MESSAGES/django.mo",
        f"{SITE}/django/conf/locale/de_AT/LC_MESSAGES/django.mo",
        f"{SITE}/pipeline/a.py",
        f"{SITE}/shop/test.py",
        "app/tests/data.json",
    ],
)
def test_what_is_needed_is_no_saving(path: str) -> None:
    assert savings(Entry(path, MUCH), languages=("de",)) == {}


def test_the_base_is_not_the_projects_to_change() -> None:
    assert analyse([Entry("usr/share/doc/a", MUCH)], base_layers=1).savings == ()


def test_little_is_not_worth_a_line() -> None:
    assert savings(Entry("usr/share/doc/a", b"x" * 99_999)) == {}


def test_waste_of_the_projects_own_layers_names_the_layer_and_the_way_out() -> None:
    instructions = ("base", "COPY . /app", "RUN chown -R app /app")
    before, after = Entry("app/a", MUCH), Entry("app/a", MUCH, uid=1000)
    (found,) = analyse([folder("x")], [before], [after], instructions=instructions, base_layers=1).savings
    assert (found.id, found.place, found.bytes) == ("wasted", 2, 200_000)
    assert "COPY --chown" in found.how
    assert "RUN chown -R app /app" in found.how


def test_packages_that_nothing_needs_are_named() -> None:
    status = b"Package: gcc\nStatus: install ok installed\nInstalled-Size: 9000\nVersion: 12\n"
    found = savings(Entry("var/lib/dpkg/status", status))["unneeded-packages"]
    assert (found.bytes, found.files) == (9000 * 1024, 1)
    assert "gcc" in found.what


def test_the_largest_saving_comes_first() -> None:
    entries = [Entry("usr/share/doc/a", MUCH), Entry(f"{SITE}/a.pyc", MUCH * 2), Entry("var/cache/apt/a", MUCH * 3)]
    assert list(savings(*entries)) == ["package-cache", "byte-code", "documentation"]
