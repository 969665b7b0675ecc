"""`docker_mode` on compose and `.env` files that nobody wrote: the same judges, on what hypothesis makes up."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from dockertools.compose.env_file import decode, edit_env, encode
from tests.compose_files_oracle import judge_env, judge_files, judge_overlay, take_snapshot
from tests.compose_model import ComposeRefusedError, Model, read_model
from tests.compose_oracle import judge_dev, judge_prod
from tests.compose_strategies import MadeUp, compose_projects, env_files
from tests.compose_traps import switch_here, write_skeleton
from tests.docker import require_compose

QUICK = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LONG = settings(QUICK, max_examples=25)
OVERLAYS = ("docker-compose.prod.yml", "docker-compose.dev.yml")


@pytest.fixture(scope="module")
def compose() -> None:
    require_compose()


@QUICK
@given(compose_projects())
def test_a_made_up_project_is_switched_rightly(compose: None, project: MadeUp) -> None:
    check_project(project)


@pytest.mark.matrix
@LONG
@given(compose_projects())
def test_many_made_up_projects_are_switched_rightly(compose: None, project: MadeUp) -> None:
    check_project(project)


@settings(deadline=None)
@given(env_files(1000, 100))
def test_an_env_file_keeps_each_byte_that_is_not_ours(data: bytes | None) -> None:
    before = data or b""
    prod = edit(before, "docker-compose.yml:docker-compose.prod.yml", None)
    dev = edit(prod, "docker-compose.yml:docker-compose.dev.yml", (1000, 100))
    assert judge_env(before, prod) == []
    assert judge_env(before, dev) == []
    assert edit(dev, "docker-compose.yml:docker-compose.prod.yml", None) == prod
    assert edit(dev, "docker-compose.yml:docker-compose.dev.yml", (1000, 100)) == dev


def check_project(project: MadeUp) -> None:
    """Switch there and back, and judge each time."""
    user = f"{os.getuid()}:{os.getgid()}"
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "shop"
        before = write_project(project, root)
        files = take_snapshot(root)
        seen: dict[str, bytes] = {}
        for mode in ("prod", "dev", "prod", "dev"):
            switch_here(root, mode)
            env = (root / ".env").read_bytes()
            assert seen.setdefault(mode, env) == env
            wrong = judge_files(files, take_snapshot(root), env_file=".env", overlays=OVERLAYS)
            judge = judge_prod if mode == "prod" else judge_dev
            wrong += judge(before, read_model(root), project.intent(root, mode, user))
            text = (root / f"docker-compose.{mode}.yml").read_text(encoding="utf-8")
            assert wrong + judge_overlay(text, secrets=(), folder=root) == [], text


def write_project(project: MadeUp, root: Path) -> Model:
    """Write the files, with those of the skeleton, and return what compose makes of them."""
    write_skeleton(root)
    for name, data in project.files.items():
        (root / name).write_bytes(data)
    try:
        return read_model(root)
    except ComposeRefusedError as error:
        pytest.fail(f"the strategy made up what compose refuses: {error}\n{project.files}")


def edit(data: bytes, files: str, ids: tuple[int, int] | None) -> bytes:
    return encode(edit_env(decode(data), files, ids))
