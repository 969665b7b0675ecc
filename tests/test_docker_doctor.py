"""`docker_doctor` as its user meets it, in states that are really broken."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.docker import ROOT, docker, temporary_tag
from tests.doctor_patient import Patient, client_folder, docker_host, real_docker, write_program
from tests.prune_project import OwnEngine, make_engine
from tests.test_process import wait_until_gone

BASE = "python:3.11-slim-bookworm"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others, or act as somebody else")


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    folder = tmp_path / "shop"
    folder.mkdir()
    return Patient(folder, {})


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for PATH with nothing but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


# --- the engine and its client ---


def test_without_the_docker_command(patient: Patient, programs: Path) -> None:
    findings = patient.findings("engine", "machine", "build", env={"PATH": str(programs)})
    assert set(findings) == {("D101", "docker-not-found")}
    assert "Install Docker" in findings["D101", "docker-not-found"]["hint"]


@pytest.mark.engine
def test_an_engine_that_is_not_there(patient: Patient, engine: object, tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/none.sock"
    finding = patient.findings("engine", env={"DOCKER_HOST": address})["D102", "engine-unreachable"]
    assert finding["evidence"]["endpoint"] == address
    assert finding["hint"].startswith("unset DOCKER_HOST")


@pytest.mark.engine
def test_a_context_that_is_not_there_or_is_overridden(patient: Patient, engine: object, programs: Path) -> None:
    write_program(programs / "docker", f'unset DOCKER_HOST\nexec {real_docker()} "$@"\n')
    path = f"{programs}:{os.environ['PATH']}"
    findings = patient.findings("engine", env={"PATH": path, "DOCKER_CONTEXT": "nowhere"})
    assert findings["D102", "context-not-found"]["hint"].startswith("docker context ls")
    client = patient.folder.parent / "client"
    shutil.copytree(client_folder(), client, symlinks=True)
    (client / "config.json").write_text('{"currentContext": "remote"}')
    env = {"DOCKER_CONFIG": str(client), "DOCKER_HOST": docker_host()}
    assert set(patient.findings("engine", env=env)) == {("D103", "context-overridden")}


@pytest.mark.engine
@as_root
def test_a_socket_that_may_not_be_used(patient: Patient, engine: object, programs: Path) -> None:
    with TemporaryDirectory(prefix="dockertools-test-") as name, socket.socket(socket.AF_UNIX) as server:
        folder = Path(name)
        folder.chmod(0o755)
        server.bind(str(folder / "engine.sock"))
        (folder / "engine.sock").chmod(stat.S_IRUSR | stat.S_IWUSR)
        shutil.copy(real_docker(), folder / "docker")
        write_program(
            programs / "docker", f'exec setpriv --reuid=65534 --regid=65534 --clear-groups {folder}/docker "$@"\n'
        )
        env = {"PATH": f"{programs}:{os.environ['PATH']}", "DOCKER_HOST": f"unix://{folder}/engine.sock"}
        finding = patient.findings("engine", env=env)["D102", "engine-denied"]
    assert finding["evidence"]["socket"] == "srw------- root:root"


@pytest.mark.engine
def test_plugins_that_are_too_old_or_missing(patient: Patient, engine: object, programs: Path) -> None:
    write_program(
        programs / "docker",
        'case "$1 $2" in\n'
        '"buildx version") echo github.com/docker/buildx v0.11.2 9872040;;\n'
        '"compose version") echo "docker: \'compose\' is not a docker command." >&2; exit 1;;\n'
        f'*) exec {real_docker()} "$@";;\nesac\n',
    )
    findings = patient.findings("engine", env={"PATH": f"{programs}:{os.environ['PATH']}", "DOCKER_BUILDKIT": "0"})
    assert set(findings) == {("D105", "buildx-too-old"), ("D106", "compose-not-found"), ("D107", "buildkit-off")}
    assert findings["D105", "buildx-too-old"]["evidence"] == {
        "code": "buildx-too-old",
        "version": "0.11.2",
        "oldest": "0.13",
    }
    assert "is not a docker command" in findings["D106", "compose-not-found"]["message"]


@pytest.mark.engine
def test_a_builder_that_is_not_there(patient: Patient, engine: object) -> None:
    name = f"doctor-test-{os.getpid()}"
    docker("buildx", "create", "--name", name, "--driver", "remote", "tcp://127.0.0.1:9")
    try:
        finding = patient.findings("engine", env={"BUILDX_BUILDER": name})["D108", "builder-broken"]
    finally:
        docker("buildx", "rm", name)
    assert finding["evidence"]["builder"] == name
    assert finding["hint"].startswith("docker buildx use default")


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """A copy of the docker command's configuration, to be broken."""
    folder = tmp_path / "client"
    shutil.copytree(client_folder(), folder, symlinks=True, ignore=shutil.ignore_patterns("buildx"))
    return folder


