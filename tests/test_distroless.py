"""The variant distroless: the same applications answer from an image without shell and package manager."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker import ask, copy_project, docker, docker_build, service, temporary_tag
from tests.golden import inspect_shape
from tests.test_check_engine import check, findings
from tests.test_rendered_images import BODIES, answers, built, needs, stack, web_url

pytestmark = [pytest.mark.engine, pytest.mark.matrix]

DISTROLESS = ("--variant", "distroless")
SHAPES = ("asgi-uvicorn", "files", "geodjango", "requirements", "src-package", "weasyprint")


@pytest.fixture(scope="module")
def image(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Build the service as this variant; yield the image."""
    project = copy_project(tmp_path_factory.mktemp("distroless"))
    argv = (sys.executable, "manage.py", "docker_init", "--noinput", *DISTROLESS)
    subprocess.run(argv, cwd=project, check=True, capture_output=True)
    with temporary_tag() as tag:
        docker_build(project, "--tag", tag)
        yield tag


@contextlib.contextmanager
def without(image: str, name: str) -> Iterator[str]:
    """Build the image without the files whose names begin so; it has no `rm`, but Python."""
    remove = f"import pathlib; [path.unlink() for path in pathlib.Path('/usr/lib').rglob('{name}*')]"
    dockerfile = f'FROM {image}\nUSER 0\nRUN ["python", "-c", "{remove}"]\nUSER 1000:1000\n'
    with temporary_tag() as tag:
        argv = ("docker", "buildx", "build", "--quiet", "--load", "--tag", tag, "-")
        subprocess.run(argv, input=dockerfile, text=True, capture_output=True, check=True)
        yield tag


@pytest.mark.parametrize("shape", SHAPES)
def test_a_project_is_built_and_answers(engine: object, shape: str, tmp_path: Path) -> None:
    needs(inspect_shape(shape).python.base_image)
    with built(shape, tmp_path, *DISTROLESS) as image:
        assert BODIES.get(shape, f"{shape} answers") in answers(shape, image)


def test_celery_works_through_redis(engine: object, tmp_path: Path) -> None:
    needs("python:3.13-slim-trixie", "redis:7-bookworm", "postgres:17-trixie")
    with stack("celery-redis", tmp_path, *DISTROLESS, POSTGRES_PASSWORD="for-the-test") as env:
        assert ask("GET", f"{web_url(env)}/task").body == b"42"


def test_the_service_lacks_nothing_but_its_tables(image: str) -> None:
    assert findings(check(image)) == {("C303", "migrations-unapplied")}


def test_the_service_draws_a_pdf_under_the_hardened_settings(image: str) -> None:
    with service(image, "--tmpfs=/data:uid=1000,gid=1000,mode=0700") as (_, url):
        created = ask("POST", f"{url}/api/cvs/", {"name": "Ada", "text": "Mathematician. Wrote the first program."})
        assert created.status == 201
        assert ask("GET", f"{url}{created.json()['url']}/pdf").body.startswith(b"%PDF-")


@pytest.mark.parametrize("program", ["sh", "bash", "/bin/sh", "dpkg", "apt-get", "pip", "uv", "gcc", "perl", "ls"])
def test_no_program_of_a_shell_can_be_started(image: str, program: str) -> None:
    done = subprocess.run(("docker", "run", "--rm", image, program), capture_output=True, text=True, check=False)
    assert done.returncode == 127
    assert "no such file or directory" in done.stderr or "not found in $PATH" in done.stderr


def test_names_time_zones_certificates_and_users_are_known(image: str) -> None:
    script = """
import locale, pwd, socket, ssl, zoneinfo
print(ssl.create_default_context().cert_store_stats()["x509_ca"] > 100)
print(zoneinfo.ZoneInfo("Europe/Berlin").key, pwd.getpwuid(1000).pw_name, locale.getencoding().lower())
print(socket.getaddrinfo("localhost", "http")[0][4][1])
"""
    lines = docker("run", "--rm", image, "python", "-c", script).splitlines()
    assert lines == ["True", "Europe/Berlin django utf-8", "80"]


def test_scanners_find_the_packages_whose_files_are_there(image: str) -> None:
    script = "print(open('/var/lib/dpkg/status').read())"
    status = docker("run", "--rm", image, "python", "-c", script)
    names = [line.partition(" ")[2] for line in status.splitlines() if line.startswith("Package: ")]
    assert {"libc6", "libcairo2", "libpq5", "libssl3", "ca-certificates"} <= set(names)
    assert not {"dash", "bash", "apt", "dpkg", "perl-base", "coreutils"} & set(names)


def test_a_library_that_was_left_out_is_found(image: str, tmp_path: Path) -> None:
    with without(image, "libpq.so.5") as broken:
        assert ("C201", "library-missing") in findings(check(broken, "libraries"))


@pytest.mark.parametrize("variant", ["slim", "distroless"])
def test_a_squashed_image_is_one_layer_and_answers(engine: object, variant: str, tmp_path: Path) -> None:
    with built("squashed", tmp_path, "--variant", variant) as image:
        assert "squashed answers" in answers("squashed", image)
        layers = docker("image", "inspect", "--format", "{{len .RootFS.Layers}}", image)
        assert layers == "2"  # all files, and the working folder
