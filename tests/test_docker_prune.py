"""`docker_prune` as its user meets it, beside what must survive, on a real engine that no other uses.

So the whole build cache may go, and the bytes that the disk gains are exact.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.docker import ROOT
from tests.prune_project import OwnEngine, Project, kinds_and_names, make_engine, make_project
from tests.test_docker_build_trouble import Relay

pytestmark = pytest.mark.engine

BLOB = 30_000_000


@pytest.fixture(scope="module")
def own_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnEngine]:
    with make_engine(tmp_path_factory.mktemp("engine")) as engine:
        yield engine


@pytest.fixture
def project(own_engine: OwnEngine, tmp_path: Path) -> Iterator[Project]:
    with make_project(tmp_path / "ours", own_engine) as project:
        yield project


@pytest.fixture
def foreign(own_engine: OwnEngine, tmp_path: Path) -> Iterator[Project]:
    with make_project(tmp_path / "theirs", own_engine) as project:
        yield project


def start(project: Project) -> None:
    """Leave one container running and one that has ended."""
    project.compose("up", "--detach", "--quiet-pull")
    project.docker("wait", f"{project.name}-job-1")


def test_what_is_old_or_stopped_goes_and_a_foreign_project_survives(project: Project, foreign: Project) -> None:
    start(project)
    start(foreign)
    for number in (1, 2, 3):
        project.build(str(number), number)
    project.build(None, 4)
    foreign.build("1", 1)
    foreign.build("2", 2)
    foreign.build(None, 3)
    before = (foreign.images(), foreign.held())

    document = project.document("--noinput", "--keep", "2")
    assert kinds_and_names(document, removed=True, problem=None) == {
        ("container", f"{project.name}-job-1"),
        ("image", f"{project.name}:1"),
        ("dangling", "<none>"),
    }
    assert kinds_and_names(document, removed=False) == set()
    assert document["freed_bytes"] == sum(item["freed_bytes"] for item in document["items"])
    assert project.images() == {f"{project.name}:2", f"{project.name}:3"}
    assert project.held() == {
        "container": {f"{project.name}-web-1"},
        "network": {f"{project.name}_default"},
        "volume": {f"{project.name}_kept", f"{project.name}_done"},
    }
    assert (foreign.images(), foreign.held()) == before
    assert document["items"][0]["kind"] == "container"
    assert kinds_and_names(project.document("--noinput", "--keep", "2")) == set()


def test_of_images_made_within_one_second_the_newest_stay(project: Project) -> None:
    start(project)
    names = [f"{project.name}:{number}" for number in range(6)]
    label = f"LABEL io.dockertools.project={project.name}"
    for name in reversed(names):
        project.docker("commit", "--change", label, f"{project.name}-job-1", name)
    document = project.document("--dry-run", "--keep", "2", kinds=("image",))
    assert kinds_and_names(document) == {("image", name) for name in names[2:]}


def test_a_dry_run_shows_everything_and_removes_nothing(project: Project) -> None:
    start(project)
    project.build("1", 1)
    before = (project.images(), project.held())
    done = project.prune("--dry-run", "--keep", "0")
    for words in (
        "stopped containers",
        f"{project.name}-job-1",
        "old images",
        f"{project.name}:1",
        "2 to remove, ",
        "as the engine counts",
        "Not among them: volumes (1, ",
        "--volumes removes them, and their data.",
    ):
        assert words in done.stdout
    assert kinds_and_names(project.document("--dry-run", "--keep", "0"), removed=True) == set()
    assert (project.images(), project.held()) == before


def test_an_image_that_a_container_of_any_project_uses_stays(project: Project) -> None:
    project.build("old", 1)
    project.build("new", 2)
    container = project.docker("create", f"{project.name}:old", "sleep", "0")
    assert kinds_and_names(project.document("--dry-run", "--keep", "1")) == set()
    project.docker("rm", container)
    assert kinds_and_names(project.document("--dry-run", "--keep", "1")) == {("image", f"{project.name}:old")}


def test_the_project_is_asked_once_and_each_volume_by_its_name(project: Project) -> None:
    start(project)
    project.compose("stop", "--timeout", "0")
    project.build("1", 1)
    done = project.prune("--keep", "0", "--volumes", answers="y\ny\nn\n")
    assert "Remove these 4? [y/N]" in done.stderr
    assert f"Remove the volume {project.name}_done and its data? [y/N]" in done.stderr
    assert f"Remove the volume {project.name}_kept and its data? [y/N]" in done.stderr
    assert "5 of 6 removed, " in done.stdout
    assert f" removed  container {project.name}-job-1\n" in done.stderr
    assert "\n\n" not in done.stderr
    assert project.images() == set()
    assert project.held() == {"container": set(), "network": set(), "volume": {f"{project.name}_kept"}}


def test_no_is_the_answer_unless_yes_is_said(project: Project) -> None:
    start(project)
    project.build("1", 1)
    before = (project.images(), project.held())
    done = project.prune("--keep", "0", "--volumes", answers="\n\n")
    assert "Remove the volume" not in done.stderr, "a volume of a container that stays cannot go"
    assert (project.images(), project.held()) == before
    assert "Nobody answers" in project.prune("--keep", "0", answers="", expect=2).stderr
    assert (project.images(), project.held()) == before


def test_volumes_and_anonymous_ones_go_without_questions_when_both_are_asked_for(
    project: Project, foreign: Project
) -> None:
    compose = project.folder / "compose.yaml"
    compose.write_text(compose.read_text().replace('["done:/done"]', '["done:/done", "/nameless"]'))
    start(project)
    start(foreign)
    before = foreign.held()
    document = project.document("--noinput", "--volumes")
    gone = [name for kind, name in kinds_and_names(document, removed=True) if kind == "volume"]
    assert len(gone) == 2
    assert f"{project.name}_done" in gone
    assert project.held()["volume"] == {f"{project.name}_kept"}
    assert foreign.held() == before


def test_what_is_younger_than_the_age_stays(project: Project) -> None:
    project.build("1", 1)
    assert kinds_and_names(project.document("--noinput", "--keep", "0", "--older-than", "1h")) == set()
    assert project.images() == {f"{project.name}:1"}


def test_volumes_are_listed_after_everything_is_taken_down(project: Project) -> None:
    start(project)
    project.compose("down", "--timeout", "0")
    assert kinds_and_names(project.document("--dry-run", "--volumes")) == {
        ("volume", f"{project.name}_done"),
        ("volume", f"{project.name}_kept"),
    }


def test_a_network_that_a_stranger_is_connected_to_stays(project: Project) -> None:
    project.compose("create")
    network = f"{project.name}_default"
    container = project.docker("run", "--detach", "--network", network, project.base, "sleep", "600")
    assert ("network", network) not in kinds_and_names(project.document("--noinput"))
    project.docker("rm", "--force", container)
    assert kinds_and_names(project.document("--noinput"), removed=True) == {("network", network)}


def test_a_folder_of_the_same_name_elsewhere_keeps_what_it_built(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    project.build("ours", 1)
    namesake = tmp_path / "else" / project.name
    namesake.mkdir(parents=True)
    (namesake / "Dockerfile").write_text(f"FROM {project.base}\nLABEL of={namesake}\n")
    tag = f"{project.name}:theirs"
    argv = (sys.executable, "-m", "dockertools", "build", "--project", str(namesake), "--tag", tag)
    environment = {**os.environ, **project.environment, "PYTHONPATH": str(ROOT)}
    subprocess.run(argv, env=environment, check=True, capture_output=True)
    assert kinds_and_names(project.document("--noinput", "--keep", "0"), removed=True) == {
        ("image", f"{project.name}:ours")
    }
    assert project.images() == {tag}


def test_an_image_that_bears_an_older_time_is_as_old_as_its_build(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    project.build("older", 1)
    (project.folder / "Dockerfile").write_text(f"FROM {project.base}\nLABEL number=2\n")
    tag = f"{project.name}:newer"
    argv = (sys.executable, "-m", "dockertools", "build", "--project", str(project.folder), "--tag", tag)
    environment = {**os.environ, **project.environment, "PYTHONPATH": str(ROOT), "SOURCE_DATE_EPOCH": "1"}
    subprocess.run(argv, env=environment, check=True, capture_output=True)
    assert project.docker("image", "inspect", "--format", "{{.Created}}", tag).startswith("1970")
    assert kinds_and_names(project.document("--dry-run", "--keep", "1")) == {("image", f"{project.name}:older")}


def test_an_image_that_another_compose_project_built_stays(project: Project, foreign: Project) -> None:
    foreign.folder.joinpath("Dockerfile").write_text(
        f"FROM {foreign.base}\nLABEL io.dockertools.project={project.name}\n"
    )
    foreign.folder.joinpath("compose.yaml").write_text("services: {web: {build: .}}\n")
    foreign.compose("build")
    assert kinds_and_names(project.document("--dry-run", "--keep", "0")) == set()
    foreign.docker("image", "rm", f"{foreign.name}-web")


def test_a_signal_midway_ends_with_its_exit_code(project: Project) -> None:
    start(project)
    argv = (sys.executable, "-m", "dockertools", "prune", "--project", str(project.folder), "--only", "container")
    with subprocess.Popen(
        argv,
        env={**os.environ, **project.environment, "PYTHONPATH": str(ROOT)},
        stdin=-1,
        stdout=-1,
        stderr=-1,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "asking the engine what it holds\n"
        assert process.stderr.read(6) == "Remove"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_an_engine_lost_midway_is_said(project: Project) -> None:
    start(project)
    with TemporaryDirectory() as folder:
        path = Path(folder, "engine.sock")
        relay = Relay(path, project.environment["DOCKER_HOST"].removeprefix("unix://"))
        argv = (sys.executable, "-m", "dockertools", "prune", "--project", str(project.folder), "--only", "container")
        environment = {**os.environ, **project.environment, "DOCKER_HOST": f"unix://{path}", "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(argv, env=environment, stdin=-1, stdout=-1, stderr=-1, text=True) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == "asking the engine what it holds\n"
            assert process.stderr.read(6) == "Remove"
            relay.cut()
            _, errors = process.communicate("y\n", timeout=60)
    assert process.returncode == 3
    assert "The engine does not answer" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--older-than", "yesterday"), "'yesterday' is not an age"),
        (("--keep", "-1"), "--keep -1 is less than none"),
        (("--only", "volume"), "Volumes hold data"),
        (("--format", "json"), "--format json cannot ask"),
    ],
)
def test_wrong_usage_is_told_before_anything_happens(project: Project, arguments: tuple[str, ...], words: str) -> None:
    assert words in project.prune(*arguments, expect=2).stderr


def test_without_an_engine_it_cannot_run(project: Project) -> None:
    lost = replace(project, environment={**project.environment, "DOCKER_HOST": "unix:///nowhere/docker.sock"})
    assert lost.document("--noinput", expect=3)["error"]["code"] == "engine-unreachable"


def free_bytes(disk: Path) -> int:
    os.sync()
    space = os.statvfs(disk)
    return space.f_bfree * space.f_frsize


def test_everything_goes_with_the_bytes_that_the_disk_gains(
    own_engine: OwnEngine, project: Project, foreign: Project
) -> None:
    foreign.compose("up", "--detach", "web")
    foreign.build("1", 1)
    before = (foreign.images(), foreign.held())
    project.build("1", 1, blob=BLOB)
    assert project.prune("--older-than", "1h", "--noinput", kinds=()).stdout.startswith("There is nothing of")

    free = free_bytes(own_engine.disk)
    document = project.document("--noinput", "--keep", "0", kinds=())
    gained = free_bytes(own_engine.disk) - free
    assert kinds_and_names(document, removed=True, problem=None) == {
        ("image", f"{project.name}:1"),
        ("cache", "build cache"),
    }
    assert gained > 2 * BLOB, "packed in the image, unpacked in its layer"
    assert abs(document["freed_bytes"] - gained) < BLOB // 10, "the engine writes a little on its own"
    assert (foreign.images(), foreign.held()) == before
    assert kinds_and_names(project.document("--dry-run", kinds=())) == set()
