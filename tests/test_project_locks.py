"""Lock files, the choice among manifests, and the version of Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockertools.errors import DockertoolsError, UsageError
from dockertools.project.facts import ManifestKind, Source
from dockertools.project.inspect import inspect_project
from dockertools.project.locks import read_pdm_lock, read_pipfile_lock, read_poetry_lock, read_pylock, read_uv_lock
from dockertools.project.manifests import find_manifest, read_manifest
from dockertools.project.python_version import find_python, pick_version
from dockertools.rendering.install import plan_installation
from tests.golden import PROJECTS, config_of, inspect_shape
from tests.test_project_settings import write

UV_LOCK = """
version = 1
requires-python = ">=3.12"

[[package]]
name = "site"
version = "1"
source = { virtual = "." }
dependencies = [
  { name = "psycopg", extra = ["c"] },
  { name = "pywin32", marker = "sys_platform == 'win32'" },
  { name = "shop" },
]
[package.dev-dependencies]
dev = [{ name = "pytest" }]

[[package]]
name = "psycopg"
version = "3.3"
source = { registry = "https://example.org/simple" }
wheels = [{ url = "https://example.org/psycopg-3.3-py3-none-any.whl" }]
[package.optional-dependencies]
c = [{ name = "psycopg-c" }]

[[package]]
name = "psycopg-c"
version = "3.3"
source = { registry = "https://example.org/simple" }
sdist = { url = "https://example.org/psycopg_c-3.3.tar.gz" }

[[package]]
name = "shop"
version = "1"
source = { git = "https://example.org/shop" }

[[package]]
name = "pywin32"
version = "1"
source = { registry = "https://example.org/simple" }

