"""`docker_report` as its user meets it, on a real engine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema
import pytest

from tests.build_project import PYTHON, Project, make_project
from tests.docker import docker, temporary_tag

pytestmark = pytest.mark.engine

SCHEMA = json.loads(resources.files("dockertools").joinpath("schemas", "report.json").read_text(encoding="utf-8"))
DOCKERFILE = f"""{PYTHON.strip()} AS whole
RUN mkdir -p /small/bin && cp -L /bin/sh /bin/chown /bin/head /small/bin \\
 && ldd /bin/sh /bin/chown /bin/head | grep -o '/lib[^ ]*' | sort -u | xargs -I@ cp -L --parents @ /small
FROM scratch AS base
COPY --from=whole /small /
LABEL test=@
FROM base AS builder
RUN head -c 4000000 /dev/zero > /tool
WORKDIR /srv
FROM base
WORKDIR /app
COPY big.bin .
RUN chown 1000 big.bin
USER 1000
"""


def report(project: Project, *arguments: str, expect: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Report, and return what was printed."""
    argv = (sys.executable, "-m", "dockertools", "report", "--project", str(project.folder), *arguments)
    variables = {**project.environment, **environment}
    done = subprocess.run(argv, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def document(project: Project, *arguments: str, expect: int = 0) -> dict[str, Any]:
    """Report, and return the JSON document, which is as its schema says."""
    parsed: dict[str, Any] = json.loads(report(project, "--format", "json", *arguments, expect=expect).stdout)
    jsonschema.validate(parsed, SCHEMA)
    assert parsed["exit_code"] == expect
    return parsed


@pytest.fixture(scope="module")
def project(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that was built twice: the second image is one megabyte larger."""
    with make_project(tmp_path_factory.mktemp("report"), DOCKERFILE) as project:
        project.write(Dockerfile=DOCKERFILE.replace("@", project.tag))
        for size in (1_000_000, 2_000_000):
            (project.folder / "big.bin").write_bytes(f"{project.tag} {size}".encode().ljust(size))
            project.build()
        yield project


@pytest.fixture(scope="module")
def found(project: Project) -> dict[str, Any]:
    return document(project)


def test_by_default_the_last_build_is_reported_with_the_lines_that_made_it(
    project: Project, found: dict[str, Any]
) -> None:
    assert found["image"]["reference"] == project.tag
    assert found["image"]["id"] == project.image_id()
    history = docker("history", "--human=false", "--format", "{{.Size}}", project.tag).split()
    assert found["image"]["size_bytes"] == sum(map(int, history))
    assert [(layer["line"], layer["is_base"]) for layer in found["layers"]] == [
        (5, True),
        (11, False),
        (12, False),
        (13, False),
    ]
    assert sum(layer["size_bytes"] for layer in found["layers"]) == found["image"]["size_bytes"]


def test_what_chown_wastes_is_laid_to_its_line(found: dict[str, Any]) -> None:
    waste = next(item for item in found["waste"] if item["largest"] == "app/big.bin")
    assert (waste["bytes"], waste["how"], waste["line"]) == (2_000_000, "owner or mode changed", 13)
    saving = next(item for item in found["savings"] if item["id"] == "wasted")
    assert (saving["bytes"], saving["line"]) == (2_000_000, 13)
    assert "COPY --chown" in saving["how"]


def test_system_packages_and_layers_of_a_real_base_are_listed(project: Project) -> None:
    found = document(project, PYTHON.split()[1])
    packages = {package["name"]: package for package in found["system_packages"]}
    assert all(layer["line"] is None for layer in found["layers"])
    assert packages["libc6"]["needed_by"]
    assert packages["libc6"]["size_bytes"] > 10**6


def test_the_build_before_is_found_by_the_record(project: Project) -> None:
    comparison = document(project, "--compare", "previous")["comparison"]
    assert comparison["with"].startswith("the build before")
    assert comparison["files"][0] == {
        "name": "app/big.bin",
        "before_bytes": 1_000_000,
        "after_bytes": 2_000_000,
        "bytes": 1_000_000,
        "note": "",
    }


@pytest.mark.parametrize(
    ("rules", "expect", "broken"),
    [
        (("--max-size", "1GB", "--max-growth", "50%", "--min-efficiency", "50%"), 0, set()),
        (("--max-growth", "1MB", "--min-efficiency", "99.99%"), 1, {"max-growth"}),
        (("--min-efficiency", "99.99%", "--waste-floor", "0"), 1, {"min-efficiency"}),
        (("--history", "--max-size", "1MB"), 1, {"max-size"}),
    ],
)
def test_rules_end_with_1_when_broken(project: Project, rules: tuple[str, ...], expect: int, broken: set[str]) -> None:
    found = document(project, *rules, expect=expect)
    assert {rule["rule"] for rule in found["rules"] if not rule["ok"]} == broken
    assert found["rules"]


def test_growth_without_anything_before_is_no_pass(project: Project, tmp_path: Path) -> None:
    done = report(project, project.tag, "--max-growth", "5%", expect=3, XDG_STATE_HOME=str(tmp_path))
    assert f"No earlier build of {project.tag} is recorded on this machine." in done.stderr
    assert "--compare IMAGE" in done.stderr


def test_the_builder_and_a_single_stage_are_built_for_the_comparison_and_gone_after_it(project: Project) -> None:
    ours = ("images", "--all", "--quiet", "--no-trunc", "--filter", f"label=test={project.tag}")
    before = docker(*ours)
    builds = len(document(project, "--history")["history"])
    builder = document(project, "--compare", "builder")["comparison"]
    assert builder["with"] == "the builder stage"
    assert {"tool", "app/big.bin"} <= {change["name"] for change in builder["files"]}
    single = document(project, "--compare", "single-stage")["comparison"]
    assert 1_950_000 < single["size_bytes"] - builder["size_bytes"] < 2_050_000
    assert before
    assert docker(*ours) == before
    assert len(document(project, "--history")["history"]) == builds


def test_a_tag_of_the_same_image_is_enough_a_name(project: Project) -> None:
    repository = project.tag.rpartition(":")[0]
    docker("tag", project.tag, f"{repository}:other")
    try:
        comparison = document(project, "--compare", "other")["comparison"]
    finally:
        docker("image", "rm", f"{repository}:other")
    assert (comparison["reference"], comparison["bytes"], comparison["files"]) == (f"{repository}:other", 0, [])


def test_history_needs_no_engine(project: Project) -> None:
    done = report(project, "--history", DOCKER_HOST="unix:///nowhere.sock")
    assert "Builds, 2 records" in done.stdout
    sizes = [entry["size_bytes"] for entry in document(project, "--history")["history"]]
    assert 1_950_000 < sizes[1] - sizes[0] < 2_050_000


def test_an_image_that_is_not_there_is_named(project: Project) -> None:
    found = document(project, "dockertools-test/none:1", expect=1)
    assert found["error"]["code"] == "no-image"
    assert "dockertools-test/none:1" in found["error"]["message"]
    found = document(project, "--compare", "dockertools-test/none:1", expect=1)
    assert found["error"]["code"] == "no-image"


def test_no_engine_is_no_pass(project: Project) -> None:
    report(project, expect=3, DOCKER_HOST="unix:///nowhere.sock")


def test_what_is_no_limit_is_wrong_usage(project: Project) -> None:
    for words in (("--max-size", "much"), ("--max-growth", "x%"), ("--min-efficiency", "-1"), ("--waste-floor", "x")):
        assert "is not a" in report(project, *words, expect=2).stderr


def test_the_page_is_written_beside_the_report_also_when_a_rule_is_broken(project: Project, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = report(project, "--html", str(page), "--max-size", "1MB", expect=1)
    assert f"The page is {page}" in done.stderr
    assert "big.bin" in page.read_text()
    done = report(project, "--html", str(tmp_path / "none" / "report.html"), expect=2)
    assert f"There is no folder {tmp_path / 'none'}" in done.stderr
    done = report(project, "--html", str(tmp_path), expect=1)
    assert "cannot be written" in done.stderr


def test_checks_need_a_page_and_a_document(project: Project, tmp_path: Path) -> None:
    assert "--html FILE" in report(project, "--checks", "checks.json", expect=2).stderr
    words = ("--checks", str(tmp_path / "none.json"), "--html", str(tmp_path / "page.html"))
    assert "There is no file" in report(project, *words, expect=1).stderr


COMPOSE = """
services:
  web:
    image: {tag}
    user: "0:0"
    command: ["/bin/sh", "-c", "echo data > /data/file; read line"]
    stdin_open: true
    network_mode: none
    mem_limit: 64m
    cpus: 0.5
    pids_limit: 20
    volumes: ["data:/data"]
volumes:
  data:
"""


@pytest.fixture
def service(project: Project) -> Iterator[str]:
    """The project's compose service, running; yields its compose project."""
    name = f"dockertools-test-{uuid4().hex[:12]}"
    file = project.folder / "compose.yaml"
    file.write_text(f"name: {name}\n{COMPOSE.format(tag=project.tag)}")
    compose = ("compose", "--project-directory", str(project.folder))
    try:
        docker(*compose, "up", "--detach", "--wait")
        yield name
    finally:
        docker(*compose, "down", "--volumes", "--timeout", "0")
        file.unlink()


def test_usage_shows_what_the_project_holds_and_what_its_services_use(project: Project, service: str) -> None:
    found = document(project, "--usage")
    usage = found["usage"]
    assert found["image"] is None
    assert project.tag in {name for image in usage["images"] for name in image["names"]}
    assert [volume["name"] for volume in usage["volumes"]] == [f"{service}_data"]
    (container,) = usage["containers"]
    assert (container["service"], container["running"]) == ("web", True)
    (load,) = usage["services"]
    assert (load["service"], load["cpu_limit"], load["memory_limit"], load["processes_limit"]) == (
        "web",
        0.5,
        64 * 2**20,
        20,
    )
    assert 0 < load["memory_bytes"] < load["memory_limit"]
    assert load["processes"] == 1


def test_an_image_of_nothing_is_reported(project: Project) -> None:
    with temporary_tag() as tag:
        context = project.folder / "empty"
        context.mkdir()
        (context / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
        docker("build", "--tag", tag, str(context))
        found = document(project, tag, "--min-efficiency", "100%")
    assert (found["efficiency"], len(found["layers"]), found["savings"]) == (1.0, 1, [])
