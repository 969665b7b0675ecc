"""How the doctor's checks are registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from dockertools.checks.outside import register_outside
from dockertools.checks.results import Outcome, skipped
from dockertools.doctor.facts import DoctorFacts

KIND = "doctor"
GROUPS = {
    "engine": "The docker command, the engine it leads to, and the plugins.",
    "client": "The configuration of the docker command and of the engine.",
    "machine": "Disk and clock, where the engine is.",
    "build": "Names, connections and certificates inside a build.",
    "files": "Scripts and owners in the project's folder.",
    "services": "Mounts, users and file watching of the compose project.",
    "requirements": "Whether the requirements can be installed together, and for how long the base is supported.",
}
MOST_FINDINGS = 10
"""Findings of a kind that are listed one by one; the rest is one more."""

Function = TypeVar("Function", bound=Callable[[DoctorFacts], Iterable[Outcome]])
Section = TypeVar("Section")


def doctor_check(check_id: str, group: str, title: str, codes: Mapping[str, str]) -> Callable[[Function], Function]:
    """Add the decorated function to the doctor's checks; `check_id` is without the app, such as `D101`."""
    return register_outside(f"dockertools.{check_id}", kind=KIND, group=group, title=title, codes=codes)


def no_engine(facts: DoctorFacts) -> Outcome:
    """Return the outcome of what cannot be known without an engine."""
    return skipped("no-engine", "no engine answers; see dockertools.D102", engine=facts.engine.endpoint)


def printable(path: str) -> str:
    """Return a path with what is not UTF-8 in its name replaced, so that it can be shown and sent."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def need(section: Section | None) -> Section:
    """Return a section of the facts. Raises ValueError when its group was not asked for."""
    if section is None:
        raise ValueError("These facts belong to a group that was not asked for.")
    return section
