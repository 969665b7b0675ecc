"""A project whose Docker is to be looked at, and what makes its machine sick."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema

from tests.docker import ROOT, docker

SCHEMA = json.loads(resources.files("dockertools").joinpath("schemas", "doctor.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Patient:
    """A project's folder and the environment in which the doctor looks at it."""

    folder: Path
    environment: Mapping[str, str]

    def write(self, name: str, content: str | bytes, mode: int = 0o644) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def run(
        self, *arguments: str, expect: int | None = None, answers: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        argv = (sys.executable, "-m", "dockertools", "doctor", "--project", str(self.folder), *arguments)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **self.environment, **(env or {})}
        done = subprocess.run(argv, env=environment, input=answers, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr
        assert expect is None or done.returncode == expect, done.stdout + done.stderr
        return done

    def document(self, *arguments: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
        done = self.run("--format", "json", *arguments, env=env)
        document: dict[str, Any] = json.loads(done.stdout)
        jsonschema.validate(document, SCHEMA)
        assert document["exit_code"] == done.returncode
        return document

    def findings(self, *groups: str, env: Mapping[str, str] | None = None) -> dict[tuple[str, str], dict[str, Any]]:
        """Return what is not in order, by id and condition."""
        arguments = [word for group in groups for word in ("--group", group)]
        results = self.document(*arguments, env=env)["results"]
        assert all(result["hint"] for result in results if result["status"] in ("warn", "fail"))
        return {
            (result["id"].rpartition(".")[2], result["evidence"]["code"]): result
            for result in results
            if result["status"] in ("warn", "fail")
        }


def write_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)


def real_docker() -> str:
    found = shutil.which("docker")
    assert found
    return found


def client_folder() -> Path:
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def docker_host() -> str:
    return docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
