"""`docker_mode`: what it shows, writes, refuses and says. Compose is real; nothing here needs an engine."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from dockertools.compose.families import Candidate, choose_candidate
from dockertools.errors import DockertoolsError
from tests.docker import require_compose
from tests.mode import BASE, contents, make_project, run_mode

OVERLAYS = {"dev": "docker-compose.dev.yml", "prod": "docker-compose.prod.yml"}


@pytest.fixture(autouse=True)
def compose(monkeypatch: pytest.MonkeyPatch) -> None:
    require_compose()
    for name in [name for name in os.environ if name.startswith(("COMPOSE_", "DOCKERTOOLS_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "shop")


def test_without_a_mode_it_shows_what_runs_and_that_the_mode_is_unknown(project: Path) -> None:
    before = contents(project)
    document = run_mode(project, "--format", "json").document
    assert document["mode"] == "unknown"
    assert "COMPOSE_FILE is not set" in document["found_by"]
    web = next(service for service in document["services"] if service["name"] == "web")
    assert web["command"] == ["python", "manage.py", "runserver", "0.0.0.0:8000"]
    assert web["source_mounts"] == [{"source": str(project), "target": "/app"}]
    assert web["ports"] == [{"host_ip": "", "published": "8000", "target": 8000, "protocol": "tcp"}]
    assert (web["restart"], web["healthcheck"]) == (None, False)
    assert contents(project) == before


def test_the_text_tells_the_same(project: Path) -> None:
    shown = run_mode(project).stdout
    assert "Mode          unknown: COMPOSE_FILE is not set in .env" in shown
    assert "  runs        python manage.py runserver 0.0.0.0:8000" in shown
    assert "  source      . on /app" in shown
    assert "  ports       *:8000 -> 8000" in shown


def test_a_switch_to_production_is_told_and_shown_afterwards(project: Path) -> None:
    done = run_mode(project, "prod")
    assert "web: no mount on /app" in done.stdout
    assert "db: port 5432 is published on loopback alone" in done.stdout
    assert "web: /app/media stays: a volume, no code" in done.stdout
    document = run_mode(project, "--format", "json").document
    assert document["mode"] == "prod"
    assert document["files"] == ["docker-compose.yml", OVERLAYS["prod"]]
    web = next(service for service in document["services"] if service["name"] == "web")
    assert web["source_mounts"] == []
    assert web["command"][0] == "gunicorn"
    assert (web["restart"], web["healthcheck"]) == ("unless-stopped", True)


def test_the_document_of_a_switch_holds_its_changes_and_the_services_of_the_new_mode(project: Path) -> None:
    document = run_mode(project, "dev", "--format", "json").document
    assert document["written"] == [
        {"path": OVERLAYS["dev"], "action": "created"},
        {"path": ".env", "action": "created"},
    ]
    assert "web: runs as you" in document["changes"]
    assert [service["name"] for service in document["services"]] == ["db", "web"]


@pytest.mark.parametrize(("asked", "code"), [("dev", 0), ("prod", 1)])
def test_check_fails_in_another_mode(project: Path, asked: str, code: int) -> None:
    run_mode(project, "dev")
    before = contents(project)
    done = run_mode(project, "--check", asked)
    assert done.returncode == code
    assert ("Run `docker_mode prod`." in done.stderr) is bool(code)
    assert contents(project) == before


def test_check_fails_where_production_does_not_hold_any_more(project: Path) -> None:
    run_mode(project, "prod")
    text = (project / "docker-compose.yml").read_text()
    (project / "docker-compose.yml").write_text(
        text.replace("  db:\n", "  late:\n    build: .\n    volumes: ['.:/app']\n  db:\n")
    )
    done = run_mode(project, "--check", "prod", "--format", "json")
    assert done.returncode == 1
    assert done.document["error"]["code"] == "other-mode"
    assert "late: it mounts . on /app" in done.document["error"]["message"]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(project: Path) -> None:
    before = contents(project)
    done = run_mode(project, "prod", "--dry-run", "--diff")
    assert "docker-compose.prod.yml would be created" in done.stdout
    assert "+    command: !reset null" in done.stdout
    assert "+COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml" in done.stdout
    assert contents(project) == before


def test_a_diff_shows_no_secret(project: Path) -> None:
    (project / ".env").write_text("SECRET_KEY=hush\n")
    assert "hush" not in run_mode(project, "dev", "--diff", "--format", "json").stdout
    assert "hush" not in run_mode(project, "prod", "--diff").stdout


def test_the_users_file_is_never_edited_and_an_overlay_holds_no_path_of_this_machine(project: Path) -> None:
    for mode, name in OVERLAYS.items():
        run_mode(project, mode)
        assert (project / "docker-compose.yml").read_text() == BASE
        assert str(project) not in (project / name).read_text()


def test_env_keeps_its_mode_bits_and_stays_a_link(project: Path) -> None:
    (project / "shared").mkdir()
    (project / "shared" / "env").write_text("A=1\n")
    (project / "shared" / "env").chmod(0o640)
    (project / ".env").symlink_to("shared/env")
    run_mode(project, "dev")
    assert (project / ".env").is_symlink()
    assert stat.S_IMODE((project / "shared" / "env").stat().st_mode) == 0o640
    assert (project / "shared" / "env").read_text().startswith("A=1\nCOMPOSE_FILE=")


def test_an_edited_overlay_is_kept_and_force_saves_it_away(project: Path) -> None:
    run_mode(project, "prod")
    path = project / OVERLAYS["prod"]
    edited = path.read_text().replace("unless-stopped", "always")
    path.write_text(edited)
    assert "docker-compose.prod.yml: was edited and is used as it is" in run_mode(project, "prod").stdout
    assert path.read_text() == edited
    run_mode(project, "prod", "--force")
    assert (project / "docker-compose.prod.yml.orig").read_text() == edited
    assert "unless-stopped" in path.read_text()


def test_an_edited_overlay_that_is_no_production_is_refused(project: Path) -> None:
    run_mode(project, "prod")
    run_mode(project, "dev")
    path = project / OVERLAYS["prod"]
    path.write_text(path.read_text().replace('["media:/app/media"]', '[".:/app"]'))
    before = contents(project)
    done = run_mode(project, "prod")
    assert done.returncode == 1
    assert "web: it mounts . on /app" in done.stderr
    assert contents(project) == before


def test_an_overlay_that_is_there_and_not_ours_is_the_projects_own(project: Path) -> None:
    (project / OVERLAYS["prod"]).write_text("services: {web: {volumes: !reset [], command: gunicorn config.wsgi}}\n")
    before = (project / OVERLAYS["prod"]).read_bytes()
    done = run_mode(project, "prod", "--force")
    assert "used as the project has it" in done.stdout
    assert (project / OVERLAYS["prod"]).read_bytes() == before


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"docker-compose.yml": "services:\n  web:\n\tbuild: .\n"}, "yaml-broken", "line 3"),
        ({"docker-compose.yml": "services: {web: {image: '${X:?say which}'}}\n"}, "variable-unset", "say which"),
        ({"compose.yaml": BASE}, "two-compose-files", "compose.yaml and docker-compose.yml"),
        ({".env": "A='x\n"}, "env-broken", "line 1"),
        ({".env": "COMPOSE_FILE=${X}.yml\n"}, "compose-file-variable", "${X}.yml"),
        ({"local.yml": BASE, "docker-compose.dev.yml": BASE}, "mode-ambiguous", "local.yml"),
    ],
)
def test_what_cannot_be_switched_is_told_and_nothing_is_changed(
    project: Path, change: dict[str, str], code: str, words: str
) -> None:
    for name, text in change.items():
        (project / name).write_text(text)
    before = contents(project)
    done = run_mode(project, "dev", "--format", "json")
    assert done.returncode == 1
    assert done.document["error"]["code"] == code
    assert words in done.document["error"]["message"]
    assert done.document["error"]["hint"]
    assert contents(project) == before


def test_no_compose_file_is_told(project: Path) -> None:
    (project / "docker-compose.yml").unlink()
    assert run_mode(project, "dev", "--format", "json").document["error"]["code"] == "compose-file-missing"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("COMPOSE_FILE", "docker-compose.yml", "compose-file-in-environment"),
        ("COMPOSE_ENV_FILES", "other.env", "env-not-read"),
        ("COMPOSE_DISABLE_ENV_FILE", "true", "env-not-read"),
    ],
)
def test_an_environment_that_goes_before_env_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, code: str
) -> None:
    monkeypatch.setenv(name, value)
    done = run_mode(project, "dev", "--format", "json")
    assert done.document["error"]["code"] == code
    assert f"unset {name}" in done.document["error"]["hint"] or name in done.document["error"]["message"]
    assert not (project / ".env").exists()


def test_settings_that_load_env_do_not_count_as_the_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_mode(project, "dev")
    monkeypatch.setenv("COMPOSE_FILE", "docker-compose.yml:docker-compose.dev.yml")
    monkeypatch.setenv("DOCKERTOOLS_UID", "12345")
    assert run_mode(project, "prod").returncode == 0
    assert "docker-compose.prod.yml" in (project / ".env").read_text()


def fake_docker(folder: Path, script: str) -> str:
    """Return a PATH on which `docker` is a script."""
    folder.mkdir()
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("echo \"docker: 'compose' is not a docker command.\" >&2; exit 1", "compose-not-found"),
        ('case "$*" in *version*) echo 2.20.3;; *) echo "{}";; esac', "compose-too-old"),
    ],
)
def test_a_compose_that_cannot_do_it_is_told_and_nothing_is_changed(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, code: str
) -> None:
    monkeypatch.setenv("PATH", fake_docker(tmp_path / "bin", script))
    before = contents(project)
    done = run_mode(project, "prod", "--format", "json")
    assert (done.returncode, done.document["error"]["code"]) == (3, code)
    assert contents(project) == before


def test_without_docker_it_could_not_run(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_mode(project, "dev", "--format", "json").returncode == 3


@pytest.mark.parametrize(
    "arguments",
    [("dev", "--check", "dev"), ("prod", "--sync", "watch"), ("--diff",), ("dev", "--dry-run", "--up")],
)
def test_options_that_say_nothing_together_are_refused(project: Path, arguments: tuple[str, ...]) -> None:
    assert run_mode(project, *arguments).returncode == 2


def test_the_files_of_a_mode_can_be_said(project: Path) -> None:
    (project / "live.yml").write_text("services: {web: {volumes: !reset [], command: gunicorn config.wsgi}}\n")
    done = run_mode(project, "prod", MODES={"prod": ["docker-compose.yml", "live.yml"]})
    assert done.returncode == 0, done.stderr
    assert (project / ".env").read_text() == "COMPOSE_FILE=docker-compose.yml:live.yml\n"
    assert run_mode(project, "--check", "prod", MODES={"prod": ["docker-compose.yml", "live.yml"]}).returncode == 0


def test_a_file_that_is_said_and_missing_is_told(project: Path) -> None:
    done = run_mode(project, "prod", MODES={"prod": ["gone.yml"]})
    assert "gone.yml" in done.stderr


def test_at_a_terminal_somebody_chooses_among_several_files() -> None:
    candidates = [Candidate("a.yml", "dev", "dev"), Candidate("b.yml", "dev", "local")]

    def ask(question: str, names: Sequence[str]) -> str:
        assert "dev" in question
        return names[1]

    assert choose_candidate(candidates, ask) == candidates[1]
    with pytest.raises(DockertoolsError, match="More than one file"):
        choose_candidate(candidates, None)


def test_watch_syncs_the_code_and_mounts_nothing(project: Path) -> None:
    done = run_mode(project, "dev", "--sync", "watch")
    assert done.returncode == 0, done.stderr
    text = (project / OVERLAYS["dev"]).read_text()
    assert 'action: "sync"' in text
    assert 'action: "rebuild"' in text
    web = next(s for s in run_mode(project, "--format", "json").document["services"] if s["name"] == "web")
    assert (web["source_mounts"], web["syncs"]) == ([], True)


@pytest.mark.parametrize(("replicas", "code"), [(1, 0), (3, 1)])
def test_a_script_that_migrates_is_noticed_and_refused_for_replicas(project: Path, replicas: int, code: int) -> None:
    (project / "start.sh").write_text("python manage.py migrate\nexec gunicorn config.wsgi --bind 0.0.0.0:8000\n")
    text = BASE.replace("command: python manage.py runserver 0.0.0.0:8000", "command: sh start.sh")
    (project / "docker-compose.yml").write_text(
        text.replace("build: .", f"build: .\n    deploy: {{replicas: {replicas}}}")
    )
    done = run_mode(project, "prod")
    assert done.returncode == code
    assert "start.sh migrates at each start" in done.stdout + done.stderr


def test_what_belongs_to_the_other_mode_by_its_name_is_told(project: Path) -> None:
    (project / ".env.dev").write_text("A=1\n")
    (project / "config" / "settings_local.py").write_text((project / "config" / "settings.py").read_text())
    environment = "env_file: .env.dev\n    environment: {DJANGO_SETTINGS_MODULE: config.settings_local}"
    text = BASE.replace('environment: {DJANGO_DEBUG: "1"}', environment)
    (project / "docker-compose.yml").write_text(text)
    done = run_mode(project, "prod")
    assert "web: its variables come from .env.dev, which by its name is for development" in done.stdout
    assert "web: its settings stay config.settings_local: there are none for production beside them" in done.stdout
    (project / "config" / "settings_production.py").write_text("")
    assert "web: settings are config.settings_production" in run_mode(project, "prod").stdout


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ('sh -c "DJANGO_DEBUG=1 python manage.py runserver 0.0.0.0:8000"', "DJANGO_DEBUG=0 exec gunicorn"),
        ("env DJANGO_DEBUG=1 gunicorn config.wsgi", "DJANGO_DEBUG=0 gunicorn"),
        ("sleep infinity", "gunicorn config.wsgi:application --bind 0.0.0.0:8000"),
    ],
)
def test_a_command_that_is_for_development_by_what_it_sets_or_does_not_do(
    project: Path, command: str, expected: str
) -> None:
    text = BASE.replace("command: python manage.py runserver 0.0.0.0:8000", f"command: {command}")
    (project / "docker-compose.yml").write_text(text)
    assert run_mode(project, "prod").returncode == 0
    web = next(s for s in run_mode(project, "--format", "json").document["services"] if s["name"] == "web")
    assert expected in " ".join(web["command"])


def test_a_volume_over_the_code_is_refused(project: Path) -> None:
    (project / "docker-compose.yml").write_text(BASE.replace('".:/app"', '"media:/app"'))
    assert "hides the code of every later image" in run_mode(project, "prod").stderr
