from pathlib import Path
from typing import Any

import pytest

from dockertools.conf import Config, find_root, image_name, make_config
from dockertools.errors import UsageError


def test_everything_is_optional(tmp_path: Path) -> None:
    project = tmp_path / "My Shop"
    project.mkdir()
    (project / "Dockerfile").touch()
    assert make_config({}, start=project) == Config(root=project, image="my-shop:latest")


def test_values_are_checked_and_frozen_into_their_types(tmp_path: Path) -> None:
    config = make_config(
        {"ROOT": str(tmp_path), "IMAGE": "shop:1", "MAX_SIZE": "400MB", "RUNTIME_PACKAGES": ["...", "libmagic1"]}
    )
    assert config.root == tmp_path
    assert config.image == "shop:1"
    assert config.max_size == 400_000_000
    assert config.runtime_packages == ("...", "libmagic1")


@pytest.mark.parametrize("marker", ["Dockerfile", "compose.yaml", "docker-compose.yml", ".git"])
def test_the_root_is_the_nearest_folder_with_a_marker(tmp_path: Path, marker: str) -> None:
    (tmp_path / marker).mkdir()
    deep = tmp_path / "backend" / "src"
    deep.mkdir(parents=True)
    assert find_root(deep) == tmp_path


def test_without_a_marker_the_root_is_where_one_stands(tmp_path: Path) -> None:
    assert find_root(tmp_path) == tmp_path


@pytest.mark.parametrize(
    ("folder", "expected"), [("CVImprover_API", "cvimprover-api"), ("shop.v2", "shop-v2"), ("ΩΩ", "django")]
)
def test_a_folder_name_becomes_a_valid_repository_name(folder: str, expected: str) -> None:
    assert image_name(Path("/srv", folder)) == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"IMGAE": "x"}, "has no key 'IMGAE'"),
        ({"IMAGE": ""}, "must be a non-empty string, not ''"),
        ({"PORT": 70000}, "must be a port number from 1 to 65535, not 70000"),
        ({"PORT": True}, "must be a port number"),
        ({"VARIANT": "tiny"}, "must be one of slim, alpine, distroless, not 'tiny'"),
        ({"ROOT": "/no/such/folder"}, "must be an existing folder"),
        ({"HEALTH_PATH": "healthz"}, "must begin with a slash"),
        ({"RUNTIME_PACKAGES": "libpq5"}, "must be a list of strings, not 'libpq5'"),
        ({"MODES": {"staging": []}}, "must be"),
        ({"MAX_SIZE": "huge"}, "must be a size such as '400MB', not 'huge'"),
        ({"SILENCED": ["C101"]}, "must be {check id: reason}"),
        (["IMAGE"], "DOCKERTOOLS must be a dictionary, not list"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_should_be(values: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_config(values)
    assert message in caught.value.message


def test_a_mistyped_key_gets_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        make_config({"IMGAE": "x"})
    assert caught.value.hint == "Did you mean 'IMAGE'?"
