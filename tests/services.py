"""Real servers for tests: PostgreSQL and Redis on loopback ports, as unprivileged processes, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from tests.docker import skip_or_fail

PASSWORD = "the-p4ssw0rd-of-the-tests"
DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    port: int
    process: subprocess.Popen[bytes]

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the process, so that connections are taken by the kernel and never answered."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@dataclass(frozen=True)
class PostgreSQL(Server):
    """A PostgreSQL server; user and database are named `shop`."""

    def execute(self, *statements: str, database: str = "shop") -> None:
        """Run statements as the superuser."""
        with self.connect(database) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def connect(self, database: str = "shop") -> psycopg.Connection:
        """Return a connection of the superuser."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="shop", password=PASSWORD, dbname=database, autocommit=True
        )

    @contextlib.contextmanager
    def database(self, name: str) -> Iterator[str]:
        """Have an empty database."""
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield name
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def settings(self, **changes: object) -> str:
        """Return DATABASES as a line of settings."""
        values = {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": "127.0.0.1",
            "PORT": self.port,
            "NAME": "shop",
            "USER": "shop",
            "PASSWORD": PASSWORD,
            **changes,
        }
        return f"DATABASES = {{'default': {values!r}}}"


def require_program(name: str, *places: Path) -> str:
    """Return the path of a program; where it is missing, skip, or fail when `make test` promised that it is there."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, places)]))
    if not found:
        skip_or_fail(f"{name} is not installed; `scripts/setup` names its package.")
    return found


def free_port() -> int:
    """Return a port on which nothing listens now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until(is_ready: Callable[[], bool], process: subprocess.Popen[bytes], what: str) -> None:
    """Wait for a server; its end, or a minute without an answer, is a failure."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_ready():
        assert process.poll() is None, f"{what} ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{what} does not answer"
        time.sleep(0.05)


@contextlib.contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    """Run a PostgreSQL server with a cluster of its own."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    programs = Path(require_program("initdb", *places)).parent
    with _owned_folder("postgres") as (folder, user):
        password = folder / "password"
        password.write_text(PASSWORD)
        _run_as(user, str(programs / "initdb"), "--no-sync", "--username=shop", "--auth=scram-sha-256",
                f"--pwfile={password}", "--no-locale", "--encoding=UTF8", str(folder / "data"))  # fmt: skip
        access = folder / "data/pg_hba.conf"
        access.write_text("host all outsider 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 scram-sha-256\n")
        port = free_port()
        options = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": folder,
            "fsync": "off",
            "max_connections": 20,
        }
        argv = [str(programs / "postgres"), "-D", str(folder / "data")]
        with _process([*argv, *(f"--{key}={value}" for key, value in options.items())], user) as process:
            server = PostgreSQL(port, process)
            wait_until(
                lambda: _answers(lambda: server.connect("postgres").close(), psycopg.Error), process, "PostgreSQL"
            )
            server.execute("CREATE DATABASE shop", database="postgres")
            yield server


@contextlib.contextmanager
def running_redis(*options: str, password: str = "", tls: bool = False) -> Iterator[Server]:
    """Run a Redis server that keeps nothing on disk; with `tls`, behind a certificate that it signed itself."""
    program = require_program("redis-server")
    with _owned_folder("nobody") as (folder, user):
        port = free_port()
        own = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder))
        ports = ("--port", "0", "--tls-port", str(port), *_tls_options(folder, user)) if tls else ("--port", str(port))
        protected = ("--requirepass", password) if password else ()
        with _process([program, *own, *ports, *protected, *options], user) as process:
            client = redis.Redis(port=port, password=password or None, ssl=tls, ssl_cert_reqs="none")
            with contextlib.closing(client):
                wait_until(lambda: _answers(client.ping, redis.RedisError), process, "Redis")
            yield Server(port, process)


def _tls_options(folder: Path, user: str | None) -> tuple[str, ...]:
    key, certificate = folder / "key.pem", folder / "cert.pem"
    _run_as(user, require_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate))  # fmt: skip
    return ("--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-auth-clients", "no")


def _answers(question: Callable[[], object], errors: type[Exception]) -> bool:
    try:
        question()
    except errors:
        return False
    return True


@contextlib.contextmanager
def _owned_folder(user: str) -> Iterator[tuple[Path, str | None]]:
    """Have a folder of the user's, if we may give it away; pytest's own folders cannot be entered by others."""
    folder = Path(tempfile.mkdtemp(prefix="dockertools-service-"))
    owner = user if os.geteuid() == 0 else None
    try:
        if owner:
            shutil.chown(folder, owner)
        yield folder, owner
    finally:
        shutil.rmtree(folder)


def _run_as(user: str | None, *argv: str) -> None:
    done = subprocess.run(argv, user=user, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def _process(argv: list[str], user: str | None) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        argv, user=user, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGINT)  # PostgreSQL: a fast shutdown
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
