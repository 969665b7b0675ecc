"""The overlays of the modes: as they were read and agreed to."""

from __future__ import annotations

import pytest

from tests.docker import require_compose
from tests.golden_modes import CASES, ENV, GOLDEN, render_case


@pytest.mark.parametrize("name", CASES)
def test_overlays_are_as_agreed(name: str) -> None:
    """When the change is meant: `python -m tests.golden_modes`, and read the diff."""
    require_compose()
    agreed = {path.stem: path.read_text(encoding="utf-8") for path in (GOLDEN / name).iterdir()}
    assert render_case(name) == agreed


def test_every_case_has_its_overlays_and_none_holds_a_value_of_env() -> None:
    assert sorted(folder.name for folder in GOLDEN.iterdir()) == sorted(CASES)
    texts = [path.read_text(encoding="utf-8") for path in GOLDEN.rglob("*.yml")]
    assert len(texts) == 2 * len(CASES)
    assert [text for text in texts if "hush" in text or ENV in text] == []
