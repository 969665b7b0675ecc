"""`docker_check`: are the runtime dependencies there, and do they work; and the same questions from outside."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from dockertools.checks.context import CheckContext, inspect_environment
from dockertools.checks.registry import Check, CheckInfo, registered_checks
from dockertools.checks.rescue import announce_command
from dockertools.checks.results import CheckReport, Status, Target
from dockertools.checks.runner import FaultGuard, RunOptions, run_checks
from dockertools.checks.runtime import load_checks
from dockertools.checks.selection import find_silenced, select_checks
from dockertools.errors import UsageError
from dockertools.management.check_outside import (
    OutsideOptions,
    add_outside_arguments,
    outside_checks_of,
    read_outside_options,
    run_outside_checks,
)
from dockertools.management.checks_command import ChecksCommand
from dockertools.reports.checks import check_payload


class Command(ChecksCommand):
    """Wire the options to the checks and their report."""

    help = "Check the runtime dependencies in the container; with --image, --compose or --checklist from outside."
    example = "Example: python manage.py docker_check --wait 30 --exclude-group server"
    setup_error: str | None = None
    """Why the apps do not load, where this command was started in spite of it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        announce_command()
        super().__init__(*args, **options)

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options of a check."""
        super().add_arguments(parser)
        self.add_selection_arguments(parser)
        parser.add_argument(
            "--wait",
            type=_seconds,
            default=0.0,
            metavar="SECONDS",
            help="how long to try databases and caches again that may still come up (default: not at all)",
        )
        add_outside_arguments(parser)

    def handle(  # noqa: PLR0913  # the options of the command line
        self,
        *,
        group: Sequence[str] | None,
        exclude_group: Sequence[str] | None,
        wait: float,
        fail_level: str,
        silence: Sequence[str] | None,
        only_list: bool,
        output_format: str,
        **options: Any,
    ) -> None:
        """Run the checks, and report."""
        # Whoever started us may have it ignored, and no process's end would be known.
        with contextlib.suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        load_checks()
        outside = read_outside_options(options)
        known = outside_checks_of(outside, registered_checks()) if outside.is_outside else registered_checks()
        checks = select_checks(known, group, exclude_group, None if outside.is_outside else self.setup_error)
        if only_list:
            return self.list_checks(checks, output_format)
        run = RunOptions(wait, find_silenced(silence, self.config, known))
        with FaultGuard():
            if outside.is_outside:
                report = self._run_outside(outside, checks, run, Status(fail_level))
            else:
                report = self._run(_of_container(checks), run, Status(fail_level))
            self.write_report(checks, report, check_payload(report), output_format)
        return None

    def _run(self, checks: tuple[Check, ...], options: RunOptions, fail_level: Status) -> CheckReport:
        if self.setup_error is None and getattr(settings, "SETTINGS_MODULE", None) is None:
            raise UsageError(
                "docker_check needs the project: it looks at its settings, packages and services.",
                hint="Run it in the container with the project's own settings: python manage.py docker_check",
            )
        context = CheckContext(config=self.config, environment=inspect_environment(), setup_error=self.setup_error)
        started = time.monotonic()
        results = run_checks(checks, context, options, self.listener(self._options["output_format"]))
        target = Target("runtime", str(settings.SETTINGS_MODULE))
        return CheckReport(target, results, fail_level, time.monotonic() - started)

    def _run_outside(
        self, outside: OutsideOptions, checks: tuple[CheckInfo, ...], options: RunOptions, fail_level: Status
    ) -> CheckReport:
        if options.wait_seconds:
            raise UsageError("--wait is for checks in the container.", hint="Leave it out.")
        started = time.monotonic()
        listener = self.listener(self._options["output_format"])
        target, results = run_outside_checks(outside, self.config, checks, options.silenced, listener)
        return CheckReport(target, results, fail_level, time.monotonic() - started)


def _of_container(checks: Iterable[CheckInfo]) -> tuple[Check, ...]:
    return tuple(check for check in checks if isinstance(check, Check))


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError("not a time")
    return value
