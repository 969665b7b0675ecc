"""The judges themselves: a right switch passes, and each wrong one is found."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.compose_files_oracle import judge_env, judge_files, judge_overlay, name_of, split_env, take_snapshot
from tests.compose_model import ComposeRefusedError, Model, read_model, seen_at
from tests.compose_oracle import Intent, judge_dev, judge_mounts, judge_prod
from tests.docker import require_compose

BASE = """
services:
  web:
    build: {context: ., target: dev}
    command: sh -c "python manage.py migrate && python manage.py runserver 0.0.0.0:8000"
    environment: {TOKEN: "${TOKEN:-none}", DJANGO_DEBUG: "1"}
    volumes: [".:/app", "./media:/app/media", "/app/.venv"]
    ports: ["8000:8000"]
    deploy: {replicas: 2}
  worker:
    build: .
    command: celery -A config worker
    volumes: [".:/app"]
    mem_limit: 100m
  db: {image: "postgres:15", ports: ["5432:5432"], volumes: ["pg:/var/lib/postgresql/data"]}
  mail: {image: mailpit, ports: ["8025:8025"]}
volumes: {pg: }
"""
HARDENED = """
    restart: unless-stopped
    logging: {driver: json-file, options: {max-size: 10m}}
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    stop_grace_period: 30s
"""
PROD = f"""
services:
  web:
    build: {{target: production}}
    command: ["gunicorn", "config.wsgi"]
    environment: {{DJANGO_DEBUG: "0"}}
    volumes: !override ["./media:/app/media"]
    healthcheck: {{test: ["CMD", "true"]}}
    deploy: {{resources: {{limits: {{memory: 512M, pids: 100}}}}}}
{HARDENED}
  worker:
    volumes: !reset []
    pids_limit: 100
{HARDENED}
  db:
    ports: !override ["127.0.0.1:5432:5432"]
  migrate:
    build: {{context: ., target: production}}
    image: shop-web
    command: python manage.py migrate
"""
DEV = """
services:
  web:
    user: "1234:1234"
    ports: !override ["127.0.0.1:8000:8000"]
    stop_grace_period: 1s
  worker:
    user: "1234:1234"
  db:
    ports: !override ["127.0.0.1:5432:5432"]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_compose()
    files = {"docker-compose.yml": BASE, "prod.yml": PROD, "dev.yml": DEV, "manage.py": "", "Dockerfile": "FROM x\n"}
    folder = tmp_path_factory.mktemp("oracle") / "shop"
    (folder / "media").mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def intent_of(folder: Path) -> Intent:
    return Intent(
        root=folder,
        built=frozenset({"web", "worker"}),
        servers=frozenset({"web"}),
        stores=frozenset({"db"}),
        keeps={"web": frozenset({"/app/media"})},
        targets={"web": ("production",)},
    )


def dev_intent_of(folder: Path) -> Intent:
    source = {"web": (folder, "/app"), "worker": (folder, "/app")}
    keeps = {"web": frozenset({"/app/.venv"})}
    return replace(intent_of(folder), source=source, keeps=keeps, targets={"web": ("dev",)}, user="1234:1234")


@cache
def read_once(folder: Path, files: str) -> Model:
    return read_model(folder, {"COMPOSE_FILE": files})


def models(folder: Path, overlay: str) -> tuple[Model, Model]:
    """Return the models before and after; nobody may change the first."""
    before, after = (read_once(folder, files) for files in ("docker-compose.yml", f"docker-compose.yml:{overlay}"))
    return before, copy.deepcopy(after)


def test_a_right_switch_to_production_passes(project: Path) -> None:
    before, after = models(project, "prod.yml")
    assert judge_prod(before, after, intent_of(project)) == []


def test_a_right_switch_to_development_passes(project: Path) -> None:
    before, after = models(project, "dev.yml")
    assert judge_dev(before, after, dev_intent_of(project)) == []


