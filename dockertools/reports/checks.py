"""Check results as the parts of the JSON document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dockertools.checks.registry import CheckInfo
from dockertools.checks.results import CheckReport, CheckResult


def check_payload(report: CheckReport) -> dict[str, Any]:
    """Return the part of the JSON document that is the report's; `docs/checks.md` lists ids and codes."""
    summary = report.summary
    return {
        "target": {"kind": report.target.kind, "name": report.target.name},
        "results": [_result(result) for result in report.results],
        "summary": {
            "pass": summary.passed,
            "warn": summary.warned,
            "fail": summary.failed,
            "skip": summary.skipped,
        },
        "seconds": round(report.seconds, 3),
    }


def list_payload(checks: Iterable[CheckInfo]) -> dict[str, Any]:
    """Return what `--list` says, as a part of the JSON document."""
    return {
        "checks": [
            {"id": check.id, "group": check.group, "title": check.title, "codes": sorted(check.codes)}
            for check in checks
        ]
    }


def _result(result: CheckResult) -> dict[str, Any]:
    return {
        "id": result.id,
        "group": result.group,
        "title": result.title,
        "status": result.status.value,
        "message": result.message,
        "hint": result.hint,
        "evidence": dict(result.evidence),
        "seconds": round(result.seconds, 3),
    }
