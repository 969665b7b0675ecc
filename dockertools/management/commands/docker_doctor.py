"""`docker_doctor`: what keeps Docker from working here, and the next command for each."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from dockertools.checks.registry import CheckInfo
from dockertools.checks.results import CheckReport, Status, Target
from dockertools.checks.runner import Event, FaultGuard, find_fault
from dockertools.checks.selection import find_silenced, select_checks
from dockertools.doctor.facts import DoctorFacts
from dockertools.doctor.fixes import Fix, FixResult, apply_fix, find_fixes
from dockertools.doctor.run import Diagnosis, diagnose, doctor_checks
from dockertools.errors import UsageError
from dockertools.management.base import DockertoolsCommand
from dockertools.reports.checks import list_payload
from dockertools.reports.checks_text import ProgressLines, TextReport, choose_style, list_lines
from dockertools.reports.doctor import doctor_payload, fix_lines, outcome_line
from dockertools.reports.github import render_github
from dockertools.reports.junit import render_junit
from dockertools.reports.sarif import render_sarif


class Command(DockertoolsCommand):
    """Wire the options to the diagnosis, the fixes and the reports."""

    help = "Find what keeps Docker from working for this project, each with evidence and the next command."
    example = "Example: python manage.py docker_doctor --fix"
    formats = ("text", "json", "junit", "sarif", "github")

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options of the doctor."""
        super().add_arguments(parser)
        parser.add_argument("--group", action="append", metavar="NAME", help="look at this group alone; repeatable")
        parser.add_argument("--exclude-group", action="append", metavar="NAME", help="leave this group out; repeatable")
        parser.add_argument("--fix", action="store_true", help="put right what can be without harm, after showing it")
        parser.add_argument(
            "--noinput", "--no-input", action="store_false", dest="interactive", help="with --fix: do not ask"
        )
        parser.add_argument(
            "--fail-level", choices=("warn", "fail"), default="fail", help="what ends in exit code 1 (default: fail)"
        )
        parser.add_argument(
            "--silence", action="append", metavar="ID=REASON", help="skip a check, and say why; repeatable"
        )
        parser.add_argument("--list", action="store_true", dest="only_list", help="show the checks, and stop")

    def handle(  # noqa: PLR0913  # the options of the command line
        self,
        *,
        group: Sequence[str] | None,
        exclude_group: Sequence[str] | None,
        fix: bool,
        interactive: bool,
        fail_level: str,
        silence: Sequence[str] | None,
        only_list: bool,
        output_format: str,
        **_common: Any,
    ) -> None:
        """Look, put right what is wanted, and report."""
        checks = select_checks(doctor_checks(), group, exclude_group)
        if only_list:
            return self._list(checks, output_format)
        if fix and interactive and output_format != "text":
            raise UsageError(f"--format {output_format} cannot ask.", hint="Add --noinput to do all fixes.")
        silenced = find_silenced(silence, self.config, doctor_checks())
        with FaultGuard("docker_doctor"):
            started = time.monotonic()
            diagnosis = self._diagnose(checks, silenced, output_format)
            fixes = self._fix(diagnosis, interactive=interactive) if fix else ()
            if any(result.applied for result in fixes):
                self.stderr.write("\nAgain, with what was put right:\n", style_func=str)
                diagnosis = self._diagnose(checks, silenced, output_format)
            target = Target("doctor", str(self.config.root))
            report = CheckReport(target, diagnosis.results, Status(fail_level), time.monotonic() - started)
            self._report(checks, report, fixes, output_format)
        return None

    def _diagnose(self, checks: tuple[CheckInfo, ...], silenced: Mapping[str, str], output_format: str) -> Diagnosis:
        return diagnose(self.config, checks, silenced, self._listener(output_format), self._caller())

    def _caller(self) -> str:
        """Return how the commands are called here, the project's folder included where it is not this one."""
        if Path(sys.argv[0]).name == "manage.py":
            return DoctorFacts.caller
        root = self.config.root
        is_here = Path(os.environ.get("PWD", "")) == root
        return "python -m dockertools {}" + ("" if is_here else f" --project {shlex.quote(str(root))}")

    def _listener(self, output_format: str) -> Callable[[Event], None]:
        progress = ProgressLines(self.stderr)
        text = self._text_report()

        def on_event(event: Event) -> None:
            progress(event)
            if output_format == "text":
                text(event)

        return on_event

    def _fix(self, diagnosis: Diagnosis, *, interactive: bool) -> tuple[FixResult, ...]:
        """Show each fix, ask, do it, and say what came of it."""
        results = []
        for fix in find_fixes(diagnosis.results, diagnosis.facts):
            for line in fix_lines(fix):
                self.stderr.write(line, style_func=str)
            result = apply_fix(fix) if not interactive or self._ask(fix) else FixResult(fix, applied=False)
            self.stderr.write(outcome_line(result), style_func=str)
            results.append(result)
        if not results:
            self.stderr.write("\nThere is nothing that could be put right from here.", style_func=str)
        return tuple(results)

    def _ask(self, _fix: Fix) -> bool:
        self.stderr.write("  Do it? [y/N] ", ending="", style_func=str)
        self.stderr.flush()
        answer = sys.stdin.readline()
        if not answer:
            raise UsageError("Nobody answers on standard input.", hint="Add --noinput to do all fixes.")
        return answer.strip().lower() in ("y", "yes")

    def _report(
        self, checks: tuple[CheckInfo, ...], report: CheckReport, fixes: tuple[FixResult, ...], output_format: str
    ) -> None:
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
            self.write_document(doctor_payload(report, fixes), report.exit_code)
        if fault is not None:
            fault.details = doctor_payload(report, fixes)
            raise fault
        self.exit_with(report.exit_code)

    def _list(self, checks: tuple[CheckInfo, ...], output_format: str) -> None:
        if output_format == "json":
            return self.write_document(list_payload(checks))
        return self.stdout.write("\n".join(list_lines(checks)))

    def _text_report(self) -> TextReport:
        style = choose_style(self.style, os.environ, no_color=bool(self._options.get("no_color")))
        return TextReport(self.stdout, style, int(self._options.get("verbosity", 1)))
