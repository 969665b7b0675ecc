"""What `docker_init` found out and did, as a document and as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from enum import Enum
from typing import Any

from dockertools.files import Ownership
from dockertools.project.facts import ProjectFacts
from dockertools.rendering.plan import CREATE, KEPT, UNCHANGED, UPDATE, PlannedFile

_DONE = {CREATE: "created", UPDATE: "updated", UNCHANGED: "unchanged", KEPT: "kept"}
_TO_DO = {CREATE: "would be created", UPDATE: "would be updated", UNCHANGED: "unchanged", KEPT: "would be kept"}
_OWNERS = {
    Ownership.THEIRS: "it is yours: take over from the diff what you like",
    Ownership.EDITED: "it was edited; --force replaces it and saves it as {path}.orig",
}


def init_payload(facts: ProjectFacts, files: Iterable[PlannedFile]) -> dict[str, Any]:
    """Return the command's part of the JSON document."""
    return {
        "facts": _jsonable(asdict(facts)),
        "files": [{"path": file.path, "action": file.action, "diff": file.diff} for file in files],
    }


def _jsonable(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    return [_jsonable(item) for item in value] if isinstance(value, (list, tuple)) else value


def facts_lines(facts: ProjectFacts) -> Iterator[str]:
    """Yield what was found, one thing a line."""
    settings, manifest = facts.settings, facts.manifest
    origin = "loaded" if settings.is_live else "read from the source"
    yield f"Settings      {settings.module or 'none known'} ({origin})"
    system = facts.python.system or facts.python.suite
    yield f"Python        {facts.python.version} on {system}, from {facts.python.origin}"
    checked = "with hashes" if manifest.has_hashes else "without hashes"
    yield f"Requirements  {manifest.files[0]}: {len(manifest.requirements)} {checked}"
    yield f"Server        {facts.server.name} ({facts.server.interface}), {facts.server.application}"
    for title, names in (
        ("Databases", [f"{database.alias}: {database.engine}" for database in settings.databases]),
        ("Workers", [worker.name for worker in facts.workers]),
        ("To build", list(facts.packages.build)),
        ("To run", list(facts.packages.runtime)),
        ("Programs", list(facts.packages.programs)),
    ):
        if names:
            yield f"{title:<13} {', '.join(names)}"
    if facts.front_end:
        yield f"Front end     {facts.front_end.folder}/package.json, Node {facts.front_end.node_version}"


def files_lines(files: Sequence[PlannedFile], *, is_done: bool) -> Iterator[str]:
    """Yield what became, or would become, of each file."""
    words = _DONE if is_done else _TO_DO
    for file in files:
        reason = _OWNERS.get(file.owner, "").format(path=file.path) if file.action == KEPT else ""
        yield f"{file.path:<20} {words[file.action]}{f' ({reason})' if reason else ''}"
