"""What `--build`, `--up` and `--down` ask of compose, and in which order. `docker` is a script that writes it down."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockertools.compose.classify import Project, classify_project
from dockertools.compose.config import read_compose_config
from dockertools.compose.run import Action, Runner, builders
from dockertools.errors import DockertoolsError
from tests.docker import require_compose
from tests.mode import make_project

COMPOSE = """\
name: shop
services:
  web: {build: ., image: "shop:latest", command: gunicorn config.wsgi}
  worker: {build: ., image: "shop:latest", command: celery -A config worker}
  docs: {build: ., profiles: [docs]}
  db: {image: "postgres:15"}
"""
CHECKED = COMPOSE.replace(
    "command: gunicorn config.wsgi}",
    "command: gunicorn config.wsgi, depends_on: {check: {condition: service_completed_successfully}}}\n"
    '  check: {image: "shop:latest", command: python manage.py docker_check --wait 30}',
)


class Fake:
    """A `docker` that notes how it was called; `script` is what it does besides."""

    def __init__(self, folder: Path, script: str) -> None:
        self._log = folder / "log"
        folder.mkdir()
        (folder / "docker").write_text(f'#!/bin/sh\necho "$*" >> {self._log}\n{script}\n')
        (folder / "docker").chmod(0o755)

    def calls(self) -> list[str]:
        """Return the calls without the words that all have."""
        lines = self._log.read_text().splitlines()
        return [line.removeprefix("compose --progress plain ").removeprefix("compose ") for line in lines]


@pytest.fixture(autouse=True)
def compose() -> None:
    require_compose()


def read(root: Path, text: str) -> Project:
    make_project(root, text)
    return classify_project(read_compose_config(root), None, root=root)


def runner(root: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> tuple[Runner, Fake, list[str]]:
    fake = Fake(root / "bin", script)
    monkeypatch.setenv("PATH", f"{root / 'bin'}:/usr/bin:/bin")
    told: list[str] = []
    return Runner(root, {"COMPOSE_FILE": "docker-compose.yml"}, told.append), fake, told


def test_what_the_other_mode_alone_runs_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = read(tmp_path, COMPOSE.replace("profiles: [docs]", "profiles: [not-in-prod]"))
    made, fake, _ = runner(tmp_path, monkeypatch, "")
    made.run_actions([Action.UP], project, is_checked=False, watches=False)
    assert fake.calls()[0] == "rm --stop --force docs"


def test_one_service_builds_for_all_that_use_the_image(tmp_path: Path) -> None:
    assert builders(read(tmp_path, COMPOSE)) == ("web",)


def test_compose_is_asked_in_a_sensible_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = read(tmp_path, COMPOSE)
    made, fake, _ = runner(tmp_path, monkeypatch, 'case "$*" in *inspect*) echo \'["shop:latest"]\';; esac')
    made.run_actions((Action.UP, Action.BUILD, Action.DOWN), project, is_checked=False, watches=False)
    assert [call for call in fake.calls() if "inspect" not in call] == ["down", "build web", "up --detach"]


def test_an_image_that_is_missing_is_built_before_compose_asks_a_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = read(tmp_path, COMPOSE)
    made, fake, _ = runner(tmp_path, monkeypatch, "")
    made.run_actions([Action.UP], project, is_checked=False, watches=False)
    assert [call for call in fake.calls() if "inspect" not in call] == ["build web", "up --detach"]


def test_production_is_checked_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = read(tmp_path, COMPOSE)
    script = 'case "$*" in *run*) echo "C706 DEBUG is on"; exit 1;; *inspect*) echo \'["shop:latest"]\';; esac'
    made, fake, told = runner(tmp_path, monkeypatch, script)
    with pytest.raises(DockertoolsError) as caught:
        made.run_actions([Action.UP], project, is_checked=True, watches=False)
    assert caught.value.code == "check-failed"
    assert "C706 DEBUG is on" in told
    assert fake.calls()[-1] == "run --rm -T web python manage.py docker_check --wait 30"


def test_an_image_without_the_check_starts_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = read(tmp_path, COMPOSE)
    script = 'case "$*" in *run*) echo "Unknown command: \'docker_check\'" >&2; exit 1;; esac'
    made, fake, told = runner(tmp_path, monkeypatch, script)
    made.run_actions([Action.UP], project, is_checked=True, watches=False)
    assert "The image of web has no docker_check; nothing is checked before it starts." in told
    assert fake.calls()[-1] == "up --detach"


def test_a_service_that_checks_already_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = read(tmp_path, CHECKED)
    made, fake, told = runner(tmp_path, monkeypatch, "")
    made.run_actions([Action.UP], project, is_checked=True, watches=False)
    assert told == ["web waits for check, which runs docker_check."]
    assert not [call for call in fake.calls() if call.startswith("run")]


def test_what_compose_says_is_handed_on_and_its_failure_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = read(tmp_path, COMPOSE)
    made, _, told = runner(tmp_path, monkeypatch, 'case "$*" in *down*) echo "no such network" >&2; exit 1;; esac')
    with pytest.raises(DockertoolsError, match="no such network") as caught:
        made.run_actions([Action.DOWN], project, is_checked=False, watches=False)
    assert caught.value.code == "compose-failed"
    assert told == ["no such network"]


def test_anonymous_volumes_are_filled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = read(tmp_path, COMPOSE.replace("command: gunicorn config.wsgi", 'volumes: ["/app/.venv"]'))
    made, fake, _ = runner(tmp_path, monkeypatch, 'case "$*" in *inspect*) echo \'["shop:latest"]\';; esac')
    made.run_actions([Action.UP], project, is_checked=False, watches=True)
    assert fake.calls()[-2:] == ["up --detach --renew-anon-volumes", "watch --no-up"]
