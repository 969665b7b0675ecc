"""The start of the probes: run where the package was copied or mounted, with what it needs beside it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

MARK = "dockertools-learn:"
"""What the line of the answer begins with: a site customization may print before it."""


def main(action: str, text: str, *files: str) -> None:
    """Answer the question of the JSON `text` on standard output, or into a file."""
    answer = json.dumps(asdict(_ACTIONS[action](json.loads(text))))
    for file in files:
        Path(file).write_text(answer, encoding="utf-8")
    if not files:
        sys.stdout.write(f"{MARK}{answer}\n")


def _environment(values: dict[str, Any]) -> Any:
    from dockertools.learn.environment import Question, read_needs  # noqa: PLC0415  # needs what was copied beside

    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return read_needs(Question(**{**values, **lists}))


def _database(_values: dict[str, Any]) -> Any:
    from dockertools.learn.database import read_database  # noqa: PLC0415  # only one of them is wanted

    return read_database()


def _repository(values: dict[str, Any]) -> Any:
    from dockertools.learn.repository import ask_repository  # noqa: PLC0415  # only one of them is wanted

    return ask_repository(values["wanted"], values["guesses"])


_ACTIONS = {"environment": _environment, "database": _database, "repository": _repository}
