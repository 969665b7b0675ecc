"""A switch that is killed, finds no room, may not write, or is not alone: the old mode or the new, never half."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docker import require_compose
from tests.mode import BASE, make_project
from tests.services import require_program

ROOT = Path(__file__).resolve().parent.parent
CALLS = ("fchown", "fchmod", "write", "fsync", "rename", "unlink", "flock", "link")
"""The system calls that change something, or decide who may; the state after each is that before the next."""
QUICK = ("fchmod", "rename")
MOST = 40


@dataclass(frozen=True)
class Project:
    """A project, and a PATH on which `docker` repeats what the real compose said: only the switch is tried."""

    folder: Path
    path: str

    def command(self, mode: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "dockertools", "mode", mode, "--noinput", "--project", str(self.folder))

    @property
    def env(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("COMPOSE_", "DOCKERTOOLS_"))}
        return {**kept, "PATH": self.path, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, mode: str, *prefix: str) -> subprocess.CompletedProcess[str]:
        argv = (*prefix, *self.command(mode))
        return subprocess.run(argv, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)

    def state(self) -> dict[str, bytes]:
        names = (".env", "docker-compose.yml", "docker-compose.dev.yml", "docker-compose.prod.yml")
        return {name: (self.folder / name).read_bytes() for name in names if (self.folder / name).exists()}

    def leftovers(self) -> list[str]:
        return [path.name for path in self.folder.iterdir() if ".dockertools-" in path.name]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a `docker` that repeats what compose says of this project."""
    require_compose()
    require_program("strace")
    folder = tmp_path_factory.mktemp("answers")
    project = make_project(folder / "shop")
    (project / ".env").write_text("A=1\n")
    for mode in ("dev", "prod"):
        argv = (sys.executable, "-m", "dockertools", "mode", mode, "--project", str(project))
        subprocess.run(argv, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
        config = ("docker", "compose", "--profile", "*", "config", "--format", "json")
        env = {**os.environ, "DOCKERTOOLS_UID": str(os.getuid()), "DOCKERTOOLS_GID": str(os.getgid())}
        for name, files, options in (
            ("base.json", "docker-compose.yml", ()),
            ("source.json", "docker-compose.yml", ("--no-interpolate", "--no-path-resolution", "--no-env-resolution")),
            (f"{mode}.json", f"docker-compose.yml:docker-compose.{mode}.yml", ()),
        ):
            done = subprocess.run(
                (*config, *options), cwd=project, env={**env, "COMPOSE_FILE": files}, check=True, capture_output=True
            )
            (folder / name).write_bytes(done.stdout.replace(str(project).encode(), b"@PROJECT@"))
    (folder / "docker").write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        "*version*) echo 2.40.3; exit;;\n"
        "*inspect*) exit 1;;\n"
        "*--no-interpolate*) name=source;;\n"
        '*) case "$COMPOSE_FILE" in *dev.yml*) name=dev;; *prod.yml*) name=prod;; *) name=base;; esac;;\n'
        "esac\n"
        f'sed "s|@PROJECT@|$(pwd -P)|g" {folder}/$name.json\n'
    )
    (folder / "docker").chmod(0o755)
    return folder


@contextlib.contextmanager
def fresh(answers: Path, folder: Path) -> Iterator[Project]:
    """Yield a project in development, whose `.env` holds a secret."""
    folder.mkdir(exist_ok=True)
    make_project(folder, BASE)
    (folder / ".env").write_text("SECRET=hush\n")
    project = Project(folder, f"{answers}:/usr/bin:/bin")
    assert project.run("dev").returncode == 0
    yield project


