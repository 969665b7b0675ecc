"""Builds that fail for a reason that the table of causes knows: small, on the bases that `scripts/engine up` makes."""

from __future__ import annotations

from dataclasses import dataclass, field

PYTHON = "FROM python:3.11-slim-bookworm\n"
UV = "FROM dockertools-test/uv:latest\n"
ZERO_HASH = "sha256:" + "0" * 64
EXTENSION = (
    "from setuptools import Extension, setup\n"
    "setup(name='fast', version='1', ext_modules=[Extension('fast', ['fast.c'])])\n"
)
GCC = PYTHON + "RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev pkgconf\n"
SERVER = (
    "import http.server, sys\n"
    "class Handler(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self):\n"
    "        self.send_error(int(sys.argv[1]))\n"
    "http.server.HTTPServer(('127.0.0.1', 8000), Handler).serve_forever()\n"
)


@dataclass(frozen=True)
class FailingBuild:
    """A build, the cause that is to be found, and words that its explanation must have."""

    cause: str
    dockerfile: str
    says: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    target: str | None = None
    secrets: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    sbom: str | None = None


FAILING: dict[str, FailingBuild] = {
    # The Dockerfile
    "instruction": FailingBuild("unknown-instruction", PYTHON + "RUNN true\n", ("RUNN", "Did you mean RUN?", "line 2")),
    "flag": FailingBuild("unknown-flag", PYTHON + "COPY --form=builder /a /b\n", ("--form", "Did you mean from?")),
    "target": FailingBuild(
        "target-not-found",
        "FROM python:3.11-slim-bookworm AS builder\n",
        ("bulider", "Did you mean builder?"),
        target="bulider",
    ),
    "blank-base": FailingBuild("base-name-empty", "ARG BASE\nFROM ${BASE}\n", ("${BASE}",)),
    "no-instructions": FailingBuild("no-instructions", "# nothing\n"),
    "no-from": FailingBuild("no-from", "RUN true\n"),
    "quote": FailingBuild("dockerfile-syntax", PYTHON + 'ENV A="b\n', ("Line 2", "double-quote")),
    "heredoc": FailingBuild("dockerfile-syntax", PYTHON + "RUN <<EOF\ntrue\n", ("unterminated heredoc",)),
    "copy-arguments": FailingBuild("dockerfile-syntax", PYTHON + "COPY x\n", ("at least two arguments",)),
    "encoding": FailingBuild("not-utf8", "", ("UTF-8",), {"Dockerfile": PYTHON + 'RUN echo "\xe9"\n'}),
    # What is fetched
    "from-stage": FailingBuild(
        "from-no-stage",
        "FROM python:3.11-slim-bookworm AS builder\n" + PYTHON + "COPY --from=bulider /etc/hostname /x\n",
        ("Did you mean builder?",),
    ),
    "registry-name": FailingBuild("registry-unreachable", "FROM registry.invalid/python:3.11\n", ("registry.invalid",)),
    "registry-refused": FailingBuild("registry-unreachable", "FROM localhost:1/python:3.11\n", ("localhost:1",)),
    "sbom": FailingBuild("sbom-scanner", PYTHON, ("localhost:1/scanner:1",), sbom="generator=localhost:1/scanner:1"),
    "output-tar": FailingBuild(
        "output-not-written",
        "FROM scratch\nCOPY x /\n",
        ("/proc/no/x.tar",),
        {"x": ""},
        outputs=("type=tar,dest=/proc/no/x.tar",),
    ),
    "output-folder": FailingBuild(
        "output-not-written",
        "FROM scratch\nCOPY x /\n",
        ("/proc/no/x",),
        {"x": ""},
        outputs=("type=local,dest=/proc/no/x",),
    ),
    # The context
    "copy-missing": FailingBuild(
        "copy-missing",
        PYTHON + "COPY requirments.txt .\n",
        ("/requirments.txt", "Did you mean requirements.txt?"),
        {"requirements.txt": ""},
    ),
    "bind-missing": FailingBuild(
        "copy-missing", PYTHON + "RUN --mount=type=bind,source=nothere.txt,target=/x cat /x\n", ("/nothere.txt",)
    ),
    "copy-ignored": FailingBuild(
        "copy-ignored",
        PYTHON + "COPY requirements.txt .\n",
        ("ignore rules", "docker_context --why requirements.txt"),
        {"requirements.txt": "", ".dockerignore": "*.txt\n"},
    ),
    "copy-outside": FailingBuild("copy-outside", PYTHON + "COPY ../x .\n", ("cannot leave",), {"y": ""}),
    "copy-from": FailingBuild(
        "copy-from-missing",
        "FROM python:3.11-slim-bookworm AS builder\n" + PYTHON + "COPY --from=builder /nothere /x\n",
        ("/nothere",),
    ),
    # Secrets
    "secret": FailingBuild(
        "secret-missing",
        PYTHON + "RUN --mount=type=secret,id=token,required cat /run/secrets/token\n",
        ("--secret id=token,src=FILE",),
    ),
    "secret-source": FailingBuild(
        "secret-source", PYTHON + "RUN true\n", ("/nothere",), secrets=("id=token,src=/nothere",)
    ),
    "ssh": FailingBuild("ssh-missing", PYTHON + "RUN --mount=type=ssh,required false\n", ("--ssh default",)),
    # The machine
    "no-space": FailingBuild(
        "no-space", PYTHON + "RUN --mount=type=tmpfs,target=/t,size=65536 dd if=/dev/zero of=/t/x bs=1k count=1000\n"
    ),
    "killed": FailingBuild("killed", PYTHON + "RUN python -c 'import os; os.kill(os.getpid(), 9)'\n"),
    "memory": FailingBuild("killed", PYTHON + "RUN ulimit -v 200000; python -c 'x = bytearray(2**30)'\n"),
    "exec-format": FailingBuild(
        "exec-format", PYTHON + 'COPY --chmod=755 x /x\nRUN ["/x"]\n', ("/x",), {"x": "\x7fELF\x02\x01\x01"}
    ),
    # Scripts
    "crlf-sh": FailingBuild(
        "script-interpreter",
        PYTHON + "COPY --chmod=755 x.sh /x.sh\nRUN /x.sh\n",
        ("/x.sh", "Windows line ends"),
        {"x.sh": "#!/bin/sh\r\ntrue\r\n"},
    ),
    "crlf-exec": FailingBuild(
        "script-interpreter",
        PYTHON + 'COPY --chmod=755 x.sh /x.sh\nRUN ["/x.sh"]\n',
        ("/x.sh", "Windows line ends"),
        {"x.sh": "#!/bin/sh\r\ntrue\r\n"},
    ),
    "crlf-env": FailingBuild(
        "crlf",
        PYTHON + "COPY --chmod=755 x.sh /x.sh\nRUN /x.sh\n",
        ("eol=lf",),
        {"x.sh": "#!/usr/bin/env bash\r\ntrue\r\n"},
    ),
    "crlf-bash": FailingBuild(
        "crlf",
        PYTHON + "COPY x.sh /x.sh\nRUN bash /x.sh\n",
        ("eol=lf",),
        {"x.sh": "set -e\r\nif true; then\r\n  echo\r\nfi\r\n"},
    ),
    "not-executable": FailingBuild(
        "not-executable", PYTHON + "COPY x.sh /x.sh\nRUN /x.sh\n", ("/x.sh", "--chmod=755"), {"x.sh": "#!/bin/sh\n"}
    ),
    # Networks
    "host-name": FailingBuild(
        "name-resolution",
        PYTHON + "RUN python -c 'import socket; socket.create_connection((\"no-such-host.invalid\", 80))'\n",
    ),
    "refused": FailingBuild(
        "network", PYTHON + "RUN pip install --retries 1 --index-url http://127.0.0.1:1/simple sqlparse\n"
    ),
    # Compilers and libraries
    "pkg-config": FailingBuild("pkg-config", PYTHON + "RUN pkg-config --cflags cairo\n", ("pkg-config",)),
    "compiler": FailingBuild(
        "compiler",
        PYTHON + "COPY pkg pkg\nRUN pip install --no-build-isolation ./pkg\n",
        ("gcc libc6-dev",),
        {"pkg/setup.py": EXTENSION, "pkg/fast.c": ""},
    ),
    "shared-library": FailingBuild(
        "shared-library",
        PYTHON + "RUN python -c 'import ctypes; ctypes.CDLL(\"libcairo.so.2\")'\n",
        ("libcairo.so.2", "apt-get install libcairo2."),
    ),
    "rust": FailingBuild("rust", PYTHON + "RUN cargo build\n", ("cargo",)),
    "gdal": FailingBuild("gdal-config", PYTHON + "RUN gdal-config --version\n", ("libgdal-dev",)),
    # Python packages
    "pip-version": FailingBuild(
        "version-not-found", PYTHON + "RUN pip install sqlparse==99.1\n", ("sqlparse==99.1", "pip index versions")
    ),
    "pip-wheel": FailingBuild(
        "wheel-platform",
        PYTHON + "COPY *.whl .\nRUN pip install ./fast-1-cp39-cp39-win32.whl\n",
        ("fast-1-cp39-cp39-win32.whl",),
        {"fast-1-cp39-cp39-win32.whl": ""},
    ),
    "pip-python": FailingBuild(
        "other-python",
        PYTHON + "COPY pkg pkg\nRUN pip install --no-build-isolation ./pkg\n",
        ("3.11.2", ">=3.13"),
        {"pkg/setup.py": "from setuptools import setup\nsetup(name='fast', version='1', python_requires='>=3.13')\n"},
    ),
    "pip-git": FailingBuild(
        "git-missing", PYTHON + "RUN pip install git+https://example.invalid/x.git\n", ("apt-get install git",)
    ),
    "requirements": FailingBuild(
        "requirements-missing", PYTHON + "RUN pip install -r requirements.txt\n", ("requirements.txt", "COPY it")
    ),
    # Debian packages
    "apt-no-lists": FailingBuild("apt-no-lists", PYTHON + "RUN apt-get install -y nano\n", ("apt-get update", "nano")),
    "apt-lock": FailingBuild(
        "apt-lock",
        PYTHON
        + "RUN --mount=type=cache,target=/var/lib/apt python3 -c '"
        + 'import fcntl, os, subprocess; os.makedirs("/var/lib/apt/lists/partial", exist_ok=True);'
        + ' lock = open("/var/lib/apt/lists/lock", "w"); fcntl.lockf(lock, fcntl.LOCK_EX);'
        + ' subprocess.run(["apt-get", "update"], check=True)\'\n',
        ("sharing=locked",),
    ),
    # Users and files
    "user": FailingBuild(
        "user-exists", PYTHON + "RUN useradd --uid 1000 a && useradd --uid 1000 b\n", ("UID 1000 is taken",)
    ),
    "group": FailingBuild("user-exists", PYTHON + "RUN groupadd www-data\n", ("www-data is taken",)),
    "read-only": FailingBuild(
        "read-only", PYTHON + "RUN --mount=type=bind,target=/src touch /src/x\n", ("bind mount",)
    ),
    "setting": FailingBuild(
        "django-setting", PYTHON + "RUN python -c 'import os; os.environ[\"SECRET_KEY\"]'\n", ("SECRET_KEY",)
    ),
    "module": FailingBuild("python-module", PYTHON + "RUN python -c 'import django'\n", ("django",)),
    "permission": FailingBuild(
        "permission-denied", PYTHON + "USER 1000\nRUN touch /etc/x\n", ("/etc/x", "before USER")
    ),
    "command": FailingBuild(
        "command-not-found", PYTHON + "RUN curl -fsS http://example.invalid\n", ("apt-get install curl",)
    ),
}

