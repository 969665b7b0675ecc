"""`docker_doctor`: what keeps Docker from working here, and the next command for each."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from dockertools.checks.registry import CheckInfo
from dockertools.checks.results import CheckReport, Status, Target
from dockertools.checks.runner import FaultGuard
from dockertools.checks.selection import find_silenced, select_checks
from dockertools.doctor.facts import DoctorFacts
from dockertools.doctor.fixes import Fix, FixResult, apply_fix, find_fixes
from dockertools.doctor.run import Diagnosis, diagnose, doctor_checks
from dockertools.errors import UsageError
from dockertools.management.checks_command import ChecksCommand
from dockertools.reports.doctor import doctor_payload, fix_lines, outcome_line


class Command(ChecksCommand):
    """Wire the options to the diagnosis, the fixes and the reports."""

    help = "Find what keeps Docker from working for this project, each with evidence and the next command."
    example = "Example: python manage.py docker_doctor --fix"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options of the doctor."""
        super().add_arguments(parser)
        self.add_selection_arguments(parser)
        parser.add_argument("--fix", action="store_true", help="put right what can be without harm, after showing it")
        parser.add_argument(
            "--noinput", "--no-input", action="store_false", dest="interactive", help="with --fix: do not ask"
        )

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
            return self.list_checks(checks, output_format)
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
            self.write_report(checks, report, doctor_payload(report, fixes), output_format)
        return None

    def _diagnose(self, checks: tuple[CheckInfo, ...], silenced: Mapping[str, str], output_format: str) -> Diagnosis:
        return diagnose(self.config, checks, silenced, self.listener(output_format), self._caller())

    def _caller(self) -> str:
        """Return how the commands are called here, the project's folder included where it is not this one."""
        if Path(sys.argv[0]).name == "manage.py":
            return DoctorFacts.caller
        root = self.config.root
        is_here = Path(os.environ.get("PWD", "")) == root
        return "python -m dockertools {}" + ("" if is_here else f" --project {shlex.quote(str(root))}")

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