def test_a_switch_that_does_nothing_is_wrong_in_both_modes(project: Path) -> None:
    before = read_model(project)
    assert any("still mounted" in words for words in judge_prod(before, before, intent_of(project)))
    assert any("every address" in words for words in judge_dev(before, before, dev_intent_of(project)))


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda all_: all_["web"]["volumes"].append(bind("{root}", "/app")), "web: {root} is still mounted at /app"),
        (lambda all_: all_["worker"].update(volumes=[bind("{root}/..", "/w")]), "is still mounted at /w"),
        (lambda all_: all_["worker"].update(volumes_from=["mail"]), "worker.volumes_from"),
        (lambda all_: all_["web"].update(volumes=[]), "must stay"),
        (lambda all_: all_["web"]["volumes"][0].update(read_only=True), "must stay"),
        (lambda all_: all_["web"]["volumes"].append({"type": "volume", "target": "/app/.venv"}), "must not be mounted"),
        (lambda all_: all_["web"].update(command=["python", "manage.py", "runserver"]), "a development server"),
        (lambda all_: all_["web"].update(command=["uvicorn", "x", "--reload"]), "a development server"),
        (lambda all_: all_["web"].update(command=["sleep", "9"]), "no production server"),
        (lambda all_: all_["web"].update(command=["sh", "-c", "migrate; gunicorn x"]), "each replica migrates"),
        (lambda all_: all_.pop("migrate"), "nothing migrates"),
        (lambda all_: all_["migrate"].update(volumes=[bind("{root}", "/app")]), "{root} is mounted at /app"),
        (lambda all_: all_["migrate"].update(image="other", build=None), "migrate: a service that was not there"),
        (lambda all_: all_["worker"].update(command=["gunicorn"]), "in place of"),
        (lambda all_: all_["worker"].update(mem_limit="1"), "worker.mem_limit"),
        (lambda all_: all_["worker"].update(user="0"), "worker.user"),
        (lambda all_: all_["worker"].update(image="shop-web"), "another service builds shop-web differently"),
        (lambda all_: all_["worker"].update(image="other", build=None), "nothing builds other"),
        (lambda all_: all_["web"]["build"].update(context="/elsewhere"), "web.build"),
        (lambda all_: all_["web"]["build"].update(target="dev"), "is built from dev"),
        (lambda all_: all_["web"]["deploy"].update(replicas=1), "web.deploy"),
        (lambda all_: all_["web"]["environment"].update(TOKEN="x"), "environment.TOKEN changed"),
        (lambda all_: all_["web"]["environment"].pop("TOKEN"), "environment.TOKEN changed"),
        (lambda all_: all_["web"]["ports"][0].update(published="80"), "web.ports"),
        (lambda all_: all_["db"].update(ports=[]), "db.ports"),
        (lambda all_: all_["db"]["ports"][0].pop("host_ip"), "published on every address"),
        (lambda all_: all_["db"].update(image="postgres:16"), "db.image"),
        (lambda all_: all_["mail"].update(restart="always"), "mail.restart"),
        (lambda all_: all_["mail"]["ports"][0].update(host_ip="127.0.0.1"), "mail.ports"),
        (lambda all_: all_.pop("mail"), "mail: the service is gone"),
        (lambda all_: all_["web"].update(restart="no"), "lacks a restart policy"),
        (lambda all_: all_["web"].pop("healthcheck"), "lacks a health check"),
        (lambda all_: all_["web"].pop("logging"), "lacks log rotation"),
        (lambda all_: all_["web"].pop("cap_drop"), "lacks dropped capabilities"),
        (lambda all_: all_["web"].pop("security_opt"), "lacks no-new-privileges"),
        (lambda all_: all_["web"]["deploy"].pop("resources"), "lacks a memory limit"),
        (lambda all_: all_["worker"].pop("pids_limit"), "lacks a pid limit"),
        (lambda all_: all_["web"].pop("stop_grace_period"), "lacks stop_grace_period"),
    ],
)
def test_a_wrong_switch_to_production_is_found(project: Path, change: Change, words: str) -> None:
    before, after = models(project, "prod.yml")
    wrong = changed(after, change, project)
    found = judge_prod(before, wrong, intent_of(project))
    assert any(words.replace("{root}", str(project)) in line for line in found), found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda all_: all_["worker"].update(volumes=[]), "is not seen at /app"),
        (lambda all_: all_["web"]["volumes"].append(bind("/srv", "/app")), "is not seen at /app"),
        (lambda all_: all_["web"]["volumes"].pop(1), "must stay"),
        (lambda all_: all_["web"]["volumes"].pop(), "nothing is mounted at /app/.venv"),
        (lambda all_: all_["web"].update(command=["gunicorn", "config.wsgi"]), "does not reload"),
        (lambda all_: all_["web"].pop("user"), "runs as None, not as 1234:1234"),
        (lambda all_: all_["web"]["ports"][0].update(host_ip="0.0.0.0"), "published on 0.0.0.0"),  # noqa: S104 what is found
        (lambda all_: all_["web"].update(cap_drop=["ALL"]), "web.cap_drop"),
        (lambda all_: all_["mail"]["ports"][0].update(host_ip="0.0.0.0"), "reached from elsewhere"),  # noqa: S104 the same
        (lambda all_: all_.update(extra={"image": "x"}), "extra: a service that was not there"),
        (lambda all_: all_["db"].update(volumes=[]), "db.volumes"),
        (lambda all_: all_["web"].update(image="other"), "web.image"),
    ],
)
def test_a_wrong_switch_to_development_is_found(project: Path, change: Change, words: str) -> None:
    before, after = models(project, "dev.yml")
    found = judge_dev(before, changed(after, change, project), dev_intent_of(project))
    assert any(words in line for line in found), found


