"""The probes that run inside images, on folders and files made for the purpose."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from dockertools.build.dockerfile import read_stages
from dockertools.learn import database, guest, repository
from dockertools.learn.database import read_database
from dockertools.learn.environment import Question, find_mentions, read_needs
from dockertools.learn.facts import PYTHON, EnvironmentFacts, Need, User, read_environment, read_system
from dockertools.learn.repository import fits, guess_packages
from dockertools.learn.stages import base_of, has_stage, render_stages
from dockertools.process import Completed
from tests.elf import compile_library

STATUS = """Package: libpq5
Status: install ok installed
Depends: libc6 (>= 2.38), libssl3t64 | libssl3 (>= 3), krb5:any
Provides: libpq (= 1)

Package: libpq-dev
Status: install ok installed

Package: gone
Status: deinstall ok config-files
"""
FOLDER = "usr/lib/x86_64-linux-gnu"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system whose `/lib` is a link, with one library of a package that calls its folder `/lib`."""
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (tmp_path / FOLDER / "sasl2").mkdir(parents=True)
    (tmp_path / "usr/bin").mkdir()
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "var/lib/dpkg/status").write_text(STATUS)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('ID=debian\nVERSION_CODENAME="trixie"\n')
    (tmp_path / FOLDER / "libpq.so.5.17").touch()
    (tmp_path / FOLDER / "libpq.so.5").symlink_to("libpq.so.5.17")
    (tmp_path / FOLDER / "libpq.so").symlink_to("libpq.so.5.17")
    folder = "/lib/x86_64-linux-gnu"
    (info / "libpq5:amd64.list").write_text(
        f"/.\n/lib\n{folder}\n{folder}/libpq.so.5.17\n{folder}/libpq.so.5\n{folder}/sasl2/libx.so\n"
        "/usr/share/doc/libpq5/copyright\n"
    )
    (info / "libpq-dev.list").write_text(f"/usr/bin/pg_config\n/usr/include/libpq-fe.h\n/{FOLDER}/libpq.so\n")
    monkeypatch.setattr(database, "read_linker_cache", lambda: {"libpq.so.5": f"/{FOLDER}/libpq.so.5"})
    return tmp_path


def test_packages_and_owners_are_read_with_paths_as_the_system_knows_them(root: Path) -> None:
    facts = read_database(root)
    assert facts.suite == "trixie"
    assert set(facts.packages) == {"libpq5", "libpq-dev"}
    library, development = facts.packages["libpq5"], facts.packages["libpq-dev"]
    assert library.depends == (("libc6",), ("libssl3t64", "libssl3"), ("krb5",))
    assert library.provides == ("libpq",)
    assert sorted(library.libraries) == ["libpq.so.5", "libpq.so.5.17"]
    assert (library.has_plugins, library.has_data, library.has_headers) == (True, False, False)
    assert (development.has_headers, development.programs) == (True, ("pg_config",))
    assert development.links == (str(root / FOLDER / "libpq.so.5.17"),)
    assert facts.owners[f"/{FOLDER}/libpq.so.5.17"] == "libpq5"


def test_facts_survive_the_way_through_json(root: Path) -> None:
    facts = read_database(root)
    assert read_system(json.loads(json.dumps(asdict(facts)))) == facts


def test_a_system_without_dpkg_has_no_packages(tmp_path: Path) -> None:
    assert read_database(tmp_path).packages == {}


def test_the_linkers_list_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    said = (
        "2 libs found in cache `/etc/ld.so.cache'\n"
        "\tlibz.so.1 (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/libz.so.1\n"
        "\tlibz.so.1 (libc6) => /usr/lib32/libz.so.1\n"
    )
    monkeypatch.setattr(database, "run", lambda argv: Completed(0, said, ""))
    assert database.read_linker_cache() == {"libz.so.1": "/usr/lib/x86_64-linux-gnu/libz.so.1"}


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("libpq.so.5", "libpq5"),
        ("libmagic.so.1", "libmagic1t64"),
        ("libgdal.so.36", "libgdal36"),
        ("libharfbuzz.so.0", "libharfbuzz0b"),
        ("libxslt.so.1", "libxslt1.1"),
        ("libpangoft2-1.0.so.0", "libpangoft2-1.0-0"),
        ("gdal", "libgdal36"),
        ("ffmpeg", "ffmpeg"),
    ],
)
def test_the_likeliest_package_comes_first(name: str, package: str) -> None:
    known = ["libpq5", "libpq-dev", "libmagic1t64", "libmagic-dev", "libgdal36", "libgdal-dev", "libharfbuzz0b"]
    known += ["libxslt1.1", "libxslt1-dev", "libpangoft2-1.0-0", "ffmpeg", "ffmpeg-doc", "libpq5-dbgsym"]
    assert guess_packages(name, known)[0] == package


def test_nothing_is_guessed_for_what_no_package_is_called_after() -> None:
    assert guess_packages("libnosuch.so.7", ["libpq5"]) == []


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        ("./usr/lib/x86_64-linux-gnu/libpq.so.5", "libpq.so.5", True),
        ("./usr/lib/x86_64-linux-gnu/blas/libblas.so.3", "libblas.so.3", False),
        ("./usr/lib/x86_64-linux-gnu/libpq.so.5.17", "libpq.so.5", False),
        ("./usr/lib/x86_64-linux-gnu/libgdal.so.36", "gdal", True),
        ("./usr/lib/x86_64-linux-gnu/libgdal.so", "gdal", False),
        ("usr/bin/git", "git", True),
        ("usr/share/doc/git", "git", False),
    ],
)
def test_a_package_proves_itself_by_its_files(path: str, name: str, expected: bool) -> None:
    assert fits(path, name, {FOLDER}) is expected


