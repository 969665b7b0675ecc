"""Checks from outside: functions over the facts of an image, a compose project or a checklist.

They run in this process: nothing of the project is executed by them, and the engine does what takes long.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from dockertools.checks.registry import CheckInfo
from dockertools.checks.results import SILENCED, CheckResult, Outcome, skipped
from dockertools.checks.runner import Event, Finished, Started, make_results

IMAGE, COMPOSE, CHECKLIST = "image", "compose", "checklist"
_Function = TypeVar("_Function", bound=Callable[..., Iterable[Outcome]])
_checks: dict[str, OutsideCheck] = {}


@dataclass(frozen=True, kw_only=True)
class OutsideCheck(CheckInfo):
    """A check of the given `kind`, whose function takes the facts of that kind."""

    kind: str


def register_outside(
    check_id: str, *, kind: str, group: str, title: str, codes: Mapping[str, str]
) -> Callable[[_Function], _Function]:
    """Add the decorated function to the checks of its kind."""

    def register(function: _Function) -> _Function:
        _checks[check_id] = OutsideCheck(
            id=check_id, kind=kind, group=group, title=title, codes=codes, function=function
        )
        return function

    return register


def outside_checks(kind: str) -> tuple[OutsideCheck, ...]:
    """Return the checks of a kind in the order of their ids."""
    return tuple(sorted((check for check in _checks.values() if check.kind == kind), key=lambda check: check.id))


def run_outside(
    checks: Iterable[CheckInfo], facts: Any, silenced: Mapping[str, str], on_event: Callable[[Event], None]
) -> tuple[CheckResult, ...]:
    """Run the checks in their order over `facts`, and return all results."""
    found: list[CheckResult] = []
    for check in checks:
        on_event(Started(check))
        begin = time.monotonic()
        if reason := silenced.get(check.id):
            outcomes: tuple[Outcome, ...] = (skipped(SILENCED, f"silenced: {reason}"),)
        else:
            outcomes = tuple(check.function(facts))
        results = make_results(check, outcomes, time.monotonic() - begin)
        on_event(Finished(check, results))
        found.extend(results)
    return tuple(found)