[[package]]
name = "pytest"
version = "9"
source = { registry = "https://example.org/simple" }
"""


def test_uv_installs_what_the_project_reaches_on_linux_without_groups(tmp_path: Path) -> None:
    lock = read_uv_lock(write(tmp_path, {"uv.lock": UV_LOCK}) / "uv.lock", "3.13")
    assert [(item.name, item.extras, item.source) for item in lock.requirements] == [
        ("psycopg", ("c",), Source.INDEX),
        ("psycopg-c", (), Source.INDEX),
        ("shop", (), Source.REPOSITORY),
    ]
    assert [item.name for item in lock.requirements if item.from_source] == ["psycopg-c"]


def test_poetry_leaves_other_groups_optional_packages_and_other_systems_out(tmp_path: Path) -> None:
    text = "".join(
        f'[[package]]\nname = "{name}"\nversion = "1"\noptional = {optional}\n{more}\nfiles = []\n'
        for name, optional, more in (
            ("Django", "false", 'groups = ["main"]'),
            ("pytest", "false", 'groups = ["dev"]'),
            ("mysqlclient", "true", 'groups = ["main"]'),
            ("pywin32", "false", 'groups = ["main"]\nmarkers = "sys_platform == \'win32\'"'),
            ("both", "false", 'groups = ["main", "dev"]\nmarkers = {main = "python_version < \'3\'"}'),
        )
    )
    lock = read_poetry_lock(write(tmp_path, {"poetry.lock": text}) / "poetry.lock", "3.13")
    assert [item.name for item in lock.requirements] == ["django"]


@pytest.mark.parametrize(
    ("read", "shape", "name"),
    [
        (read_uv_lock, "uv", "uv.lock"),
        (read_poetry_lock, "poetry", "poetry.lock"),
        (read_pdm_lock, "pdm", "pdm.lock"),
        (read_pipfile_lock, "pipenv", "Pipfile.lock"),
    ],
)
def test_real_lock_files_hold_the_same(read: object, shape: str, name: str) -> None:
    lock = read(PROJECTS / shape / name, "3.13")  # type: ignore[operator]
    found = {item.name for item in lock.requirements} - {"packaging"}
    assert {"asgiref", "django", "gunicorn", "sqlparse"} <= found
    assert "pytest" not in found
    assert lock.has_hashes


def test_a_standard_lock_file(tmp_path: Path) -> None:
    text = (
        'lock-version = "1.0"\nrequires-python = ">=3.12"\n'
        '[[packages]]\nname = "Django"\nversion = "5.2"\nwheels = [{name = "django-5.2-py3-none-any.whl", url = "x"}]\n'
        '[[packages]]\nname = "mysqlclient"\nversion = "2"\nsdist = {url = "x"}\n'
        '[[packages]]\nname = "pywin32"\nversion = "1"\nmarker = "sys_platform == \'win32\'"\n'
    )
    lock = read_pylock(write(tmp_path, {"pylock.toml": text}) / "pylock.toml", "3.13")
    assert [(item.name, item.from_source) for item in lock.requirements] == [("django", False), ("mysqlclient", True)]


@pytest.mark.parametrize(
    ("files", "kind", "path"),
    [
        (["uv.lock", "requirements.txt", "pyproject.toml"], ManifestKind.UV, "uv.lock"),
        (["Pipfile.lock", "requirements.txt"], ManifestKind.PIPENV, "Pipfile.lock"),
        (["requirements/base.txt", "requirements/prod.txt"], ManifestKind.REQUIREMENTS, "requirements/prod.txt"),
        (["requirements.txt", "setup.py"], ManifestKind.REQUIREMENTS, "requirements.txt"),
        (["setup.cfg"], ManifestKind.SETUP, "setup.cfg"),
    ],
)  # fmt: skip
def test_the_manifest_is_chosen_in_order(tmp_path: Path, files: list[str], kind: ManifestKind, path: str) -> None:
    manifest = find_manifest(write(tmp_path, dict.fromkeys(files, "")), None)
    assert (manifest.kind, manifest.path) == (kind, path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no list of requirements"),
        ({"environment.yml": ""}, "environment.yml is a manifest of conda"),
        ({"Pipfile": ""}, "Pipenv without its Pipfile.lock"),
        ({"pyproject.toml": "[tool.poetry]\n"}, "pyproject.toml is Poetry's, and there is no poetry.lock."),
        ({"pyproject.toml": "[project\n"}, "pyproject.toml cannot be read"),
    ],
)
def test_what_is_no_manifest_is_named(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(DockertoolsError, match=message):
        find_manifest(write(tmp_path, files), None)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"uv.lock": "version = "}, "uv.lock cannot be read: Invalid value"),
        ({"uv.lock": "version = 1\n"}, r"uv.lock lies there without pyproject.toml"),
        ({"Pipfile.lock": "[]", "Pipfile": ""}, "does not hold an object, but list"),
    ],
)
def test_a_broken_lock_file_is_an_error(tmp_path: Path, files: dict[str, str], message: str) -> None:
    root = write(tmp_path, files)
    with pytest.raises(DockertoolsError, match=message):
        read_manifest(root, find_manifest(root, None), "3.13")


def test_a_named_manifest_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DockertoolsError, match=r"The manifest deploy\.txt is not in"):
        find_manifest(tmp_path, "deploy.txt")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("3.12", "3.12"),
        ("3.12.4", "3.12"),
        (">=3.11", "3.13"),
        (">=3.10,<3.13", "3.12"),
        (">=3.11.4, <3.12", "3.11"),
        ("^3.12", "3.13"),
        ("~3.11", "3.11"),
        ("~=3.10", "3.13"),
        ("==3.9.*", "3.9"),
        (">=3.14", "3.14"),
        ("pypy3.10", None),
        (">=4", None),
    ],
)
def test_the_version_that_a_range_means(text: str, version: str | None) -> None:
    assert pick_version(text) == version


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".python-version", "# pyenv\n3.12.4\n"),
        ("runtime.txt", "python-3.12.4\n"),
        (".tool-versions", "nodejs 20\npython 3.12.4 3.11\n"),
        ("mise.toml", '[tools]\npython = "3.12"\n'),
        ("Pipfile.lock", '{"_meta": {"requires": {"python_version": "3.12"}}}'),
        ("pyproject.toml", '[project]\nrequires-python = ">=3.12,<3.13"\n'),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "~3.12"\n'),
        ("poetry.lock", '[metadata]\npython-versions = "~3.12"\n'),
        ("setup.cfg", "[options]\npython_requires = ==3.12.*\n"),
        ("setup.py", "from setuptools import setup\nsetup(python_requires='<3.13,>=3.12')\n"),
    ],
)
def test_the_version_is_found_where_projects_keep_it(tmp_path: Path, name: str, text: str) -> None:
    python, notes = find_python(write(tmp_path, {name: text}))
    assert (python.version, python.origin, notes) == ("3.12", name, ())


def test_without_a_version_the_default_is_said_to_be_assumed(tmp_path: Path) -> None:
    python, notes = find_python(tmp_path)
    assert python.base_image == "python:3.13-slim-trixie"
    assert "3.13 is assumed" in notes[0].message


def test_a_base_image_says_its_suite(tmp_path: Path) -> None:
    python, _ = find_python(tmp_path, version="3.12", base_image="registry.example/python:3.12-bookworm")
    assert (python.suite, python.base_image) == ("bookworm", "registry.example/python:3.12-bookworm")


def test_a_suite_without_a_table_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no table of packages for the suite 'sid'"):
        find_python(tmp_path, suite="sid")


@pytest.mark.parametrize(
    ("shape", "server", "interface", "application"),
    [
        ("requirements", "gunicorn", "wsgi", "config.wsgi:application"),
        ("asgi-uvicorn", "uvicorn", "asgi", "config.asgi:application"),
        ("channels-daphne", "daphne", "asgi", "config.asgi:application"),
        ("granian", "granian", "wsgi", "config.wsgi:application"),
        ("uwsgi", "uwsgi", "wsgi", "config.wsgi:application"),
        ("files", "waitress", "wsgi", "config.wsgi:application"),
        ("no-server", "gunicorn", "wsgi", "config.wsgi:application"),
    ],
)
def test_the_server_is_the_one_that_the_project_requires(
    shape: str, server: str, interface: str, application: str
) -> None:
    found = inspect_shape(shape).server
    assert (found.name, found.interface, found.application) == (server, interface, application)
    assert found.is_added == (shape == "no-server")


WHEELS = """
[[package]]
name = "zopfli"
version = "0.2.3"
source = { registry = "https://example.org/simple" }
sdist = { url = "https://example.org/zopfli-0.2.3.zip" }
wheels = [{ url = "https://example.org/zopfli-0.2.3-cp312-cp312-manylinux_2_17_x86_64.whl" }]
"""


def lock_zopfli(root: Path, python: str) -> Path:
    lock = UV_LOCK.replace('{ name = "shop" }', '{ name = "zopfli" }').replace(">=3.12", python) + WHEELS
    project = f'[project]\nname = "site"\nversion = "1"\nrequires-python = "{python}"\n'
    return write(root, {"uv.lock": lock, "pyproject.toml": project, "manage.py": "# django\n", "settings.py": ""})


def test_of_a_range_the_python_is_taken_that_the_locked_wheels_are_for(tmp_path: Path) -> None:
    found = inspect_project(config_of(lock_zopfli(tmp_path, ">=3.11")))
    assert (found.python.version, found.python.base_image) == ("3.12", "python:3.12-slim-trixie")
    assert found.python.origin == "pyproject.toml, and the newest that the locked wheels are for"
    assert "g++" not in found.packages.build


def test_what_has_no_wheel_for_the_only_python_is_compiled_and_told(tmp_path: Path) -> None:
    found = inspect_project(config_of(lock_zopfli(tmp_path, "==3.13.*")))
    assert found.python.version == "3.13"
    assert "g++" in found.packages.build
    assert "uv.lock: has no wheel for Python 3.13 of zopfli 0.2.3: the image compiles it" in map(str, found.notes)


def test_a_lock_of_pdm_without_markers_is_installed_by_pdm_itself(tmp_path: Path) -> None:
    for strategy, markers in (('["cross_platform", "inherit_metadata"]', True), ('["cross_platform"]', False)):
        text = f'[metadata]\nstrategy = {strategy}\n[[package]]\nname = "Django"\nversion = "5"\n'
        write(tmp_path, {"pdm.lock": text, "pyproject.toml": "", "manage.py": "# django\n", "settings.py": ""})
        found = inspect_project(config_of(tmp_path))
        assert found.manifest.has_markers is markers
        command = plan_installation(found).commands[0]
        assert ("export --prod" if markers else "sync --prod --no-self") in command


def test_lists_with_hashes_know_the_setuptools_that_they_leave_out(tmp_path: Path) -> None:
    pin = "django==5.2 --hash=sha256:" + "0" * 64 + "\n"
    write(tmp_path, {"requirements.txt": pin, "manage.py": "# django\n", "settings.py": ""})
    found = inspect_project(config_of(tmp_path))
    assert any("--require-hashes --constraint" in command for command in plan_installation(found).commands)
    named = write(tmp_path, {"requirements.txt": pin + pin.replace("django", "setuptools")})
    assert all(
        "--constraint" not in command for command in plan_installation(inspect_project(config_of(named))).commands
    )


WORKSPACE = """
version = 1
requires-python = ">=3.12"

