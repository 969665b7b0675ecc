"""Check results as SARIF 2.1.0, which code hosts take up."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dockertools import __version__
from dockertools.checks.registry import CheckInfo
from dockertools.checks.results import SILENCED, CheckReport, CheckResult, Status

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_SOMEWHERE = "manage.py"
"""A result needs a file; what is about none of them is placed there."""
_LEVELS = {Status.FAIL: "error", Status.WARN: "warning"}
_KINDS = {Status.FAIL: "fail", Status.WARN: "fail", Status.PASS: "pass", Status.SKIP: "notApplicable"}


def render_sarif(report: CheckReport, checks: Iterable[CheckInfo], root: Path) -> dict[str, Any]:
    """Return the report as a SARIF log; findings are placed at their file in `root`, or at manage.py.

    The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    rules = [_rule(check) for check in checks]
    positions = {rule["id"]: position for position, rule in enumerate(rules)}
    driver = {"name": "django-dockertools", "version": __version__, "rules": rules}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [
                    {
                        # Findings are the tool's success; what it could not do is not.
                        "executionSuccessful": int(report.exit_code) in (0, 1),
                        "exitCode": int(report.exit_code),
                    }
                ],
                "results": [_result(result, positions, root) for result in report.results],
            }
        ],
    }


def _rule(check: CheckInfo) -> dict[str, Any]:
    return {
        "id": check.id,
        "name": "".join(word.capitalize() for word in check.function.__name__.split("_")),
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": check.description or check.title},
        "properties": {"tags": [check.group]},
    }


def _result(result: CheckResult, positions: dict[str, int], root: Path) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "ruleId": result.id,
        "kind": _KINDS[result.status],
        "level": _LEVELS.get(result.status, "none"),
        "message": {"text": f"{result.message}. {result.hint}".removesuffix(". ")},
        "locations": [{"physicalLocation": _place(result, root)}],
        "properties": {"evidence": dict(result.evidence)},
    }
    if result.id in positions:
        entry["ruleIndex"] = positions[result.id]
    if result.code == SILENCED:
        entry["suppressions"] = [{"kind": "external", "justification": result.message}]
    return entry


def _place(result: CheckResult, root: Path) -> dict[str, Any]:
    """Return the file, and the line in it where the evidence names one."""
    uri, line = _uri(result, root), result.evidence.get("line")
    place: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if uri != _SOMEWHERE and isinstance(line, int) and line > 0:
        place["region"] = {"startLine": line}
    return place


def _uri(result: CheckResult, root: Path) -> str:
    path = root / str(result.evidence.get("path", ""))
    return path.relative_to(root).as_posix() if path.is_file() and path.is_relative_to(root) else _SOMEWHERE
