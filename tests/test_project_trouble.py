"""Broken projects: the file, the line, and what is assumed instead; never a traceback."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.errors import DockertoolsError
from dockertools.project.facts import ProjectFacts
from dockertools.project.inspect import inspect_project
from dockertools.rendering.files import render_files
from tests.golden import PROJECTS, config_of

Files = dict[str, str | bytes | None]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECTS / "requirements", tmp_path / "shop"))


def change(project: Path, files: Files) -> None:
    """Write the files; None removes one."""
    for name, content in files.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)


def look(project: Path, files: Files) -> ProjectFacts:
    """Change the project, and return what is found; its files can be rendered too."""
    change(project, files)
    config = config_of(project)
    facts = inspect_project(config)
    assert render_files(facts, config)
    return facts


@pytest.mark.parametrize(
    ("files", "note"),
    [
        ({"sub/manage.py": "# django"}, "manage.py: is taken for the project's; there are others: sub/manage.py"),
        ({"config/settings.py": "DEBUG = ("}, "config/settings.py:1: is not valid Python ('(' was never closed)"),
        ({"config/settings.py": b"X = '\xe9'"}, "config/settings.py:1: is not valid Python"),
        ({"config/settings.py": "X = 1\0"}, "config/settings.py: is not valid Python"),
        ({"config/settings.py": "X = " + "+".join(["1"] * 20_000)}, "config/settings.py: is nested too deeply"),
        ({"config/settings.py": "DATABASES = []"}, "config/settings.py: DATABASES is not known before"),
        ({"config/settings.py": None}, "no settings module is known; Django's defaults are assumed"),
        ({"requirements.txt": "-r missing.txt\ndjango==5"}, "requirements.txt:1: missing.txt cannot be read"),
        ({"requirements.txt": "-r ../../secret\ndjango==5"}, "requirements.txt:1: ../../secret lies outside the"),
        ({"requirements.txt": "django==5\n\n???"}, "requirements.txt:3: is not a requirement: '???'"),
        ({"requirements.txt": "django==5\n".encode("utf-16")}, "requirements.txt: is UTF-16; the build converts it"),
        (
            {"requirements.txt": f"a==1 --hash=sha256:{'0' * 64}\nb==1"},
            "requirements.txt:2: has no hash, and others have: hashes are checked where they are given",
        ),
        ({".python-version": "2.7.18"}, ".python-version: '2.7.18' names no known version of Python"),
        ({".python-version": "pypy3.10"}, ".python-version: 'pypy3.10' names no known version of Python"),
        ({"package.json": "[]"}, "package.json: is passed over: "),
        ({"package.json": '{"scripts": {"build": "x"}, "dependencies": []}'}, "package.json: is passed over: "),
        ({".python-version": None, "pyproject.toml": "project = 3"}, "pyproject.toml: is passed over: "),
    ],
)
def test_what_is_assumed_is_told_with_its_place(project: Path, files: Files, note: str) -> None:
    notes = [str(found) for found in look(project, files).notes]
    assert [found for found in notes if found.startswith(note)], notes


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"requirements.txt": bytes(range(128, 200))}, "requirements.txt: is not UTF-8 (byte 0)"),
        ({"uv.lock": "[[package]\n"}, "uv.lock cannot be read: Expected ']]'"),
        ({"uv.lock": "package = 3", "pyproject.toml": ""}, "uv.lock is not in its format (TypeError"),
        ({"poetry.lock": "package = ['x']", "pyproject.toml": ""}, "poetry.lock is not in its format (AttributeError"),
        ({"Pipfile.lock": "{", "Pipfile": ""}, "Pipfile.lock cannot be read: Expecting property name"),
        ({"Pipfile.lock": '{"default": {"django": 5}}', "Pipfile": ""}, "Pipfile.lock is not in its format"),
        ({"uv.lock": ""}, "uv.lock lies there without pyproject.toml"),
        ({"requirements.txt": None, "environment.yml": ""}, "environment.yml is a manifest of conda"),
        ({"requirements.txt": None, "pyproject.toml": "[tool.poetry]"}, "pyproject.toml is Poetry's"),
        (
            {"requirements.txt": None, "pyproject.toml": "[project]\ndependencies = 'django'"},
            "pyproject.toml is not in its format",
        ),
        (
            {"requirements.txt": None, "pyproject.toml": "[dependency-groups]\nmain = ['django']"},
            "pyproject.toml has no [project] dependencies, only groups: main.",
        ),
    ],
)
def test_a_list_that_cannot_be_read_is_an_error_with_its_name(project: Path, files: Files, message: str) -> None:
    with pytest.raises(DockertoolsError) as caught:
        look(project, files)
    assert message in caught.value.message


@pytest.mark.parametrize("target", ["nowhere.txt", "requirements.txt"])
def test_a_link_to_nothing_is_named(project: Path, target: str) -> None:
    (project / "requirements.txt").unlink()
    (project / "requirements.txt").symlink_to(target)
    with pytest.raises(DockertoolsError, match=r"requirements\.txt is there, and is no file that can be read"):
        look(project, {})


def test_settings_that_need_a_secret_or_a_database_are_not_run(project: Path) -> None:
    source = (
        "import psycopg\npsycopg.connect('host=nowhere')\nKEY = open('/run/secrets/key').read()\nraise SystemExit\n"
    )
    assert look(project, {"config/settings.py": source}).settings.module == "config.settings"


def test_star_imports_in_a_circle_end(project: Path) -> None:
    files: Files = {
        "config/settings.py": "from .other import *\nINSTALLED_APPS = ['shop']\n",
        "config/other.py": "from .settings import *\n",
    }
    assert look(project, files).settings.installed_apps == ("shop",)


def test_folders_that_are_linked_in_a_circle_are_not_followed(project: Path) -> None:
    (project / "config/again").symlink_to(project, target_is_directory=True)
    assert look(project, {}).manage == "manage.py"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = ("INSTALLED_APPS", "MIDDLEWARE", "DATABASES", "CACHES", "LANGUAGES", "STATIC_ROOT", "MEDIA_ROOT", "LOGGING")


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from((*NAMES, "CHANNEL_LAYERS", "CELERY_BROKER_URL")), VALUES, max_size=4))
def test_settings_of_any_type_are_read(tmp_path_factory: pytest.TempPathFactory, values: dict[str, object]) -> None:
    folder = tmp_path_factory.mktemp("any")
    source = "".join(f"{name} = {value!r}\n" for name, value in values.items())
    files: Files = {"manage.py": "# django", "settings.py": source, "requirements.txt": "django==5\n"}
    assert look(folder, files).settings.module == "settings"
