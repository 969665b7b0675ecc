"""Run checks one after the other, each in its own process, and say on the way what goes on."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.core.management.base import CommandError

from dockertools.checks.context import CheckContext
from dockertools.checks.isolation import End, Ended, describe_end, isolate
from dockertools.checks.redaction import find_secrets, redact
from dockertools.checks.registry import Check, CheckInfo
from dockertools.checks.results import FAULT, SILENCED, CheckResult, Outcome, Status, failed, skipped
from dockertools.errors import CouldNotRunError, DockertoolsError

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 4.0

RUNNER_CODES = {
    "ok": "Nothing is wrong.",
    SILENCED: "The check was silenced; the reason is in the message.",
    "setup-failed": "Skipped: the project's apps do not load, which this check needs. See dockertools.C101.",
    "timed-out": "The check did not end in its time.",
    "crashed": "A signal ended the check's process; a library that it used is broken.",
    "exited": "The project's code ended the check's process.",
    FAULT: "The check itself is broken. The command ends with exit code 3.",
}
"""The conditions that any check can meet."""

_ENDS = {End.TIMED_OUT: "timed-out", End.CRASHED: "crashed", End.EXITED: "exited", End.RAISED: FAULT}
_END_HINTS = {
    End.TIMED_OUT: "Look for a server or a disk that does not answer.",
    End.CRASHED: "Find the library with `python -X faulthandler manage.py docker_check`.",
    End.EXITED: "Look for sys.exit() or os._exit() in code that is run on import.",
    End.RAISED: "That is a mistake in the check, not in your project; report it with the output.",
}


@dataclass(frozen=True)
class RunOptions:
    """How to run: `wait_seconds` is for all checks together, `silenced` are reasons by check id."""

    wait_seconds: float = 0.0
    silenced: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Started:
    """A check begins."""

    check: CheckInfo


@dataclass(frozen=True)
class Running:
    """A check has been running for `seconds`."""

    check: CheckInfo
    seconds: float


@dataclass(frozen=True)
class Waiting:
    """A check will be tried again; `seconds_left` is how long."""

    check: CheckInfo
    results: tuple[CheckResult, ...]
    seconds_left: float


@dataclass(frozen=True)
class Finished:
    """A check has its results."""

    check: CheckInfo
    results: tuple[CheckResult, ...]


@dataclass(frozen=True)
class Working:
    """Something that is no check has been going on for `seconds`."""

    what: str
    seconds: float


@dataclass(frozen=True)
class Notice:
    """Something that people should know at once."""

    text: str


Event = Started | Running | Waiting | Finished | Working | Notice


def run_checks(
    checks: Iterable[Check], context: CheckContext, options: RunOptions, on_event: Callable[[Event], None]
) -> tuple[CheckResult, ...]:
    """Run the checks in their order and return all results, secrets of the settings taken out."""
    gc.freeze()  # a collection in each check's process would write to, and so copy, every page that it shares
    deadline = time.monotonic() + options.wait_seconds
    secrets = find_secrets()
    earlier: dict[str, tuple[CheckResult, ...]] = {}
    for check in checks:
        on_event(Started(check))
        if reason := options.silenced.get(check.id):
            results = make_results(check, (skipped(SILENCED, f"silenced: {reason}"),), 0.0)
        else:
            results = _run_until(check, replace(context, earlier=earlier), deadline, on_event)
        results = tuple(redact(result, secrets) for result in results)
        earlier[check.id] = results
        on_event(Finished(check, results))
    return tuple(result for results in earlier.values() for result in results)


def run_check(
    check: Check, context: CheckContext, on_tick: Callable[[float], None] | None = None
) -> tuple[CheckResult, ...]:
    """Run one check in its own process and return its results."""
    if check.needs_setup and context.setup_error is not None:
        return make_results(check, (skipped("setup-failed", "the project's apps do not load"),), 0.0)
    ended = isolate(
        lambda: [asdict(outcome) for outcome in check.function(context)],
        timeout=check.timeout,
        on_tick=on_tick,
        own_group=True,
    )
    return make_results(check, _outcomes(check, ended), ended.seconds)


def _run_until(
    check: Check, context: CheckContext, deadline: float, on_event: Callable[[Event], None]
) -> tuple[CheckResult, ...]:
    pause = FIRST_PAUSE
    while True:
        results = run_check(check, context, lambda seconds: on_event(Running(check, seconds)))
        may_come_up = any(result.status is Status.FAIL and result.code in check.retry_codes for result in results)
        left = deadline - time.monotonic()
        if not may_come_up or left <= 0:
            return results
        secrets = find_secrets()
        on_event(Waiting(check, tuple(redact(result, secrets) for result in results), left))
        time.sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE)


def _outcomes(check: Check, ended: Ended) -> tuple[Outcome, ...]:
    if ended.end is End.RETURNED and ended.value:
        return tuple(_read_outcome(values) for values in ended.value)
    if ended.end is End.RETURNED:
        return (failed(FAULT, f"{check.function.__module__} gave no outcome", _END_HINTS[End.RAISED]),)
    message = f"the check {describe_end(ended, check.timeout)}"
    return (failed(_ENDS[ended.end], message, _END_HINTS[ended.end], output=ended.output),)


def _read_outcome(values: Mapping[str, Any]) -> Outcome:
    return Outcome(
        status=Status(values["status"]), message=values["message"], hint=values["hint"], evidence=values["evidence"]
    )


def make_results(check: CheckInfo, outcomes: tuple[Outcome, ...], seconds: float) -> tuple[CheckResult, ...]:
    """Return the outcomes as results; the time is the whole check's, shared out so that it adds up."""
    return tuple(
        CheckResult(
            id=check.id,
            group=check.group,
            title=check.title,
            status=outcome.status,
            message=outcome.message,
            hint=outcome.hint,
            evidence=outcome.evidence,
            seconds=seconds / len(outcomes),
        )
        for outcome in outcomes
    )


class FaultGuard:
    """Turns an error that nothing expected into one with the exit code 3, which cannot be taken for a finding.

    The traceback stays the error's cause.
    """

    def __init__(self, command: str = "docker_check") -> None:
        self._command = command

    def __enter__(self) -> None:
        """Begin the guarded block."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _traceback: object) -> None:
        """Raise CouldNotRunError for an error that is no message to the user already."""
        if kind is None or not issubclass(kind, Exception) or issubclass(kind, (DockertoolsError, CommandError)):
            return
        if issubclass(kind, OSError):
            raise CouldNotRunError(
                f"docker_check could not go on: {error}.",
                hint="Look where its output goes, and at the limits of processes and open files.",
                code="system-error",
            ) from error
        raise CouldNotRunError(
            f"{self._command} itself is at fault: {kind.__name__}: {error}.",
            hint="Report it; `--traceback` shows where it happened.",
            code="fault",
        ) from error


def find_fault(results: Iterable[CheckResult]) -> CouldNotRunError | None:
    """Return the error that a broken check amounts to, or that nothing ran at all; None when all is well."""
    results = tuple(results)
    for result in results:
        if result.code == FAULT:
            return CouldNotRunError(f"{result.id} is at fault: {result.message}.", hint=result.hint, code="check-fault")
    if all(result.status is Status.SKIP for result in results):
        return CouldNotRunError(
            "Every check was skipped, so nothing is known.",
            hint="`--list` shows the checks; choose others, or silence fewer.",
            code="all-skipped",
        )
    return None
