"""`docker_build --reproducible` and `--verify` as their user meets them, on a real engine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.build_project import PYTHON, Project, make_project
from tests.docker import ROOT, copy_project, docker
from tests.test_build_reproducible import git

pytestmark = pytest.mark.engine

DOCKERFILE = PYTHON + (
    "ARG SOURCE_DATE_EPOCH\n"
    "RUN useradd --uid 1000 app && rm -rf /var/log/*\n"
    "WORKDIR /app\n"
    "COPY . .\n"
    "RUN --mount=type=cache,target=/var/cache/words date >> /var/cache/words/times; mkdir made\n"
    "RUN python -m compileall -q -f --invalidation-mode checked-hash /app\n"
    "USER 1000\n"
)


@pytest.fixture
def project(engine: object, tmp_path: Path) -> Iterator[Project]:
    with make_project(
        tmp_path, DOCKERFILE, views_py="print(1)\n", run_sh="#!/bin/sh\n", _dockerignore=".git\n"
    ) as project:
        (project.folder / "run.sh").chmod(0o755)
        git(project.folder, "init", "--quiet")
        git(project.folder, "add", "--all")
        git(project.folder, "commit", "--quiet", "--message", "first")
        yield project


def checked_out(project: Project, folder: Path) -> Project:
    """Return the project in another folder, with the times and modes of a checkout under another umask."""
    subprocess.run(
        ("sh", "-c", 'umask 077 && git clone --quiet "$1" "$2"', "sh", str(project.folder), str(folder)), check=True
    )
    (folder / "empty").mkdir()
    return replace(project, folder=folder)


def test_two_checkouts_at_two_moments_give_one_image(project: Project, tmp_path: Path) -> None:
    first = project.document("--reproducible")
    again = checked_out(project, tmp_path / "somewhere" / "Other Name")
    os.utime(again.folder / "views.py", (1, 1))
    second = again.document("--reproducible", "--tag", project.tag)
    assert first["reproducible"] == second["reproducible"]
    assert first["reproducible"]["source_date_epoch"] == 1_700_000_000
    assert first["reproducible"]["digest"] == second["image"]["id"] == project.image_id()
    assert not second["warnings"]


def test_a_reproducible_image_is_measured_warned_of_and_run(project: Project) -> None:
    project.write(views_py="print(2)\n")
    document = project.document("--reproducible", "--max-size", "1GB")
    (warning,) = document["warnings"]
    assert warning["message"] == "not as in the last commit: views.py; a checkout of it gives another digest"
    assert document["budget"] == {"limit_bytes": 10**9, "ok": True}
    assert [layer["line"] for layer in document["image"]["layers"]][-4:] == [4, 5, 6, 7]
    assert document["cache_miss"]["reason"] == "--reproducible runs every step again"
    assert docker("run", "--rm", project.tag, "sh", "-c", "python views.py; stat --format %Y made") == "2\n1700000000"


def test_two_builds_that_agree_are_told_so(project: Project) -> None:
    done = project.build("--verify")
    assert "two builds gave the same image, as of 2023-11-14T22:13:20Z" in done.stdout
    assert f"{project.image_id()}" in done.stdout
    assert "comparing the two images" in done.stderr


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("RUN date +%N > /x", {"path": "x", "kind": "content"}),
        ("RUN touch --date=@$(date +%N) /early", {"path": "early", "kind": "time"}),
    ],
    ids=["content", "time"],
)
def test_what_differs_is_named_with_its_line(project: Project, step: str, expected: dict[str, Any]) -> None:
    project.write(Dockerfile=DOCKERFILE + f"USER root\n{step}\n")
    before = project.image_id()
    document = project.document("--verify", expect=1)
    assert document["error"]["code"] == "not-reproducible"
    assert document["difference"] | expected == document["difference"]
    assert document["difference"]["line"] == 10
    assert step.removeprefix("RUN ").split(" ", 1)[-1] in document["difference"]["instruction"]
    assert project.image_id() == before


def test_a_change_that_keeps_size_and_time_is_built(project: Project) -> None:
    first = project.document("--reproducible")
    project.write(views_py="print(7)\n")
    second = project.document("--reproducible")
    assert second["reproducible"]["digest"] != first["reproducible"]["digest"]
    assert docker("run", "--rm", project.tag, "python", "views.py") == "7"


def test_a_failing_build_leaves_the_tag_and_no_files(project: Project, tmp_path: Path) -> None:
    project.document("--reproducible")
    before = project.image_id()
    project.write(Dockerfile=DOCKERFILE + "RUN false\n")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    document = project.document("--reproducible", expect=1, env={"TMPDIR": str(temporary)})
    assert document["failure"]["line"] == 9
    assert document["failure"]["dockerfile"] == str(project.folder / "Dockerfile")
    assert project.image_id() == before
    assert not list(temporary.iterdir())


def test_an_interrupted_verification_leaves_nothing(project: Project, tmp_path: Path) -> None:
    project.write(Dockerfile=DOCKERFILE + "RUN echo waiting && sleep 60\n")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = project.start("--verify", env={"TMPDIR": str(temporary)})
    assert process.stderr is not None
    assert any("waiting" in line for line in process.stderr if "|" in line)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert project.image_id() is None
    assert not list(temporary.iterdir())


def test_a_folder_without_a_commit_is_told_the_way_out(project: Project) -> None:
    shutil.rmtree(project.folder / ".git")
    document = project.document("--reproducible", expect=1, env={"GIT_CEILING_DIRECTORIES": "/"})
    assert document["error"]["code"] == "no-source-date"
    document = project.document("--reproducible", env={"SOURCE_DATE_EPOCH": "1600000000"})
    assert document["reproducible"]["source_date_epoch"] == 1_600_000_000


@pytest.mark.matrix
@pytest.mark.parametrize("options", [(), ("--variant", "distroless", "--squash")], ids=["slim", "distroless, squashed"])
def test_the_service_is_the_same_from_two_folders(engine: object, tmp_path: Path, options: tuple[str, ...]) -> None:
    first = Project(copy_project(tmp_path / "first"), tmp_path / "state")
    subprocess.run(
        (first.argv()[0], "manage.py", "docker_init", *options),
        cwd=first.folder,
        env={**os.environ, "PYTHONPATH": str(first.folder), "DJANGO_SETTINGS_MODULE": "cvimprover.settings"},
        check=True,
    )
    moment = {"SOURCE_DATE_EPOCH": str(int(time.time()) - 3600)}
    second = replace(first, folder=tmp_path / "elsewhere" / "second")
    shutil.copytree(first.folder, second.folder, copy_function=shutil.copy)  # with the modes, and new times
    try:
        one = first.document("--reproducible", env=moment)
        other = second.document("--reproducible", env=moment)
        assert one["reproducible"]["digest"] == other["reproducible"]["digest"]
    finally:
        docker("image", "rm", "--force", first.tag)


def test_the_dockerfile_of_this_repository_has_the_moment_wherever_something_runs() -> None:
    stages = (ROOT / "Dockerfile").read_text().split("\nFROM ")[1:]
    running = [stage for stage in stages if "\nRUN " in stage]
    assert len(running) >= 4
    assert all("\nARG SOURCE_DATE_EPOCH\n" in stage for stage in running)
