"""`docker_build` when it is broken off, or the engine is not what it should be."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dockertools.build.finish import tag_image
from dockertools.engine import connect
from dockertools.errors import CouldNotRunError
from dockertools.image.inspect import inspect_image
from tests.build_project import PYTHON, Project, make_project
from tests.test_process import wait_until_gone

pytestmark = pytest.mark.engine

SLOW = PYTHON + "RUN echo be''gun && sleep 120\n"
DEADLINE_SECONDS = 60.0


@pytest.fixture
def project(engine: object, tmp_path: Path) -> Iterator[Project]:
    with make_project(tmp_path, PYTHON + "RUN true\n") as project:
        yield project


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Read the build's standard error up to a line with these words."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    pytest.fail(f"the build ended with {process.wait()} without saying {words!r}")


def children_of(pid: int) -> list[int]:
    found = [int(word) for path in Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()]
    return found + [below for child in found for below in children_of(child)]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=str
)
def test_a_signal_ends_the_build_and_leaves_the_tag(project: Project, number: signal.Signals, code: int) -> None:
    project.build()
    before = project.image_id()
    project.write(Dockerfile=SLOW)
    process = project.start("--no-cache")
    with process:
        wait_for(process, "| begun")
        children = children_of(process.pid)
        assert children
        process.send_signal(number)
        _, errors = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    for child in children:
        wait_until_gone(child)
    assert project.image_id() == before


def test_a_terminal_that_is_closed_ends_the_build(project: Project) -> None:
    project.write(Dockerfile=SLOW)
    parent, child = os.openpty()
    process = subprocess.Popen(
        project.argv("--no-cache"),
        env=project.environment,
        stdin=child,
        stdout=child,
        stderr=child,
        start_new_session=True,
    )
    os.close(child)
    try:
        seen = b""
        while b"begun" not in seen:
            seen = (seen + os.read(parent, 65536))[-100_000:]
        children = children_of(process.pid)
        os.kill(process.pid, signal.SIGHUP)
    finally:
        os.close(parent)
    assert process.wait(DEADLINE_SECONDS) == 129
    for pid in children:
        wait_until_gone(pid)


class Relay:
    """A socket that passes everything on to the engine, until it is cut."""

    def __init__(self, path: Path, engine: str) -> None:
        self._engine = engine
        self._open: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._start(self._accept)

    def cut(self) -> None:
        """Break all connections, and take no more."""
        for connection in (self._server, *self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _start(self, function: object, *arguments: object) -> None:
        threading.Thread(target=function, args=arguments, daemon=True).start()  # type: ignore[arg-type]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            self._open += [client, engine]
            engine.connect(self._engine)
            self._start(self._pass_on, client, engine)
            self._start(self._pass_on, engine, client)

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def relay() -> Iterator[tuple[Relay, str]]:
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not address.startswith("unix://"):
        pytest.skip("the engine is not behind a Unix socket")
    with TemporaryDirectory() as folder:
        path = Path(folder, "engine.sock")
        relay = Relay(path, address.removeprefix("unix://"))
        yield relay, f"unix://{path}"
        relay.cut()


def test_an_engine_lost_midway_is_no_failure_of_the_build(project: Project, relay: tuple[Relay, str]) -> None:
    project.build()
    before = project.image_id()
    project.write(Dockerfile=SLOW)
    process = project.start("--no-cache", env={"DOCKER_HOST": relay[1]})
    with process:
        wait_for(process, "| begun")
        relay[0].cut()
        _, errors = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 3, errors
    assert "The engine was lost during `[2/2] RUN echo be''gun && sleep 120`" in errors
    assert "Traceback" not in errors
    assert project.image_id() == before


@pytest.mark.filterwarnings("ignore:unclosed <socket")  # the SDK leaves the one that it could not connect
def test_an_engine_lost_after_the_build_leaves_the_tag(
    project: Project, relay: tuple[Relay, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.build()
    before = project.image_id()
    monkeypatch.setenv("DOCKER_HOST", relay[1])
    assert before
    with contextlib.closing(connect()) as client:
        assert inspect_image(client, before).id == before
        relay[0].cut()
        with pytest.raises(CouldNotRunError, match="The engine was lost"):
            inspect_image(client, before)
        with pytest.raises(CouldNotRunError, match="The engine was lost"):
            tag_image(client, before, "dockertools-test/lost:latest")
    gc.collect()
    monkeypatch.undo()
    assert project.image_id() == before


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own without a free byte."""
    folder = tmp_path / "full"
    folder.mkdir()
    argv = ("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder))
    if subprocess.run(argv, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 512)
        yield folder
    finally:
        subprocess.run(("umount", str(folder)), check=True)


def test_a_full_disk_is_named_and_leaves_the_tag(project: Project, full_disk: Path) -> None:
    project.build()
    before = project.image_id()
    document = project.document("--output", f"type=tar,dest={full_disk}/image.tar", expect=1)
    assert document["failure"]["explanation"]["id"] == "no-space"
    assert "The disk is full" in document["error"]["message"]
    assert project.image_id() == before


def test_a_build_that_cannot_be_recorded_on_a_full_disk_counts(project: Project, full_disk: Path) -> None:
    document = project.document(env={"XDG_STATE_HOME": str(full_disk)})
    assert "could not be recorded" in document["warnings"][-1]["message"]
    assert "No space left on device" in document["warnings"][-1]["message"]
    assert project.image_id() == document["image"]["id"]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for PATH with nothing but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def write_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)


