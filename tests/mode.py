"""A small project to switch, and the command run on it in this process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command
from django.test.utils import override_settings
from jsonschema import Draft202012Validator

from dockertools.management.commands import docker_mode
from tests.compose_traps import SKELETON

BASE = """\
services:
  web:
    build: .
    command: python manage.py runserver 0.0.0.0:8000
    environment: {DJANGO_DEBUG: "1"}
    volumes: [".:/app", "media:/app/media"]
    ports: ["8000:8000"]
    depends_on: [db]
  db:
    image: postgres:15
    ports: ["5432:5432"]
volumes:
  media:
"""


@dataclass(frozen=True)
class Ran:
    """What a run of the command left."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document, held against its schema."""
        loaded: dict[str, Any] = json.loads(self.stdout)
        schema = json.loads(resources.files("dockertools").joinpath("schemas", "mode.json").read_text())
        Draft202012Validator(schema).validate(loaded)
        return loaded


def make_project(folder: Path, compose: str = BASE, name: str = "docker-compose.yml") -> Path:
    """Write a Django project with a compose file."""
    for source in sorted(SKELETON.rglob("*")):
        if source.is_file():
            target = folder / source.relative_to(SKELETON)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    (folder / name).write_text(compose)
    return folder


def run_mode(root: Path, *arguments: str, **configuration: Any) -> Ran:
    """Run `docker_mode` on the project in `root`."""
    out, err, code = StringIO(), StringIO(), 0
    with override_settings(DOCKERTOOLS={"ROOT": root, **configuration}):
        try:
            call_command(docker_mode.Command(stdout=out, stderr=err), *arguments)
        except CommandError as error:
            code = error.returncode
            err.write(str(error))
    return Ran(code, out.getvalue(), err.getvalue())


def contents(root: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
