"""`docker compose config` as facts. It needs the compose plugin, but no engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockertools.compose.config import BuildSecret, Mount, Port, read_compose_config, read_compose_source
from dockertools.compose.errors import explain_failure
from dockertools.errors import CouldNotRunError, DockertoolsError
from tests.docker import require_compose

PROJECT = """
services:
  web:
    build:
      context: backend
      dockerfile: ../Dockerfile
      target: ${TARGET:-production}
      args: {VERSION: "1", TOKEN: null}
      secrets: [pip, {source: token, target: renamed}]
      platforms: [linux/amd64]
      ssh: [default]
      additional_contexts: {shared: ./shared}
    command: python manage.py runserver 0.0.0.0:${PORT:-8000} '$$HOME'
    environment: [DEBUG=1, PASSED_ON]
    ports: ["127.0.0.1:${PORT:-8000}:8000/tcp", "9000"]
    volumes: ["${SOURCE:-.}:/app:ro", "data:/data", "/app/.venv"]
    depends_on: {db: {condition: service_healthy}}
  db:
    image: postgres:15
    profiles: [debug]
    restart: always
secrets:
  pip: {file: pip.conf}
  token: {environment: PIP_TOKEN}
volumes:
  data: {name: kept}
"""


@pytest.fixture(autouse=True)
def compose() -> None:
    require_compose()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "docker-compose.yml").write_text(PROJECT)
    return tmp_path


def test_a_service_is_read_with_everything_resolved(project: Path) -> None:
    web = read_compose_config(project).services["web"]
    assert web.command == ("python", "manage.py", "runserver", "0.0.0.0:8000", "$HOME")
    assert web.environment == {"DEBUG": "1", "PASSED_ON": None}
    assert web.ports == (Port("127.0.0.1", "8000", 8000), Port("", None, 9000))
    assert web.mounts == (
        Mount("bind", str(project), "/app", read_only=True),
        Mount("volume", "data", "/data"),
        Mount("volume", None, "/app/.venv"),
    )
    assert web.depends_on == {"db": "service_healthy"}


def test_the_build_of_a_service_is_read(project: Path) -> None:
    build = read_compose_config(project, env={"TOKEN": "hush"}).services["web"].build
    assert build is not None
    assert build.is_local
    assert build.dockerfile_path.resolve() == project / "Dockerfile"
    assert build.target == "production"
    assert build.args == {"VERSION": "1", "TOKEN": "hush"}
    assert build.secrets == (
        BuildSecret("pip", file=project / "pip.conf"),
        BuildSecret("renamed", environment="PIP_TOKEN"),
    )
    assert build.platforms == ("linux/amd64",)
    assert build.ssh == ("default",)
    assert build.additional_contexts == {"shared": str(project / "shared")}


def test_services_of_all_profiles_are_there(project: Path) -> None:
    assert read_compose_config(project).services["db"].restart == "always"


def test_files_and_variables_can_be_given(project: Path) -> None:
    (project / "more.yml").write_text("services: {web: {restart: always}}")
    facts = read_compose_config(project, ["docker-compose.yml", "more.yml"], {"TARGET": "development"})
    web = facts.services["web"]
    assert web.restart == "always"
    assert web.build is not None
    assert web.build.target == "development"


def test_a_colon_in_a_file_name_is_no_separator(project: Path) -> None:
    (project / "a:b.yml").write_text("services: {web: {restart: always}}")
    facts = read_compose_config(project, ["docker-compose.yml", "a:b.yml"])
    assert facts.services["web"].restart == "always"


def test_the_source_keeps_variables_and_relative_paths(project: Path) -> None:
    web = read_compose_source(project, ["docker-compose.yml"])["web"]
    assert web["command"] == "python manage.py runserver 0.0.0.0:${PORT:-8000} '$$HOME'"
    assert web["ports"] == ["127.0.0.1:${PORT:-8000}:8000/tcp", "9000"]
    assert web["build"]["context"] == "backend"
    assert web["volumes"][0]["source"] == "${SOURCE:-.}"


def test_secrets_in_the_environment_do_not_show_in_a_traceback(project: Path) -> None:
    (project / "docker-compose.yml").write_text("services: {web: {image: x, environment: {TOKEN: hush}}}")
    assert "hush" not in repr(read_compose_config(project))


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("services:\n  web:\n    image: ${X:?say which}\n", "variable-unset", "say which"),
        ("services:\n  web:\n    image: x\n    env_file: .env.nope\n", "env-file-missing", ".env.nope"),
        ("services:\n  web:\n\timage: x\n", "yaml-broken", "line 3"),
        ("services: [\n", "yaml-broken", "line 1"),
        ("include: [gone.yml]\n", "compose-file-missing", "gone.yml"),
        ("services:\n  web:\n    image: x\n    colour: red\n", "compose-invalid", "colour"),
        ("", "compose-invalid", "empty"),
    ],
)
def test_what_compose_refuses_is_told_with_the_next_step(tmp_path: Path, text: str, code: str, words: str) -> None:
    (tmp_path / "docker-compose.yml").write_text(text)
    with pytest.raises(DockertoolsError) as caught:
        read_compose_config(tmp_path)
    assert caught.value.code == code
    assert words in caught.value.message
    assert str(tmp_path) not in caught.value.message
    assert caught.value.hint


def test_a_broken_env_file_is_named(project: Path) -> None:
    (project / ".env").write_text("A='x\n")
    with pytest.raises(DockertoolsError) as caught:
        read_compose_config(project)
    assert caught.value.code == "env-broken"


def test_no_compose_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DockertoolsError) as caught:
        read_compose_config(tmp_path)
    assert caught.value.code == "compose-file-missing"


@pytest.mark.parametrize(
    "stderr",
    [
        "docker: unknown command: docker compose\n",
        "docker: 'compose' is not a docker command.\n",
        "unknown flag: --profile\n",
    ],
)
def test_docker_without_compose_could_not_run(stderr: str, tmp_path: Path) -> None:
    assert isinstance(explain_failure(stderr, tmp_path), CouldNotRunError)
