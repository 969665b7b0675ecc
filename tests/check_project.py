"""A small Django project in a folder and an environment of its own, for docker_check to run in."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import sysconfig
import textwrap
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema

ROOT = Path(__file__).resolve().parent.parent
SECRET = "k3y-0f-tests-that-1s-l0ng-en0ugh-f0r-every-check-there-is"
SCHEMA = json.loads((resources.files("dockertools") / "schemas" / "check.json").read_text(encoding="utf-8"))

MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
SETTINGS = f"""
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "{SECRET}"
ALLOWED_HOSTS = ["shop.example"]
INSTALLED_APPS = ["dockertools", "shop"]
MIDDLEWARE = ["dockertools.middleware.HealthMiddleware", "django.middleware.security.SecurityMiddleware"]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
DATABASES = {{}}
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
WSGI = """
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()
"""


@dataclass(frozen=True)
class CheckRun:
    """A finished run; `document` is its JSON document, checked against the schema."""

    exit_code: int
    stdout: str
    stderr: str
    document: dict[str, Any] = field(default_factory=dict)

    def results(self, check_id: str) -> list[dict[str, Any]]:
        """Return the results of a check, its id given without the package's name."""
        return [result for result in self.document["results"] if result["id"] == f"dockertools.{check_id}"]

    def result(self, check_id: str) -> dict[str, Any]:
        """Return the one result of a check."""
        (result,) = self.results(check_id)
        return result

    def codes(self, check_id: str) -> set[str]:
        """Return the conditions that a check met."""
        return {result["evidence"]["code"] for result in self.results(check_id)}

    def status(self, check_id: str) -> str:
        """Return the status of the one result of a check."""
        return str(self.result(check_id)["status"])


@dataclass(frozen=True)
class CheckProject:
    """The project's folder and the interpreter of its environment."""

    folder: Path
    python: Path = Path(sys.executable)

    @property
    def site_packages(self) -> Path:
        """The folder where the environment's distributions are."""
        return self.python.parent.parent / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def add_settings(self, text: str) -> None:
        """Add lines to the settings."""
        with (self.folder / "shop/settings.py").open("a", encoding="utf-8") as stream:
            stream.write(textwrap.dedent(text) + "\n")

    def install(
        self, name: str, version: str = "1.0", modules: Mapping[str, str] | None = None, requires: str = ""
    ) -> Path:
        """Install a distribution with modules of the given source, and return the folder of its metadata."""
        sources = modules if modules is not None else {f"{name}.py": ""}
        information = self.site_packages / f"{name}-{version}.dist-info"
        for path, text in sources.items():
            target = self.site_packages / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        information.mkdir()
        requirement = f"Requires-Dist: {requires}\n" if requires else ""
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requirement}")
        records = [*sources, f"{information.name}/METADATA", f"{information.name}/RECORD"]
        (information / "RECORD").write_text("".join(f"{record},,\n" for record in records))
        return information

    def run(
        self, *arguments: str, env: Mapping[str, str] | None = None, python_options: tuple[str, ...] = ()
    ) -> CheckRun:
        """Run docker_check in the project as its user would."""
        done = subprocess.run(
            (str(self.python), *python_options, "manage.py", "docker_check", *arguments),
            cwd=self.folder,
            env=self.environment(env),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return CheckRun(done.returncode, done.stdout, done.stderr)

    @contextlib.contextmanager
    def waiting(self, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """Run docker_check with `--wait`; yield the process, its output a pipe, and the line that says it waits."""
        with subprocess.Popen(
            (str(self.python), "manage.py", "docker_check", "--wait", "60", *arguments),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stderr is not None
                yield process, next(line for line in process.stderr if "... waiting" in line)
            finally:
                process.kill()

    def check(self, *arguments: str, env: Mapping[str, str] | None = None) -> CheckRun:
        """Run docker_check with `--format json`; the document must fit the schema and name the exit code."""
        run = self.run("--format", "json", *arguments, env=env)
        assert run.stdout.strip(), run.stderr
        document = json.loads(run.stdout)
        jsonschema.validate(document, SCHEMA)
        assert document["exit_code"] == run.exit_code, run.stderr
        return CheckRun(run.exit_code, run.stdout, run.stderr, document)

    def environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of a run, without what the tests' own settings need."""
        unwanted = ("DJANGO_SETTINGS_MODULE", "SECRET_KEY", "DATABASE_URL", "GUNICORN_CMD_ARGS", "WEB_CONCURRENCY")
        inherited = {key: value for key, value in os.environ.items() if key not in unwanted}
        return {**inherited, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}


def make_project(folder: Path) -> CheckProject:
    """Return a project in `folder` that all checks of settings are content with."""
    project = CheckProject(folder)
    project.write("manage.py", MANAGE)
    project.write("shop/__init__.py", "")
    project.write("shop/settings.py", SETTINGS)
    project.write("shop/urls.py", "urlpatterns = []")
    project.write("shop/wsgi.py", WSGI)
    return project


def make_isolated_project(folder: Path) -> CheckProject:
    """Return a project with an environment of its own, where Django comes from the tests' environment by a path."""
    plain = make_project(folder / "project")
    venv.create(folder / "venv", symlinks=True, with_pip=False)
    project = CheckProject(plain.folder, folder / "venv/bin/python")
    (project.site_packages / "of_the_tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return project
