"""`docker_build` as its user meets it, on a real engine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.build_project import PYTHON, Project, make_project
from tests.docker import docker

pytestmark = pytest.mark.engine

DOCKERFILE = PYTHON + "WORKDIR /app\nRUN echo first > first\nCOPY views.py .\nRUN cat views.py > copy\nUSER 1000\n"


@pytest.fixture
def project(engine: object, tmp_path: Path) -> Iterator[Project]:
    with make_project(tmp_path, DOCKERFILE) as project:
        project.write(views_py=view(project, 1))
        yield project


def view(project: Project, number: int) -> str:
    """Return a file's content that no build before has seen."""
    return f"print({number}, {project.tag!r})\n" * 5000 * number


def test_a_build_reports_the_image_the_steps_and_the_context(project: Project) -> None:
    document = project.document()
    image = document["image"]
    assert (image["reference"], image["user"], image["id"]) == (project.tag, "1000", project.image_id())
    assert image["size_bytes"] == sum(layer["size_bytes"] for layer in image["layers"])
    assert [layer["line"] for layer in image["layers"]][-4:] == [2, 3, 4, 5]
    assert {step["line"] for step in document["steps"] if "RUN" in step["name"]} == {3, 5}
    assert document["context"]["files"] == 2
    assert document["context"]["transferred_bytes"] > 0
    assert document["previous"] is None
    assert document["cache_miss"]["reason"] == "it is the first build of this image recorded here"


def test_the_next_build_tells_what_changed_since(project: Project) -> None:
    first = project.document()
    project.write(views_py=view(project, 2))
    second = project.document()
    assert second["previous"]["id"] == first["image"]["id"]
    assert second["image"]["size_bytes"] > first["image"]["size_bytes"]
    assert second["cache_miss"]["reason"] == "files that it copies or mounts changed"
    assert second["cache_miss"]["files"] == ["views.py"]
    assert second["cache_miss"]["line"] == 4
    third = project.document()
    assert third["cache_miss"] is None
    assert all(
        step["cached"] for step in third["steps"] if step["name"].startswith("[") and " FROM " not in step["name"]
    )


def test_a_changed_instruction_and_a_build_argument_are_told(project: Project) -> None:
    project.write(Dockerfile=DOCKERFILE.replace("RUN echo", "ARG WORD\nRUN echo $WORD"))
    one, two = f"one-{project.tag}", f"two-{project.tag}"
    project.document("--build-arg", f"WORD={one}")
    changed = project.document("--build-arg", f"WORD={two}")["cache_miss"]
    assert changed["reason"] == f"the build argument WORD changed from '{one}' to '{two}'"
    project.write(Dockerfile=DOCKERFILE.replace("RUN echo", "ARG WORD\nRUN true $WORD"))
    changed = project.document("--build-arg", f"WORD={two}")["cache_miss"]
    assert changed["reason"] == f"the instruction changed; it was `RUN echo {two} first > first`"


def test_no_cache_runs_everything(project: Project) -> None:
    project.build()
    document = project.document("--no-cache")
    assert document["cache_miss"]["reason"] == "--no-cache runs every step again"
    assert not any(step["cached"] for step in document["steps"] if " RUN " in step["name"])


def test_the_summary_is_a_table_to_read(project: Project) -> None:
    project.build()
    project.write(views_py=view(project, 3))
    text = project.build("--max-size", "1GB").stdout
    for words in (
        f"image         {project.tag}",
        " uncompressed, ",
        " since the last build",
        "budget        1.00 GB, ",
        "first to run  [4/5] COPY views.py . (line 4)",
        "files that it copies or mounts changed: views.py",
        "context       2 files, ",
        "(the last build, just now, took ",
        f"next  python -m dockertools check --image {project.tag}",
    ):
        assert words in text


def test_a_failed_build_leaves_the_tag_where_it_was(project: Project) -> None:
    project.build()
    before = project.image_id()
    project.write(Dockerfile=DOCKERFILE + "RUN echo told && false\n")
    document = project.document(expect=1)
    assert project.image_id() == before
    assert document["error"]["code"] == "build-failed"
    assert document["failure"]["line"] == 7
    assert document["failure"]["log"] == ["told"]
    assert document["failure"]["step"].endswith("RUN echo told && false")