def test_changes_outside_of_the_services_are_found(project: Path) -> None:
    before, after = models(project, "prod.yml")
    for wrong, words in (
        ({**after, "name": "other"}, "name:"),
        ({**after, "networks": {}}, "networks:"),
        ({**after, "volumes": {"pg": {"name": "other"}}}, "volumes.pg"),
    ):
        assert any(words in line for line in judge_prod(before, wrong, intent_of(project)))


def test_what_is_expected_of_one_project_alone_is_judged(project: Path) -> None:
    before, after = models(project, "prod.yml")
    strict = replace(
        intent_of(project),
        environment={"web": {"DJANGO_DEBUG": "7"}},
        unwatched={"worker": "celery"},
        still_runs={"web": ("nice",)},
        never_runs={"web": ("config.wsgi",)},
        unchanged={"web": frozenset({"logging"})},
        active=frozenset({"web"}),
        names_entrypoint=frozenset({"web"}),
        tasks=frozenset({"worker"}),
    )
    found = " ".join(judge_prod(before, after, strict))
    others = ("handed to the image's entrypoint", "worker: ends, and restarts")
    for words in (
        "DJANGO_DEBUG is '0', not '7'",
        "in place of 'celery'",
        "lost 'nice'",
        "has 'config.wsgi'",
        "web.logging",
        "on are",
        *others,
    ):
        assert words in found


def test_a_named_volume_that_binds_the_source_is_found(project: Path) -> None:
    model = read_model(project)
    options = {"o": "rw,bind", "device": str(project), "type": "none"}
    model["volumes"]["pg"]["driver_opts"] = options
    model["services"]["worker"]["volumes"] = [{"type": "volume", "source": "pg", "target": "/app"}]
    assert f"worker: {project} is still mounted at /app" in judge_mounts(model, intent_of(project))


def test_a_folder_is_seen_through_the_nearest_mount(project: Path) -> None:
    model = read_model(project)
    assert seen_at(model, "web", "/app/config") == project / "config"
    assert seen_at(model, "web", "/app/media/x") == project / "media/x"
    assert seen_at(model, "web", "/elsewhere") is None


def test_compose_watch_brings_the_source_too(project: Path) -> None:
    before, after = models(project, "dev.yml")
    after["services"]["worker"]["volumes"] = []
    after["services"]["worker"]["develop"] = {"watch": [{"action": "sync", "path": str(project), "target": "/app"}]}
    assert judge_dev(before, after, dev_intent_of(project)) == []


