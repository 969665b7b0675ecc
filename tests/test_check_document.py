from __future__ import annotations

import json
from pathlib import Path

import pytest

from dockertools.errors import DockertoolsError
from dockertools.reports.check_document import read_check_document

RESULT = {"id": "a", "title": "b", "status": "pass", "message": "c", "hint": ""}


def test_a_document_of_docker_check_is_read(tmp_path: Path) -> None:
    file = tmp_path / "checks.json"
    document = {"schema": "dockertools.check/1", "exit_code": 0, "error": None, "results": [RESULT]}
    file.write_text(json.dumps(document))
    assert read_check_document(file) == document


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "There is no file"),
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "is no document of docker_check"),
        ('{"schema": "dockertools.build/1", "results": []}', "is no document of docker_check"),
        ('{"schema": "dockertools.check/1", "error": {}}', "is no document of docker_check"),
        ('{"schema": "dockertools.check/1", "results": [{"id": 3}]}', "is no document of docker_check"),
    ],
)
def test_what_is_none_is_named_with_the_way_to_get_one(tmp_path: Path, text: str | None, words: str) -> None:
    file = tmp_path / "checks.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(DockertoolsError, match=words) as caught:
        read_check_document(file)
    assert caught.value.hint == f"docker_check --format json > {file}"