def test_the_guides_features_block_in_the_wrong_file_is_taken_out(patient: Patient, client: Path) -> None:
    config = client / "config.json"
    config.write_text('{"auths": {"registry.example": {}}, "features": {"buildkit": true}}')
    env = {"DOCKER_CONFIG": str(client)}
    assert set(patient.findings("client", env=env)) == {("D111", "features-in-client-config")}

    refused = patient.run("--group", "client", "--fix", expect=1, answers="n\n", env=env)
    assert '-\t"features": {' in refused.stderr
    assert "left as it is" in refused.stderr
    assert "features" in config.read_text()

    fixed = patient.run("--group", "client", "--fix", expect=0, answers="y\n", env=env)
    assert "  done" in fixed.stderr
    assert json.loads(config.read_text()) == {"auths": {"registry.example": {}}}
    assert "features" in (client / "config.json.orig").read_text()


@pytest.mark.engine
def test_what_the_docker_command_says_of_that_block(engine: object, client: Path) -> None:
    (client / "config.json").write_text('{"features": {"buildkit": true}}')
    argv = ("docker", "version", "--format", "{{.Client.Version}}")
    done = subprocess.run(
        argv, env={**os.environ, "DOCKER_CONFIG": str(client)}, capture_output=True, text=True, check=False
    )
    if "Error parsing config file" not in done.stderr:
        pytest.skip("this client reads it")
    assert "features" in done.stderr


def test_credentials_helpers_that_are_missing_or_fail(patient: Patient, client: Path, programs: Path) -> None:
    write_program(programs / "docker-credential-locked", "echo the keychain is locked >&2\nexit 1\n")
    config = client / "config.json"
    config.write_text('{"credsStore": "desktop.exe", "credHelpers": {"registry.example": "locked"}}')
    env = {"DOCKER_CONFIG": str(client), "PATH": f"{programs}:{os.environ['PATH']}"}
    findings = patient.findings("client", env=env)
    assert set(findings) == {("D113", "helper-not-found"), ("D113", "helper-fails")}
    assert "the keychain is locked" in findings["D113", "helper-fails"]["message"]
    document = patient.document("--group", "client", "--fix", "--noinput", env=env)
    assert [(fix["code"], fix["applied"]) for fix in document["fixes"]] == [("helper-not-found", True)]
    assert json.loads(config.read_text()) == {"credHelpers": {"registry.example": "locked"}}


# --- disk and network of an engine of its own, which reaches nothing ---


@pytest.fixture(scope="module")
def poor_engine(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnEngine]:
    """An engine on a disk of 1 GB in a network without a way out, which has the base image."""
    with make_engine(tmp_path_factory.mktemp("engine")) as own:
        file = tmp_path_factory.mktemp("image") / "base.tar"
        docker("save", "--output", str(file), BASE)
        docker("load", "--quiet", "--input", str(file), env=own.environment)
        file.unlink()
        yield own


@pytest.mark.engine
def test_an_engine_on_a_full_disk_without_a_network(poor_engine: OwnEngine, tmp_path: Path) -> None:
    patient = Patient(tmp_path, poor_engine.environment)
    patient.write("Dockerfile", f"FROM {BASE}\n")
    findings = patient.findings("machine", "build", env={"HTTPS_PROXY": "", "HTTP_PROXY": ""})
    assert findings["D201", "disk-full"]["evidence"]["path"] == str(poor_engine.disk / "engine/data")
    assert findings["D302", "name-not-found"]["evidence"]["host"]
    assert '"dns"' in findings["D302", "name-not-found"]["hint"]


@pytest.mark.engine
def test_a_base_image_that_is_not_there(poor_engine: OwnEngine, tmp_path: Path) -> None:
    patient = Patient(tmp_path, poor_engine.environment)
    patient.write("Dockerfile", "FROM 127.0.0.1:9/nothing:1\n")
    findings = patient.findings("build")
    assert set(findings) == {("D301", "build-failed")}
    assert "127.0.0.1:9/nothing:1" in findings["D301", "build-failed"]["message"]


@pytest.mark.engine
@pytest.mark.matrix
def test_a_proxy_on_loopback_and_one_that_builds_are_not_told_of(
    poor_engine: OwnEngine, tmp_path: Path, client: Path
) -> None:
    patient = Patient(tmp_path, {**poor_engine.environment, "DOCKER_CONFIG": str(client)})
    patient.write("Dockerfile", f"FROM {BASE}\n")
    assert ("D303", "proxy-not-passed") in patient.findings("build", env={"https_proxy": "http://ann:pw@127.0.0.1:9"})
    proxy = {"httpProxy": "http://127.0.0.1:9", "httpsProxy": "http://127.0.0.1:9"}
    (client / "config.json").write_text(json.dumps({"proxies": {"default": proxy}}))
    assert ("D303", "proxy-on-loopback") in patient.findings("build")


