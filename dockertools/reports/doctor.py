"""The doctor's own part of the reports: what was put right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dockertools.checks.results import CheckReport
from dockertools.doctor.fixes import Fix, FixResult
from dockertools.reports.checks import check_payload
from dockertools.reports.checks_text import plain


def doctor_payload(report: CheckReport, fixes: Iterable[FixResult]) -> dict[str, Any]:
    """Return the command's part of the JSON document."""
    return {
        **check_payload(report),
        "fixes": [
            {
                "id": result.fix.check_id,
                "code": result.fix.code,
                "title": result.fix.title,
                "preview": result.fix.preview,
                "applied": result.applied,
                "problem": result.problem or None,
            }
            for result in fixes
        ],
    }


def fix_lines(fix: Fix) -> Iterator[str]:
    """Yield what a fix would do."""
    yield f"\n{plain(fix.title)} ({fix.check_id.removeprefix('dockertools.')}, {fix.code})"
    for line in fix.preview.splitlines():
        yield f"    {plain(line)}"


def outcome_line(result: FixResult) -> str:
    """Return what came of a fix, in a line."""
    if result.applied:
        return "  done"
    return f"  could not be done: {plain(result.problem)}" if result.problem else "  left as it is"
