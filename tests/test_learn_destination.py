"""The file that the learned lists are written into."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from dockertools.conf import make_config
from dockertools.errors import DockertoolsError
from dockertools.learn import destination
from dockertools.learn.destination import find_destination, plan_lists

CHANGES = {"RUNTIME_PACKAGES": ("...", "libpq5")}
MANAGE = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose settings of production and of development stand on a common module."""
    folder = tmp_path / "config/settings"
    folder.mkdir(parents=True)
    (tmp_path / "manage.py").write_text(MANAGE)
    (tmp_path / "config/__init__.py").touch()
    for name, text in {
        "__init__.py": "",
        "base.py": "DEBUG = False\n",
        "local.py": '"""Mine."""\nfrom .base import *\nDEBUG = True\n',
        "single.py": "DEBUG = False\ntry:\n    from .secret import *\nexcept ImportError:\n    pass\n",
        "secret.py": "KEY = 1\n",
    }.items():
        (folder / name).write_text(text)
    return tmp_path


def use(monkeypatch: pytest.MonkeyPatch, module: str | None, **values: object) -> None:
    monkeypatch.setattr(destination, "settings", SimpleNamespace(SETTINGS_MODULE=module, **values))


@pytest.mark.parametrize(
    ("module", "path"),
    [
        ("config.settings.local", "config/settings/base.py"),
        ("config.settings.single", "config/settings/single.py"),
        (None, "pyproject.toml"),
    ],
)
def test_a_new_list_goes_where_all_settings_see_it(
    root: Path, monkeypatch: pytest.MonkeyPatch, module: str | None, path: str
) -> None:
    use(monkeypatch, module)
    assert find_destination(make_config({"ROOT": root})).path == path


def test_an_existing_configuration_is_changed_where_it_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = root / "config/settings/local.py"
    module.write_text(f"{module.read_text()}DOCKERTOOLS = {{'PORT': 80}}\n")
    use(monkeypatch, "config.settings.local", DOCKERTOOLS={"PORT": 80})
    planned = plan_lists(make_config({"ROOT": root}), CHANGES, manage=None)
    assert (planned.path, planned.action) == ("config/settings/local.py", "update")
    assert '-DOCKERTOOLS = {\'PORT\': 80}\n+DOCKERTOOLS = {\'PORT\': 80, "RUNTIME_PACKAGES": ["...", "libpq5"]}\n' in (
        planned.diff
    )


@pytest.mark.parametrize(
    ("files", "values", "words"),
    [
        ({"local.py": "DOCKERTOOLS = {}\n", "base.py": "DOCKERTOOLS = {}\n"}, {}, "set in more than one file"),
        ({}, {"DOCKERTOOLS": {"PORT": 80}}, "does not show where it is set"),
        ({"base.py": "DOCKERTOOLS = make()\n"}, {}, "is not a plain dictionary"),
    ],
)
def test_what_cannot_be_changed_is_told_with_the_lines_to_type(
    root: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], values: dict[str, object], words: str
) -> None:
    for name, text in files.items():
        path = root / "config/settings" / name
        path.write_text(path.read_text() + text)
    use(monkeypatch, "config.settings.local", **values)
    with pytest.raises(DockertoolsError, match=words) as caught:
        plan_lists(make_config({"ROOT": root}), CHANGES, manage=None)
    assert '    "RUNTIME_PACKAGES": ["...", "libpq5"],' in caught.value.hint
    assert caught.value.code == "not-editable"


def test_a_pyproject_is_made_where_there_is_none(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, None)
    planned = plan_lists(make_config({"ROOT": root}), CHANGES, manage=None)
    assert (planned.action, planned.text) == ("create", '[tool.dockertools]\nruntime-packages = ["...", "libpq5"]\n')