@pytest.mark.engine
def test_authorities_that_are_not_there_and_a_base_without_python(engine: object, patient: Patient) -> None:
    with temporary_tag() as tag:
        dockerfile = patient.write("base/Dockerfile", f"FROM {BASE}\nENV PIP_CERT=/none.pem\n")
        docker("buildx", "build", "--quiet", "--load", "--tag", tag, str(dockerfile.parent))
        patient.write("Dockerfile", f"FROM {tag}\n")
        said = patient.findings("build")["D304", "certificate-untrusted"]["evidence"]["said"]
    assert "/none.pem" in said
    patient.write("Dockerfile", "FROM debian:bookworm-slim\n")
    assert patient.findings("build") == {}


@pytest.mark.engine
@pytest.mark.matrix
def test_a_certificate_that_the_base_image_does_not_trust(engine: object, patient: Patient) -> None:
    """The authorities are replaced by one that signed nothing; where the index is plain http there is none to see."""
    with temporary_tag() as tag:
        folder = patient.folder / "base"
        folder.mkdir()
        key = (
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=nobody",
            "-keyout",
            "/dev/null",
        )
        if shutil.which("openssl") is None:
            pytest.skip("no openssl to make an authority with")
        subprocess.run((*key, "-out", str(folder / "ca.pem")), capture_output=True, check=True)
        (folder / "Dockerfile").write_text(
            f"FROM {BASE}\nCOPY ca.pem /ca.pem\nENV PIP_CERT=/ca.pem SSL_CERT_FILE=/ca.pem SSL_CERT_DIR=/none\n"
        )
        docker("buildx", "build", "--quiet", "--load", "--tag", tag, str(folder))
        patient.write("Dockerfile", f"FROM {tag}\n")
        document = patient.document("--group", "build")
    codes = {result["evidence"]["code"] for result in document["results"]}
    if codes & {"name-not-found", "connection-fails", "proxy-not-passed"}:
        pytest.skip("no package index can be reached")
    assert "certificate-untrusted" in codes


# --- files ---


def test_scripts_that_would_not_run_are_put_right(patient: Patient) -> None:
    script = patient.write("docker/entrypoint.sh", b'#!/bin/sh\r\nexec "$@"\r\n')
    patient.write("Dockerfile", 'FROM x\nCOPY . /app\nENTRYPOINT ["/app/docker/entrypoint.sh"]\n')
    findings = patient.findings("files")
    assert set(findings) == {("D401", "crlf-script"), ("D402", "not-executable")}
    assert findings["D401", "crlf-script"]["evidence"]["path"] == "docker/entrypoint.sh"
    done = patient.run("--group", "files", "--fix", "--noinput", expect=0)
    assert "Convert docker/entrypoint.sh to LF" in done.stderr
    assert "mode 0644 -> 0755" in done.stderr
    assert script.read_bytes() == b'#!/bin/sh\nexec "$@"\n'
    assert patient.findings("files") == {}
    assert "There is nothing that could be put right" in patient.run("--group", "files", "--fix").stderr


@as_root
def test_files_of_root_are_given_back(patient: Patient) -> None:
    patient.write("app/migrations/0001_initial.py", "")
    os.chown(patient.folder, 1000, 1000)
    finding = patient.findings("files")["D403", "root-owned"]
    assert finding["evidence"]["count"] == 3
    document = patient.document("--group", "files", "--fix", "--noinput")
    assert document["fixes"][0]["title"] == "Give 3 files to 1000:1000"
    assert (patient.folder / "app/migrations/0001_initial.py").stat().st_uid == 1000


# --- services ---


