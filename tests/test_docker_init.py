"""`docker_init`: what it writes, keeps, refuses and says."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dockertools.files import Ownership, ownership
from tests.golden import PROJECTS

FILES = ["Dockerfile", ".dockerignore", "docker-compose.yml", "gunicorn.conf.py"]
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one requirements file, to be changed at will."""
    return Path(shutil.copytree(PROJECTS / "requirements", tmp_path / "shop"))


def init(project: Path, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """Run `python -m dockertools init` on a project."""
    done = subprocess.run(
        (sys.executable, "-m", "dockertools", "init", "--project", str(project), *arguments),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def document(project: Path, *arguments: str, expect: int = 0) -> dict[str, Any]:
    """Return the JSON document of a run, held against its schema."""
    loaded: dict[str, Any] = json.loads(init(project, "--format", "json", *arguments, expect=expect).stdout)
    schema = json.loads(resources.files("dockertools").joinpath("schemas", "init.json").read_text())
    Draft202012Validator(schema).validate(loaded)
    return loaded


def actions(loaded: dict[str, Any]) -> dict[str, str]:
    return {file["path"]: file["action"] for file in loaded["files"]}


def test_the_first_run_creates_marked_files_and_the_second_changes_nothing(project: Path) -> None:
    assert actions(document(project)) == dict.fromkeys(FILES, "create")
    assert {ownership((project / name).read_text()) for name in FILES} == {Ownership.OURS}
    before = {name: (project / name).read_bytes() for name in FILES}
    assert actions(document(project)) == dict.fromkeys(FILES, "unchanged")
    assert {name: (project / name).read_bytes() for name in FILES} == before


def test_the_project_that_cannot_be_imported_is_not_run(project: Path) -> None:
    (project / "config/settings.py").write_text("raise SystemExit('run')\n")
    assert document(project)["facts"]["settings"]["module"] == "config.settings"


def test_manage_py_takes_the_facts_from_the_loaded_settings(project: Path) -> None:
    settings = project / "config/settings.py"
    text = settings.read_text().replace("INSTALLED_APPS = [\n", 'INSTALLED_APPS = [\n    "dockertools",\n')
    settings.write_text(text.replace("import dj_database_url", "").replace("dj_database_url.config", "dict") + (
        'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}\n'
        'INSTALLED_APPS += [f"django.contrib.{name}" for name in ("auth", "sites")]\n'
    ))  # fmt: skip
    done = subprocess.run(
        (sys.executable, "manage.py", "docker_init", "--format", "json"),
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SECRET_KEY": "x", "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)["facts"]["settings"]
    assert facts["is_live"] is True
    assert "django.contrib.sites" in facts["installed_apps"]


def test_check_fails_before_the_first_run_and_passes_after_it(project: Path) -> None:
    done = init(project, "--check", expect=1)
    assert "Not as docker_init writes them: Dockerfile, .dockerignore, docker-compose.yml" in done.stderr
    assert not (project / "Dockerfile").exists()
    init(project)
    init(project, "--check")


def test_check_fails_when_the_project_has_changed(project: Path) -> None:
    init(project)
    with (project / "requirements.txt").open("a") as file:
        file.write("mysqlclient==2.2.7 --hash=sha256:" + "0" * 64 + "\n")
    loaded = document(project, "--check", expect=1)
    assert loaded["error"]["code"] == "drift"
    assert actions(loaded)["Dockerfile"] == "update"
    assert "libmariadb3" not in (project / "Dockerfile").read_text()
    init(project)
    assert "libmariadb3" in (project / "Dockerfile").read_text()


def test_a_file_of_the_users_is_never_overwritten_and_answered_with_a_diff(project: Path) -> None:
    (project / "Dockerfile").write_text("FROM scratch\n")
    done = init(project, "--force")
    assert (project / "Dockerfile").read_text() == "FROM scratch\n"
    assert "Dockerfile           kept (it is yours: take over from the diff what you like)" in done.stdout
    assert "-FROM scratch\n+# The last stage is production" in done.stdout
    init(project, "--check")


def test_an_edited_file_is_kept_and_fails_the_check(project: Path) -> None:
    init(project)
    edited = (project / "Dockerfile").read_text().replace("EXPOSE 8000", "EXPOSE 9000")
    (project / "Dockerfile").write_text(edited)
    assert "Dockerfile           kept (it was edited; --force replaces it and saves it as" in init(project).stdout
    assert (project / "Dockerfile").read_text() == edited
    init(project, "--check", expect=1)


def test_force_saves_an_edited_file_and_never_an_earlier_copy_away(project: Path) -> None:
    init(project)
    for text in ("first\n", "second\n"):
        with (project / "Dockerfile").open("a") as file:
            file.write(f"# {text}")
        assert actions(document(project, "--force"))["Dockerfile"] == "update"
    assert (project / "Dockerfile.orig").read_text().endswith("# first\n")
    assert (project / "Dockerfile.orig.2").read_text().endswith("# second\n")
    init(project, "--check")


def test_a_compose_file_of_another_name_is_not_shadowed(project: Path) -> None:
    (project / "compose.yaml").write_text("services: {}\n")
    assert actions(document(project))["compose.yaml"] == "kept"
    assert not (project / "docker-compose.yml").exists()


def test_dry_run_and_diff_show_and_write_nothing(project: Path) -> None:
    done = init(project, "--dry-run", "--diff")
    assert "Dockerfile           would be created" in done.stdout
    assert "+++ b/docker-compose.yml" in done.stdout
    assert not (project / "Dockerfile").exists()


def test_options_replace_what_is_inferred(project: Path) -> None:
    init(
        *(project, "--python", "3.11", "--suite", "bookworm"),
        *("--add-build-package", "cmake", "--add-runtime-package", "libzstd1", "--add-runtime-package", "tini"),
    )
    text = (project / "Dockerfile").read_text()
    assert "ARG BASE_IMAGE=python:3.11-slim-bookworm\n" in text
    assert "--no-install-recommends cmake binutils\n" in text
    assert "--no-install-recommends libzstd1 tini \\\n" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--python", "three"], "'three' is not a version of Python."),
        (["--variant", "tiny"], "invalid choice: 'tiny'"),
        (["--suite", "sarge"], "invalid choice: 'sarge'"),
    ],
)
def test_wrong_usage_is_exit_2(project: Path, arguments: list[str], message: str) -> None:
    assert message in init(project, *arguments, expect=2).stderr