def test_a_repository_that_does_not_answer_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "W: this\nE: Failed to fetch https://user:secret@packages.example/debian: no network\n"
    monkeypatch.setattr(repository, "run", lambda argv, **_: Completed(100, "", said))
    trouble = repository.ask_repository(["libpq.so.5"], {}).trouble
    assert "https://packages.example/debian: no network" in trouble
    assert "secret" not in trouble


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's code: it opens libraries, starts a program, and holds an ELF file that needs what is not there."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "app.py").write_text('import ctypes\nctypes.CDLL("libnosuch.so.7")\nctypes.CDLL("libc.so.6")\n')
    (folder / "start.py").write_text('import subprocess\nsubprocess.run(["no-such-program"])\n')
    gone = compile_library(tmp_path_factory.mktemp("gone") / "libgone.so.1", soname="libgone.so.1")
    compile_library(folder / "tool.so", needs=[gone])
    gone.unlink()
    return folder


@pytest.fixture(scope="module")
def facts(code: Path) -> EnvironmentFacts:
    """What this very environment and that code need."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(code)
        patch.setenv("LD_PRELOAD", "/lib/libpreloaded.so.1")
        return read_needs(Question(programs=("sh",)))


def need_of(facts: EnvironmentFacts, name: str, how: str) -> Need:
    return next(need for need in facts.needs if (need.name, need.how) == (name, how))


def test_what_the_code_opens_and_starts_is_read(facts: EnvironmentFacts, code: Path) -> None:
    opened = need_of(facts, "libnosuch.so.7", "opens")
    assert (opened.path, opened.users, opened.is_certain) == (None, (User(str(code / "app.py")),), True)
    assert need_of(facts, "no-such-program", "starts").path is None
    assert (need_of(facts, "sh", "starts").path or "").startswith("/")


def test_what_every_process_loads_is_needed(facts: EnvironmentFacts) -> None:
    assert [str(user) for user in need_of(facts, "/lib/libpreloaded.so.1", "opens").users] == ["LD_PRELOAD"]


def test_the_environments_files_are_read(facts: EnvironmentFacts) -> None:
    assert "django" in facts.distributions
    users = need_of(facts, "libc.so.6", "needs").users
    assert any(user.distribution == PYTHON for user in users)
    assert read_environment(json.loads(json.dumps(asdict(facts)))) == facts


def test_a_file_beside_the_environment_keeps_its_libraries_and_demands_none(
    facts: EnvironmentFacts, code: Path
) -> None:
    tool = str(code / "tool.so")
    assert User(tool) in need_of(facts, "libc.so.6", "needs").users
    gone = need_of(facts, "libgone.so.1", "needs")
    assert (gone.path, gone.is_certain) == (None, False)
    assert tool in facts.loose_objects


def test_names_of_libraries_are_found_as_code_writes_them(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('PACKAGES = ["libnone1", "libnone"]\nlibrary = find_library("magic")\n')
    (tmp_path / "b.so").write_bytes(b"\x7fELF\0libpq.so.5\0libz-1a2b.so\0")
    (tmp_path / "c.py").write_text('MAGIC = "gif"\n')  # opens nothing
    found = find_mentions(("libmagic", "libgif", "libnone", "libpq", "libz"), (tmp_path,))
    assert found == {"libmagic": str(tmp_path / "a.py"), "libpq": str(tmp_path / "b.so")}


def test_an_answer_goes_to_standard_output_or_into_a_file(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "read_database", lambda: read_database(root))
    guest.main("database", "{}")
    line = capsys.readouterr().out
    assert line.startswith(guest.MARK)
    guest.main("database", "{}", str(tmp_path / "answer.json"))
    assert json.loads((tmp_path / "answer.json").read_text()) == json.loads(line.removeprefix(guest.MARK))


DOCKERFILE = (
    "ARG B=python:3\nFROM ${B} AS Builder\nFROM ${B} AS runtime\nFROM runtime AS production\nFROM scratch AS last\n"
)


def test_the_base_of_a_stage_is_what_its_dockerfile_says() -> None:
    stages = read_stages(DOCKERFILE)
    assert base_of(stages, "production") == "${B}"
    assert base_of(stages, None) == ""
    assert base_of(stages, "no-such") == ""
    assert base_of((), None) == ""
    assert has_stage(stages, "builder")


def test_the_stages_that_ask_export_only_answers() -> None:
    text = render_stages({"runtime": ("database", {"a": 'it\'s "quoted"'})}, "${B}")
    stages = read_stages(text)
    assert [stage.name for stage in stages] == ["dockertools-ask-runtime", "dockertools-base", "dockertools-answers"]
    assert (stages[0].base, stages[1].base, stages[2].base) == ("runtime", "${B}", "scratch")
    command = next(line for line in text.splitlines() if line.startswith("RUN "))
    argv = json.loads(command[command.index("[") :])
    assert json.loads(argv[4]) == {"a": 'it\'s "quoted"'}
    assert "COPY --from=dockertools-ask-runtime" in text
    assert "RUN" not in render_stages({}, "${B}")
