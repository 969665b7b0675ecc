"""`docker_context`: what a build would send, and what should not be there."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import CommandParser

from dockertools.compose.targets import service_target
from dockertools.context.explain import explain_path, path_in_context
from dockertools.context.facts import ContextFacts
from dockertools.context.findings import ContextFindings, find_all
from dockertools.context.fix import apply_fix, make_fix
from dockertools.context.inspect import inspect_context
from dockertools.context.targets import ContextTarget, project_target
from dockertools.errors import ExitCode, UsageError
from dockertools.management.base import DockertoolsCommand
from dockertools.reports.context import Budget, context_payload, print_context, show_path
from dockertools.reports.context_answers import fix_payload, print_fix, print_verdict, verdict_payload
from dockertools.sizes import parse_size


class Command(DockertoolsCommand):
    """Wire the options to `inspect_context`, its findings and their report."""

    help = "Show what a build would send to BuildKit, which rule leaves out what, and what should not be there."
    example = "Example: python manage.py docker_context --why media/cv.pdf"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to look at, what to show, and when to fail."""
        super().add_arguments(parser)
        target = parser.add_argument_group("what to look at (default: the project's root and DOCKERFILE)")
        target.add_argument("--context", metavar="FOLDER", help="another context, such as a parent folder")
        target.add_argument("--file", "-f", help="the Dockerfile, inside the context or not")
        target.add_argument("--service", help="what compose builds for this service")
        show = parser.add_argument_group("what to show").add_mutually_exclusive_group()
        show.add_argument("--why", metavar="PATH", help="which rule decides about this path")
        show.add_argument("--list", action="store_true", help="all files that would be sent, the largest first")
        show.add_argument("--fix", action="store_true", help="add rules against what should not be sent")
        parser.add_argument("-0", action="store_true", dest="null", help="end the paths of --list with NUL")
        parser.add_argument("--force", action="store_true", help="--fix also an edited file; saves it as NAME.orig")
        check = parser.add_argument_group("when to fail")
        check.add_argument("--check", action="store_true", help="exit 1 on findings at or above --fail-level")
        check.add_argument("--fail-level", choices=("warn", "fail"), help="implies --check; default: fail")
        check.add_argument("--max-size", metavar="SIZE", help="exit 1 when more is sent, such as 5MB")

    def handle(self, *, why: str | None, list: bool, fix: bool, null: bool, **options: Any) -> None:  # noqa: A002
        """Inspect, and answer what was asked."""
        if null and not list:
            raise UsageError("-0 says how --list ends its paths.", hint="Add --list.")
        if options["force"] and not fix:
            raise UsageError("--force says that --fix may change an edited file.", hint="Add --fix.")
        target = self._target(options)
        facts = inspect_context(target.root, target.dockerfile)
        if why:
            return self._explain(facts, why)
        if list:
            return self._list(facts, null=null)
        findings = find_all(facts, self.config.silenced)
        if fix:
            return self._fix(facts, findings, force=options["force"])
        return self._report(facts, findings, options)

    def _target(self, options: dict[str, Any]) -> ContextTarget:
        if options["service"] and (options["context"] or options["file"]):
            raise UsageError("--service already says which context and Dockerfile.", hint="Leave --context and --file.")
        if options["service"]:
            return service_target(self.config.root, options["service"])
        config = self.config
        return project_target(config.root, config.dockerfile, context=options["context"], file=options["file"])

    def _report(self, facts: ContextFacts, findings: ContextFindings, options: dict[str, Any]) -> None:
        limit = parse_size(options["max_size"]) if options["max_size"] else None
        budget = None if limit is None else Budget(limit, facts.size <= limit)
        fails = (options["check"] or options["fail_level"]) and findings.has(options["fail_level"] or "fail")
        code = ExitCode.FAILED if fails or (budget and not budget.ok) else ExitCode.OK
        if self._is_json:
            self.write_document(context_payload(facts, findings, budget), code)
        else:
            print_context(self.console(), facts, findings, budget, show_all=options["verbosity"] > 1)
        self.exit_with(code)

    def _explain(self, facts: ContextFacts, path: str) -> None:
        verdict = explain_path(facts, path_in_context(facts.root, path))
        if self._is_json:
            return self.write_document({"why": verdict_payload(verdict)})
        return print_verdict(self.console(), verdict)

    def _list(self, facts: ContextFacts, *, null: bool) -> None:
        paths = [file.path for file in facts.largest(facts.files)]
        if self._is_json:
            return self.write_document({"paths": [show_path(path) for path in paths]})
        end = "\0" if null else "\n"
        if hasattr(self.stdout, "buffer"):
            self.write_bytes(os.fsencode("".join(f"{path}{end}" for path in paths)))  # names need not be UTF-8
        else:  # no file: text it must be
            self.stdout.write("".join(f"{show_path(path)}{end}" for path in paths), ending="")
        return None

    def _fix(self, facts: ContextFacts, findings: ContextFindings, *, force: bool) -> None:
        change = make_fix(facts, findings.risks)
        is_written = apply_fix(change, force=force)
        after = inspect_context(facts.root, facts.dockerfile) if is_written else facts
        code = ExitCode.OK if is_written or not change.rules else ExitCode.FAILED
        if self._is_json:
            self.write_document(fix_payload(change, facts, after, is_written=is_written), code)
        else:
            print_fix(self.console(), change, facts, after, is_written=is_written)
        self.exit_with(code)

    @property
    def _is_json(self) -> bool:
        return bool(self._options["output_format"] == "json")