def real_docker() -> str:
    found = shutil.which("docker")
    assert found
    return found


def refused(project: Project, env: dict[str, str], code: str) -> str:
    """Build, expect that it cannot run, and return message and hint; nothing was built."""
    document = project.document(expect=3, env=env)
    assert document["error"]["code"] == code
    assert document["error"]["hint"]
    assert project.image_id() is None
    return f"{document['error']['message']}\n{document['error']['hint']}"


def test_without_the_docker_command(project: Project, programs: Path) -> None:
    text = refused(project, {"PATH": str(programs)}, "docker-not-found")
    assert "The `docker` command was not found" in text
    assert "Install Docker" in text


def test_without_an_engine(project: Project, tmp_path: Path) -> None:
    text = refused(project, {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}, "engine-unreachable")
    assert f"{tmp_path}/none.sock" in text
    assert "Start Docker" in text


def test_with_a_context_that_is_not_there(project: Project, programs: Path) -> None:
    write_program(programs / "docker", f'unset DOCKER_HOST\nexec {real_docker()} "$@"\n')
    env = {"PATH": f"{programs}:{os.environ['PATH']}", "DOCKER_CONTEXT": "nowhere"}
    text = refused(project, env, "context-not-found")
    assert '"nowhere"' in text
    assert "docker context ls" in text


def test_without_buildx(project: Project, tmp_path: Path) -> None:
    (tmp_path / "client").mkdir()
    env = {"DOCKER_CONFIG": str(tmp_path / "client")}
    found = subprocess.run(("docker", "buildx", "version"), env={**os.environ, **env}, capture_output=True, check=False)
    if found.returncode == 0:
        pytest.skip("buildx is installed for the whole machine")
    text = refused(project, env, "buildx-not-found")
    assert "has no buildx" in text
    assert "docker-buildx-plugin" in text


def test_with_a_buildx_that_is_too_old(project: Project, programs: Path) -> None:
    write_program(
        programs / "docker",
        'case "$1 $2" in\n'
        '"buildx version") echo github.com/docker/buildx v0.11.2 9872040;;\n'
        '"buildx build") echo "ERROR: invalid progress mode rawjson" >&2; exit 1;;\n'
        f'*) exec {real_docker()} "$@";;\nesac\n',
    )
    text = refused(project, {"PATH": f"{programs}:{os.environ['PATH']}"}, "buildx-too-old")
    assert "buildx 0.11.2 does not know --progress=rawjson" in text
    assert "0.13" in text


