"""The checks of the container, run in a throw-away container of an image: with dockertools in it, and without."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dockertools.checks.guest import find_settings_module
from dockertools.checks.image import container, throw_away
from dockertools.checks.image.container import ContainerOptions, create_argv, explain_refusal, read_run, without_network
from dockertools.checks.image.facts import AuditFacts, ImageConfig, Inside
from dockertools.checks.registry import registered_checks
from dockertools.checks.results import Status
from dockertools.checks.runtime import load_checks
from dockertools.engine import Engine
from dockertools.process import Completed, ProgramTimeoutError
from tests.audit_images import built, built_from
from tests.check_project import SCHEMA
from tests.docker import docker

GUEST = """\
FROM python:3.11-slim-bookworm
RUN pip install --no-cache-dir --quiet --root-user-action=ignore 'Django>=5.2,<5.3'
WORKDIR /srv
COPY . .
USER 1000:1000
ENTRYPOINT ["/bin/sh", "-c", "echo an entry point that must not run"]
"""
PROJECT = {
    "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n',
    "shop/__init__.py": "",
    "shop/settings.py": """\
import os
print("{ noise")
SECRET_KEY = os.environ["SECRET_KEY"]
INSTALLED_APPS = []
ROOT_URLCONF = "shop.urls"
DATABASES = {}
USE_TZ = True
""",
    "shop/urls.py": "urlpatterns = []\n",
}


def check(image: str, folder: Path, *arguments: str) -> tuple[dict[str, Any], str]:
    """Return the JSON document of docker_check for an image, and what it wrote to standard error."""
    argv = (sys.executable, "-m", "dockertools", "check", "--project", str(folder), "--image", image)
    done = subprocess.run((*argv, "--format", "json", *arguments), capture_output=True, text=True, check=False)
    document: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMA)
    assert document["exit_code"] == done.returncode
    return document, done.stderr


def results(document: dict[str, Any], check_id: str) -> list[dict[str, Any]]:
    return [result for result in document["results"] if result["id"] == f"dockertools.{check_id}"]


@pytest.fixture(scope="module")
def guest(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("guest")
    for name, text in {**PROJECT, "Dockerfile": GUEST}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    with built(folder) as image:
        yield image


@pytest.mark.engine
def test_an_image_without_dockertools_is_checked_with_a_copy_of_it(guest: str, tmp_path: Path) -> None:
    document, stderr = check(guest, tmp_path, "--env=SECRET_KEY=a-key-that-nobody-else-has-9f8aX72kQpLm31Zt88vB")
    assert "as 1000:1000, without a network" in stderr
    assert results(document, "I801")[0]["status"] == "pass"
    assert results(document, "C101")[0]["status"] == "pass"
    assert results(document, "C701")[0]["message"] == "uid 1000"
    assert {result["evidence"]["code"] for result in results(document, "C301")} == {"no-network"}
    assert docker("ps", "--all", "--quiet", "--filter", f"ancestor={guest}") == ""


@pytest.mark.engine
def test_settings_that_do_not_load_are_explained(guest: str, tmp_path: Path) -> None:
    document, _ = check(guest, tmp_path, "--group", "packages")
    (result,) = results(document, "I801") or [{}]
    assert document["exit_code"] == 1
    assert result["evidence"]["code"] == "did-not-run"
    assert "KeyError: 'SECRET_KEY'" in result["message"]
    assert "--env" in result["hint"]


@pytest.mark.engine
def test_an_image_of_the_project_checks_itself_with_placeholders(production_image: str) -> None:
    document, stderr = check(production_image, Path.cwd(), "--group", "security", "--group", "database")
    assert results(document, "I801") == results(document, "I801")[:1]
    assert "Placeholders for this container alone: SECRET_KEY" in stderr
    assert {result["status"] for result in results(document, "C708")} == {"pass"}


@pytest.mark.engine
def test_an_image_without_python_is_audited_and_loudly_not_run(engine: Engine, tmp_path: Path) -> None:
    with built_from('FROM scratch\nCOPY Dockerfile /\nUSER 65532\nCMD ["/app"]\n', tmp_path) as image:
        document, stderr = check(image, tmp_path)
    assert results(document, "I801")[0]["evidence"]["code"] == "no-python"
    assert "NOT CHECKED" in stderr
    assert results(document, "I101")[0]["status"] == "pass"


@pytest.mark.engine
def test_ctrl_c_removes_the_container(guest: str, tmp_path: Path) -> None:
    argv = (sys.executable, "-m", "dockertools", "check", "--project", str(tmp_path), "--image", guest)
    with subprocess.Popen(
        (*argv, "--format", "json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        assert run.stdout is not None
        for line in run.stderr:
            if line.startswith("Running the checks"):
                break
        os.kill(run.pid, signal.SIGINT)
        document = json.loads(run.stdout.read())
        run.stderr.read()
    assert run.returncode == 130
    assert document["error"]["code"] == "interrupted"
    assert docker("ps", "--all", "--quiet", "--filter", f"ancestor={guest}") == ""


@pytest.mark.engine
def test_an_image_that_is_not_there_is_no_pass(engine: Engine, tmp_path: Path) -> None:
    document, _ = check("no-such-image:anywhere", tmp_path)
    assert document["error"]["code"] == "no-image"
    assert document["exit_code"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--image", ""),
        ("--image", "a b"),
        ("--image", "Ünï"),
        ("--image=-x",),
        ("--image", "Shop:latest"),
        ("--image", "x", "--compose"),
        ("--env", "A=b"),
        ("--network", "host", "--compose"),
        ("--mode", "prod"),
        ("--image", "x", "--wait", "3"),
        ("--image", "x", "--group", "no-such-group"),
        ("--compose", "--group", "packages"),
        ("--compose", "--silence", "dockertools.C101=x"),
    ],
)
def test_options_that_say_nothing_together_are_wrong_usage(arguments: tuple[str, ...], tmp_path: Path) -> None:
    argv = (sys.executable, "-m", "dockertools", "check", "--project", str(tmp_path), *arguments)
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr


def test_a_project_without_a_dockerfile_has_no_checklist(tmp_path: Path) -> None:
    argv = (sys.executable, "-m", "dockertools", "check", "--project", str(tmp_path), "--checklist")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "docker_init" in done.stderr


@pytest.mark.parametrize(("option", "prefix"), [("--image=x", "I"), ("--compose", "S"), ("--checklist", "G")])
def test_list_shows_what_an_option_would_check(option: str, prefix: str, tmp_path: Path) -> None:
    argv = (sys.executable, "-m", "dockertools", "check", "--project", str(tmp_path), option, "--list")
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert f"dockertools.{prefix}101" in done.stdout


FACTS = AuditFacts(
    reference="shop",
    config=ImageConfig(user="1000", environment={"PYTHONPATH": "/lib"}),
    inside=Inside("/usr/bin/python3", "/bin/sh", True, True, "/app/manage.py"),
)


def test_a_container_gets_the_rights_and_variables_it_is_given() -> None:
    options = ContainerOptions(environment=("A=1", "B"), placeholders={"A": "x", "C": "y"}, groups=("server",))
    argv = create_argv(FACTS, options)
    assert {"--network=none", "--cap-drop=ALL", "--env=A=1", "--env=B", "--env=C=y"} <= set(argv)
    assert "--env=A=x" not in argv
    assert argv[argv.index("shop") :] == (
        *("shop", "/app/manage.py", "docker_check", "--format", "json"),
        *("--group", "server"),
    )


def test_a_guest_has_the_copy_before_its_own_path() -> None:
    facts = AuditFacts(reference="shop", config=FACTS.config, inside=Inside("/usr/bin/python3", has_django=True))
    argv = create_argv(facts, ContainerOptions())
    assert "--env=PYTHONPATH=/.dockertools-check:/lib" in argv
    assert argv[argv.index("shop") + 1 :][:2] == ("-m", "dockertools.checks.guest")


@pytest.mark.parametrize(
    ("inside", "code"), [(Inside(), "no-python"), (Inside("/usr/bin/python3"), "no-django"), (FACTS.inside, None)]
)
def test_why_an_image_cannot_be_run(inside: Inside, code: str | None) -> None:
    outcome = explain_refusal(AuditFacts(reference="shop", config=FACTS.config, inside=inside))
    assert (outcome.evidence["code"] if outcome else None) == code


@pytest.mark.parametrize("stdout", ["", "{ noise", '{\n  "schema": "dockertools.check/1", cut off', "[]"])
def test_a_container_that_says_nothing_is_a_failure(stdout: str) -> None:
    outcome = read_run(Completed(137, stdout, "Killed\n")).outcome
    assert outcome is not None
    assert outcome.status is Status.FAIL
    assert "137" in outcome.message
    assert "Killed" in outcome.message


def test_servers_are_not_asked_for_without_a_network() -> None:
    load_checks()
    able, unable = without_network(registered_checks(), "none")
    assert {check.group for check in unable} == {"database", "cache"}
    assert able
    assert without_network(registered_checks(), "shop_default")[1] == ()


def test_the_settings_are_those_that_manage_py_names(tmp_path: Path) -> None:
    assert find_settings_module(tmp_path) == ""
    (tmp_path / "manage.py").write_text("os.environ.setdefault('DJANGO_SETTINGS_MODULE' , 'a.b')")
    assert find_settings_module(tmp_path) == "a.b"


@pytest.mark.parametrize("hangs", [True, False])
def test_a_container_that_is_not_removed_is_told_and_costs_no_result(
    monkeypatch: pytest.MonkeyPatch, *, hangs: bool
) -> None:
    result = {"id": "a.C1", "group": "g", "title": "t", "status": "pass", "message": "", "hint": "", "seconds": 0.1}
    document = {"schema": "dockertools.check/1", "results": [{**result, "evidence": {}}]}

    def answer(argv: Sequence[str], *, timeout: float) -> Completed:
        if argv[1] != "rm":
            return Completed(0, json.dumps(document, indent=2), "")
        if hangs:
            raise ProgramTimeoutError(f"not within {timeout}")
        return Completed(1, "", "removal is in progress")

    for module in (container, throw_away):
        monkeypatch.setattr(module, "run", answer)
    found = container.run_in_container(FACTS, ContainerOptions())
    assert len(found.results) == 1
    outcomes = list(container.judge_container(found))
    assert [outcome.status for outcome in outcomes] == [Status.PASS, Status.WARN]
    assert outcomes[1].hint.startswith("docker rm --force --volumes dockertools-check-")