def test_the_failure_is_shown_with_its_place_cause_and_fix(project: Project) -> None:
    project.write(Dockerfile="FROM python:3.11-slim-bookworm AS builder\nRUN true\nRUN curl http://example.invalid\n")
    text = project.build(expect=1).stderr
    for words in (
        "failed  [3/3] RUN curl http://example.invalid",
        "Dockerfile, line 3",
        ">    3  RUN curl http://example.invalid",
        "  | /bin/sh: 1: curl: not found",
        "head -n 2 ",
        "--target builder",
        "The image has no program curl.",
        "apt-get install curl in this stage",
    ):
        assert words in text


def test_the_command_to_look_inside_opens_the_stage_before_the_failing_step(project: Project) -> None:
    project.write(Dockerfile=f"FROM python:3.11-slim-bookworm AS builder\nRUN echo {project.tag} > /here\nRUN false\n")
    command = project.document(expect=1)["failure"]["look_inside"]
    name = f"{project.tag.split(':', 1)[0]}:look"
    shell = command.replace(" --tag look", f" --tag {name}").replace("--interactive --tty look sh", f"{name} cat /here")
    try:
        done = subprocess.run(("sh", "-c", shell), capture_output=True, text=True, check=False)
        assert done.stdout.strip() == project.tag, done.stderr
    finally:
        docker("image", "rm", "--force", name)


def test_an_image_over_budget_is_a_failure_and_is_thrown_away(project: Project) -> None:
    project.build()
    before = project.image_id()
    project.write(Dockerfile=DOCKERFILE + f"LABEL build={project.tag}\n")
    document = project.document("--max-size", "1MB", expect=1)
    assert document["error"]["code"] == "over-budget"
    assert document["budget"] == {"limit_bytes": 1_000_000, "ok": False}
    assert project.image_id() == before
    assert document["image"]["id"] != before
    gone = subprocess.run(("docker", "image", "inspect", document["image"]["id"]), capture_output=True, check=False)
    assert gone.returncode == 1


def test_an_image_over_budget_that_was_there_before_stays(project: Project) -> None:
    project.build()
    before = project.image_id()
    document = project.document("--max-size", "1MB", expect=1)
    assert document["image"]["id"] == before == project.image_id()


def test_an_image_over_budget_shows_its_largest_layers(project: Project) -> None:
    text = project.build("--max-size", "1MB", expect=1).stderr
    assert "exceeded by" in text
    assert "made by" in text
    assert "over the budget of 1.00 MB" in text


def test_a_dry_run_builds_nothing(project: Project) -> None:
    argv = project.document("--dry-run", "--no-cache", "--target", "x")["argv"]
    assert argv[:3] == ["docker", "buildx", "build"]
    assert "--no-cache" in argv
    assert "--target=x" in argv
    assert project.image_id() is None


def test_every_log_line_is_shown_on_request(project: Project) -> None:
    project.write(Dockerfile=PYTHON + "RUN for n in 1 2 3 4 5; do echo line $n; done\n")
    text = project.build("--no-cache", "--verbosity", "3").stderr
    assert [line.split("| ")[1] for line in text.splitlines() if "| line" in line] == [f"line {n}" for n in range(1, 6)]


def test_quiet_shows_the_summary_only(project: Project) -> None:
    done = project.build("--progress", "quiet")
    assert done.stderr == ""
    assert project.tag in done.stdout


def test_the_lint_warnings_of_the_build_are_shown(project: Project) -> None:
    project.write(Dockerfile=PYTHON + "CMD python\n")
    assert project.document()["warnings"][0]["line"] == 2
    assert "warning: line 2: JSONArgsRecommended" in project.build().stdout


def test_labels_and_arguments_reach_the_image(project: Project) -> None:
    project.write(Dockerfile=PYTHON + "ARG A\nARG B\nLABEL a=$A b=$B\n")
    project.build("--label", "c=d", "--build-arg", "A=1", "--build-arg", "B", env={"B": "2"})
    labels = json.loads(docker("image", "inspect", "--format", "{{json .Config.Labels}}", project.tag))
    assert labels.items() >= {"a": "1", "b": "2", "c": "d", "io.dockertools.project": "shop"}.items()