def test_a_folder_without_a_project_is_said_to_be_none(tmp_path: Path) -> None:
    done = init(tmp_path, expect=1)
    assert "is not a Django project: there is no manage.py in it" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_project_without_requirements_is_told_what_to_write(project: Path) -> None:
    (project / "requirements.txt").unlink()
    done = init(project, expect=1)
    assert "has no list of requirements" in done.stderr
    assert document(project, expect=1)["error"]["code"] == "no-manifest"


def test_broken_settings_are_named_with_their_line(project: Path) -> None:
    (project / "config/settings.py").write_text("import os\n\nDEBUG = (\n")
    done = init(project)
    assert "Note          config/settings.py:3: is not valid Python ('(' was never closed)" in done.stdout
    assert "collectstatic" in (project / "Dockerfile").read_text()


def test_a_folder_that_cannot_be_written_is_an_error(project: Path) -> None:
    (project / "Dockerfile").mkdir()
    assert "Dockerfile cannot be read: Is a directory." in init(project, expect=1).stderr


def test_noinput_asks_nothing(project: Path) -> None:
    init(project)
    (project / ".python-version").write_text("3.12\n")
    init(project, "--noinput")
    assert "python:3.12-slim-trixie" in (project / "Dockerfile").read_text()


def test_this_repository_holds_what_docker_init_writes() -> None:
    done = subprocess.run(
        (sys.executable, "manage.py", "docker_init", "--check", "--format", "json"),
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "cvimprover.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert actions(json.loads(done.stdout)) == dict.fromkeys(FILES, "unchanged")


def test_gunicorn_logs_as_the_settings_say_where_they_name_its_loggers(project: Path) -> None:
    init(project)
    assert "logconfig_dict" not in (project / "gunicorn.conf.py").read_text()
    with (project / "config/settings.py").open("a") as file:
        file.write("LOGGING = {'version': 1, 'loggers': {'gunicorn.error': {'level': 'INFO'}}}\n")
    init(project, "--noinput")
    text = (project / "gunicorn.conf.py").read_text()
    assert (
        'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")\nlogconfig_dict = settings.LOGGING' in text
    )


def test_the_variant_alpine_is_labelled_as_not_tried(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.dockertools]\nvariant = "alpine"\n')
    done = init(project)
    assert "the variant alpine is not built where this is developed: no Alpine image can be had" in done.stdout
    assert "on Alpine 3.22" in done.stdout
    assert "is not built where django-dockertools is developed" in (project / "Dockerfile").read_text()


def test_nothing_is_learned_from_an_alpine_image(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.dockertools]\nvariant = "alpine"\n')
    done = init(project, "--learn", expect=2)
    assert "--learn asks Debian's package database, and the variant alpine has none." in done.stderr


def test_an_unknown_variant_is_refused(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.dockertools]\nvariant = "bare"\n')
    done = init(project, expect=2)
    assert "must be one of slim, alpine, distroless" in done.stderr
    assert not (project / "Dockerfile").exists()


def test_a_checkout_with_line_ends_of_windows_is_unchanged(project: Path) -> None:
    init(project)
    for name in FILES:
        (project / name).write_bytes((project / name).read_bytes().replace(b"\n", b"\r\n"))
    assert actions(document(project, "--check")) == dict.fromkeys(FILES, "unchanged")


def test_a_dockerfile_of_another_place_is_named_to_compose(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.dockertools]\ndockerfile = "deploy/web.Dockerfile"\n')
    init(project)
    assert (project / "deploy/web.Dockerfile").is_file()
    assert (
        "    build:\n      context: .\n      dockerfile: deploy/web.Dockerfile\n"
        in (project / "docker-compose.yml").read_text()
    )


def test_when_one_file_cannot_be_written_none_is(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.dockertools]\ndockerfile = "/proc/none/Dockerfile"\n')
    assert "The folder /proc/none cannot be made" in init(project, expect=1).stderr
    assert not (project / "docker-compose.yml").exists()


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("\x04", 1)])
def test_at_a_terminal_replacing_asks_first(project: Path, answer: str, code: int) -> None:
    init(project)
    (project / ".python-version").write_text("3.12\n")
    controller, terminal = pty.openpty()
    os.write(controller, answer.encode())
    done = subprocess.run(
        (sys.executable, "-m", "dockertools", "init", "--project", str(project)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=terminal,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(terminal)
    os.close(controller)
    assert "Replace Dockerfile? [y/N]" in done.stdout
    assert done.returncode == code, done.stderr
    assert ("python:3.12" in (project / "Dockerfile").read_text()) is (code == 0)
    assert ("Nothing was written." in done.stderr) is (code == 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--apply",), "Add --learn."), (("--learn", "--apply", "--check"), "Leave one of them out.")],
)
def test_options_of_learning_that_do_not_go_together(project: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in init(project, *arguments, expect=2).stderr
    assert not (project / "Dockerfile").exists()
