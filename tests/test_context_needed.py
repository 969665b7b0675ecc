from pathlib import Path

import pytest

from dockertools.context import inspect_context
from dockertools.context.needed import find_needed
from tests.context_trees import write_tree


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path / "c"


def find(root: Path, files: dict[str, str]) -> dict[str, tuple[str, str]]:
    write_tree(root, files)
    found = find_needed(inspect_context(root, root / "Dockerfile"))
    return {item.path: (item.level, item.rule.text if item.rule else "") for item in found}


def test_what_the_dockerfile_copies_and_the_rules_leave_out(project: Path) -> None:
    files = {
        "Dockerfile": "FROM x\nCOPY requirements.txt conf/ /app/\nCOPY . /app\n",
        ".dockerignore": "*.txt\nconf\n",
        "requirements.txt": "x",
        "conf/a.ini": "x",
    }
    assert find(project, files) == {"requirements.txt": ("fail", "*.txt"), "conf": ("fail", "conf")}


def test_what_is_copied_and_sent_is_fine(project: Path) -> None:
    files = {"Dockerfile": "FROM x\nCOPY ./a.txt b/ /c d* /app/\n", "a.txt": "", "b/x": "", "c": "", "dd": ""}
    assert find(project, files) == {}


def test_what_does_not_exist_is_told_too(project: Path) -> None:
    assert find(project, {"Dockerfile": "FROM x\nCOPY setup.cfg /\n"}) == {"setup.cfg": ("fail", "")}


def test_a_pattern_of_which_all_matches_are_left_out(project: Path) -> None:
    files = {"Dockerfile": "FROM x\nCOPY requirements*.txt /\n", ".dockerignore": "*.txt\n", "requirements.txt": "x"}
    assert find(project, files) == {"requirements.txt": ("fail", "*.txt")}
    assert find(project, {".dockerignore": "", "Dockerfile": "FROM x\nCOPY nothing*.txt /\n"}) == {}


def test_bind_mounts_need_their_source(project: Path) -> None:
    mount = "RUN --mount=type=bind,source=uv.lock,target=/uv.lock uv sync"
    files = {"Dockerfile": f"FROM x\n{mount}\n", ".dockerignore": "*.lock\n", "uv.lock": "x"}
    assert find(project, files) == {"uv.lock": ("fail", "*.lock")}


def test_files_that_the_command_names(project: Path) -> None:
    files = {
        "Dockerfile": 'FROM x\nENTRYPOINT ["/app/entrypoint.sh"]\nCMD ["gunicorn", "-c", "gunicorn.conf.py"]\n',
        ".dockerignore": "*.sh\n*.conf.py\n",
        "entrypoint.sh": "x",
        "gunicorn.conf.py": "x",
    }
    assert find(project, files) == {"entrypoint.sh": ("warn", "*.sh"), "gunicorn.conf.py": ("warn", "*.conf.py")}


@pytest.mark.parametrize(
    "table",
    [
        '[project]\nreadme = "README.md"\n',
        '[project]\nreadme = {file = "README.md"}\n',
        '[tool.poetry]\nreadme = ["README.md"]\n',
        '[tool.setuptools.dynamic]\nreadme = {file = ["README.md"]}\n',
    ],
)
def test_the_readme_that_pyproject_names(project: Path, table: str) -> None:
    files = {"pyproject.toml": table, "README.md": "x", ".dockerignore": "*.md\n"}
    assert find(project, files) == {"README.md": ("warn", "*.md")}
    assert find(project, {".dockerignore": "*.md\npyproject.toml\n"}) == {}


def test_manage_py_and_included_requirements(project: Path) -> None:
    files = {
        ".dockerignore": "manage.py\nrequirements/base.txt\n",
        "manage.py": "x",
        "requirements/base.txt": "x",
        "requirements/prod.txt": "-r base.txt\nx\n",
    }
    assert find(project, files) == {
        "manage.py": ("warn", "manage.py"),
        "requirements/base.txt": ("warn", "requirements/base.txt"),
    }


def test_compiled_translations_unless_they_are_compiled_in_the_image(project: Path) -> None:
    files = {".dockerignore": "**/*.mo\n", "locale/de/LC_MESSAGES/django.mo": "x", "Dockerfile": "FROM x\n"}
    assert find(project, files) == {"**/*.mo (1 files)": ("warn", "**/*.mo")}
    assert find(project, {"Dockerfile": "FROM x\nRUN python manage.py compilemessages\n"}) == {}
