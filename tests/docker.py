"""What tests need of an engine: commands, containers that go away, and a client that waits."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import pytest

ROOT = Path(__file__).resolve().parent.parent
DEADLINE_SECONDS = 60.0
HARDENED = (
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--publish=127.0.0.1::8000",
    "--env=SECRET_KEY=for-the-test-alone",
    "--env=DJANGO_INSECURE_HTTP=1",
)


def skip_or_fail(message: str) -> NoReturn:
    """Skip the test, or fail it where REQUIRE_ENGINE says that all is there: `make test` sets it."""
    if os.environ.get("REQUIRE_ENGINE"):
        pytest.fail(f"{message}\nREQUIRE_ENGINE is set, so this is no reason to skip.")
    pytest.skip(message)


def require_compose() -> None:
    """Skip, or fail, where the compose plugin is missing; it needs no engine."""
    argv = ("docker", "compose", "version")
    if shutil.which("docker") is None or subprocess.run(argv, capture_output=True, check=False).returncode:
        skip_or_fail("The compose plugin is not installed; `scripts/engine up` brings it.")


def docker(*arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run a docker command and return what it printed; a failure shows what it said."""
    argv = ("docker", *arguments)
    done = subprocess.run(argv, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout.strip()


def docker_build(
    folder: Path, *arguments: str, expect: int = 0, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `manage.py docker_build` in a project's folder, as its user would."""
    done = subprocess.run(
        (sys.executable, "manage.py", "docker_build", *arguments),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "DJANGO_SETTINGS_MODULE": "cvimprover.settings", **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, done.stderr
    return done


def build_document(folder: Path, *arguments: str, expect: int = 0) -> dict[str, Any]:
    """Return the JSON document of a build."""
    document: dict[str, Any] = json.loads(docker_build(folder, "--format", "json", *arguments, expect=expect).stdout)
    return document


def copy_project(target: Path) -> Path:
    """Copy what the repository holds, without what is ignored, so that a test can change it."""
    listed = subprocess.run(
        ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def fresh_tag() -> str:
    """Return a name that no other test uses."""
    return f"dockertools-test/{uuid4().hex[:12]}:latest"


@contextlib.contextmanager
def temporary_tag() -> Iterator[str]:
    """Name an image for the time of a test; it is removed afterwards."""
    tag = fresh_tag()
    try:
        yield tag
    finally:
        subprocess.run(("docker", "image", "rm", "--force", tag), capture_output=True, check=False)


@contextlib.contextmanager
def running(image: str, *options: str) -> Iterator[str]:
    """Run a container and yield its id; it and its anonymous volumes are removed afterwards."""
    container = docker("run", "--detach", *options, image)
    try:
        yield container
    finally:
        docker("rm", "--force", "--volumes", container)


@contextlib.contextmanager
def temporary_volume() -> Iterator[str]:
    """Make a volume; it is removed afterwards."""
    volume = docker("volume", "create", f"dockertools-test-{uuid4().hex[:12]}")
    try:
        yield volume
    finally:
        docker("volume", "rm", "--force", volume)


def published_url(container: str, port: int = 8000) -> str:
    """Return where a container's port answers on loopback."""
    return f"http://{docker('port', container, str(port)).splitlines()[0]}"


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Message[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


def ask(method: str, url: str, body: Any = None) -> Answer:
    """Send one request, with a JSON body if there is one."""
    data = b"" if body is None and method == "POST" else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def wait_until_ready(url: str, container: str) -> None:
    """Wait for a 200; when none comes, fail with the container's log."""
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if ask("GET", url).status == 200:
                return
        time.sleep(0.1)
    log = subprocess.run(("docker", "logs", container), capture_output=True, text=True, check=False)
    raise AssertionError(f"{url} did not answer 200:\n{log.stdout}{log.stderr}")


@contextlib.contextmanager
def service(image: str, *options: str) -> Iterator[tuple[str, str]]:
    """Run the image hardened, its tables made; yield the container and its URL."""
    with running(image, *HARDENED, *options) as container:
        docker("exec", container, "python", "manage.py", "migrate", "--noinput", "--verbosity=0")
        url = published_url(container)
        wait_until_ready(f"{url}/readyz", container)
        yield container, url