@pytest.mark.engine
def test_mounts_environments_and_watch(engine: object, patient: Patient) -> None:
    patient.write(
        "Dockerfile",
        "FROM python:3.13\nWORKDIR /app\nRUN useradd --uid 1234 app && uv sync\nUSER app\nCOPY . .\n",
    )
    patient.write(".dockerignore", "tests\n*.pyc\n")
    patient.write("tests/test_views.py", "")
    patient.write("shop/views.py", "")
    patient.write(
        "compose.yaml",
        "services:\n  web:\n    build: .\n    volumes: ['.:/app', './media:/media']\n    develop:\n"
        "      watch: [{path: ., action: sync, target: /app}]\n",
    )
    findings = patient.findings("services")
    assert findings["D502", "mount-source-missing"]["hint"] == f"mkdir -p {patient.folder}/media"
    assert findings["D502", "mount-not-writable"]["evidence"]["container_uid"] == 1234
    assert findings["D503", "environment-shadowed"]["evidence"]["environment"] == "/app/.venv"
    assert findings["D504", "watch-hidden"]["evidence"]["line"] == 1
    assert "tests/test_views.py" in findings["D504", "watch-hidden"]["hint"]
    compose = patient.folder / "compose.yaml"
    patient.write("compose.yaml", compose.read_text().replace("target: /app}", "target: /app, ignore: [tests/]}"))
    assert ("D504", "watch-hidden") not in patient.findings("services")
    fixed = patient.document("--group", "services", "--fix", "--noinput")["fixes"]
    assert [fix["code"] for fix in fixed] == ["mount-source-missing"]
    assert (patient.folder / "media").is_dir()


@pytest.mark.engine
def test_a_compose_file_that_is_broken(engine: object, patient: Patient) -> None:
    patient.write("compose.yaml", "services:\n\tweb: {}\n")
    assert set(patient.findings("services")) == {("D501", "compose-broken")}


# --- requirements ---


def test_an_old_suite_and_an_old_python(patient: Patient) -> None:
    patient.write("Dockerfile", "FROM python:3.8-slim-buster\n")
    patient.write("uv.lock", "version = 1\n")
    done = patient.run("--group", "requirements", expect=1)
    assert "Python 3.8 (Dockerfile, line 1) gets no updates since 2024-10-07" in done.stdout
    assert "Debian 10 (buster) (Dockerfile, line 1) gets no updates since 2024-06-30" in done.stdout


# --- the command ---


def test_a_signal_ends_it_and_the_program_that_it_waits_for(patient: Patient, programs: Path) -> None:
    patient.write("compose.yaml", "services: {}\n")
    write_program(programs / "docker", 'if [ "$*" = "buildx version" ]; then echo $$ > "$PIDS"; exec sleep 60; fi\n')
    pids = patient.folder.parent / "pids"
    argv = (sys.executable, "-m", "dockertools", "doctor", "--project", str(patient.folder), "--group", "engine")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{programs}:{os.environ['PATH']}", "PIDS": str(pids)}
    with subprocess.Popen(argv, env=environment, stdout=-1, stderr=-1, text=True) as process:
        while not (pids.exists() and pids.read_text().strip()):
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "Traceback" not in errors
    wait_until_gone(int(pids.read_text()))


def test_the_other_formats_and_the_list(patient: Patient) -> None:
    patient.write("run.sh", b"#!/bin/sh\r\n")
    group = ("--group", "files")
    suites = ET.fromstring(patient.run(*group, "--format", "junit", expect=1).stdout)  # noqa: S314  # our own
    assert suites.attrib["name"].startswith("docker_doctor doctor ")
    assert suites.attrib["failures"] == "1"
    sarif = json.loads(patient.run(*group, "--format", "sarif", expect=1).stdout)
    assert sarif["runs"][0]["results"][0]["ruleId"] == "dockertools.D401"
    assert "::error title=dockertools.D401" in patient.run(*group, "--format", "github", expect=1).stdout
    assert "dockertools.D401   files        line endings" in patient.run(*group, "--list", expect=0).stdout
    assert {check["group"] for check in patient.document("--list")["checks"]} >= {"engine", "build", "services"}


def test_a_check_can_be_silenced_and_warnings_can_count(patient: Patient) -> None:
    patient.write("run.py", b"#!/usr/bin/env python\r\n")
    group = ("--group", "files")
    assert "WARN  D401" in patient.run(*group, expect=0).stdout
    assert patient.run(*group, "--fail-level", "warn").returncode == 1
    silenced = patient.run(*group, "--fail-level", "warn", "--silence", "dockertools.D401=they are generated", expect=0)
    assert "silenced: they are generated" in silenced.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--fix", "--format", "json"), "cannot ask"),
        (("--group", "moon"), "There is no group 'moon'"),
        (("--silence", "dockertools.D999=x"), "there is no check"),
        (("--group", "files", "--fix"), "Nobody answers"),
    ],
)
def test_wrong_usage(patient: Patient, arguments: tuple[str, ...], words: str) -> None:
    patient.write("run.sh", b"#!/bin/sh\r\n")
    assert words in patient.run(*arguments, expect=2).stderr


def test_everything_skipped_is_no_pass(patient: Patient) -> None:
    document = patient.document("--group", "services")
    assert (document["exit_code"], document["error"]["code"]) == (3, "all-skipped")
    assert "nothing is known" in document["error"]["message"]
