"""`docker_prune` on an engine of its own with a disk of its own: the whole build cache may go, and bytes are exact."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.private_engine import image_for, make_bench
from tests.prune_project import Project, kinds_and_names, make_project

pytestmark = pytest.mark.engine

BLOB = 30_000_000


@contextmanager
def own_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small disk at the folder."""
    folder.mkdir(parents=True)
    file = folder.with_suffix(".img")
    for argv in (("truncate", "-s", size, file), ("mkfs.ext4", "-q", file), ("mount", "-o", "loop", file, folder)):
        if subprocess.run(argv, capture_output=True, check=False).returncode:
            pytest.skip("mounting a small disk needs root and a loop device")
    try:
        yield folder
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)


@pytest.fixture
def projects(tmp_path: Path) -> Iterator[tuple[Path, Project, Project]]:
    """The disk of an engine, and two projects on it."""
    with (
        own_disk(tmp_path / "django-dockertools" / "engine" / "data", "1G") as disk,
        make_bench(tmp_path) as bench,
    ):
        up = bench.engine("up", "--no-images")
        assert up.returncode == 0, up.stderr
        environment = {
            "DOCKER_HOST": f"unix://{bench.layout.socket}",
            "DOCKER_CONFIG": str(bench.layout.client_configuration),
            "PATH": f"{bench.layout.prefix}/usr/bin:{os.environ['PATH']}",
        }
        base = image_for(bench, tmp_path)
        with (
            make_project(tmp_path / "ours", environment, base) as project,
            make_project(tmp_path / "theirs", environment, base) as foreign,
        ):
            yield disk, project, foreign


def free_bytes(disk: Path) -> int:
    os.sync()
    space = os.statvfs(disk)
    return space.f_bfree * space.f_frsize


def test_everything_goes_with_the_bytes_that_the_disk_gains(projects: tuple[Path, Project, Project]) -> None:
    disk, project, foreign = projects
    foreign.compose("up", "--detach", "web")
    foreign.build("1", 1)
    before = (foreign.images(), foreign.held())
    project.build("1", 1, blob=BLOB)
    assert project.prune("--older-than", "1h", "--noinput", kinds=()).stdout.startswith("There is nothing of")

    free = free_bytes(disk)
    document = project.document("--noinput", "--keep", "0", kinds=())
    gained = free_bytes(disk) - free
    assert kinds_and_names(document, removed=True, problem=None) == {
        ("image", f"{project.name}:1"),
        ("cache", "build cache"),
    }
    assert gained > 2 * BLOB, "packed in the image, unpacked in its layer"
    assert abs(document["freed_bytes"] - gained) < BLOB // 10
    assert (foreign.images(), foreign.held()) == before
    assert kinds_and_names(project.document("--dry-run", kinds=())) == set()