def test_a_build_that_meets_its_like_at_the_end_goes_on(project: Project, programs: Path) -> None:
    error = 'image \\"moby-dangling@sha256:0123456789abcdef\\": already exists'
    times = '"started":"2026-01-01T00:00:00Z","completed":"2026-01-01T00:00:01Z"'
    vertex = f'{{"vertexes":[{{"digest":"sha256:1","name":"exporting to image",{times},"error":"{error}"}}]}}'
    write_program(
        programs / "docker",
        f'if [ "$1 $2" = "buildx build" ] && [ ! -e {programs}/met ]; then\n'
        f"touch {programs}/met; echo '{vertex}' >&2; exit 1\nfi\n"
        f'exec {real_docker()} "$@"\n',
    )
    done = project.build(env={"PATH": f"{programs}:{os.environ['PATH']}"})
    assert (programs / "met").exists()
    assert "failed" not in done.stderr
    assert project.image_id()


def test_builds_of_the_same_image_at_once(project: Project) -> None:
    project.write(Dockerfile=PYTHON + f"RUN echo {project.tag}; sleep 1\n")
    processes = [project.start("--no-cache") for _ in range(3)]
    errors = [process.communicate(timeout=4 * DEADLINE_SECONDS)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], errors
    (records,) = project.state.rglob("builds.jsonl")
    assert len(records.read_text().splitlines()) == 3


def test_with_a_builder_that_is_not_there(project: Project) -> None:
    document = project.document("--builder", "nobody", expect=3)
    assert document["error"]["code"] == "builder-not-found"
    assert "docker buildx ls" in document["error"]["hint"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try as somebody else")
def test_without_the_right_to_use_the_socket(project: Project, programs: Path) -> None:
    with TemporaryDirectory(prefix="dockertools-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(folder / "engine.sock"))
        (folder / "engine.sock").chmod(stat.S_IRUSR | stat.S_IWUSR)
        shutil.copy(real_docker(), folder / "docker")
        write_program(
            programs / "docker",
            f'exec setpriv --reuid=65534 --regid=65534 --clear-groups {folder}/docker "$@"\n',
        )
        plugins = folder / "client" / "cli-plugins"
        plugins.mkdir(parents=True)
        shutil.copy(buildx_plugin(), plugins / "docker-buildx")
        env = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "DOCKER_HOST": f"unix://{folder}/engine.sock",
            "DOCKER_CONFIG": str(folder / "client"),
        }
        text = refused(project, env, "engine-denied")
        server.close()
    assert "permission denied" in text
    assert "group `docker`" in text


def buildx_plugin() -> Path:
    """Return the buildx that the docker command uses."""
    argv = ("docker", "info", "--format", "{{range .ClientInfo.Plugins}}{{.Name}} {{.Path}}\n{{end}}")
    found = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    return Path(dict(zip(found[::2], found[1::2], strict=True))["buildx"])


def test_a_broken_off_build_leaves_no_temporary_files(project: Project, tmp_path: Path) -> None:
    project.write(Dockerfile=SLOW)
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = project.start("--no-cache", env={"TMPDIR": str(folder)})
    with process:
        wait_for(process, "| begun")
        process.terminate()
        process.communicate(timeout=DEADLINE_SECONDS)
    assert list(folder.iterdir()) == []


def test_the_library_can_be_used_in_a_thread(project: Project) -> None:
    code = (
        "import threading\nfrom dockertools.__main__ import main\n"
        f"thread = threading.Thread(target=main, args=({list(project.argv('--progress', 'quiet')[3:])!r},))\n"
        "thread.start()\nthread.join()\n"
    )
    done = subprocess.run(
        (sys.executable, "-c", code), env=project.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert project.image_id()
