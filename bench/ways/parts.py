"""What an image is made of: the system, the environment, byte code, and the application."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

PARTS = {
    "system": "the system: interpreter and libraries",
    "environment": "`/opt/venv` without byte code",
    "bytecode": "byte code of what is imported",
    "code": "code and static files",
}
_COMMANDS = (
    *(("/opt/layers/", "environment"), ("/opt/venv /opt/venv", "environment"), ("COPY /bytecode", "bytecode")),
    *(("collectstatic", "code"), ("COPY . ", "code"), ("COPY /app ", "code")),
)


def parts_of_history(lines: Iterable[str]) -> dict[str, int]:
    """Return the bytes of each part by the commands of its layers; `lines` are JSON as `docker history` prints it.

    The commands are those that docker_init writes.
    """
    parts = dict.fromkeys(PARTS, 0)
    for line in lines:
        layer = json.loads(line)
        part = next((part for words, part in _COMMANDS if words in layer["CreatedBy"]), "system")
        parts[part] += int(layer["Size"])
    return parts


def parts_of_files(sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the bytes of each part by the paths of its files."""
    parts = dict.fromkeys(PARTS, 0)
    for path, size in sizes.items():
        parts[_part(path)] += size
    return parts


def _part(path: str) -> str:
    if path.startswith("/app/"):
        return "code"
    if "/__pycache__/" in path:
        return "bytecode"
    return "environment" if path.startswith("/opt/venv/") else "system"
