"""The table of causes; real builds for most of its rows are in test_build_failures.py."""

from __future__ import annotations

import re
import string
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.build.dockerfile import locate_step, read_stages
from dockertools.build.explain import Evidence, examine, explain, load_table, missing_path
from tests.failing_builds import FAILING, LONG

SAMPLES: list[dict[str, str]] = tomllib.loads((Path(__file__).parent / "data" / "failure_samples.toml").read_text())[
    "sample"
]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["cause"])
def test_a_sample_is_explained(sample: dict[str, str]) -> None:
    error = sample.get("error", "")
    step = "resolve image config for docker-image://x" if "syft" in error else "[2/2] RUN x"
    log = tuple(sample.get("log", "").splitlines())
    explanation = explain(Evidence(step=step, error=error, log=log, has_sbom="syft" in error))
    assert explanation is not None
    assert explanation.id == sample["cause"]
    assert sample["says"] in f"{explanation.cause} {explanation.fix}"
    assert "  " not in explanation.cause + explanation.fix


def test_a_frontend_is_told_from_the_scanner_of_an_sbom() -> None:
    error = "failed to resolve source metadata for registry.example.com/x:1: no such host"
    step = "resolve image config for docker-image://registry.example.com/x:1"
    found = [
        explain(Evidence(step=step, error=error, has_sbom=has_sbom, has_syntax=has_syntax))
        for has_sbom, has_syntax in ((True, False), (False, True), (True, True))
    ]
    assert [explanation and explanation.id for explanation in found] == [
        "sbom-scanner",
        "syntax-frontend",
        "syntax-frontend",
    ]


def test_every_cause_has_a_build_or_a_sample() -> None:
    shown = {build.cause for build in (*FAILING.values(), *LONG.values())} | {sample["cause"] for sample in SAMPLES}
    by_registry = {"image-not-found", "digest-not-found", "syntax-frontend", "registry-plain-http"}
    assert {cause.id for cause in load_table().causes} == shown | by_registry


def test_most_causes_have_a_real_build() -> None:
    assert len({build.cause for build in (*FAILING.values(), *LONG.values())}) >= 45


def test_the_texts_use_only_what_is_filled_in() -> None:
    always = {
        "name",
        "other",
        "third",
        "fourth",
        "line",
        "path",
        "folder",
        "image",
        "stages",
        "hint",
        "package",
        "first",
    }
    for cause in load_table().causes:
        for text in (cause.cause, cause.fix):
            used = {field for _, field, _, _ in string.Formatter().parse(text) if field}
            assert used <= always | set(cause.pattern.groupindex), cause.id
        assert cause.cause[-1] in ".}?", cause.id
        assert cause.fix[-1] in ".}?", cause.id
        assert cause.look_in in {"error", "log", "both"}, cause.id
        assert not cause.package or cause.package in load_table().packages, cause.id


def test_package_names_look_like_debians() -> None:
    name = re.compile(r"[a-z0-9][a-z0-9+.-]+( [a-z0-9][a-z0-9+.-]+)*")
    for table in load_table().packages.values():
        assert all(name.fullmatch(package) for package in table.values())


def test_an_unknown_failure_is_shown_without_a_cause() -> None:
    failure = examine(Evidence(step="[2/2] RUN make", error="exit code: 2", log=("it broke",), plain=("Dockerfile:7",)))
    assert failure.explanation is None
    assert (failure.line, failure.error, failure.log) == (7, "exit code: 2", ("it broke",))


def test_the_place_comes_from_the_step_when_buildx_names_none() -> None:
    stages = read_stages("FROM a AS builder\nRUN make\n")
    place = locate_step(stages, "[builder 2/2] RUN make")
    failure = examine(Evidence(step="[builder 2/2] RUN make", error="x", place=place, stages=stages))
    assert (failure.line, failure.stage) == (2, "builder")


def test_without_a_step_buildx_has_the_last_word() -> None:
    plain = ("Dockerfile:3", "ERROR: failed to build: failed to solve: dockerfile parse error on line 3: unknown x")
    failure = examine(Evidence(plain=plain, stages=read_stages("FROM a AS b\n")))
    assert failure.error == "dockerfile parse error on line 3: unknown x"
    assert (failure.line, failure.stage) == (3, "b")


def test_a_missing_file_is_only_ignored_when_it_is_there() -> None:
    error = 'failed to calculate checksum of ref a::b: "/app/x.txt": not found'
    assert missing_path(error) == "app/x.txt"
    ignored = explain(Evidence(error=error, neighbours=("x.txt",)))
    missing = explain(Evidence(error=error, neighbours=("x.text", "y")))
    assert ignored is not None
    assert missing is not None
    assert (ignored.id, missing.id) == ("copy-ignored", "copy-missing")
    assert "Did you mean x.text?" in missing.cause


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=200), st.lists(st.text(max_size=80), max_size=5), st.lists(st.text(max_size=80), max_size=5))
def test_no_text_is_an_error(error: str, log: list[str], plain: list[str]) -> None:
    examine(Evidence(error=error, log=tuple(log), plain=tuple(plain)))


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(SAMPLES), st.text(max_size=50), st.text("{}!:[]\\%", max_size=9))
def test_what_a_log_says_cannot_break_the_texts(sample: dict[str, str], noise: str, braces: str) -> None:
    error, log = sample.get("error", ""), sample.get("log", "")
    explain(Evidence(error=f"{noise}{error}{braces}", log=(braces, *log.splitlines(), noise)))
