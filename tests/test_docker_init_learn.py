"""`docker_init --learn`: images that lack a library, or have one for nothing, are learned from and repaired."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.docker import ROOT, copy_project, docker, fresh_tag, temporary_tag
from tests.golden import PROJECTS
from tests.test_rendered_images import needs

pytestmark = pytest.mark.engine

SCHEMA = json.loads(resources.files("dockertools").joinpath("schemas", "init.json").read_text(encoding="utf-8"))
TRIXIE = "python:3.13-slim-trixie"
OPENS_BY_NAME = '\n\ndef find_type():\n    import ctypes\n\n    return ctypes.CDLL("libmagic.so.1")\n'


def call(folder: Path, *words: str, as_django: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a command as the project's user would."""
    start = ("manage.py", f"docker_{words[0]}") if as_django else ("-m", "dockertools", words[0])
    env = {"PYTHONPATH": str(folder if as_django else ROOT), "DJANGO_SETTINGS_MODULE": "cvimprover.settings"}
    argv = (sys.executable, *start, *words[1:])
    return subprocess.run(argv, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, check=False)


def run(folder: Path, *words: str, expect: int = 0, as_django: bool = False) -> str:
    """Run a command that ends as expected, and return what it printed."""
    done = call(folder, *words, as_django=as_django)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout


def learn(folder: Path, *words: str, expect: int = 0, as_django: bool = False) -> dict[str, Any]:
    """Return the document of `docker_init --learn`, which is as its schema says."""
    said = run(folder, "init", "--learn", "--noinput", "--format", "json", *words, expect=expect, as_django=as_django)
    document: dict[str, Any] = json.loads(said)
    jsonschema.validate(document, SCHEMA)
    return document


def verdicts(document: dict[str, Any], setting: str = "RUNTIME_PACKAGES") -> dict[str, str]:
    lines = document["learn"]["lines"]
    return {line["package"]: line["action"] for line in lines if line["setting"] == setting}


def failing(folder: Path, tag: str, *, as_django: bool = False) -> set[str]:
    """Return which libraries docker_check misses in the image."""
    argv = ("check", "--image", tag, "--group", "libraries", "--format", "json")
    results = json.loads(call(folder, *argv, as_django=as_django).stdout)["results"]
    assert any(result["id"].endswith("C201") for result in results)
    return {result["evidence"]["library"] for result in results if result["status"] == "fail"}


def project(shape: str, folder: Path, tag: str, *lines: str) -> Path:
    """Copy a project and configure it in its pyproject.toml."""
    copied = Path(shutil.copytree(PROJECTS / shape, folder / shape))
    table = "\n".join(("[tool.dockertools]", f'image = "{tag}"', *lines))
    (copied / "pyproject.toml").write_text(f"{table}\n", encoding="utf-8")
    return copied


def test_an_image_must_be_built_first(engine: object, tmp_path: Path) -> None:
    folder = project("requirements", tmp_path, fresh_tag())
    run(folder, "init", "--noinput")
    error = learn(folder, expect=1)["error"]
    assert error["code"] == "no-image"
    assert "docker_build" in error["hint"]


def test_a_library_that_no_stage_has_is_found_and_written_down(engine: object, tmp_path: Path) -> None:
    needs(TRIXIE)
    with temporary_tag() as tag:
        folder = project("requirements", tmp_path, tag)
        with (folder / "config/urls.py").open("a") as file:
            file.write(OPENS_BY_NAME)
        run(folder, "init", "--noinput")
        run(folder, "build", "--progress", "quiet")
        before = (folder / "pyproject.toml").read_text()
        document = learn(folder, "--apply")
        assert verdicts(document) == {"libmagic1t64": "add"}
        users = document["learn"]["lines"][0]["evidence"][0]["users"]
        assert users == [{"file": "/app/config/urls.py", "distribution": ""}]
        assert docker("ps", "--all", "--quiet", "--filter", f"ancestor={tag}") == ""
    assert (folder / "pyproject.toml").read_text() == before.replace(
        "[tool.dockertools]\n", '[tool.dockertools]\nruntime-packages = ["...", "libmagic1t64"]\n'
    )
    assert "--no-install-recommends libmagic1t64" in (folder / "Dockerfile").read_text()


@pytest.mark.matrix
def test_a_distroless_image_on_trixie_whose_rows_are_missing_is_repaired(engine: object, tmp_path: Path) -> None:
    needs(TRIXIE)
    with temporary_tag() as tag:
        lines = ('variant = "distroless"', 'runtime-packages = ["libmagic1t64"]  # by hand')
        folder = project("weasyprint", tmp_path, tag, *lines)
        run(folder, "init", "--noinput")
        run(folder, "build", "--progress", "quiet")
        assert "libpango-1.0.so.0" in failing(folder, tag)
        document = learn(folder, "--apply")
        assert verdicts(document) == {
            "libharfbuzz-subset0": "add",
            "libpangoft2-1.0-0": "add",
            "libmagic1t64": "remove",
        }
        run(folder, "build", "--progress", "quiet")
        assert failing(folder, tag) == set()
        assert learn(folder, "--check")["learn"]["changes"] == {}
    assert 'runtime-packages = ["libharfbuzz-subset0", "libpangoft2-1.0-0"]  # by hand' in (
        folder / "pyproject.toml"
    ).read_text(encoding="utf-8")


@pytest.mark.matrix
def test_the_service_on_bookworm_is_repaired_through_its_settings(engine: object, tmp_path: Path) -> None:
    folder = copy_project(tmp_path / "service")
    module = folder / "cvimprover/settings.py"
    with temporary_tag() as tag:
        text = module.read_text(encoding="utf-8").replace("cvimprover-api:latest", tag)
        module.write_text(text.replace('["...", "fonts-dejavu-core"]', '["fonts-dejavu-core"]'), encoding="utf-8")
        run(folder, "init", "--noinput", as_django=True)
        run(folder, "build", "--progress", "quiet", as_django=True)
        assert failing(folder, tag, as_django=True) == {"libcairo.so.2", "libpq.so.5"}
        document = learn(folder, "--apply", as_django=True)
        assert verdicts(document) == {"libcairo2": "add", "libpq5": "add", "fonts-dejavu-core": "keep"}
        assert verdicts(document, "BUILD_PACKAGES")["libpq-dev"] == "keep"
        run(folder, "build", "--progress", "quiet", as_django=True)
        assert failing(folder, tag, as_django=True) == set()
    changed = module.read_text(encoding="utf-8")
    assert '"RUNTIME_PACKAGES": ["fonts-dejavu-core", "libcairo2", "libpq5"],  # what PDFs are set in' in changed
