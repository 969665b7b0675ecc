"""Which package.json is built for Django, and with which Node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dockertools.project.front_end import find_front_end
from dockertools.project.layout import find_layout
from tests.test_project_settings import MANAGE, write

BUILD = json.dumps({"scripts": {"build": "vite build"}})


def find(root: Path, files: dict[str, str], chosen: str | None = None) -> tuple[str | None, list[str]]:
    module = MANAGE.format(module="site.settings")
    manage = {} if any(name.endswith("manage.py") for name in files) else {"manage.py": module, "site/settings.py": ""}
    write(root, {**manage, **files})
    found, notes = find_front_end(find_layout(root), chosen)
    return found.folder if found else None, [str(note) for note in notes]


def test_the_nearest_one_with_a_build_is_taken(tmp_path: Path) -> None:
    files = {"package.json": "{}", "theme/package.json": BUILD, "theme/yarn.lock": "", "theme/deep/package.json": BUILD}
    assert find(tmp_path, files) == ("theme", [])


def test_the_site_of_the_documentation_is_not_djangos(tmp_path: Path) -> None:
    assert find(tmp_path, {"docs/package.json": BUILD, "website/package.json": BUILD}) == (None, [])


def test_a_broken_one_is_passed_over_and_told(tmp_path: Path) -> None:
    found, notes = find(tmp_path, {"package.json": "{"})
    assert found is None
    assert notes[0].startswith("package.json: is passed over:")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"frontend/vite.config.ts": "outDir: '../backend/site/static'"}, "frontend"),
        ({"backend/site/settings.py": "STATICFILES_DIRS = [BASE_DIR.parent / 'frontend' / 'dist']"}, "frontend"),
        ({"backend/site/settings.py": "frontend = 1"}, None),
        ({}, None),
    ],
)
def test_beside_djangos_folder_one_has_to_name_the_other(
    tmp_path: Path, files: dict[str, str], expected: str | None
) -> None:
    base = {
        "backend/manage.py": MANAGE.format(module="site.settings"),
        "backend/site/settings.py": "",
        "frontend/package.json": BUILD,
        "frontend/package-lock.json": "{}",
    }
    found, notes = find(tmp_path, {**base, **files})
    assert found == expected
    reason = "the settings do not name it, and it does not name backend"
    told = [f"frontend/package.json: has a build, which is left out: {reason}"]
    assert notes == ([] if expected else told)


def test_the_configuration_chooses_one_or_none(tmp_path: Path) -> None:
    files = {"package.json": BUILD, "theme/package.json": BUILD}
    assert find(tmp_path, files, "theme")[0] == "theme"
    assert find(tmp_path, files, "")[0] is None


@pytest.mark.parametrize(
    ("engines", "version"),
    [
        ("", "22"), (">= 24", "24"), (">=18", "22"), ("^18.12", "18"), ("18 || 20", "20"), (">=18 <21", "20"),
        ("20.x", "20"), (">=18.0.0 <22.0.0", "20"), ("<=21", "20"), ("*", "22"), ("26", "26"), ("v20.1.0", "20"),
        ("lts/*", "22"), ("~23.1", "23"),
    ],
)  # fmt: skip
def test_the_version_of_node_is_one_that_the_package_allows(tmp_path: Path, engines: str, version: str) -> None:
    package = {"scripts": {"build": "x"}, "engines": {"node": engines}}
    write(tmp_path, {"manage.py": "# django\n", "settings.py": "", "package.json": json.dumps(package)})
    found, _ = find_front_end(find_layout(tmp_path))
    assert found is not None
    assert found.node_version == version


def test_a_file_for_the_version_of_node_comes_first(tmp_path: Path) -> None:
    files = {".nvmrc": "v20.11.1\n", "package.json": BUILD, "manage.py": "# django\n", "settings.py": ""}
    found, _ = find_front_end(find_layout(write(tmp_path, files)))
    assert found is not None
    assert found.node_version == "20"
