"""The JSON document of a command: the same envelope for all."""

from __future__ import annotations

from typing import Any

from dockertools.errors import DockertoolsError


def make_document(
    command: str, payload: dict[str, Any], exit_code: int, error: DockertoolsError | None = None
) -> dict[str, Any]:
    """Return the document that `--format json` prints; `command` is the name without `docker_`."""
    return {
        "schema": f"dockertools.{command}/1",
        "exit_code": int(exit_code),
        "error": None if error is None else {"message": error.message, "hint": error.hint, "code": error.code},
        **payload,
    }
