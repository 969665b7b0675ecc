"""The applications that are built, and how each is asked whether it works."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.ways.engine import BenchEngine

ROOT = Path(__file__).parent.parent.parent
PORT = 8000


class SmokeError(Exception):
    """The application does not do what it is for."""


@dataclass(frozen=True)
class App:
    """An application, and what each way of building it needs to be told.

    `added` and `upgraded` are names in changes.txt, one for each repeat. `page` is what a start is timed by.
    `dockertools` runs a command in the application's folder: the last word is what its name begins with.
    """

    name: str
    development_packages: str
    runtime_packages: str
    needed_packages: str
    application: str
    environment: tuple[str, ...]
    page: str
    code: str
    added: tuple[str, ...]
    upgraded: tuple[str, ...]
    dockertools: tuple[str, ...]
    copy: Callable[[Path], None]
    smoke: Callable[[BenchEngine, str, str], None]

    def command(self, name: str) -> tuple[str, ...]:
        """Return one of our commands, to be run in the application's folder."""
        *words, prefix = self.dockertools
        return (*words, f"{prefix}{name}")


def fetch(url: str, body: object = None) -> tuple[int, bytes]:
    """Return status and body of a page; status 0 where nobody answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310  # http alone
    try:
        with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310  # http alone
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError:
        return 0, b""


def _expect(url: str, magic: bytes, body: object = None) -> bytes:
    status, answer = fetch(url, body)
    if status not in (200, 201) or magic not in answer:
        raise SmokeError(f"{url} answered {status}: {answer[:300]!r}")
    return answer


def _smoke_cvimprover(engine: BenchEngine, container: str, url: str) -> None:
    """Keep a CV in the database and draw it as a PDF: psycopg and pycairo are there, and Django's tables."""
    engine.call("docker", "exec", container, "python", "manage.py", "migrate", "--noinput", "--verbosity", "0")
    engine.call("docker", "exec", container, "python", "-c", "import psycopg; assert psycopg.pq.__impl__ == 'c'")
    _expect(f"{url}/", b"<html")
    cv = json.loads(_expect(f"{url}/api/cvs/", b"url", {"name": "Ada", "text": "Mathematician. Wrote a program."}))
    _expect(f"{url}{cv['url']}/pdf", b"%PDF-")


def _smoke_heavy(_engine: BenchEngine, _container: str, url: str) -> None:
    _expect(f"{url}/smoke", b'"token": "ada"')
    _expect(f"{url}/admin/login/", b"csrfmiddlewaretoken")


def _copy_repository(target: Path) -> None:
    argv = ("git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    listed = subprocess.run(argv, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def _copy_heavy(target: Path) -> None:
    shutil.copytree(ROOT / "bench/heavy", target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


_ADDED = ("humanize", "xmltodict", "tabulate", "toolz", "pytz")
APPS = {
    "heavy": App(
        name="heavy",
        development_packages="libpq-dev libcairo2-dev libffi-dev",
        runtime_packages="libpq5 libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core",
        needed_packages="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core",
        application="heavy.wsgi",
        environment=("SECRET_KEY=for-the-bench-alone", "ALLOWED_HOSTS=*"),
        page="/admin/login/",
        code="heavy/urls.py",
        added=_ADDED,
        upgraded=("django", "stripe", "sentry-sdk", "openai", "redis"),
        dockertools=(sys.executable, "-m", "dockertools", ""),
        copy=_copy_heavy,
        smoke=_smoke_heavy,
    ),
    "cvimprover": App(
        name="cvimprover",
        development_packages="libpq-dev libcairo2-dev",
        runtime_packages="libpq5 libcairo2 fonts-dejavu-core",
        needed_packages="build-essential pkg-config libpq-dev libcairo2-dev fonts-dejavu-core",
        application="cvimprover.wsgi",
        environment=(
            *("SECRET_KEY=for-the-bench-alone-and-long-enough-to-pass-the-check-1", "DJANGO_INSECURE_HTTP=1"),
            *("ALLOWED_HOSTS=*", "CVIMPROVER_DATA=/tmp"),
        ),
        page="/healthz",
        code="cvimprover/views.py",
        added=_ADDED,
        upgraded=("django", "whitenoise", "gunicorn", "packaging", "sqlparse"),
        # Its settings say which Python and which fonts.
        dockertools=(sys.executable, "manage.py", "docker_"),
        copy=_copy_repository,
        smoke=_smoke_cvimprover,
    ),
}


def change_requirement(text: str, name: str) -> str:
    """Return the locked list with what changes.txt says of a requirement, put in or in place of what is there."""
    (entry,) = (entry for entry in _entries(_CHANGES.read_text(encoding="utf-8")) if _name(entry) == name)
    kept = [present for present in _entries(text) if _name(present) != name]
    return "".join((*kept, entry))


_CHANGES = Path(__file__).with_name("changes.txt")


def _entries(text: str) -> list[str]:
    """Split a locked list into requirements with their hashes."""
    return re.findall(r"^[^\s#].*\n(?:[ \t]+.*\n)*", text, re.MULTILINE)


def _name(entry: str) -> str:
    return re.split(r"[=\[; ]", entry, maxsplit=1)[0].lower()