def expected(answers: Path, folder: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return what a project holds before and after the switch to production."""
    with fresh(answers, folder) as project:
        old = project.state()
        assert project.run("prod").returncode == 0
        return old, project.state()


def assert_old_or_new(state: dict[str, bytes], old: dict[str, bytes], new: dict[str, bytes]) -> None:
    """What .env names must be whole; our overlay may be there already while .env does not name it yet."""
    assert state[".env"] in (old[".env"], new[".env"])
    mode = old if state[".env"] == old[".env"] else new
    assert {name: text for name, text in state.items() if name in mode} == mode
    assert all(text == new[name] for name, text in state.items() if name not in mode)


@pytest.mark.parametrize(
    "call", [call if call in QUICK else pytest.param(call, marks=pytest.mark.matrix) for call in CALLS]
)
def test_killed_at_any_system_call_it_is_the_old_mode_or_the_new(call: str, answers: Path, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    old, new = expected(answers, tmp_path / "shop")
    shutil.rmtree(tmp_path / "shop")
    killed = 0
    with fresh(answers, tmp_path / "shop") as project:
        for number in range(1, MOST):
            restore(project, old)
            inject = f"inject={call}:signal=SIGKILL:when={number}"
            done = project.run("prod", "strace", "-q", "-o", str(tmp_path / "log"), "-e", f"trace={call}", "-e", inject)
            assert_old_or_new(project.state(), old, new)
            if done.returncode == 0:
                break
            assert done.returncode in (-9, 137), done.stderr
            killed += 1
        else:
            pytest.fail(f"{call} is called more than {MOST} times")
        restore(project, old)
        assert project.run("prod").returncode == 0
        assert project.state() == new
        assert project.leftovers() == []
    print(f"{call}: killed {killed} times")


def restore(project: Project, state: dict[str, bytes]) -> None:
    """Bring the files back; what a killed switch left beside them stays."""
    for name in project.state().keys() - state.keys():
        (project.folder / name).unlink()
    for name, content in state.items():
        (project.folder / name).write_bytes(content)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    argv = ("mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder))
    if os.getuid() != 0 or subprocess.run(argv, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(("umount", str(folder)), check=True)


def test_on_a_full_disk_nothing_changes(answers: Path, small_disk: Path) -> None:
    with fresh(answers, small_disk / "shop") as project:
        old = project.state()
        with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 4096)
        done = project.run("prod")
        assert done.returncode == 1
        assert "No space left on device" in done.stderr
        assert project.state() == old
        assert project.leftovers() == []
        (small_disk / "filler").unlink()
        assert project.run("prod").returncode == 0


def test_in_a_read_only_folder_nothing_changes(answers: Path, small_disk: Path) -> None:
    with fresh(answers, small_disk / "shop") as project:
        old = project.state()
        subprocess.run(("mount", "-o", "remount,ro", str(small_disk)), check=True)
        done = project.run("prod")
        assert done.returncode == 1
        assert "Read-only file system" in done.stderr
        assert project.state() == old


def test_a_signal_leaves_nothing_beside_the_files(answers: Path, tmp_path: Path) -> None:
    with fresh(answers, tmp_path / "shop") as project:
        old = project.state()
        inject = "inject=fsync:signal=SIGTERM:when=2"
        done = project.run("prod", "strace", "-q", "-o", str(tmp_path / "log"), "-e", "trace=fsync", "-e", inject)
        assert done.returncode == 143
        assert project.state() == old
        assert project.leftovers() == []


def test_two_switches_at_once_end_in_one_of_the_modes(answers: Path, tmp_path: Path) -> None:
    with fresh(answers, tmp_path / "shop") as project:
        running = [
            subprocess.Popen(project.command(mode), cwd=ROOT, env=project.env, stdout=subprocess.DEVNULL)
            for mode in ("prod", "dev", "prod", "dev")
        ]
        assert [process.wait() for process in running] == [0, 0, 0, 0]
        done = subprocess.run(
            (*project.command("dev")[:4], "--format", "json", "--project", str(project.folder)),
            cwd=ROOT, env=project.env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert json.loads(done.stdout)["mode"] in ("dev", "prod")
        assert project.leftovers() == []
        assert (project.folder / ".env").read_text().count("COMPOSE_FILE=") == 1
