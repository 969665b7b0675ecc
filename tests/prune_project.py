"""Two projects on an engine, one of which is pruned while the other must come through untouched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema
import pytest

from tests.docker import ROOT, docker
from tests.private_engine import image_for, make_bench

SCHEMA = json.loads(resources.files("dockertools").joinpath("schemas", "prune.json").read_text(encoding="utf-8"))
COMPOSE = """\
services:
  web:
    image: {base}
    command: ["sleep", "600"]
    stop_grace_period: 0s
    volumes: ["kept:/kept"]
  job:
    image: {base}
    command: ["sleep", "0"]
    network_mode: none
    volumes: ["done:/done"]
volumes:
  kept: {{}}
  done: {{}}
"""
OWN = ("container", "network", "image", "dangling")
"""What is the project's alone; the build cache is all projects'."""


@dataclass(frozen=True)
class Project:
    """A folder with a compose file, whose name no other has, on the engine that `environment` leads to."""

    folder: Path
    environment: Mapping[str, str]
    base: str

    @property
    def name(self) -> str:
        return self.folder.name

    def docker(self, *arguments: str) -> str:
        return docker(*arguments, env=self.environment)

    def compose(self, *arguments: str) -> str:
        return self.docker("compose", "--project-directory", str(self.folder), *arguments)

    def build(self, tag: str | None, number: int, *, blob: int = 100_000) -> None:
        """Build a small image with the project's label; without a tag it is dangling."""
        (self.folder / "Dockerfile").write_text(f"FROM {self.base}\nCOPY data /data\n")
        (self.folder / "data").write_bytes(os.urandom(blob) + str(number).encode())
        names = ("--tag", f"{self.name}:{tag}") if tag else ()
        label = f"io.dockertools.project={self.name}"
        self.docker("buildx", "build", "--quiet", "--load", "--label", label, *names, str(self.folder))

    def images(self) -> set[str]:
        """Return the names of the project's images that there are; one without a name is `<none>:<none>`."""
        argv = ("image", "ls", "--filter", f"label=io.dockertools.project={self.name}")
        return set(self.docker(*argv, "--format", "{{.Repository}}:{{.Tag}}").splitlines())

    def held(self) -> dict[str, set[str]]:
        """Return the names of all that compose made for the project."""
        label = ("--filter", f"label=com.docker.compose.project={self.name}")
        return {
            "container": set(self.docker("ps", "--all", *label, "--format", "{{.Names}}").splitlines()),
            "network": set(self.docker("network", "ls", *label, "--format", "{{.Name}}").splitlines()),
            "volume": set(self.docker("volume", "ls", *label, "--format", "{{.Name}}").splitlines()),
        }

    def prune(
        self, *arguments: str, expect: int = 0, answers: str | None = None, kinds: Sequence[str] = OWN
    ) -> subprocess.CompletedProcess[str]:
        """Run the command as its user would; without answers, nobody is asked."""
        only = [word for kind in kinds for word in ("--only", kind)]
        argv = (sys.executable, "-m", "dockertools", "prune", "--project", str(self.folder), *only, *arguments)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **self.environment}
        done = subprocess.run(argv, env=environment, input=answers or "", capture_output=True, text=True, check=False)
        assert done.returncode == expect, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def document(self, *arguments: str, expect: int = 0, kinds: Sequence[str] = OWN) -> dict[str, Any]:
        """Prune, and return the JSON document, which is as its schema says."""
        done = self.prune("--format", "json", *arguments, expect=expect, kinds=kinds)
        document: dict[str, Any] = json.loads(done.stdout)
        jsonschema.validate(document, SCHEMA)
        assert document["exit_code"] == expect
        return document


@dataclass(frozen=True)
class OwnEngine:
    """An engine that no other uses, on a disk of its own, with an image that can sleep."""

    disk: Path
    environment: Mapping[str, str]
    base: str


@contextmanager
def make_engine(folder: Path) -> Iterator[OwnEngine]:
    """Bring an engine up, and end it."""
    with own_disk(folder / "django-dockertools", "1G") as disk, make_bench(folder) as bench:
        up = bench.engine("up", "--no-images")
        assert up.returncode == 0, up.stderr
        environment = {
            "DOCKER_HOST": f"unix://{bench.layout.socket}",
            "DOCKER_CONFIG": str(bench.layout.client_configuration),
            "PATH": f"{bench.layout.prefix}/usr/bin:{os.environ['PATH']}",
        }
        yield OwnEngine(disk, environment, image_for(bench, folder))


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


@contextmanager
def make_project(folder: Path, engine: OwnEngine) -> Iterator[Project]:
    """Make a project; its containers are removed at the end, the rest goes with the engine."""
    folder.mkdir()
    root = folder / f"shop{uuid4().hex[:10]}"
    root.mkdir()
    (root / "compose.yaml").write_text(COMPOSE.format(base=engine.base))
    project = Project(root, engine.environment, engine.base)
    try:
        yield project
    finally:
        if containers := project.docker("ps", "--all", "--quiet", "--filter", f"name=^{project.name}-").split():
            project.docker("rm", "--force", *containers)


def kinds_and_names(document: dict[str, Any], **values: Any) -> set[tuple[str, str]]:
    """Return the items of a document that have these values."""
    return {
        (item["kind"], item["name"])
        for item in document["items"]
        if all(item[key] == value for key, value in values.items())
    }