def test_output_goes_elsewhere_and_leaves_the_tag(project: Project, tmp_path: Path) -> None:
    project.write(Dockerfile="FROM scratch\nCOPY views.py /\n")
    document = project.document("--output", f"type=local,dest={tmp_path}/out")
    assert document["image"] is None
    assert (tmp_path / "out" / "views.py").read_text() == view(project, 1)
    assert project.image_id() is None


def test_several_platforms_make_one_image(project: Project) -> None:
    project.write(Dockerfile="FROM scratch\nCOPY views.py /\n")
    document = project.document("--platform", "linux/amd64,linux/arm64", "--platform", "linux/s390x")
    assert document["platforms"] == ["linux/amd64", "linux/arm64", "linux/s390x"]
    assert document["image"]["id"] == project.image_id()


def test_without_a_writable_state_folder_the_build_still_counts(project: Project) -> None:
    project.state.write_text("a file where the folder should be")
    document = project.document()
    assert "could not be recorded" in document["warnings"][-1]["message"]
    assert project.image_id() == document["image"]["id"]


SECRETS = ("from-a-file-s3cret", "from-a-variable-s3cret", "from-an-argument-s3cret", "in-a-url-s3cret")


@pytest.mark.parametrize("last", ["RUN true", "RUN false"])
def test_no_secret_is_shown_or_stored(project: Project, last: str) -> None:
    project.write(
        token=f"{SECRETS[0]}\n",
        Dockerfile=PYTHON
        + "ARG DB_PASSWORD\nARG INDEX\nENV PLAIN=$DB_PASSWORD\n"
        + "RUN --mount=type=secret,id=file --mount=type=secret,id=variable"
        + " cat /run/secrets/file /run/secrets/variable; echo $DB_PASSWORD $INDEX; printf %s $DB_PASSWORD\n"
        + f"{last}; echo $DB_PASSWORD $INDEX; {last.removeprefix('RUN ')}\n",
    )
    arguments = [f"--secret=id=file,src={project.folder}/token", "--secret=id=variable,env=VARIABLE", "--no-cache"]
    arguments += [f"--build-arg=DB_PASSWORD={SECRETS[2]}", "--verbosity=3"]
    arguments += [f"--build-arg=INDEX=https://user:{SECRETS[3]}@host.invalid/simple"]
    env = {"VARIABLE": SECRETS[1]}
    expect = 1 if "false" in last else 0
    done = [
        project.build(*arguments, expect=expect, env=env),
        project.build(*arguments, "--format", "json", expect=expect, env=env),
        project.build(*arguments, "--dry-run", env=env),
    ]
    recorded = [path.read_text() for path in project.state.rglob("*") if path.is_file()]
    assert bool(recorded) == (expect == 0)
    for text in (*(run.stdout + run.stderr for run in done), *recorded):
        assert not [secret for secret in SECRETS if secret in text]
    assert "***" in done[0].stderr


def test_a_secret_argument_is_not_on_the_command_line_of_the_child(project: Project) -> None:
    argv = project.document("--dry-run", "--build-arg", "API_TOKEN=s3cret", "--build-arg", "PLAIN=1")["argv"]
    assert argv[argv.index("--build-arg") + 1] == "API_TOKEN"
    assert "PLAIN=1" in argv


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--tag", "Shop Latest"), "cannot be the name of an image"),
        (("--max-size", "large"), "is not a size"),
        (("--max-size", "0"), "leaves no room"),
        (("--push", "--output", "type=tar,dest=x"), "exclude each other"),
        (("--output", "type=tar,dest=x", "--max-size", "1MB"), "--max-size needs the image"),
        (("--output", "-"), "cannot write to standard output"),
        (("--build-arg", "=x"), "has no name"),
        (("--label", "=x"), "has no name"),
        (("--service", "web", "--file", "x"), "--file and --service exclude each other"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_built(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    with make_project(tmp_path, DOCKERFILE) as project:
        document = project.document(*arguments, expect=2)
    assert words in document["error"]["message"]
    assert document["error"]["hint"]


def test_a_missing_dockerfile_is_told_with_both_ways_out(tmp_path: Path) -> None:
    with make_project(tmp_path, DOCKERFILE) as project:
        (project.folder / "Dockerfile").unlink()
        document = project.document(expect=1)
    assert document["error"]["code"] == "no-dockerfile"
    assert "docker_init" in document["error"]["hint"]
    assert os.fspath(project.folder) in document["error"]["message"]
