"""The rendered files of every project shape: as they were read and agreed to, and clean."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dockertools.context.ignore_file import parse_ignore_file
from dockertools.context.inspect import inspect_context
from dockertools.context.needed import find_needed
from dockertools.context.risks import find_risks
from dockertools.project.inspect import inspect_project
from dockertools.rendering.files import render_files
from tests.golden import GOLDEN, PROJECTS, SHAPES, config_of, inspect_shape, render_shape

SECRETS = (".env", "config/.env.production", "deploy.key", "config/id_ed25519", "secrets.json", "dump.sql", "x.kdbx")


def test_there_are_enough_shapes_and_each_has_its_golden_files() -> None:
    assert len(SHAPES) >= 20
    assert [folder.name for folder in sorted(GOLDEN.iterdir())] == list(SHAPES)


@pytest.mark.parametrize("shape", SHAPES)
def test_files_are_as_agreed(shape: str) -> None:
    """When the change is meant: `python -m tests.golden`, and read the diff."""
    agreed = {path.name: path.read_text(encoding="utf-8") for path in (GOLDEN / shape).iterdir()}
    assert render_shape(shape) == agreed


@pytest.mark.parametrize("shape", SHAPES)
def test_no_template_leaves_a_trace(shape: str) -> None:
    marks = ("{%", "{{", "%}", "}}", "\n\n\n", "&#", "&amp;")
    assert [mark for text in render_shape(shape).values() for mark in marks if mark in text] == []


@pytest.mark.parametrize("shape", SHAPES)
def test_the_context_holds_all_that_is_needed_and_no_secret(shape: str, tmp_path: Path) -> None:
    project = Path(shutil.copytree(PROJECTS / shape, tmp_path / shape))
    for name, text in render_shape(shape).items():
        (project / name).write_text(text)
    for name in SECRETS:
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("not for anybody\n")
    facts = inspect_context(project, project / "Dockerfile")
    sent = {file.path for file in facts.sent}
    assert set(inspect_shape(shape).needed_files) <= sent
    assert not set(SECRETS) & sent
    assert [needed.path for needed in find_needed(facts) if needed.path != "gunicorn.conf.py"] == []
    assert [risk for risk in find_risks(facts) if risk.path in sent and risk.path in SECRETS] == []


@pytest.mark.parametrize("shape", SHAPES)
def test_the_ignore_file_has_a_hundred_rules_in_commented_groups(shape: str) -> None:
    text = render_shape(shape)[".dockerignore"]
    assert len(parse_ignore_file(text.encode())) >= 100
    assert all(group.lstrip().startswith("#") for group in text.split("\n\n"))


@pytest.mark.parametrize("shape", SHAPES)
def test_hadolint_has_nothing_to_say_about_the_dockerfile(shape: str) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    argv = (str(hadolint), "--no-color", str(GOLDEN / shape / "Dockerfile"))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.engine
@pytest.mark.parametrize("shape", SHAPES)
def test_docker_has_nothing_to_say_about_the_dockerfile(engine: object, shape: str) -> None:
    if shape == "frontend":
        pytest.skip("its Node image is made in the matrix")
    base = ("--build-arg", "BASE_IMAGE=python:3.11-slim-bookworm") if shape == "alpine" else ()  # none can be had
    argv = ("docker", "buildx", "build", *base, "--call=check,format=json", str(GOLDEN / shape))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout).get("warnings") is None, done.stdout
    assert done.returncode == 0, done.stderr


@pytest.mark.engine
@pytest.mark.parametrize("shape", SHAPES)
def test_compose_reads_the_base_file(engine: object, shape: str) -> None:
    file = GOLDEN / shape / "docker-compose.yml"
    argv = ("docker", "compose", "--file", str(file), "config", "--format", "json", "--no-interpolate")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    web = json.loads(done.stdout)["services"]["web"]
    assert web["cap_drop"] == ["ALL"]
    assert "volumes" not in web or all(volume["type"] == "volume" for volume in web["volumes"])


def test_a_module_called_secrets_is_sent_and_other_secrets_are_not(tmp_path: Path) -> None:
    project = Path(shutil.copytree(PROJECTS / "requirements", tmp_path / "shop"))
    for name in ("config/secrets.py", "config/secrets.json", "secrets.toml"):
        (project / name).write_text("")
    config = config_of(project)
    rules = next(file.body for file in render_files(inspect_project(config), config) if file.path == ".dockerignore")
    assert "\n**/secrets.*\n!config/secrets.py\n" in rules
    (project / ".dockerignore").write_text(rules)
    (project / "Dockerfile").write_text("FROM scratch\nCOPY . .\n")
    sent = {file.path for file in inspect_context(project, project / "Dockerfile").sent}
    assert {path for path in sent if "secrets" in path} == {"config/secrets.py"}
