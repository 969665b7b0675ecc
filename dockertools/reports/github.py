"""Check results as workflow commands, which GitHub Actions shows beside a run."""

from __future__ import annotations

from collections.abc import Iterator

from dockertools.checks.results import CheckReport, CheckResult, Status

_COMMANDS = {Status.FAIL: "error", Status.WARN: "warning"}


def render_github(report: CheckReport) -> str:
    """Return a line for each finding, and the summary.

    https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    """
    summary = report.summary
    last = f"{summary.passed} passed, {summary.warned} warned, {summary.failed} failed, {summary.skipped} skipped"
    return "\n".join([*_findings(report.results), f"::notice title={report.target.command}::{last}"])


def _findings(results: tuple[CheckResult, ...]) -> Iterator[str]:
    for result in results:
        if command := _COMMANDS.get(result.status):
            text = f"{result.message}\nNext: {result.hint} [{result.code}]"
            yield f"::{command} title={_escape_property(f'{result.id} {result.title}')}::{_escape(text)}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
