"""The doctor's checks of requirements and releases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from dockertools.checks.results import Status
from dockertools.conf import Config
from dockertools.doctor.requirement_facts import (
    Release,
    RequirementFacts,
    Resolution,
    find_releases,
    releases_of,
    resolve,
    shorten,
)
from tests.doctor_facts import (
    REQUIREMENTS,
    TODAY,
    judge,
    only,
)


def test_requirements_that_do_not_fit_in_the_resolvers_own_words() -> None:
    said = Resolution("requirements.txt", "uv", is_solved=False, said="Because a needs b<2 and you require b>=2 " * 30)
    outcome = only(judge("D601", requirements=replace(REQUIREMENTS, resolution=said)))
    assert outcome.evidence["code"] == "requirements-conflict"
    assert "Because a needs b<2" in outcome.message
    assert len(outcome.message) < 700
    failed = Resolution("requirements.txt", "pip", is_solved=False, problem="no network")
    assert (
        only(judge("D601", requirements=replace(REQUIREMENTS, resolution=failed))).evidence["code"] == "resolver-failed"
    )
    none = Resolution("", "", is_solved=False, problem="There is no manifest")
    assert only(judge("D601", requirements=replace(REQUIREMENTS, resolution=none))).status is Status.SKIP


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            (
                "  \u00d7 No solution found when resolving dependencies:\n  ╰─▶ Because you require a and b, we can\n"
                "      conclude that it is unsatisfiable.\n\n      hint: try c\n"
            ),
            (
                "No solution found when resolving dependencies: Because you require a and b, we can conclude that it is"
                " unsatisfiable."
            ),
        ),
        (
            (
                "ERROR: Cannot install a==1 and b==2 because these package versions have conflicting dependencies.\n"
                "The conflict is caused by:\n    a 1 depends on c<1\n    b 2 depends on c>1\n\nTo fix this you could:\n"
                "1. loosen\n"
            ),
            (
                "Cannot install a==1 and b==2 because these package versions have conflicting dependencies."
                " The conflict is caused by: a 1 depends on c<1 b 2 depends on c>1"
            ),
        ),
        (
            (
                "ERROR: Could not find a version that satisfies the requirement x==9 (from versions: 1, 2)\n"
                "ERROR: No matching distribution found for x==9\n"
            ),
            "Could not find a version that satisfies the requirement x==9",
        ),
        (
            "error: No solution found when resolving dependencies\n  cause: Because you require a, it is hopeless.\n",
            "No solution found when resolving dependencies: Because you require a, it is hopeless.",
        ),
        ("error: Failed to fetch: timed out\n", ""),
    ],
)
def test_a_resolvers_words_are_shortened_to_the_conflict(said: str, words: str) -> None:
    assert shorten(said) == words


def test_a_real_resolver_explains_a_real_conflict(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("django>=5.2\ndjango<5\n")
    resolution = resolve(Config(root=tmp_path, image="shop", python_version="3.13"))
    if resolution.problem:
        pytest.skip(f"no resolver, or no index: {resolution.problem}")
    assert not resolution.is_solved
    assert "django" in resolution.said.lower()


def test_pip_explains_it_where_there_is_no_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockertools.doctor.requirement_facts.shutil.which", lambda *_args, **_options: None)
    (tmp_path / "requirements.txt").write_text("djangorestframework==3.16.1\ndjango==3.2\n")
    resolution = resolve(Config(root=tmp_path, image="shop", python_version="3.13"))
    if resolution.problem:
        pytest.skip(f"no pip, or no index: {resolution.problem}")
    assert resolution.resolver == "pip"
    assert "Cannot install" in resolution.said
    assert "djangorestframework 3.16.1 depends on django>=4.2" in resolution.said


def test_a_lock_file_is_its_own_answer(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("version = 1\n")
    assert resolve(Config(root=tmp_path, image="shop")).is_solved
    assert resolve(Config(root=tmp_path / "none", image="shop")).manifest == ""


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (date(2024, 10, 7), "end-of-life"),
        (date(2026, 12, 24), "ends-soon"),
        (None, "unknown-release"),
        (TODAY, "ends-soon"),
    ],
)
def test_releases_are_judged_by_their_last_day(end: date | None, code: str) -> None:
    facts = RequirementFacts(REQUIREMENTS.resolution, (Release("Python 3.8", end, "Dockerfile, line 1"),))
    assert only(judge("D602", requirements=facts)).evidence["code"] == code


@pytest.mark.parametrize(
    ("image", "releases"),
    [
        ("python:3.8-slim-buster", [("python", "3.8"), ("debian", "10")]),
        ("registry.example:5000/mirror/python:3.13.1-alpine3.18", [("python", "3.13"), ("alpine", "3.18")]),
        ("debian:11.2-slim", [("debian", "11")]),
        ("ubuntu:focal-20240101", [("ubuntu", "20.04")]),
        ("alpine:3.16.2", [("alpine", "3.16")]),
        ("python@sha256:abc", []),
        ("python", []),
        ("$BASE", []),
    ],
)
def test_an_images_name_tells_its_releases(image: str, releases: list[tuple[str, str]]) -> None:
    assert list(releases_of(image)) == releases


def test_the_releases_are_those_of_the_dockerfile_each_once(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        "ARG SUITE=buster\nFROM python:3.8-slim-$SUITE AS builder\nFROM builder AS b\nFROM python:3.8-slim-buster\n"
    )
    found = [
        (release.name, str(release.end), release.where) for release in find_releases(Config(root=tmp_path, image="x"))
    ]
    assert found == [
        ("Python 3.8", "2024-10-07", "Dockerfile, line 2"),
        ("Debian 10 (buster)", "2024-06-30", "Dockerfile, line 2"),
    ]
