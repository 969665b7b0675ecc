"""The base images: what these tests say holds for the real ones, so it must hold for their stand-ins."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dockertools.engine import Engine
from scripts.private_engine.errors import EngineError
from scripts.private_engine.images import (
    DEFAULT_IMAGES,
    DIGEST_LABEL,
    LABEL,
    RECIPES,
    STAND_INS,
    StandIn,
    build_arguments,
    find_stand_in,
    is_usable,
    recipe_digest,
)
from tests.docker import docker, temporary_volume

ROOT = Path(__file__).resolve().parent.parent
PYTHON = "python:3.11-slim-bookworm"
NEWER_PYTHON = "python:3.13-slim-trixie"
PYTHONS = [PYTHON, pytest.param(NEWER_PYTHON, marks=pytest.mark.matrix)]

# --- the table ---


@pytest.mark.parametrize("name", STAND_INS)
def test_a_row_is_a_suite_or_a_recipe_on_another_row(name: str) -> None:
    row = STAND_INS[name]
    assert bool(row.suite) != bool(row.recipe)
    if row.recipe:
        assert row.base in STAND_INS
        text = (RECIPES / row.recipe / "Dockerfile").read_text()
        for argument in ("BASE", *row.arguments):
            assert f"ARG {argument}" in text


def test_the_usual_images_are_in_the_table() -> None:
    assert set(DEFAULT_IMAGES) <= set(STAND_INS)


def test_an_unknown_image_is_answered_with_the_known_ones() -> None:
    with pytest.raises(EngineError, match="there is no stand-in for perl:5") as caught:
        find_stand_in("perl:5")
    assert PYTHON in caught.value.hint


def test_a_digest_follows_the_recipe_its_arguments_and_its_base(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: recipe_digest(name) for name in STAND_INS}
    assert len(set(before.values())) == len(before)
    monkeypatch.setattr("scripts.private_engine.rootfs.REVISION", 0)
    assert all(recipe_digest(name) != digest for name, digest in before.items())
    monkeypatch.undo()
    monkeypatch.setitem(STAND_INS, PYTHON, StandIn("", "python", "debian:bookworm-slim", {"PYTHON": "3.11"}))
    assert {name for name, digest in before.items() if recipe_digest(name) != digest} == {PYTHON}


@pytest.mark.parametrize(
    ("labels", "usable"),
    [
        (None, False),
        ({}, True),
        ({LABEL: "true"}, False),
        ({LABEL: "true", DIGEST_LABEL: "old"}, False),
        ({LABEL: "true", DIGEST_LABEL: recipe_digest(PYTHON)}, True),
    ],
    ids=["missing", "real", "unknown", "stale", "current"],
)
def test_a_real_image_stays_and_a_stale_stand_in_goes(labels: dict[str, str] | None, usable: bool) -> None:
    assert is_usable(PYTHON, labels) is usable


def test_a_build_names_base_arguments_and_tag() -> None:
    arguments = build_arguments(PYTHON, STAND_INS[PYTHON])
    assert {"BASE=debian:bookworm-slim", "PYTHON=3.11", f"{DIGEST_LABEL}={recipe_digest(PYTHON)}"} <= set(arguments)
    assert arguments[-3:] == ("--tag", PYTHON, str(RECIPES / "python"))


# --- on an engine ---


def have(image: str) -> str:
    """Make sure of a base image that `scripts/engine up` does not bring."""
    if subprocess.run(("docker", "image", "inspect", image), capture_output=True, check=False).returncode:
        subprocess.run((ROOT / "scripts" / "engine", "image", image), check=True)
    return image


def inspect(image: str) -> dict[str, Any]:
    configuration: dict[str, Any] = json.loads(docker("image", "inspect", "--format", "{{json .Config}}", image))
    return configuration


def in_image(image: str, script: str) -> str:
    return docker("run", "--rm", "--network", "none", image, "sh", "-euc", script)


@pytest.mark.engine
@pytest.mark.parametrize("image", PYTHONS)
def test_the_python_image_starts_its_python(engine: Engine, image: str) -> None:
    configuration = inspect(have(image))
    environment = dict(variable.split("=", 1) for variable in configuration["Env"])
    assert configuration["Cmd"] == ["python3"]
    assert not configuration.get("User")
    assert environment["PATH"].startswith("/usr/local/bin:")
    version = environment["PYTHON_VERSION"]
    assert version.startswith(image.partition(":")[2].partition("-")[0] + ".")
    for name in ("python", "python3", f"python{version.rpartition('.')[0]}"):
        found = in_image(image, f"command -v {name}; {name} -c 'import sys; print(sys.version.split()[0])'")
        assert found.splitlines() == [f"/usr/local/bin/{name}", version]


@pytest.mark.engine
@pytest.mark.parametrize("image", PYTHONS)
def test_the_python_image_has_its_library_headers_pip_and_venv_but_no_compiler(engine: Engine, image: str) -> None:
    script = """
        python -c 'import bz2, ctypes, curses, ensurepip, lzma, readline, sqlite3, ssl, uuid, venv, zlib, zoneinfo'
        python -c 'import sysconfig, pathlib; print(sysconfig.get_path("include"))' > /tmp/include
        test -f "$(cat /tmp/include)/Python.h"
        printf '#include <Python.h>' > /tmp/a.c
        pip --version; pip3 --version
        python -m venv /tmp/venv
        /tmp/venv/bin/pip --version
        for name in gcc cc make g++; do ! command -v $name; done
        pip config list; python -m pip install --no-index --dry-run pip
    """
    assert "error" not in in_image(have(image), script).lower()


@pytest.mark.engine
@pytest.mark.parametrize("image", PYTHONS)
def test_what_pip_installs_lies_where_dockerfiles_copy_it_from(engine: Engine, image: str) -> None:
    script = """
        folder=$(echo /usr/local/lib/python3.*/site-packages)
        echo 'print("found")' > "$folder/a_module.py"
        python -m a_module
        test -d "$folder/pip"
    """
    assert in_image(have(image), script) == "found"


@pytest.mark.engine
@pytest.mark.parametrize("image", [*PYTHONS, "postgres:15-bookworm"])
def test_apt_leaves_nothing_and_packages_bring_no_manuals(engine: Engine, image: str) -> None:
    script = """
        ls -A /var/lib/apt/lists /var/cache/apt/archives | grep -v -e ':$' -e '^$' -e partial -e lock || true
        find /usr/share/man /usr/share/info -type f || true
        find /usr/share/doc -type f ! -name 'copyright*' || true
        test -f /etc/apt/apt.conf.d/docker-clean
        grep -q path-exclude /etc/dpkg/dpkg.cfg.d/docker
        test -n "$(ls -A /etc/apt/sources.list.d /etc/apt/sources.list 2>/dev/null)"
    """
    assert in_image(have(image), script) == ""


@pytest.mark.engine
def test_a_stand_in_says_that_it_is_one(engine: Engine) -> None:
    labels = inspect(PYTHON)["Labels"] or {}
    assert labels.get(LABEL, "true") == "true"
    assert (LABEL in labels) == (DIGEST_LABEL in labels)


@pytest.mark.matrix
@pytest.mark.engine
def test_the_redis_image_keeps_data_and_lets_other_containers_in(engine: Engine) -> None:
    image = have("redis:7-bookworm")
    with temporary_volume() as volume:
        server = docker("run", "--detach", "--volume", f"{volume}:/data", image, "--appendonly", "yes")
        try:
            ask = ("run", "--rm", "--network", f"container:{server}", image, "sh", "-euc")
            wait = "until redis-cli -h $(hostname -i) ping >/dev/null 2>&1; do sleep 0.1; done;"
            assert docker(*ask, f"{wait} redis-cli -h $(hostname -i) set key value") == "OK"
            assert docker("exec", server, "sh", "-c", "grep Uid /proc/1/status").split()[1] == "999"
            docker("restart", server)
            assert docker(*ask, f"{wait} redis-cli -h $(hostname -i) get key") == "value"
        finally:
            docker("rm", "--force", "--volumes", server)


@pytest.mark.matrix
@pytest.mark.engine
def test_the_registry_image_takes_and_gives_an_image(engine: Engine) -> None:
    server = docker("run", "--detach", "--publish", "127.0.0.1::5000", have("registry:2"))
    try:
        name = f"{docker('port', server, '5000').splitlines()[0]}/dockertools-test:1"
        docker("tag", PYTHON, name)
        docker("push", "--quiet", name)
        docker("image", "rm", name)
        docker("pull", "--quiet", name)
        docker("image", "rm", name)
    finally:
        docker("rm", "--force", "--volumes", server)
