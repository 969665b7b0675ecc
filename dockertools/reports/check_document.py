"""A document that `docker_check --format json` wrote, read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dockertools.errors import DockertoolsError
from dockertools.files import read_text

SCHEMA = "dockertools.check/1"
_TEXTS = ("id", "title", "status", "message", "hint")


def read_check_document(path: Path) -> dict[str, Any]:
    """Return the document.

    Raises DockertoolsError when the file is missing, or is none.
    """
    hint = f"docker_check --format json > {path}"
    text = read_text(path)
    if text is None:
        raise DockertoolsError(f"There is no file {path}.", hint=hint, code="no-checks")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DockertoolsError(f"{path} is no JSON: {error}.", hint=hint, code="no-checks") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA or not _has_results(document):
        raise DockertoolsError(
            f"{path} is no document of docker_check: it has no results, or its schema is not {SCHEMA!r}.",
            hint=hint,
            code="no-checks",
        )
    return document


def _has_results(document: dict[str, Any]) -> bool:
    results = document.get("results")
    return isinstance(results, list) and all(
        isinstance(result, dict) and all(isinstance(result.get(key), str) for key in _TEXTS) for result in results
    )