def test_what_compose_refuses_is_no_model(project: Path) -> None:
    with pytest.raises(ComposeRefusedError, match=r"gone\.yml"):
        read_model(project, {"COMPOSE_FILE": "gone.yml"})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"COMPOSE_FILE=a\n"),
        (b"A=1\n", b"A=1\nCOMPOSE_FILE=a\nDOCKERTOOLS_UID=1\nDOCKERTOOLS_GID=1\n"),
        (b"A=1", b"A=1\nCOMPOSE_FILE=a"),
        (b"A=1\r\n", b"A=1\r\nCOMPOSE_FILE=a\r\n"),
        (b"COMPOSE_FILE=b\nA=1\n", b"COMPOSE_FILE=a\nA=1\n"),
        (b"\xef\xbb\xbfexport COMPOSE_FILE=b\nA=1\n", b"\xef\xbb\xbfCOMPOSE_FILE=a\nA=1\n"),
        (b"A='\nCOMPOSE_FILE=x\n'\n", b"A='\nCOMPOSE_FILE=x\n'\nCOMPOSE_FILE=a\n"),
    ],
)
def test_a_right_env_file_passes(before: bytes, after: bytes) -> None:
    assert judge_env(before, after) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"A=1\n# x\n", b"A=1\nCOMPOSE_FILE=a\n"),
        (b"A=1\nB=2\n", b"B=2\nA=1\nCOMPOSE_FILE=a\n"),
        (b"A=1", b"A=1\nCOMPOSE_FILE=a\n"),
        (b"A=1\r\n", b"A=1\r\nCOMPOSE_FILE=a\n"),
        (b"A=1\r\nB=2\r\n", b"A=1\nB=2\nCOMPOSE_FILE=a\n"),
        (b"A=1\n", b"A=1\nCOMPOSE_FILE=a\nCOMPOSE_FILE=b\n"),
        (b"A='\nCOMPOSE_FILE=x\n'\n", b"A='\n'\nCOMPOSE_FILE=a\n"),
        (b"A=1\n", b"# written by a tool\nA=1\nCOMPOSE_FILE=a\n"),
        (b"A=1\n", b"A=1\nCOMPOSE_PROFILES=x\n"),
        (b"A=1\n", b""),
    ],
)
def test_a_wrong_env_file_is_found(before: bytes, after: bytes) -> None:
    assert judge_env(before, after) != []


def test_lines_of_an_env_file_are_told_apart() -> None:
    data = b"# A=1\nA=\"x\\\"\nB=2\n\"\n export C = 'd\n' # e\nD: 5\r\nE='open\nF=1"
    lines = list(split_env(data))
    assert b"".join(lines) == data
    assert [name_of(line) for line in lines] == [None, b"A", b"C", b"D", b"E", b"F"]


def test_files_that_were_changed_are_found(tmp_path: Path) -> None:
    (tmp_path / "shared").write_text("A=1\n")
    (tmp_path / ".env").symlink_to("shared")
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    before = take_snapshot(tmp_path)
    (tmp_path / "shared").write_text("A=1\nCOMPOSE_FILE=x\n")
    (tmp_path / "prod.yaml").write_text("x")
    assert judge_files(before, take_snapshot(tmp_path), env_file=".env", overlays=["prod.yaml"]) == []

    (tmp_path / ".env").unlink()
    shutil.move(tmp_path / "shared", tmp_path / ".env")
    (tmp_path / "compose.yaml").write_text("services: { }\n")
    (tmp_path / ".env.tmp").write_text("")
    (tmp_path / "prod.yaml").chmod(0o600)
    found = judge_files(before, take_snapshot(tmp_path), env_file=".env", overlays=["prod.yaml"])
    assert [line.partition(":")[0] for line in found] == [".env", "compose.yaml", "shared", ".env.tmp"]


def test_values_and_paths_of_the_machine_in_an_overlay_are_found(tmp_path: Path) -> None:
    assert judge_overlay("volumes: ['.:/app']", secrets=["hush"], folder=tmp_path) == []
    assert len(judge_overlay(f"hush {tmp_path}", secrets=["hush"], folder=tmp_path)) == 2


def bind(source: str, target: str) -> dict[str, str]:
    return {"type": "bind", "source": source, "target": target}


def changed(model: Model, change: Change, root: Path) -> Model:
    """Return the model with its services changed, `{root}` filled in."""
    wrong = copy.deepcopy(model)
    change(wrong["services"])
    result: Model = json.loads(json.dumps(wrong).replace("{root}", str(root)))
    return result
