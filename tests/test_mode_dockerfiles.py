"""Whether production would have its code: Dockerfiles that copy it, in all ways to write that, or do not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from tests.compose_model import read_model
from tests.compose_oracle import Intent, judge_prod
from tests.compose_traps import switch_here, write_skeleton
from tests.docker import require_compose

COMPOSE = """
services:
  web:
    build: .
    command: python manage.py runserver 0.0.0.0:8000
    volumes: [".:/app"]
"""
BASE = "FROM python:3.11-slim"
END = 'USER 1000\nCMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000"]\n'
WITH_CODE = {
    "copy": f"{BASE}\nWORKDIR /app\nCOPY . .\n{END}",
    "add": f"{BASE}\nWORKDIR /app\nADD . /app\n{END}",
    "owner and slash": f"{BASE}\nWORKDIR /app\nCOPY --chown=1000:1000 ./ /app/\n{END}",
    "lower case": f"from python:3.11-slim\nworkdir /app\ncopy . .\n{END}",
    "json": f'{BASE}\nWORKDIR /app\nCOPY [".", "/app"]\n{END}',
    "variables": f"ARG V=3.11\nFROM python:${{V}}\nARG HOME_DIR=/app\nENV D=${{HOME_DIR}}\nWORKDIR $D\nADD . $D\n{END}",
    "continued": f"{BASE}\nWORKDIR /app\nCOPY \\\n  # all of it\n  . \\\n  /app\n{END}",
    "windows": f"{BASE}\nWORKDIR /app\nCOPY . .\n{END}".replace("\n", "\r\n"),
    "escape": f"# escape=`\n{BASE}\nWORKDIR /app\nCOPY `\n . `\n /app\n{END}",
    "in pieces": f"{BASE}\nWORKDIR /app\nCOPY manage.py requirements.txt ./\nCOPY config ./config\n{END}",
    "flags": f"{BASE}\nWORKDIR /app\nCOPY --link --chmod=755 --exclude=*.md . .\n{END}",
    "from a stage": f"{BASE} AS src\nCOPY . /src\n{BASE}\nWORKDIR /app\nCOPY --from=src /src /app\n{END}",
    "from a numbered stage": f"{BASE}\nWORKDIR /build\nCOPY . .\n{BASE}\nWORKDIR /app\nCOPY --from=0 /build .\n{END}",
    "on a stage": f"{BASE} AS code\nWORKDIR /app\nCOPY . .\nFROM code\n{END}",
    "bind and copy": f"{BASE}\nWORKDIR /app\nRUN --mount=type=bind,target=/src cp -r /src/. /app/\n{END}",
    "onbuild": f"FROM example/python:onbuild\nWORKDIR /app\n{END}",
    "relative folders": f"{BASE}\nWORKDIR /\nWORKDIR app\nCOPY . ./\n{END}",
    "syntax line": f"# syntax=docker/dockerfile:1\n\n{BASE}\nWORKDIR /app\nCOPY . .\n{END}",
    "glob": f"{BASE}\nWORKDIR /app\nCOPY *.py *.txt ./\nCOPY conf*g ./config/\n{END}",
}
WITHOUT_CODE = {
    "nothing": f"{BASE}\nWORKDIR /app\n{END}",
    "requirements alone": f"{BASE}\nWORKDIR /app\nCOPY requirements.txt .\n{END}",
    "commented": f"{BASE}\nWORKDIR /app\n# COPY . .\n{END}",
    "elsewhere": f"{BASE}\nCOPY . /src\nWORKDIR /app\n{END}",
    "in a stage that is not used": f"{BASE} AS build\nWORKDIR /app\nCOPY . .\n{BASE}\nWORKDIR /app\n{END}",
    "other folder": f"{BASE}\nWORKDIR /app\nCOPY docker /docker\n{END}",
    "static files alone": f"{BASE}\nWORKDIR /app\nCOPY static /app/static\n{END}",
    "from a stage without it": f"{BASE} AS x\nCOPY docker /x/\n{BASE}\nWORKDIR /app\nCOPY --from=x /x .\n{END}",
    "a file that is written out": f"{BASE}\nWORKDIR /app\nCOPY <<EOF /app/note.txt\nCOPY . .\nEOF\n{END}",
}
IGNORED = ("*\n", "*\n!requirements.txt\n", "**/*.py\n", "config\nmanage.py\n", "*\n!static\n")
NOT_IGNORED = ("*\n!manage.py\n!config\n", "docs\n*.md\n", "**/*.pyc\n.git\n", "*\n!**/*.py\n")


QUICK = {"copy", "in pieces", "from a stage", "nothing", "elsewhere", "in a stage that is not used"}
"""The others run in the matrix."""


@pytest.fixture(scope="module", autouse=True)
def compose() -> None:
    require_compose()


def rows(table: Mapping[str, str]) -> list[Any]:
    return [
        pytest.param(text, id=name, marks=() if name in QUICK else pytest.mark.matrix) for name, text in table.items()
    ]


@pytest.mark.parametrize("dockerfile", rows(WITH_CODE))
def test_an_image_with_the_code_is_for_production(tmp_path: Path, dockerfile: str) -> None:
    root = write_project(tmp_path / "shop", dockerfile)
    check_switch(root)


@pytest.mark.parametrize("dockerfile", rows(WITHOUT_CODE))
def test_an_image_without_the_code_is_refused(tmp_path: Path, dockerfile: str) -> None:
    check_refusal(write_project(tmp_path / "shop", dockerfile))


@pytest.mark.parametrize("rules", IGNORED)
def test_code_that_is_not_sent_is_not_in_the_image(tmp_path: Path, rules: str) -> None:
    check_refusal(write_project(tmp_path / "shop", WITH_CODE["copy"], rules))


@pytest.mark.matrix
@pytest.mark.parametrize("rules", NOT_IGNORED)
def test_rules_that_let_the_code_pass_are_no_reason(tmp_path: Path, rules: str) -> None:
    check_switch(write_project(tmp_path / "shop", WITH_CODE["copy"], rules))


def write_project(root: Path, dockerfile: str, rules: str | None = None) -> Path:
    files = {"docker-compose.yml": COMPOSE, "Dockerfile": dockerfile, "static/site.css": "", "docker/run": ""}
    if rules is not None:
        files[".dockerignore"] = rules
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    write_skeleton(root)
    return root


def check_switch(root: Path) -> None:
    before = read_model(root)
    switch_here(root, "prod")
    intent = Intent(root=root, built=frozenset({"web"}), servers=frozenset({"web"}))
    assert judge_prod(before, read_model(root), intent) == []


def check_refusal(root: Path) -> None:
    with pytest.raises(CommandError, match=r"web: .*(?:image|copy|COPY|dockerignore)"):
        switch_here(root, "prod")
    assert not (root / ".env").exists()
    assert not (root / "docker-compose.prod.yml").exists()