[manifest]
members = ["backend", "shop"]

[[package]]
name = "backend"
version = "1"
source = { virtual = "backend" }
dependencies = [{ name = "django" }, { name = "shop" }]

[[package]]
name = "django"
version = "5.2"
source = { registry = "https://example.org/simple" }
wheels = [{ url = "https://example.org/django-5.2-py3-none-any.whl" }]

[[package]]
name = "shop"
version = "1"
source = { editable = "libs/shop" }
dependencies = [{ name = "roman" }]

[[package]]
name = "roman"
version = "5.2"
source = { registry = "https://example.org/simple" }
wheels = [{ url = "https://example.org/roman-5.2-py3-none-any.whl" }]
"""


def test_of_a_workspace_without_a_project_all_members_are_installed(tmp_path: Path) -> None:
    files = {
        "uv.lock": WORKSPACE,
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["backend", "libs/*"]\n',
        "backend/manage.py": "# django\n",
        "backend/settings.py": "",
        "backend/pyproject.toml": "[project]\nname = 'backend'\n",
        "libs/shop/pyproject.toml": "[project]\nname = 'shop'\n",
    }
    found = inspect_project(config_of(write(tmp_path, files)))
    assert found.manifest.names >= {"django", "roman"}
    assert found.manifest.files == ("uv.lock", "pyproject.toml", "backend/pyproject.toml")
    assert found.manifest.local_paths == ("libs/shop",)
    assert plan_installation(found).commands[0] == "uv sync --frozen --no-default-groups --all-packages"