LONG: dict[str, FailingBuild] = {
    # With uv, whose image has to be built first
    "uv-version": FailingBuild(
        "version-not-found", UV + "RUN uv pip install --system sqlparse==99.1\n", ("sqlparse==99.1",)
    ),
    "uv-name": FailingBuild(
        "version-not-found", UV + "RUN uv pip install --system djangoo-no-such-thing\n", ("djangoo-no-such-thing",)
    ),
    "uv-conflict": FailingBuild(
        "version-conflict", UV + "RUN uv pip install --system 'django==5.2' 'asgiref<3'\n", ("asgiref", "Loosen")
    ),
    "uv-hash": FailingBuild(
        "hash-mismatch",
        UV + "COPY r.txt .\nRUN uv pip install --system --require-hashes -r r.txt\n",
        ("sqlparse==0.5.3",),
        {"r.txt": f"sqlparse==0.5.3 --hash={ZERO_HASH}\n"},
    ),
    "uv-no-hash": FailingBuild(
        "hash-missing",
        UV + "COPY r.txt .\nRUN uv pip install --system --require-hashes -r r.txt\n",
        files={"r.txt": "sqlparse==0.5.3\n"},
    ),
    "uv-python": FailingBuild("other-python", UV + "RUN uv pip install --system 'django==6.0'\n", ("3.11.2", ">=3.12")),
    "uv-lock": FailingBuild(
        "lock-outdated",
        UV + "COPY . .\nRUN uv sync --locked\n",
        ("uv lock",),
        {
            "pyproject.toml": "[project]\nname='x'\nversion='1'\nrequires-python='>=3.11'\ndependencies=['sqlparse']\n",
            "uv.lock": 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n',
        },
    ),
    "uv-git": FailingBuild(
        "git-missing", UV + "RUN uv pip install --system git+https://example.invalid/x.git\n", ("apt-get install git",)
    ),
    "index-denied": FailingBuild(
        "index-denied",
        UV
        + "COPY serve.py .\nRUN python serve.py 401 & sleep 1;"
        + " uv pip install --system --index-url http://127.0.0.1:8000/simple sqlparse\n",
        ("--secret",),
        {"serve.py": SERVER},
    ),
    # With what a package index has
    "tls": FailingBuild(
        "tls",
        PYTHON
        + "RUN PIP_CERT=$(ls /usr/share/ca-certificates/mozilla/*.crt | head -1)"
        + " pip install --retries 0 --disable-pip-version-check sqlparse\n",
        ("PIP_CERT",),
    ),
    "pip-conflict": FailingBuild(
        "version-conflict", PYTHON + "RUN pip install 'django==5.2' 'asgiref<3'\n", ("asgiref", "Loosen")
    ),
    "pip-hash": FailingBuild(
        "hash-mismatch",
        PYTHON + "COPY r.txt .\nRUN pip install --require-hashes -r r.txt\n",
        files={"r.txt": f"sqlparse==0.5.3 --hash={ZERO_HASH}\n"},
    ),
    "pip-no-hash": FailingBuild(
        "hash-missing",
        PYTHON + "COPY r.txt .\nRUN pip install --require-hashes -r r.txt\n",
        files={"r.txt": "sqlparse==0.5.3\n"},
    ),
    # Others that take long
    "pg-config": FailingBuild(
        "pg-config", PYTHON + "RUN pip install --no-binary psycopg2 psycopg2==2.9.10\n", ("libpq-dev", "libpq5")
    ),
    "mysql": FailingBuild(
        "mysql-config", PYTHON + "RUN pip install mysqlclient==2.2.7\n", ("default-libmysqlclient-dev",)
    ),
    "externally-managed": FailingBuild(
        "externally-managed",
        "FROM debian:bookworm-slim\n"
        "RUN apt-get update && apt-get install -y --no-install-recommends python3-pip\nRUN pip install sqlparse\n",
        ("python3 -m venv",),
    ),
    "apt-404": FailingBuild(
        "apt-404",
        PYTHON
        + "COPY serve.py .\nRUN apt-get update; python3 serve.py 404 & sleep 1;"
        + " apt-get install -y --no-install-recommends -o Acquire::http::Proxy=http://127.0.0.1:8000 nano\n",
        ("apt-get update",),
        {"serve.py": SERVER},
    ),
    "apt-name": FailingBuild(
        "apt-no-package", PYTHON + "RUN apt-get update && apt-get install -y libpq-devv\n", ("libpq-devv", "spelling")
    ),
    "apt-suite": FailingBuild(
        "apt-release",
        PYTHON
        + "RUN sed -i 's/bookworm/no-such-suite/' /etc/apt/sources.list /etc/apt/sources.list.d/* ; apt-get update\n",
        ("suite",),
    ),
    "header": FailingBuild(
        "header-missing",
        GCC + "COPY x.c .\nRUN gcc -c x.c\n",
        ("libpq-fe.h", "apt-get install libpq-dev"),
        {"x.c": "#include <libpq-fe.h>\n"},
    ),
    "library": FailingBuild(
        "library-missing",
        GCC + "COPY x.c .\nRUN gcc x.c -lpq\n",
        ("pq", "apt-get install libpq-dev"),
        {"x.c": "int main(void) { return 0; }\n"},
    ),
    "pkg-config-module": FailingBuild(
        "pkg-config-module",
        GCC + "RUN pkg-config --cflags cairo\n",
        ("cairo", "libcairo2-dev"),
    ),
}
