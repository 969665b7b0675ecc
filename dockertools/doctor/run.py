"""Look at the machine and the project, group by group, and judge."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from dockertools.checks.outside import OutsideCheck, outside_checks, run_outside
from dockertools.checks.registry import CheckInfo
from dockertools.checks.results import CheckResult
from dockertools.checks.runner import Event, Working
from dockertools.conf import Config
from dockertools.doctor import (  # noqa: F401  # importing them registers the checks
    build_checks,
    client_checks,
    engine_checks,
    file_checks,
    machine_checks,
    requirement_checks,
    service_checks,
)
from dockertools.doctor.base import GROUPS, KIND
from dockertools.doctor.build_facts import inspect_build, shell_proxies
from dockertools.doctor.client_facts import inspect_client
from dockertools.doctor.engine_facts import inspect_engine, unasked_engine
from dockertools.doctor.facts import DoctorFacts
from dockertools.doctor.file_facts import inspect_files
from dockertools.doctor.machine_facts import inspect_host, inspect_machine
from dockertools.doctor.requirement_facts import inspect_requirements
from dockertools.doctor.service_facts import inspect_services

TICK_SECONDS = 0.5
_ASKING = frozenset({"engine", "machine", "build", "services"})
"""Groups whose checks look at the engine."""


@dataclass(frozen=True)
class Diagnosis:
    """All results, and the facts that they stand on."""

    facts: DoctorFacts
    results: tuple[CheckResult, ...] = field(default_factory=tuple)


def doctor_checks() -> tuple[OutsideCheck, ...]:
    """Return the doctor's checks in the order of their groups."""
    order = list(GROUPS)
    return tuple(sorted(outside_checks(KIND), key=lambda check: (order.index(check.group), check.id)))


def diagnose(
    config: Config,
    checks: Iterable[CheckInfo],
    silenced: Mapping[str, str],
    on_event: Callable[[Event], None],
    caller: str = DoctorFacts.caller,
) -> Diagnosis:
    """Look at what the checks need, a group at a time, and run them; what cannot be asked becomes a finding.

    `caller` is how the commands are called here, for the next steps.
    """
    checks = tuple(checks)
    groups = {check.group for check in checks}
    asks = not groups.isdisjoint(_ASKING)
    engine = _tell("asking the engine", inspect_engine, on_event) if asks else unasked_engine()
    facts = DoctorFacts(
        config=config, today=datetime.now(UTC).date(), host=inspect_host(), engine=engine, caller=caller
    )
    results: list[CheckResult] = []
    for group in dict.fromkeys(check.group for check in checks):
        of_group = [check for check in checks if check.group == group]
        if any(check.id not in silenced for check in of_group):
            facts = replace(facts, **_look(group, facts, on_event))
        results += run_outside(of_group, facts, silenced, on_event)
    return Diagnosis(facts, tuple(results))


def _look(group: str, facts: DoctorFacts, on_event: Callable[[Event], None]) -> dict[str, Any]:
    """Return the facts of a group, by the name of their field."""
    if group == "build" and not facts.engine.is_answering:
        return {}
    section, what, look = _SECTIONS[group]
    return {section: getattr(facts, section) or _tell(what, lambda: look(facts), on_event)}


_SECTIONS: dict[str, tuple[str, str, Callable[[DoctorFacts], Any]]] = {
    "engine": ("client", "trying the credentials helpers", lambda _: inspect_client()),
    "client": ("client", "trying the credentials helpers", lambda _: inspect_client()),
    "machine": (
        "machine",
        "asking what the engine holds",
        lambda facts: inspect_machine(facts.engine.info),
    ),
    "build": ("build", "asking from inside a build", lambda facts: inspect_build(facts.config, shell_proxies())),
    "files": (
        "files",
        "walking the project",
        lambda facts: inspect_files(facts.root, facts.root / facts.config.dockerfile),
    ),
    "services": ("services", "asking compose", lambda facts: inspect_services(facts.config)),
    "requirements": (
        "requirements",
        "resolving the requirements",
        lambda facts: inspect_requirements(facts.config),
    ),
}
"""By group: the field of the facts, what is said while they are gathered, and how they are."""


def _tell(what: str, look: Callable[[], Any], on_event: Callable[[Event], None]) -> Any:
    """Run `look`, and say from a thread how long it has been going on: what ends this process ends its programs."""
    ended = threading.Event()

    def tick() -> None:
        begin = time.monotonic()
        while not ended.wait(TICK_SECONDS):
            on_event(Working(what, time.monotonic() - begin))

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        return look()
    finally:
        ended.set()
        thread.join()
