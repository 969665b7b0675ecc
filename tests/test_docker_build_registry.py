"""`docker_build` with a real registry on loopback: pushing, caching, and what it refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dockertools.engine import Engine
from tests.build_project import PYTHON, Project, make_project
from tests.docker import ROOT, docker, running

pytestmark = pytest.mark.engine

IMAGE = "registry:2"
DEADLINE_SECONDS = 60.0
# The user `user` with the password `password`; the hash is bcrypt's.
ACCOUNT = "user:$2y$05$1/4fY7FakRYlE0FaAb1vp.ZbXnMsLrKO4O.BwtqYLxLk8IGDDH1bq\n"


@pytest.fixture(scope="session")
def registry_image(engine: Engine) -> str:
    """The registry's image, or a stand-in made of Debian's package."""
    found = subprocess.run(("docker", "image", "inspect", IMAGE), capture_output=True, check=False)
    if found.returncode:
        subprocess.run((str(ROOT / "scripts" / "engine"), "image", IMAGE), check=True, stdout=sys.stderr)
    return IMAGE


@pytest.fixture(scope="module")
def registry(registry_image: str) -> Iterator[str]:
    """A registry on loopback: its host and port."""
    with running(registry_image, "--publish=127.0.0.1::5000") as container:
        yield host_of(container)


def host_of(container: str) -> str:
    host = docker("port", container, "5000").splitlines()[0].replace("127.0.0.1", "localhost")
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"http://{host}/v2/", timeout=5).close()
        except urllib.error.HTTPError:
            break
        except OSError:
            time.sleep(0.1)
        else:
            break
    return host


@pytest.fixture
def project(tmp_path: Path, registry: str) -> Iterator[Project]:
    with make_project(tmp_path, PYTHON + f"RUN echo {tmp_path.name} > /made\n") as made:
        project = replace(made, tag=f"{registry}/{tmp_path.name.replace('_', '-').lower()}:1")
        yield project
        subprocess.run(("docker", "image", "rm", "--force", project.tag), capture_output=True, check=False)


def manifest(tag: str) -> dict[str, Any]:
    host, _, rest = tag.partition("/")
    name, _, version = rest.rpartition(":")
    docker_kinds = "application/vnd.docker.distribution.manifest"
    kinds = ("application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json")
    accept = ", ".join((*kinds, f"{docker_kinds}.list.v2+json", f"{docker_kinds}.v2+json"))
    request = urllib.request.Request(f"http://{host}/v2/{name}/manifests/{version}", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
        return {**found, "digest": answer.headers["Docker-Content-Digest"]}


def test_a_pushed_image_is_the_one_that_was_built(project: Project) -> None:
    document = project.document("--push")
    assert document["pushed"]
    assert manifest(project.tag)["digest"] == document["image"]["id"]


def test_pushing_is_shown_as_a_step(project: Project) -> None:
    done = project.build("--push")
    assert f"pushing {project.tag}" in done.stderr
    assert re.search(r"^pushed +yes", done.stdout, re.MULTILINE)


def test_a_failed_or_too_large_build_is_not_pushed(project: Project) -> None:
    project.build("--push")
    before = manifest(project.tag)["digest"]
    project.write(Dockerfile=PYTHON + "RUN echo other\n")
    project.document("--push", "--max-size", "1MB", expect=1)
    project.write(Dockerfile=PYTHON + "RUN false\n")
    project.document("--push", expect=1)
    assert manifest(project.tag)["digest"] == before


def test_an_image_for_several_platforms_is_pushed_whole(project: Project) -> None:
    project.write(Dockerfile="FROM scratch\nCOPY Dockerfile /\n")
    project.build("--push", "--platform", "linux/amd64,linux/arm64")
    platforms = {entry["platform"]["architecture"] for entry in manifest(project.tag)["manifests"]}
    assert platforms == {"amd64", "arm64"}


def test_a_cache_goes_to_the_registry_and_comes_back(project: Project, registry: str) -> None:
    reference = f"{registry}/cache/{project.folder.parent.name.replace('_', '-').lower()}"
    project.build("--cache-to", f"type=registry,ref={reference},mode=max")
    host, _, name = reference.partition("/")
    assert manifest(f"{host}/{name}:latest")["digest"]
    document = project.document("--cache-from", f"type=registry,ref={reference}")
    names = [step["name"] for step in document["steps"]]
    assert any("importing cache manifest" in name for name in names)
    assert document["cache_miss"] is None


def explanation(project: Project, dockerfile: str) -> dict[str, str]:
    project.write(Dockerfile=dockerfile)
    found: dict[str, str] = project.document(expect=1)["failure"]["explanation"]
    return found


def test_a_base_image_that_is_not_there(project: Project, registry: str) -> None:
    found = explanation(project, f"FROM {registry}/nothing:1\n")
    assert found["id"] == "image-not-found"
    assert f"{registry}/nothing:1" in found["cause"]


def test_a_digest_that_is_not_there(project: Project, registry: str) -> None:
    found = explanation(project, f"FROM {registry}/nothing@sha256:{'1' * 64}\n")
    assert found["id"] == "digest-not-found"
    assert "@sha256:111111111111" in found["cause"]


def test_a_base_image_that_is_not_made_for_the_platform(project: Project, registry: str) -> None:
    project.write(Dockerfile="FROM scratch\nCOPY Dockerfile /\n")
    project.build("--push", "--platform", "linux/s390x,linux/arm64")
    found = explanation(project, f"FROM {project.tag}\n")
    assert found["id"] == "platform-not-in-image"
    assert "--platform" in found["fix"]


def test_a_registry_that_limits_pulls(project: Project) -> None:
    class Limited(BaseHTTPRequestHandler):
        default_request_version = "HTTP/1.0"  # so that the engine, which tries TLS first, sees what it talks to

        def do_HEAD(self) -> None:
            self.send_error(429)

        def do_GET(self) -> None:
            self.send_error(429)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Limited) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = explanation(project, f"FROM localhost:{server.server_port}/base:1\n")
        server.shutdown()
    assert found["id"] == "registry-rate-limit"
    assert "docker login" in found["fix"]


def test_a_registry_whose_certificate_nobody_knows(project: Project, registry_image: str, tmp_path: Path) -> None:
    request = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=registry.invalid")
    argv = ("openssl", *request, "-keyout", f"{tmp_path}/key.pem", "-out", f"{tmp_path}/cert.pem")
    subprocess.run(argv, check=True, capture_output=True)
    options = ["--env=REGISTRY_HTTP_TLS_CERTIFICATE=/tls/cert.pem", "--env=REGISTRY_HTTP_TLS_KEY=/tls/key.pem"]
    options += [f"--volume={tmp_path}/{name}.pem:/tls/{name}.pem:ro" for name in ("cert", "key")]
    with running(registry_image, *options) as container:
        address = docker("inspect", "--format", "{{.NetworkSettings.Networks.bridge.IPAddress}}", container)
        wait_for_port(container)
        found = explanation(project, f"FROM {address}:5000/base:1\n")
    assert found["id"] == "registry-tls"
    assert "x509" in found["cause"] or "certificate" in found["cause"]


def test_a_syntax_line_that_cannot_be_fetched(project: Project, registry: str) -> None:
    found = explanation(project, f"# syntax={registry}/docker/dockerfile:1\nFROM scratch\n")
    assert found["id"] == "syntax-frontend"


def test_a_registry_without_tls_elsewhere(project: Project, registry_image: str) -> None:
    with running(registry_image) as container:
        address = docker("inspect", "--format", "{{.NetworkSettings.Networks.bridge.IPAddress}}", container)
        wait_for_port(container)
        found = explanation(project, f"FROM {address}:5000/nothing:1\n")
    assert found["id"] == "registry-plain-http"


def wait_for_port(container: str) -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    code = "import socket; socket.create_connection(('127.0.0.1', 5000), 1)"
    while time.monotonic() < end:
        argv = (
            "docker",
            "run",
            "--rm",
            f"--network=container:{container}",
            "python:3.11-slim-bookworm",
            "python",
            "-c",
            code,
        )
        if subprocess.run(argv, capture_output=True, check=False).returncode == 0:
            return
    pytest.fail("the registry did not answer")


def test_a_registry_that_wants_credentials(project: Project, registry_image: str, tmp_path: Path) -> None:
    (tmp_path / "htpasswd").write_text(ACCOUNT)
    options: tuple[str, ...] = ("--env=REGISTRY_AUTH=htpasswd", "--env=REGISTRY_AUTH_HTPASSWD_REALM=test")
    options += ("--env=REGISTRY_AUTH_HTPASSWD_PATH=/htpasswd", f"--volume={tmp_path}/htpasswd:/htpasswd:ro")
    with running(registry_image, "--publish=127.0.0.1::5000", *options) as container:
        host = host_of(container)
        found = explanation(project, f"FROM {host}/nothing:1\n")
        assert found["id"] == "registry-denied"
        assert "docker login" in found["fix"]
        project.write(Dockerfile=PYTHON + "RUN true\n")
        denied = project.document("--push", "--tag", f"{host}/shop:1", expect=1)
    docker("image", "rm", "--force", f"{host}/shop:1")
    assert denied["error"]["code"] == "push-failed"
    assert "docker login" in denied["error"]["hint"]


def test_a_registry_that_is_gone(project: Project) -> None:
    document = project.document("--push", "--tag", "localhost:1/shop:1", expect=1)
    docker("image", "rm", "--force", "localhost:1/shop:1")
    assert document["error"]["code"] == "push-failed"
    assert "docker push localhost:1/shop:1" in document["error"]["hint"]
