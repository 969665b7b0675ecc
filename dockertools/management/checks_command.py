"""What the commands that run checks share: their options, how they show a run, and the formats of the report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandParser

from dockertools.checks.registry import CheckInfo
from dockertools.checks.results import CheckReport
from dockertools.checks.runner import Event, find_fault
from dockertools.management.base import DockertoolsCommand
from dockertools.reports.checks import list_payload
from dockertools.reports.checks_text import ProgressLines, TextReport, choose_style, list_lines
from dockertools.reports.github import render_github
from dockertools.reports.junit import render_junit
from dockertools.reports.sarif import render_sarif


class ChecksCommand(DockertoolsCommand):
    """A command whose work is checks."""

    formats = ("text", "json", "junit", "sarif", "github")

    def add_selection_arguments(self, parser: CommandParser) -> None:
        """Add the options that choose checks, silence them, and say what fails."""
        parser.add_argument("--group", action="append", metavar="NAME", help="run this group alone; repeatable")
        parser.add_argument("--exclude-group", action="append", metavar="NAME", help="leave this group out; repeatable")
        parser.add_argument(
            "--fail-level", choices=("warn", "fail"), default="fail", help="what ends in exit code 1 (default: fail)"
        )
        parser.add_argument(
            "--silence", action="append", metavar="ID=REASON", help="skip a check, and say why; repeatable"
        )
        parser.add_argument("--list", action="store_true", dest="only_list", help="show the checks, and stop")

    def list_checks(self, checks: tuple[CheckInfo, ...], output_format: str) -> None:
        """Show the checks that would run."""
        if output_format == "json":
            return self.write_document(list_payload(checks))
        return self.stdout.write("\n".join(list_lines(checks)))

    def listener(self, output_format: str) -> Callable[[Event], None]:
        """Return what shows the run: progress always, results as they come where the report is text."""
        progress = ProgressLines(self.stderr)
        text = self._text_report()

        def on_event(event: Event) -> None:
            progress(event)
            if output_format == "text":
                text(event)

        return on_event

    def write_report(
        self, checks: tuple[CheckInfo, ...], report: CheckReport, payload: dict[str, Any], output_format: str
    ) -> None:
        """Write the report, and end with its exit code; `payload` is the JSON document.

        Raises CouldNotRunError where a check itself is broken.
        """
        fault = find_fault(report.results)
        if output_format == "text":
            self._text_report().write_summary(report)
        elif output_format == "junit":
            self.stdout.write(render_junit(report))
        elif output_format == "sarif":
            self.stdout.write(json.dumps(render_sarif(report, checks, self.config.root), indent=2))
        elif output_format == "github":
            self.stdout.write(render_github(report))
        elif fault is None:
            self.write_document(payload, report.exit_code)
        if fault is not None:
            fault.details = payload
            raise fault
        self.exit_with(report.exit_code)

    def _text_report(self) -> TextReport:
        style = choose_style(self.style, os.environ, no_color=bool(self._options.get("no_color")))
        return TextReport(self.stdout, style, int(self._options.get("verbosity", 1)))
