"""The service's own image, built by `docker_build` and run the way production does."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.docker import (
    ROOT,
    ask,
    build_document,
    copy_project,
    docker,
    docker_build,
    published_url,
    running,
    service,
    temporary_tag,
    temporary_volume,
    wait_until_ready,
)

pytestmark = pytest.mark.engine

CV = {"name": "Ada Example", "text": "EXPERIENCE\n- Was responsible for various things\n"}


def steps_without_code(document: dict[str, Any]) -> list[dict[str, Any]]:
    names = ("[builder", "[runtime")
    return [step for step in document["steps"] if step["name"].startswith(names) and " FROM " not in step["name"]]


@pytest.mark.matrix
def test_a_build_without_cache_runs_every_step(engine: object) -> None:
    with temporary_tag() as tag:
        document = build_document(ROOT, "--no-cache", "--tag", tag)
        assert document["exit_code"] == 0
        assert document["image"]["reference"] == tag
        assert document["image"]["user"] == "1000:1000"
        assert document["image"]["size_bytes"] > document["image"]["compressed_bytes"] > 0
        assert document["context"]["transferred_bytes"] > 0
        ran = [step["name"] for step in document["steps"] if " RUN " in step["name"] and not step["cached"]]
        assert len(ran) >= 6


def test_a_changed_view_leaves_every_step_before_the_code_cached(production_image: str, tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    view = project / "cvimprover" / "views.py"
    view.write_text(view.read_text() + f"\n# {uuid4()}\n")
    with temporary_tag() as tag:
        document = build_document(project, "--tag", tag)
        assert len(steps_without_code(document)) >= 7
        assert [step["name"] for step in steps_without_code(document) if not step["cached"]] == []
        rebuilt = [step["name"] for step in document["steps"] if not step["cached"]]
        assert any(name.endswith("COPY . .") for name in rebuilt)


def test_production_holds_no_compiler_and_no_installer(production_image: str) -> None:
    script = "for name in gcc cc make pip pip3 uv; do command -v $name; done; python -c 'import pip'"
    done = docker("run", "--rm", production_image, "sh", "-c", f"{{ {script}; }} 2>&1 || true")
    assert done.splitlines()[-1:] == ["ModuleNotFoundError: No module named 'pip'"]
    assert "/bin/" not in done


def test_code_belongs_to_root_and_cannot_be_changed_by_the_service(production_image: str) -> None:
    script = "find /app /opt/venv ! -type l '(' ! -user root -o -writable ')'"
    assert docker("run", "--rm", production_image, "sh", "-c", script) == ""


def test_the_service_runs_as_uid_1000_on_a_read_only_root_without_capabilities(production_image: str) -> None:
    with service(production_image, "--tmpfs=/data:uid=1000,gid=1000,mode=0700") as (container, url):
        assert docker("exec", container, "id", "-u") == "1000"
        assert docker("exec", container, "cat", "/proc/1/cmdline").startswith(
            "/opt/venv/bin/python\0/opt/venv/bin/gunicorn"
        )
        assert "CapEff:\t0000000000000000" in docker("exec", container, "cat", "/proc/1/status")
        created = ask("POST", f"{url}/api/cvs/", CV)
        assert created.status == 201
        review = ask("POST", f"{url}{created.json()['url']}/improve")
        assert review.status == 201
        assert review.json()["suggestions"]
        pdf = ask("GET", f"{url}{created.json()['url']}/pdf")
        assert pdf.status == 200
        assert pdf.body.startswith(b"%PDF-")


def test_the_health_check_of_the_image_turns_healthy(production_image: str) -> None:
    with service(production_image, "--tmpfs=/data:uid=1000,gid=1000,mode=0700") as (container, _url):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if docker("inspect", "--format", "{{.State.Health.Status}}", container) == "healthy":
                return
            time.sleep(0.5)
        pytest.fail(docker("inspect", "--format", "{{json .State.Health}}", container))


def test_without_a_secret_key_the_container_says_so_and_ends(production_image: str) -> None:
    with running(production_image) as container:
        assert docker("wait", container) != "0"
        done = subprocess.run(("docker", "logs", container), capture_output=True, text=True, check=True)
        assert "SECRET_KEY is empty, and the service does not start without one." in done.stdout + done.stderr


def test_a_request_under_way_is_answered_after_sigterm(production_image: str) -> None:
    with service(production_image, "--tmpfs=/data:uid=1000,gid=1000,mode=0700") as (container, url):
        body = json.dumps(CV).encode()
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        connection.putrequest("POST", "/api/cvs/")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:10])
        time.sleep(1)
        docker("kill", "--signal", "SIGTERM", container)
        time.sleep(1)
        connection.send(body[10:])
        assert connection.getresponse().status == 201
        connection.close()
        assert docker("wait", container) == "0"


def test_data_is_kept_over_a_restart(production_image: str) -> None:
    with temporary_volume() as volume:
        options = f"--volume={volume}:/data"
        with service(production_image, options) as (container, url):
            path = ask("POST", f"{url}/api/cvs/", CV).json()["url"]
            docker("restart", container)
            wait_until_ready(f"{published_url(container)}/readyz", container)
            assert ask("GET", f"{published_url(container)}{path}").json()["name"] == "Ada Example"
        with service(production_image, options) as (_container, url):
            assert ask("GET", f"{url}{path}").json()["name"] == "Ada Example"


def test_the_stack_with_postgresql_comes_up_healthy_and_keeps_its_data(production_image: str) -> None:
    env = {
        "COMPOSE_PROJECT_NAME": f"dockertools-test-{uuid4().hex[:8]}",
        "COMPOSE_FILE": str(ROOT / "docker-compose.yml"),
        "CVIMPROVER_API_IMAGE": production_image,
        "SECRET_KEY": "for-the-test-alone",
        "POSTGRES_PASSWORD": "for-the-test-alone",
        "DJANGO_INSECURE_HTTP": "1",
        "WEB_PORT": "0",
    }
    try:
        docker("compose", "up", "--detach", "--wait", "--no-build", env=env)
        container = docker("compose", "ps", "--quiet", "web", env=env)
        url = published_url(container)
        path = ask("POST", f"{url}/api/cvs/", CV).json()["url"]
        docker("compose", "down", env=env)
        docker("compose", "up", "--detach", "--wait", "--no-build", env=env)
        url = published_url(docker("compose", "ps", "--quiet", "web", env=env))
        assert ask("GET", f"{url}{path}").json()["name"] == "Ada Example"
    finally:
        docker("compose", "down", "--volumes", "--timeout", "5", env=env)


def test_a_failing_build_leaves_the_tag_where_it_was(engine: object, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY manage.py /\n")
    project = copy_project(tmp_path / "project")
    with temporary_tag() as tag:
        before = build_document(project, "--file", str(tmp_path / "Dockerfile"), "--tag", tag)["image"]["id"]
        (project / "requirements.txt").write_text("no-such-distribution-as-this==1.0\n")
        done = docker_build(project, "--tag", tag, expect=1)
        assert "no-such-distribution-as-this" in done.stderr
        assert docker("image", "inspect", "--format", "{{.Id}}", tag) == before


@pytest.mark.matrix
def test_the_image_is_at_most_35_percent_of_a_single_stage(
    production_image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with temporary_tag() as tag:
        file = str(ROOT / "tests/data/single-stage.Dockerfile")
        before = build_document(ROOT, "--file", file, "--tag", tag, "--max-size", "2GB")
        after = build_document(ROOT, "--tag", production_image)
        sizes = before["image"]["size_bytes"], after["image"]["size_bytes"]
        with capsys.disabled():
            print(
                f"\nsingle stage {sizes[0] / 1e6:.0f} MB, production {sizes[1] / 1e6:.0f} MB: {sizes[1] / sizes[0]:.0%}"
            )
        assert sizes[1] <= 0.35 * sizes[0]
