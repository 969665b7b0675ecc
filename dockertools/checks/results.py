"""What a check says: the same shape in the container, from outside, and for other apps' checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from dockertools.errors import ExitCode

OK = "ok"
FAULT = "fault"
SILENCED = "silenced"


class Status(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105  # no password
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a check function found, before it is known which check asked.

    `evidence["code"]` is the condition that was met; the rest are plain values that JSON can hold.
    """

    status: Status
    message: str
    hint: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """An outcome with the check it belongs to and the time it took."""

    id: str
    group: str
    title: str
    status: Status
    message: str
    hint: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def code(self) -> str:
        """The condition that was met."""
        return str(self.evidence.get("code", ""))


@dataclass(frozen=True)
class Target:
    """What was checked; `kind` is `runtime`, `image`, `compose`, `checklist` or `doctor`."""

    kind: str
    name: str

    @property
    def command(self) -> str:
        """The command that looks at it."""
        return "docker_doctor" if self.kind == "doctor" else "docker_check"


@dataclass(frozen=True)
class Summary:
    """How many results there are of each status."""

    passed: int
    warned: int
    failed: int
    skipped: int


@dataclass(frozen=True)
class CheckReport:
    """All results of one run; `fail_level` is the least status that counts as a failure."""

    target: Target
    results: tuple[CheckResult, ...]
    fail_level: Status
    seconds: float

    @property
    def summary(self) -> Summary:
        """The results, counted."""
        return summarize(self.results)

    @property
    def exit_code(self) -> ExitCode:
        """The code that the command ends with."""
        return judge(self.results, self.fail_level)


def passed(message: str, **evidence: Any) -> Outcome:
    """Return the outcome of a check that found nothing wrong."""
    return Outcome(status=Status.PASS, message=message, evidence={"code": OK, **evidence})


def skipped(code: str, message: str, **evidence: Any) -> Outcome:
    """Return the outcome of a check that does not apply here, and why."""
    return Outcome(status=Status.SKIP, message=message, evidence={"code": code, **evidence})


def warned(code: str, message: str, hint: str, **evidence: Any) -> Outcome:
    """Return a finding that a deployment can live with; `hint` is the next step."""
    return Outcome(status=Status.WARN, message=message, hint=hint, evidence={"code": code, **evidence})


def failed(code: str, message: str, hint: str, **evidence: Any) -> Outcome:
    """Return a finding that a deployment must not live with; `hint` is the next step."""
    return Outcome(status=Status.FAIL, message=message, hint=hint, evidence={"code": code, **evidence})


def summarize(results: Iterable[CheckResult]) -> Summary:
    """Return how many results there are of each status."""
    counts = dict.fromkeys(Status, 0)
    for result in results:
        counts[result.status] += 1
    return Summary(counts[Status.PASS], counts[Status.WARN], counts[Status.FAIL], counts[Status.SKIP])


def judge(results: Iterable[CheckResult], fail_level: Status) -> ExitCode:
    """Return the exit code: nothing that ran, or a check that is itself at fault, must never look like a pass."""
    results = tuple(results)
    if all(result.status is Status.SKIP for result in results) or any(result.code == FAULT for result in results):
        return ExitCode.COULD_NOT_RUN
    return ExitCode.FAILED if any(is_failure(result, fail_level) for result in results) else ExitCode.OK


def is_failure(result: CheckResult, fail_level: Status) -> bool:
    """Return whether the result is at or above `fail_level`."""
    return result.status is Status.FAIL or (result.status is Status.WARN and fail_level is Status.WARN)


def silence(result: CheckResult, reason: str) -> CheckResult:
    """Return the result as skipped for `reason`."""
    return replace(
        result, status=Status.SKIP, message=f"silenced: {reason}", hint="", evidence={"code": SILENCED}, seconds=0.0
    )
