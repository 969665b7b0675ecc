"""What a switch says of commands, ports and data that no rule can put right, or that stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockertools.compose.commands import hides_migration
from tests.compose_traps import copy_trap, run_mode, write_skeleton
from tests.docker import require_compose

DOCKERFILE = 'FROM python:3.13-slim-trixie\nWORKDIR /app\nCOPY . .\nCMD ["gunicorn", "config.wsgi"]\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    require_compose()
    folder = tmp_path / "shop"
    write_skeleton(folder)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return folder


@pytest.mark.parametrize(
    "command",
    [
        'sh -c "(sleep 1; python manage.py migrate) && gunicorn config.wsgi"',
        'sh -c "{ python manage.py migrate; } && gunicorn config.wsgi"',
    ],
)
def test_a_migration_that_cannot_be_taken_out_is_refused_for_replicas(project: Path, command: str) -> None:
    services = f"services:\n  web:\n    build: .\n    command: {command}\n"
    (project / "docker-compose.yml").write_text(f"{services}    scale: 2\n")
    done = run_mode(project, "prod", "--noinput")
    assert done.returncode == 1
    assert "its command migrates at each start, and 2 replicas would race" in done.stderr
    (project / "docker-compose.yml").write_text(services)
    done = run_mode(project, "prod", "--noinput")
    assert (done.returncode, "its command migrates at each start" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize(
    ("text", "is_hidden"),
    [
        ("sh -c python manage.py migrate && gunicorn x", False),
        ("python manage.py migrate", False),
        ("gunicorn x", False),
        ("sh -c (python manage.py migrate) && gunicorn x", True),
        ("sh -c (cd x; django-admin migrate) && gunicorn x", True),
        ("sh -c { python manage.py migrate; } && gunicorn x", True),
        ("sh -c until python manage.py migrate; do sleep 1; done; gunicorn x", True),
        ("sh -c if python manage.py migrate --check; then gunicorn x; fi", True),
        ("sh -c wait-for-it db:5432 -- python manage.py migrate && gunicorn x", False),
        ("sh -c python manage.py collectstatic; python manage.py migrate; gunicorn x", False),
    ],
)
def test_a_migration_is_hidden_where_no_step_can_be_taken_out(text: str, is_hidden: bool) -> None:
    assert hides_migration(text) is is_hidden


def test_an_address_and_a_port_in_one_variable_are_refused_with_the_reason(project: Path) -> None:
    (project / "docker-compose.yml").write_text(
        "services:\n  web:\n    build: .\n    command: python manage.py runserver\n    volumes: ['.:/app']\n"
        '  db:\n    image: postgres:17\n    ports: ["${BIND:-0.0.0.0:5432:5432}"]\n'
    )
    done = run_mode(project, "prod", "--noinput")
    assert done.returncode == 1
    assert "an address and a port in one variable, which cannot be put on loopback" in done.stderr


def test_watching_leaves_out_data_that_stays_mounted(tmp_path: Path) -> None:
    require_compose()
    trap = copy_trap("data_mounts", tmp_path / "shop")
    done = run_mode(trap.root, "dev", "--sync", "watch", "--noinput")
    assert done.returncode == 0, done.stderr
    overlay = (trap.folder / "docker-compose.dev.yml").read_text()
    assert all(f'"{folder}/"' in overlay for folder in ("backups", "data/geoip", "data/pg", "media", "uploads"))
