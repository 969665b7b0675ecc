"""`--service` beside what compose itself would build."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dockertools.build.command import buildx_argv
from dockertools.build.options import BuildOptions
from dockertools.build.request import BuildRequest
from dockertools.build.service import make_service_options
from dockertools.conf import Config
from dockertools.errors import DockertoolsError, UsageError
from tests.build_project import PYTHON, Project, make_project

pytestmark = pytest.mark.engine

FULL = """\
name: shop
services:
  web:
    image: shop-web:1
    build:
      context: web
      dockerfile: Other.Dockerfile
      target: production
      args: {PLAIN: one, API_TOKEN: s3cret, FROM_OUTSIDE: }
      labels: {team: a}
      tags: ["shop-web:2", "registry.example.com/shop/web"]
      platforms: [linux/amd64, linux/arm64]
      secrets: [by_file, by_variable, {source: by_file, target: other}]
      ssh: [default]
      cache_from: ["type=registry,ref=registry.example.com/cache"]
      cache_to: ["type=inline"]
      additional_contexts: {docs: ./docs}
      network: host
      extra_hosts: ["a:1.2.3.4"]
      shm_size: 64m
      ulimits: {nofile: {soft: 10, hard: 20}, nproc: 5}
      no_cache: true
      pull: true
  plain: {build: .}
  ready: {image: "postgres:15"}
  inline: {build: {context: ., dockerfile_inline: "FROM scratch"}}
  remote: {build: "https://example.com/x.git"}
  privileged: {build: {context: ., privileged: true}}
secrets:
  by_file: {file: ./token}
  by_variable: {environment: TOKEN}
"""


@pytest.fixture
def root(engine: object, tmp_path: Path) -> Path:
    (tmp_path / "compose.yaml").write_text(FULL)
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Other.Dockerfile").write_text("FROM scratch AS production\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    return tmp_path


def options_of(root: Path, service: str, **request: Any) -> BuildOptions:
    return make_service_options(Config(root=root, image="shop:latest"), service, BuildRequest(**request))


def bake_target(root: Path, service: str) -> dict[str, Any]:
    """Return what compose hands to buildx for this service."""
    argv = ("docker", "compose", "build", "--print", service)
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True)
    target: dict[str, Any] = json.loads(done.stdout)["target"][service]
    return target


def values_of(argv: tuple[str, ...], flag: str) -> list[str]:
    return [after for word, after in pairwise(argv) if word == flag]


def test_every_key_of_build_becomes_what_compose_makes_of_it(root: Path) -> None:
    options, target = options_of(root, "web"), bake_target(root, "web")
    argv = buildx_argv(options, "META")
    assert argv[-1] == target["context"]
    assert values_of(argv, "--file") == [target["dockerfile"]]
    assert f"--target={target['target']}" in argv
    assert dict(options.build_args) == target["args"]
    assert sorted(values_of(argv, "--build-arg")) == ["API_TOKEN", "PLAIN=one"]
    assert {options.tag, *options.more_tags} == {
        name if name.rpartition("/")[2].count(":") else f"{name}:latest" for name in target["tags"]
    }
    labels = dict(options.labels)
    assert labels.pop("io.dockertools.project")
    assert labels == {key: value for key, value in target["labels"].items() if key != "com.docker.compose.version"}
    assert values_of(argv, "--platform") == [",".join(target["platforms"])]
    assert values_of(argv, "--secret") == [
        secret.replace("type=file,", "").replace("type=env,", "") for secret in target["secret"]
    ]
    assert [f"{name}=" for name in values_of(argv, "--ssh")] == target["ssh"]
    assert values_of(argv, "--cache-from") == target["cache-from"]
    assert values_of(argv, "--cache-to") == target["cache-to"]
    assert values_of(argv, "--build-context") == [f"{name}={path}" for name, path in target["contexts"].items()]
    assert values_of(argv, "--network") == [target["network"]]
    assert values_of(argv, "--add-host") == [f"{name}:{address}" for name, address in target["extra-hosts"].items()]
    assert values_of(argv, "--shm-size") == [target["shm-size"]]
    assert sorted(values_of(argv, "--ulimit")) == sorted(target["ulimits"])
    assert target["no-cache"]
    assert "--no-cache" in argv
    assert target["pull"]
    assert "--pull" in argv


def test_a_service_without_an_image_gets_composes_name(root: Path) -> None:
    assert [options_of(root, "plain").tag] == [f"{name}:latest" for name in bake_target(root, "plain")["tags"]]


def test_the_command_line_stands_over_the_file(root: Path) -> None:
    options = options_of(
        root, "web", tag="mine:1", target="builder", build_arg=("PLAIN=two",), platform=("linux/s390x",)
    )
    assert (options.tag, options.more_tags, options.target) == ("mine:1", (), "builder")
    assert dict(options.build_args)["PLAIN"] == "two"
    assert options.platforms == ("linux/s390x",)


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("wbe", "Did you mean 'web'?"),
        ("ready", "`docker pull`"),
        ("remote", "docker compose build remote"),
        ("privileged", "docker compose build privileged"),
    ],
)
def test_what_cannot_be_built_so_is_refused_with_a_way_out(root: Path, service: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        options_of(root, service)
    assert words in caught.value.hint


def test_a_missing_dockerfile_of_a_service_is_named(root: Path) -> None:
    (root / "web" / "Other.Dockerfile").unlink()
    with pytest.raises(DockertoolsError, match=r"web/Other\.Dockerfile"):
        options_of(root, "web")


@pytest.fixture
def project(engine: object, tmp_path: Path) -> Iterator[Project]:
    with make_project(tmp_path, PYTHON + "ARG WORD\nRUN echo $WORD > /word\n") as project:
        project.write(compose_yaml="services: {web: {build: {context: ., args: {WORD: hello}}}}\n")
        yield project


def test_a_service_is_built(project: Project) -> None:
    document = project.document("--service", "web")
    assert document["image"]["id"] == project.image_id()
    argv = ("docker", "run", "--rm", project.tag, "cat", "/word")
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "hello\n"


def test_a_dockerfile_inside_the_compose_file_is_built(project: Project) -> None:
    inline = json.dumps(PYTHON + "RUN echo inline && false\n")
    project.write(compose_yaml=f"services: {{web: {{build: {{context: ., dockerfile_inline: {inline}}}}}}}\n")
    failure = project.document("--service", "web", expect=1)["failure"]
    assert (failure["line"], failure["log"], failure["look_inside"]) == (2, ["inline"], None)


def test_a_broken_compose_file_is_told_as_compose_tells_it(project: Project) -> None:
    project.write(compose_yaml="services: {web: {build: {context: '${WORD:?say where}'}}}\n")
    error = project.document("--service", "web", expect=1)["error"]
    assert "WORD" in error["message"]
    assert "say where" in error["message"]
