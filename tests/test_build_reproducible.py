"""What makes a build reproducible, without an engine: its moment, its options, its Dockerfile."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dockertools.build.command import buildx_argv
from dockertools.build.options import BuildOptions
from dockertools.build.reproducible import put_on_disk, uncommitted_warning
from dockertools.build.request import BuildRequest, with_request
from dockertools.build.source_date import find_source_date
from dockertools.build.verify import Finding, NotReproducibleError, describe, explain_difference
from dockertools.errors import DockertoolsError, UsageError
from dockertools.image.difference import Difference
from dockertools.tables import read_table

COMMITTED = 1_700_000_000


@pytest.fixture(autouse=True)
def _no_moment_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


def git(folder: Path, *words: str) -> None:
    date = f"{COMMITTED} +0000"
    environment = {**os.environ, "GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date, "GIT_CONFIG_GLOBAL": os.devnull}
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
    subprocess.run(("git", *who, "-C", str(folder), *words), env=environment, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder whose files are committed."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (folder / ".dockerignore").write_text(".git\n*.log\n")
    (folder / "views.py").write_text("print()\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


def options_of(project: Path, **values: object) -> BuildOptions:
    known = {"context": project, "dockerfile": project / "Dockerfile", "project": project, "tag": "shop:1"}
    return BuildOptions(**{**known, **values})  # type: ignore[arg-type]


def test_the_moment_is_the_last_commits(project: Path) -> None:
    assert find_source_date({}, project) == COMMITTED


def test_the_environment_goes_before_the_commit_and_the_build_argument_before_both(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "5")
    assert find_source_date({}, project) == 5
    assert find_source_date({"SOURCE_DATE_EPOCH": "7"}, project) == 7


def test_without_a_commit_the_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(DockertoolsError, match="not a git repository") as caught:
        find_source_date({}, tmp_path)
    assert "Set SOURCE_DATE_EPOCH to the seconds since 1970" in caught.value.hint
    git(tmp_path, "init", "--quiet")
    with pytest.raises(DockertoolsError, match="does not have any commits yet"):
        find_source_date({}, tmp_path)


def test_without_git_the_variable_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(DockertoolsError, match="the program `git` was not found") as caught:
        find_source_date({}, project)
    assert caught.value.code == "no-source-date"
    assert uncommitted_warning(options_of(project)) is None


@pytest.mark.parametrize("text", ["yesterday", "-1", "1.5", " 5", "٣", "9" * 30])
def test_what_is_no_time_is_refused(project: Path, text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        find_source_date({"SOURCE_DATE_EPOCH": text}, project)


def test_a_moment_ahead_of_the_clock_is_refused(project: Path) -> None:
    with pytest.raises(UsageError, match="The last commit lies 9 seconds ahead of the clock"):
        find_source_date({}, project, now=COMMITTED - 9)


def test_a_clean_checkout_gets_no_warning(project: Path) -> None:
    (project / "notes.log").write_text("not sent\n")
    assert uncommitted_warning(options_of(project)) is None


def test_files_that_are_not_as_committed_are_named(project: Path) -> None:
    for name in ("views.py", "added.py", "Dockerfile"):
        (project / name).write_text("FROM scratch\n")
    (project / "with space ü.py").write_text("")
    assert uncommitted_warning(options_of(project)) == (
        "not as in the last commit: Dockerfile, added.py, views.py and 1 more; a checkout of it gives another digest"
    )


def test_a_file_that_is_gone_is_named(project: Path) -> None:
    (project / "views.py").unlink()
    assert "not as in the last commit: views.py;" in (uncommitted_warning(options_of(project)) or "")


def test_a_folder_below_the_repository_is_judged_alone(project: Path) -> None:
    inner = project / "inner"
    inner.mkdir()
    (inner / "Dockerfile").write_text("FROM scratch\n")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "second")
    (project / "views.py").write_text("changed\n")
    assert uncommitted_warning(options_of(inner)) is None
    assert find_source_date({}, inner) == COMMITTED


def test_the_request_becomes_options(project: Path) -> None:
    options = with_request(options_of(project), BuildRequest(verify=True, build_arg=("A=1",)))
    assert (options.source_date_epoch, options.is_verified, options.no_cache) == (COMMITTED, True, True)
    assert options.build_args == (("A", "1"), ("SOURCE_DATE_EPOCH", str(COMMITTED)))
    plain = with_request(options_of(project), BuildRequest())
    assert (plain.source_date_epoch, plain.no_cache, plain.build_args) == (None, False, ())


def test_the_image_is_written_to_an_archive_whose_times_are_set(project: Path) -> None:
    argv = buildx_argv(with_request(options_of(project), BuildRequest(reproducible=True)), "/t/metadata.json")
    assert argv[argv.index("--output") + 1] == "type=oci,dest=/t/image.tar,rewrite-timestamp=true"
    assert argv[argv.index("--build-arg") + 1] == f"SOURCE_DATE_EPOCH={COMMITTED}"
    assert "--provenance=false" in argv
    assert "--no-cache" in argv
    assert "--load" not in argv


@pytest.mark.parametrize(
    ("request_", "extra", "words"),
    [
        (BuildRequest(output=("type=oci,dest=f",)), (), "--output"),
        (BuildRequest(platform=("linux/amd64,linux/arm64",)), (), "several platforms"),
        (BuildRequest(sbom="true"), (), "--sbom"),
        (BuildRequest(provenance="mode=max"), (), "--provenance"),
        (BuildRequest(), ("--build-context", "docs=../docs"), "additional contexts"),
    ],
)
def test_what_cannot_be_reproducible_is_refused(
    project: Path, request_: BuildRequest, extra: tuple[str, ...], words: str
) -> None:
    values = {name: getattr(request_, name) for name in request_.__dataclass_fields__}
    for flag in ("reproducible", "verify"):
        with pytest.raises(UsageError, match=f"--{flag} excludes {words}"):
            with_request(options_of(project, extra=extra), BuildRequest(**{**values, flag: True}))


def test_the_context_on_the_disk_is_a_copy_under_an_empty_ignore_file(project: Path, tmp_path: Path) -> None:
    (project / "notes.log").write_text("not sent\n")
    folder = tmp_path / "build"
    folder.mkdir()
    placed = put_on_disk(options_of(project, source_date_epoch=COMMITTED), folder)
    assert sorted(path.name for path in placed.context.iterdir()) == [".dockerignore", "Dockerfile", "views.py"]
    assert (placed.context / "views.py").stat().st_mtime == COMMITTED
    assert placed.dockerfile.with_name("Dockerfile.dockerignore").read_text() == ""
    assert put_on_disk(options_of(project), folder) == options_of(project)


@pytest.mark.parametrize(
    ("kind", "path", "words"),
    [
        ("content", "opt/venv/lib/python3.11/site-packages/django/http/__pycache__/request.cpython-311.pyc", "Byte"),
        ("content", "var/cache/ldconfig/aux-cache", "ldconfig"),
        ("content", "var/log/dpkg.log", "log"),
        ("missing", "var/cache/apt/pkgcache.bin", "apt"),
        ("content", "var/lib/dpkg/status", "version"),
        ("content", "etc/shadow", "day"),
        ("content", "var/cache/fontconfig/0123-le64.cache-7", "fc-cache"),
        ("content", "opt/venv/lib/python3.11/site-packages/psycopg_c/pq.cpython-311-x86_64-linux-gnu.so", "compiled"),
        ("content", "opt/venv/lib/python3.11/site-packages/a-1.dist-info/direct_url.json", "folder"),
        ("content", "opt/venv/lib/python3.11/site-packages/a-1.dist-info/RECORD", "hashes"),
        ("content", "app/static/app.js.gz", "archive"),
        ("content", "app/staticfiles/staticfiles.json", "manifest"),
        ("missing", "tmp/tmpab12", "temporary"),
        ("time", "app/x", "stay"),
        ("mode", "app/x", "rights"),
        ("order", "", "order"),
        ("configuration", "config.Labels.built", "label"),
        ("layers", "", "number of layers"),
        ("content", "x\ny", "time"),
    ],
)
def test_a_likely_cause_is_named(kind: str, path: str, words: str) -> None:
    cause, fix = explain_difference(kind, path)
    assert words in cause.lower() or words in cause
    assert fix


def test_every_row_of_the_table_can_be_reached() -> None:
    rows = read_table("irreproducible")["cause"]
    assert all(row.keys() <= {"kinds", "pattern", "cause", "fix"} for row in rows)
    assert [row for row in rows if not row.keys() & {"kinds", "pattern"}] == rows[-1:]


def test_the_error_names_file_line_cause_and_next_step() -> None:
    difference = Difference("content", "x", "1 bytes", "2 bytes", layer=3)
    error = NotReproducibleError(Finding(difference, 4, "A cause.", "A fix."), ("sha256:a", "sha256:b"))
    assert error.message == (
        "Two builds gave two images: /x differs in its content (1 bytes; 2 bytes), from line 4 of the Dockerfile."
        " A cause."
    )
    assert error.hint == "A fix."
    assert "in layer 4" in describe(Finding(difference, None, "", ""))
    label = Difference("configuration", "config.Labels.built", "1", "2")
    assert describe(Finding(label, None, "", "")) == (
        "the configuration config.Labels.built is '1' in one and '2' in the other"
    )
