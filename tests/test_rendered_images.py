"""What `docker_init` writes is really built, and its container answers, hardened as compose runs it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from dockertools.rendering.environment import build_variables, words
from tests.docker import ROOT, ask, docker, published_url, running, temporary_tag, wait_until_ready
from tests.golden import PROJECTS, inspect_shape

pytestmark = pytest.mark.engine

HARDENED = (
    *("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
    "--publish=127.0.0.1::8000",
)
IN_MATRIX = (
    *("asgi-uvicorn", "awkward-names", "bookworm", "channels-daphne", "files", "frontend", "geodjango", "granian"),
    *("languages", "local-packages", "no-server", "pdm", "pipenv", "poetry", "pyproject", "settings-package"),
    *("setup-cfg", "src-package", "subfolder", "subfolder-uv", "uv", "weasyprint", "windows"),
)
"""Not uwsgi, which is linked against libpython: the official images have it, their stand-ins do not."""
STAND_INS = {"frontend": "node:20-trixie-slim"}
BODIES = {
    "weasyprint": "%PDF-",
    "frontend": "frontend answers built by Node: true",
    "geodjango": "geodjango answers 3857",
}


def needs(*images: str) -> None:
    """Have the images, pulled or made."""
    subprocess.run((str(ROOT / "scripts/engine"), "image", *images), check=True, capture_output=True)


@contextlib.contextmanager
def built(shape: str, folder: Path, *options: str) -> Iterator[str]:
    """Write the files of a project and build it; yield the image."""
    project = shutil.copytree(PROJECTS / shape, folder / shape)
    argv = (sys.executable, "-m", "dockertools", "init", "--project", str(project), "--noinput", *options)
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)
    with temporary_tag() as tag:
        docker("build", "--quiet", "--tag", tag, str(project))
        yield tag


def answers(shape: str, image: str) -> str:
    """Run the image as production does, and return what its first page says; it must turn healthy too."""
    variables = [f"--env={word}" for word in words(build_variables(inspect_shape(shape)))]
    with running(image, *HARDENED, *variables) as container:
        url = published_url(container)
        wait_until_ready(f"{url}/", container)
        assert docker("exec", container, "python", "-c", "import os; print(os.getuid())") == "1000"
        wait_until_healthy(container)
        return ask("GET", f"{url}/").body.decode("latin-1")


def wait_until_healthy(container: str) -> None:
    deadline = time.monotonic() + 60
    while docker("inspect", "--format", "{{.State.Health.Status}}", container) != "healthy":
        assert time.monotonic() < deadline, docker("inspect", "--format", "{{json .State.Health}}", container)
        time.sleep(0.3)


def test_a_project_with_requirements_txt_is_built_and_answers(engine: object, tmp_path: Path) -> None:
    needs("python:3.13-slim-trixie")
    with built("requirements", tmp_path) as image:
        assert "requirements answers" in answers("requirements", image)
        listing = docker("run", "--rm", image, "sh", "-c", "command -v gcc pip uv make; find /app /opt/venv -writable")
        assert [line for line in listing.splitlines() if not line.startswith("/opt/venv/bin/python")] == []
        lock = docker("run", "--rm", image, "cat", "/opt/venv/requirements.lock")
        assert "gunicorn==" in lock


@pytest.mark.matrix
@pytest.mark.parametrize("shape", IN_MATRIX)
def test_every_shape_is_built_and_answers(engine: object, shape: str, tmp_path: Path) -> None:
    needs(inspect_shape(shape).python.base_image, *filter(None, [STAND_INS.get(shape)]))
    with built(shape, tmp_path) as image:
        assert BODIES.get(shape, f"{shape} answers") in answers(shape, image)


@pytest.mark.matrix
@pytest.mark.parametrize("variant", ["slim", "distroless"])
def test_sqlite_may_write_beside_manage_py_and_nowhere_else(engine: object, variant: str, tmp_path: Path) -> None:
    needs("python:3.13-slim-trixie")
    script = "import os; print([folder for folder, *_ in os.walk('/app') if os.access(folder, os.W_OK)])"
    with built("subfolder", tmp_path, "--variant", variant) as image:
        assert docker("run", "--rm", image, "python", "-c", script) == "['/app/backend']"


@pytest.mark.matrix
def test_only_locale_files_of_the_languages_are_in_the_image(engine: object, tmp_path: Path) -> None:
    with built("languages", tmp_path) as image:
        script = "find /opt/venv -name '*.mo' | sed 's#.*/locale/\\([^/]*\\)/.*#\\1#' | sort -u"
        assert docker("run", "--rm", image, "sh", "-c", script).split() == ["de", "en", "pt", "pt_BR"]


@pytest.mark.matrix
def test_a_change_of_code_leaves_all_layers_but_those_of_the_code_as_they_were(engine: object, tmp_path: Path) -> None:
    """Also where the engine has to make it again: the cache may have been pruned."""
    needs("python:3.13-slim-trixie")
    project = Path(shutil.copytree(PROJECTS / "local-packages", tmp_path / "local-packages"))
    requirements, urls = project / "requirements.txt", project / "config/urls.py"
    requirements.write_text(requirements.read_text().replace("-e ./libs", "./libs"))
    # No earlier build has made this layer.
    with (project / "libs/greeting/greeting/__init__.py").open("a") as file:
        file.write(f"\nUNIQUE = '{uuid4()}'\n")
    urls.write_text(f"import greeting\n{urls.read_text()}")
    argv = (sys.executable, "-m", "dockertools", "init", "--project", str(project), "--noinput")
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)
    layers = []
    with temporary_tag() as tag:
        for arguments in ((), (), ("--no-cache-filter=bytecode,assembly",)):
            urls.write_text(f"{urls.read_text()}# changed\n")
            docker("build", "--quiet", *arguments, "--tag", tag, str(project))
            layers.append(json.loads(docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", tag)))
    seen = [len(set(layer)) for layer in zip(*layers, strict=True)]
    # The last three are the code's byte code, the code, and the folder that the user may write to.
    assert seen == [*[1] * (len(seen) - 3), len(layers), len(layers), 1]


@pytest.mark.matrix
def test_a_package_that_comes_or_goes_leaves_the_layers_of_large_ones_as_they_were(
    engine: object, tmp_path: Path
) -> None:
    """Also where all is installed again: the same files are one layer, whenever they were written."""
    needs("python:3.13-slim-trixie")
    project = Path(shutil.copytree(PROJECTS / "pyproject", tmp_path / "pyproject"))
    argv = (sys.executable, "-m", "dockertools", "init", "--project", str(project), "--noinput")
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)
    manifest = project / "pyproject.toml"
    before = manifest.read_text()
    layers, freezes = [], []
    with temporary_tag() as tag:
        for text in (before, before.replace("dependencies = [", 'dependencies = ["humanize", ', 1)):
            manifest.write_text(text)
            docker("build", "--quiet", "--no-cache-filter=builder", "--target=development", "--tag", tag, str(project))
            layers.append(json.loads(docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", tag)))
            freezes.append(docker("run", "--rm", tag, "cat", "/opt/venv/requirements.lock"))
    assert "humanize" in freezes[1]
    assert "humanize" not in freezes[0]
    same = [before == after for before, after in zip(*layers, strict=True)]
    *large, first, second, django, rest, code = same
    assert (*large, django, rest, code) == (*[True] * len(large), True, False, False)
    assert {first, second} == {True, False}


@contextlib.contextmanager
def stack(shape: str, folder: Path, *options: str, **secrets: str) -> Iterator[dict[str, str]]:
    """Bring the rendered compose file up; yield the environment for more commands."""
    with built(shape, folder, *options) as image:
        env = {
            "COMPOSE_PROJECT_NAME": f"dockertools-test-{uuid4().hex[:8]}",
            "COMPOSE_FILE": str(folder / shape / "docker-compose.yml"),
            f"{shape.upper().replace('-', '_')}_IMAGE": image,
            "WEB_PORT": "0",
            "SECRET_KEY": "for-the-test-alone",
            **secrets,
        }
        try:
            docker("compose", "up", "--detach", "--wait", "--no-build", env={**os.environ, **env})
            yield env
        finally:
            docker("compose", "down", "--volumes", "--timeout", "5", env=env)


def web_url(env: dict[str, str]) -> str:
    return published_url(docker("compose", "ps", "--quiet", "web", env=env))


@pytest.mark.matrix
def test_mysqlclient_talks_to_the_mariadb_of_the_compose_file(engine: object, tmp_path: Path) -> None:
    needs("python:3.13-slim-trixie", "mariadb:11.8")
    with stack("mysqlclient", tmp_path, MARIADB_PASSWORD="it's-for-the-test") as env:
        assert ask("GET", f"{web_url(env)}/").body == b"mysqlclient answers 42"


@pytest.mark.matrix
def test_celery_works_through_the_redis_of_the_compose_file(engine: object, tmp_path: Path) -> None:
    needs("python:3.13-slim-trixie", "redis:7-bookworm", "postgres:17-trixie")
    with stack("celery-redis", tmp_path, POSTGRES_PASSWORD="for-the-test") as env:
        assert ask("GET", f"{web_url(env)}/task").body == b"42"
        services = docker("compose", "ps", "--services", "--status", "running", env=env).split()
        assert sorted(services) == ["beat", "db", "redis", "web", "worker"]


@pytest.mark.matrix
def test_geodjango_talks_to_the_postgis_of_the_compose_file(engine: object, tmp_path: Path) -> None:
    needs("python:3.13-slim-trixie", "postgis/postgis:17-3.5")
    with stack("geodjango", tmp_path, POSTGRES_PASSWORD="for-the-test") as env:
        assert ask("GET", f"{web_url(env)}/database").body.startswith(b"PostGIS 3.")
