"""docker_check in real containers of the service's image, sound and broken on purpose."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from dockertools.checks.registry import registered_checks
from dockertools.checks.runtime import load_checks
from tests.check_project import SECRET
from tests.docker import temporary_tag

pytestmark = pytest.mark.engine

HARDENED = (
    "--read-only",
    "--tmpfs=/tmp",
    "--tmpfs=/data:uid=1000",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)


@contextlib.contextmanager
def broken_by(image: str, instruction: str) -> Iterator[str]:
    """Build an image from the sound one with one more instruction, carried out as root."""
    dockerfile = f"FROM {image}\nUSER 0\n{instruction}\nUSER 1000:1000\n"
    with temporary_tag() as tag:
        argv = ("docker", "buildx", "build", "--quiet", "--load", "--tag", tag, "-")
        subprocess.run(argv, input=dockerfile, text=True, capture_output=True, check=True)
        yield tag


def check(image: str, *groups: str, options: tuple[str, ...] = HARDENED) -> dict[str, Any]:
    """Run docker_check in a container and return its JSON document."""
    arguments = [word for group in groups for word in ("--group", group)]
    environment = (f"--env=SECRET_KEY={SECRET}", "--env=ALLOWED_HOSTS=cv.example")
    command = ("python", "manage.py", "docker_check", "--format", "json", *arguments)
    done = subprocess.run(
        ("docker", "run", "--rm", *environment, *options, image, *command), capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["exit_code"] == done.returncode
    return document


def findings(document: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the ids and conditions of what is not in order."""
    found = [result for result in document["results"] if result["status"] in ("warn", "fail")]
    return {(result["id"].rpartition(".")[2], result["evidence"]["code"]) for result in found}


NOT_PASSED = {
    "C203": "nothing-opened",
    "C204": "no-programs",
    "C303": "migrations-unapplied",
    "C304": "limit-unknown",
    "C402": "no-cache",
    "C502": "no-media",
}
"""What the service's image has no use for, and the tables that nothing has made here; all else passes."""


def test_the_services_image_passes_each_check_that_it_can(production_image: str) -> None:
    results = check(production_image, options=(*HARDENED, "--memory=4g"))["results"]
    others = {result["id"][-4:]: result["evidence"]["code"] for result in results if result["status"] != "pass"}
    assert others == NOT_PASSED
    load_checks()
    assert {result["id"] for result in results} == {check.id for check in registered_checks()}


@pytest.mark.parametrize(
    ("instruction", "group", "finding"),
    [
        ("RUN rm /usr/lib/*/libpq.so.5*", "libraries", ("C201", "library-missing")),
        ("RUN truncate --size 200 $(find /opt/venv -name '_cairo*.so')", "libraries", ("C202", "damaged-elf")),
        ("RUN rm -r /opt/venv/lib/python3*/site-packages/typing_extensions*", "packages", ("C102", "not-installed")),
        ("RUN rm /app/staticfiles/staticfiles.json", "storage", ("C501", "manifest-missing")),
        ("RUN chown -R 1000 /app", "security", ("C702", "code-writable")),
        ("RUN cp /bin/true /usr/bin/gcc", "security", ("C704", "compiler-present")),
    ],
)
def test_what_is_broken_in_the_image_is_found(
    production_image: str, instruction: str, group: str, finding: tuple[str, str]
) -> None:
    with broken_by(production_image, instruction) as image:
        assert finding in findings(check(image, group, options=()))


def test_a_missing_library_is_named_with_its_package(production_image: str) -> None:
    with broken_by(production_image, "RUN rm /usr/lib/*/libpq.so.5*") as image:
        missing = [result for result in check(image, "libraries")["results"] if result["status"] == "fail"]
    assert any("libpq.so.5" in result["message"] and "libpq5" in result["hint"] for result in missing)


@pytest.mark.parametrize(
    ("options", "group", "finding"),
    [
        (("--user=0:0",), "security", ("C701", "runs-as-root")),
        (("--user=0:0",), "security", ("C703", "capabilities-of-root")),
        ((), "security", ("C705", "setuid-usable")),
        (("--read-only",), "storage", ("C503", "temp-not-writable")),
        (("--memory=96m", "--env=WEB_CONCURRENCY=8"), "server", ("C604", "memory-exceeded")),
        (("--pids-limit=20", "--env=WEB_CONCURRENCY=8"), "server", ("C604", "processes-exceeded")),
        (("--cpus=1", "--env=WEB_CONCURRENCY=8"), "server", ("C605", "too-many-workers")),
    ],
)
def test_what_the_container_is_denied_or_given_is_found(
    production_image: str, options: tuple[str, ...], group: str, finding: tuple[str, str]
) -> None:
    assert finding in findings(check(production_image, group, options=options))
