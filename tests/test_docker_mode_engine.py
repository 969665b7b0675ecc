"""`docker_mode` on the service itself, up on a real engine: reload in development, a sealed production, data kept."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from dockertools.engine import Engine
from tests.docker import ask, copy_project, docker

UID = GID = 4321
"""Whoever asks, told as sudo does: neither root nor the image's own user, so that it shows whose files are made."""
DEADLINE_SECONDS = 300.0
CV = {
    "name": "Ada Example",
    "title": "Developer",
    "text": "EXPERIENCE\nDeveloper, Example Ltd, 2021 - 2024\n- Led a team",
}
pytestmark = pytest.mark.engine


@dataclass(frozen=True)
class Stack:
    """A copy of the service as a compose project of its own."""

    folder: Path
    name: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("COMPOSE_", "DJANGO_"))}
        return {**kept, "SUDO_UID": str(UID), "SUDO_GID": str(GID)}

    def mode(self, *arguments: str) -> str:
        """Run `manage.py docker_mode` and return what it printed."""
        argv = (sys.executable, "manage.py", "docker_mode", *arguments)
        done = subprocess.run(argv, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr + self.logs()
        return done.stdout

    def logs(self) -> str:
        done = self.compose("logs", "--tail", "40")
        return done.stdout + done.stderr

    def compose(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run compose as somebody would by hand, `.env` deciding."""
        argv = ("docker", "compose", *words)
        return subprocess.run(argv, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)

    def container(self) -> str:
        return self.compose("ps", "--quiet", "web").stdout.strip()

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.folder / path
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    def wait_for(self, words: str, path: str = "/") -> float:
        """Wait for a page with these words; return the seconds that took."""
        start = time.monotonic()
        while time.monotonic() < start + DEADLINE_SECONDS:
            with contextlib.suppress(OSError):
                if words.encode() in ask("GET", f"{self.url}{path}").body:
                    return time.monotonic() - start
            time.sleep(0.1)
        raise AssertionError(f"{words!r} did not appear:\n{self.logs()}")


@pytest.fixture
def stack(engine: Engine, tmp_path: Path) -> Iterator[Stack]:
    name = f"dockertools-test-{uuid4().hex[:8]}"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    made = Stack(copy_project(tmp_path / "service"), name, port)
    (made.folder / ".env").write_text(
        f"COMPOSE_PROJECT_NAME={name}\nCVIMPROVER_API_IMAGE={name}:latest\nWEB_PORT={port}\n"
        "SECRET_KEY=for-the-test-alone-and-long-enough-to-pass-the-check\nPOSTGRES_PASSWORD=for-the-test\n"
        "DJANGO_INSECURE_HTTP=1\n"
    )
    for path in (made.folder, *made.folder.rglob("*")):
        os.chown(path, UID, GID)
    try:
        yield made
    finally:
        made.compose("down", "--volumes", "--remove-orphans", "--timeout", "3")
        images = (f"{name}:latest", f"{name}-web:development")
        subprocess.run(("docker", "image", "rm", "--force", *images), capture_output=True, check=False)


def test_development_reloads_production_is_sealed_and_data_stays(stack: Stack) -> None:
    stack.mode("dev", "--up")
    stack.wait_for("ok", "/healthz")
    cv = ask("POST", f"{stack.url}/api/cvs/", CV).json()
    assert_reloads(stack)
    assert_files_are_the_callers(stack)

    env = (stack.folder / ".env").read_bytes()
    stack.mode("prod", "--build", "--up")
    stack.wait_for("ok", "/healthz")
    assert ask("GET", f"{stack.url}{cv['url']}").json()["name"] == CV["name"]
    assert_sealed(stack)

    stack.mode("dev", "--up")
    stack.wait_for("edited-in-the-template")
    assert ask("GET", f"{stack.url}{cv['url']}").json()["name"] == CV["name"]
    assert (stack.folder / ".env").read_bytes() == env
    stack.mode("--down")
    assert stack.compose("ps", "--quiet").stdout == ""
    assert f"{stack.name}_database" in docker("volume", "ls", "--quiet")


def assert_reloads(stack: Stack) -> None:
    stack.wait_for("CV")
    stack.edit("cvimprover/templates/cvimprover/home.html", "</body>", "edited-in-the-template</body>")
    print(f"the template was seen after {stack.wait_for('edited-in-the-template'):.1f} s")
    stack.edit("cvimprover/views.py", "    return response", '    response["X-Edited"] = "yes"\n    return response')
    start = time.monotonic()
    while time.monotonic() < start + DEADLINE_SECONDS:
        with contextlib.suppress(OSError):
            if ask("GET", stack.url).headers["X-Edited"] == "yes":
                print(f"the view was seen after {time.monotonic() - start:.1f} s")
                return
        time.sleep(0.1)
    raise AssertionError(stack.logs())


def assert_files_are_the_callers(stack: Stack) -> None:
    docker("exec", stack.container(), "python", "-c", "open('/app/made-inside', 'w').close()")
    status = (stack.folder / "made-inside").stat()
    assert (status.st_uid, status.st_gid) == (UID, GID)
    foreign = [path for path in stack.folder.rglob("*") if path.lstat().st_uid not in (UID, os.getuid())]
    assert foreign == []


def assert_sealed(stack: Stack) -> None:
    container = stack.container()
    inspected = json.loads(docker("inspect", container))[0]
    assert [mount for mount in inspected["Mounts"] if mount["Type"] == "bind"] == []
    assert inspected["HostConfig"]["ReadonlyRootfs"] is True
    assert inspected["HostConfig"]["Memory"] == 2**30
    assert inspected["HostConfig"]["PidsLimit"] == 512
    assert "gunicorn" in docker("exec", container, "cat", "/proc/1/cmdline").split("\0")[1]
    for user in ("1000", "0"):
        argv = ("docker", "exec", "--user", user, container, "touch", "/app/cvimprover/views.py")
        assert subprocess.run(argv, capture_output=True, check=False).returncode != 0
    assert b"DEBUG" not in ask("GET", f"{stack.url}/nothing-here").body


@pytest.mark.matrix
def test_watch_copies_what_changes(stack: Stack) -> None:
    argv = (sys.executable, "manage.py", "docker_mode", "dev", "--sync", "watch", "--up")
    process = subprocess.Popen(
        argv, cwd=stack.folder, env=stack.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0
    )
    try:
        stack.wait_for("ok", "/healthz")
        inspected = json.loads(docker("inspect", stack.container()))[0]
        assert [mount for mount in inspected["Mounts"] if mount["Type"] == "bind"] == []
        assert_reloads(stack)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)
