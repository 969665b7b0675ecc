"""What is code among the mounts, where a folder's name alone could mislead."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from dockertools.compose import classify


@pytest.mark.parametrize("place", ["development/shop", "dev/shop"])
def test_a_project_below_a_folder_of_the_system_or_one_named_like_it_has_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(classify, "_NEVER_CODE", (str(tmp_path / "dev"),))
    root = tmp_path / place
    (root / "cart").mkdir(parents=True)
    (root / "cart/models.py").touch()
    assert classify.is_code(root / "cart", PurePosixPath("/app/cart"), [root], None)


def test_scripts_of_the_system_are_no_code_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classify, "_NEVER_CODE", (str(tmp_path / "dev"),))
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/hook.py").touch()
    assert not classify.is_code(tmp_path / "dev", PurePosixPath("/hooks"), [tmp_path / "shop"], None)
