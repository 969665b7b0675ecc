"""A small project to build, and `docker_build` as its user would type it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema

from tests.docker import ROOT, fresh_tag

SCHEMA = json.loads(resources.files("dockertools").joinpath("schemas", "build.json").read_text(encoding="utf-8"))
PYTHON = "FROM python:3.11-slim-bookworm\n"


@dataclass(frozen=True)
class Project:
    """A folder with a Dockerfile, a tag of its own, and a state folder of its own."""

    folder: Path
    state: Path
    tag: str = field(default_factory=fresh_tag)
    mark: str = field(default_factory=lambda: uuid4().hex)

    def write(self, **files: str) -> None:
        """Write files; `_` in the name of an argument stands for a dot."""
        for name, content in files.items():
            (self.folder / name.replace("_", ".")).write_text(content)

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which the command runs."""
        return {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(self.state), "NO_COLOR": "1"}

    @property
    def label(self) -> str:
        """What all images of this project have, those too that another has taken the name of."""
        return f"io.dockertools.test={self.mark}"

    def argv(self, *arguments: str) -> tuple[str, ...]:
        """The command line."""
        return (
            sys.executable,
            "-m",
            "dockertools",
            "build",
            "--project",
            str(self.folder),
            "--tag",
            self.tag,
            "--label",
            self.label,
            *arguments,
        )

    def build(
        self, *arguments: str, expect: int = 0, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Build, and return what was printed."""
        environment = {**self.environment, **(env or {})}
        done = subprocess.run(self.argv(*arguments), env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == expect, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def document(self, *arguments: str, expect: int = 0, env: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Build, and return the JSON document, which is as its schema says."""
        document: dict[str, Any] = json.loads(self.build("--format", "json", *arguments, expect=expect, env=env).stdout)
        jsonschema.validate(document, SCHEMA)
        assert document["exit_code"] == expect
        return document

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a build that shows every log line on standard error."""
        argv = self.argv("--progress", "plain", "--verbosity", "3", *arguments)
        environment = {**self.environment, **(env or {})}
        return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def image_id(self) -> str | None:
        """Return what the tag stands for."""
        argv = ("docker", "image", "inspect", "--format", "{{.Id}}", self.tag)
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return done.stdout.strip() or None


@contextmanager
def make_project(folder: Path, dockerfile: str, **files: str) -> Iterator[Project]:
    """Make a project; its images are removed at the end."""
    project = Project(folder / "shop", folder / "state")
    project.folder.mkdir()
    project.write(Dockerfile=dockerfile, **files)
    try:
        yield project
    finally:
        remove_images(project)


def remove_images(project: Project) -> None:
    """Remove what the project's builds left: the image of its name, and nameless ones."""
    argv = ("docker", "image", "ls", "--quiet", "--no-trunc", "--filter", f"label={project.label}")
    found = set(subprocess.run(argv, capture_output=True, text=True, check=False).stdout.split())
    subprocess.run(("docker", "image", "rm", "--force", project.tag, *found), capture_output=True, check=False)
