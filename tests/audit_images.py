"""Images for the audit, built on the real engine: one with every fault at once."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dockertools.checks.image import load_image_checks
from dockertools.checks.image.collect import audit_image
from dockertools.checks.image.facts import AuditFacts
from dockertools.checks.outside import run_outside
from dockertools.checks.results import CheckResult
from dockertools.conf import make_config
from dockertools.engine import connect
from tests.docker import temporary_tag
from tests.elf import compile_library

# Made up, in the shapes that the services use.
GITHUB_TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
PRIVATE_KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAy8Dbv8prpJ/0kKhlGeJYozo2t60EG8\n-----END RSA PRIVATE KEY-----\n"
)

FAULTY = """\
FROM python:3.11-slim-bookworm
ARG PIP_TOKEN
LABEL org.opencontainers.image.base.name="python:latest"
ENV DJANGO_SECRET_KEY=xq83nf0-28fhw_wkq0f DATABASE_URL=postgres://shop:Tr0ub4dor9x@db/shop
RUN apt-get update && apt-get install --yes --no-install-recommends make x11proto-dev tree
RUN curl --header "Authorization: token {token}" https://example.org || true
WORKDIR /app
COPY . .
RUN rm .env.production deploy/id_ed25519 notes.txt blob.bin && chmod 4755 tool && chmod 666 settings.py \\
 && mv release /etc/os-release && useradd --non-unique --uid 0 toor
EXPOSE 22
USER toor
ENTRYPOINT ["/app/entrypoint.sh"]
CMD gunicorn shop.wsgi && echo over
"""


def write_faulty_context(folder: Path) -> None:
    """Write the files of an application that has not heard of .dockerignore."""
    files = {
        ".env.production": "SECRET_KEY=a\n",
        ".git/config": "[core]\n",
        ".git/objects/ab/cdef": "x",
        "deploy/id_ed25519": "not even a key\n",
        "tests/server.pem": PRIVATE_KEY,
        "tests/test_shop.py": "def test(): pass\n",
        "settings.py": "DEBUG = False\n",
        "notes.txt": f"use {GITHUB_TOKEN}\n",
        "keys/settings.py": 'SECRET_KEY = "0f8y3h4f-_8h3f=08h3f0h8w3fh80w3fh"\n',
        "conf/database.ini": "url = postgres://shop:s3cr3tPassw0rd@db.internal/shop\n",
        "conf/service.json": '{"api_key": "9f8aX72kQpLm31Zt88vB"}\n',
        "release": 'ID=debian\nVERSION_ID="10"\nPRETTY_NAME="Debian GNU/Linux 10 (buster)"\n',
        "entrypoint.sh": '#!/bin/sh\n"$@"\n',
        "tool": "#!/bin/sh\n",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "blob.bin").write_bytes(bytes(range(256)) * 8000)
    (folder / "entrypoint.sh").chmod(0o755)
    gone = compile_library(folder / "libgone.so.1", soname="libgone.so.1")
    compile_library(folder / "shop.so", needs=[gone])
    gone.unlink()
    (folder / "Dockerfile").write_text(FAULTY.format(token=GITHUB_TOKEN))


@contextlib.contextmanager
def built(folder: Path, *options: str) -> Iterator[str]:
    """Build the folder's Dockerfile and yield the image's name; it is removed afterwards."""
    with temporary_tag() as tag:
        argv = ("docker", "buildx", "build", "--quiet", "--load", "--tag", tag, *options, str(folder))
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        yield tag


@contextlib.contextmanager
def built_from(dockerfile: str, folder: Path, **files: str) -> Iterator[str]:
    """Build a Dockerfile with these files beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"Dockerfile": dockerfile, **files}.items():
        (folder / name).write_text(text)
    with built(folder) as tag:
        yield tag


def audit(reference: str, root: Path) -> AuditFacts:
    """Return what an audit knows of an image, seen from the project in `root`."""
    return audit_image(connect(), reference, make_config({}, start=root))


def judge(facts: AuditFacts) -> dict[str, list[CheckResult]]:
    """Return the results of all checks of an image by the short form of their id, such as `I101`."""
    found: dict[str, list[CheckResult]] = {}
    for result in run_outside(load_image_checks(), facts, {}, lambda _event: None):
        found.setdefault(result.id.rpartition(".")[2], []).append(result)
    return found


def evidence(results: list[CheckResult], key: str) -> set[Any]:
    """Return the values of a key in the evidence of all results."""
    return {result.evidence.get(key) for result in results}
