"""The PostgreSQL image: what these tests say holds for the real one, so it must hold for its stand-in."""

from __future__ import annotations

import contextlib
import gzip
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockertools.engine import Engine
from tests.docker import DEADLINE_SECONDS, docker, temporary_volume

IMAGE = "postgres:15-bookworm"
pytestmark = pytest.mark.engine


@contextlib.contextmanager
def server(*options: str, arguments: tuple[str, ...] = ()) -> Iterator[str]:
    """Run a server and yield the container's id once it serves; it and its volumes are removed afterwards."""
    container = docker("run", "--detach", *options, IMAGE, *arguments)
    try:
        wait_until_served(container)
        yield container
    finally:
        docker("rm", "--force", "--volumes", container)


def wait_until_served(container: str) -> None:
    """Wait for the real server: the one of the first start listens on no address."""
    address = docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container)
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        if not subprocess.run(("docker", "exec", container, "pg_isready", "-h", address), check=False).returncode:
            return
        time.sleep(0.1)
    raise AssertionError(docker("logs", container))


def sql(container: str, statement: str, *options: str, user: str = "postgres") -> str:
    return docker("exec", container, "psql", "-U", user, "-Atc", statement, *options)


def refused(*options: str) -> str:
    """Return what a container that must not start says."""
    done = subprocess.run(("docker", "run", "--rm", *options, IMAGE), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr


def over_network(container: str, password: str) -> subprocess.CompletedProcess[str]:
    """Ask by another container, as the application does: from there the password counts."""
    address = docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container)
    asking = ("psql", "-h", address, "-U", "app", "-d", "data", "-Atc", "SELECT current_user")
    argv = ("docker", "run", "--rm", "--env", f"PGPASSWORD={password}", "--entrypoint", "", IMAGE, *asking)
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_the_image_is_configured_as_users_of_the_real_one_expect(engine: Engine) -> None:
    configuration = json.loads(docker("image", "inspect", "--format", "{{json .Config}}", IMAGE))
    assert configuration["StopSignal"] == "SIGINT"
    assert configuration["Cmd"] == ["postgres"]
    assert set(configuration["ExposedPorts"]) == {"5432/tcp"}
    assert set(configuration["Volumes"]) == {"/var/lib/postgresql/data"}
    assert "PGDATA=/var/lib/postgresql/data" in configuration["Env"]
    assert "LANG=en_US.utf8" in configuration["Env"]


def test_it_refuses_to_start_without_a_password(engine: Engine) -> None:
    assert "POSTGRES_PASSWORD" in refused()


def test_it_refuses_a_variable_given_twice(engine: Engine) -> None:
    said = refused("--env", "POSTGRES_PASSWORD=a", "--env", "POSTGRES_PASSWORD_FILE=/run/secrets/password")
    assert "POSTGRES_PASSWORD_FILE" in said


def test_other_commands_run_as_they_are(engine: Engine) -> None:
    assert docker("run", "--rm", IMAGE, "psql", "--version").startswith("psql (PostgreSQL) 15.")
    assert docker("run", "--rm", IMAGE, "--version").startswith("postgres (PostgreSQL) 15.")
    assert docker("run", "--rm", IMAGE, "id", "-u") == "0"
    assert docker("run", "--rm", IMAGE, "id", "-u", "postgres") == "999"


def test_the_first_start_does_what_the_variables_and_files_say(engine: Engine, tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    (tmp_path / "password").write_text("a 'secret'\n")
    (first / "1-table.sql").write_text("CREATE TABLE seen (by text);")
    (first / "2-zipped.sql.gz").write_bytes(gzip.compress(b"INSERT INTO seen VALUES ('zipped');"))
    (first / "3-run.sh").write_text(
        '#!/bin/sh\npsql -U "$POSTGRES_USER" -d data -c "INSERT INTO seen VALUES (\'run\')"\n'
    )
    (first / "3-run.sh").chmod(0o755)
    (first / "4-sourced.sh").write_text("psql -U app -d data -c \"INSERT INTO seen VALUES ('sourced')\"\n")
    (first / "5-ignored.txt").write_text("nothing")
    options = {"USER": "app", "DB": "data", "PASSWORD_FILE": "/run/secrets/password", "INITDB_ARGS": "--data-checksums"}
    environment = [word for name, value in options.items() for word in ("--env", f"POSTGRES_{name}={value}")]
    mounts = ("-v", f"{tmp_path}/password:/run/secrets/password:ro", "-v", f"{first}:/docker-entrypoint-initdb.d:ro")
    with server(*environment, *mounts, arguments=("-c", "max_connections=33")) as container:
        assert sql(container, "SELECT by FROM seen ORDER BY by", "-d", "data", user="app") == "run\nsourced\nzipped"
        assert sql(container, "SHOW max_connections", "-d", "data", user="app") == "33"
        assert sql(container, "SHOW data_checksums", "-d", "data", user="app") == "on"
        assert sql(container, "SHOW server_encoding", "-d", "data", user="app") == "UTF8"
        assert over_network(container, "a 'secret'").stdout == "app\n"
        assert "password authentication failed" in over_network(container, "wrong").stderr


def test_the_server_is_the_first_process_of_its_own_user_and_stops_in_order(engine: Engine) -> None:
    with temporary_volume() as volume:
        options = ("--env", "POSTGRES_PASSWORD=secret", "--volume", f"{volume}:/var/lib/postgresql/data")
        with server(*options) as container:
            status = docker("exec", container, "cat", "/proc/1/status")
            assert "Name:\tpostgres" in status
            assert "Uid:\t999\t999\t999\t999" in status
            sql(container, "CREATE TABLE kept (id int)")
            docker("stop", container)
            assert docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0"
        with server("--volume", f"{volume}:/var/lib/postgresql/data") as container:
            assert sql(container, "SELECT count(*) FROM kept") == "0"


def test_trust_lets_in_without_a_password_and_says_so(engine: Engine) -> None:
    options = ("--env", "POSTGRES_HOST_AUTH_METHOD=trust", "--env", "POSTGRES_USER=app", "--env", "POSTGRES_DB=data")
    with server(*options) as container:
        assert over_network(container, "").stdout == "app\n"
        log = subprocess.run(("docker", "logs", container), capture_output=True, text=True, check=True)
        assert "trust" in log.stderr


def test_a_failing_first_file_fails_the_start(engine: Engine, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "wrong.sql").write_text("SELECT * FROM nowhere;")
    mount = f"{tmp_path}:/docker-entrypoint-initdb.d:ro"
    argv = ("docker", "run", "--rm", "--env", "POSTGRES_PASSWORD=secret", "--volume", mount, IMAGE)
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert 'relation "nowhere" does not exist' in done.stdout + done.stderr


def test_it_runs_with_a_read_only_root_as_its_own_user(engine: Engine) -> None:
    hardened = (
        "--read-only",
        "--tmpfs",
        "/tmp",
        "--tmpfs",
        "/var/run/postgresql",
        "--security-opt",
        "no-new-privileges",
    )
    with temporary_volume() as volume:
        options = ("--env", "POSTGRES_PASSWORD=secret", "--volume", f"{volume}:/var/lib/postgresql/data")
        with server(*hardened, *options) as container:
            assert sql(container, "SELECT 1") == "1"
