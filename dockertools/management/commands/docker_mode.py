"""`docker_mode`: show the mode, or switch between development and production."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from django.core.management.base import CommandParser

from dockertools.compose.classify import Project
from dockertools.compose.families import MODES, compose_root
from dockertools.compose.judge import production_faults
from dockertools.compose.plan import Plan, SwitchOptions, make_plan, read_project
from dockertools.compose.recognise import Ask, current_mode
from dockertools.compose.run import Action, Runner
from dockertools.compose.show import view_services
from dockertools.compose.state import CurrentFiles, current_variables, read_current, require_env_in_force
from dockertools.compose.switch import compose_variables, make_switch, one_at_a_time, try_plan
from dockertools.conf import Config
from dockertools.engine import find_engine
from dockertools.errors import DockertoolsError, UsageError
from dockertools.management.base import DockertoolsCommand
from dockertools.reports.mode import ModeReport, mode_lines, mode_payload, plan_diff, switch_lines, written_files


class Command(DockertoolsCommand):
    """Wire the options to the plan, the switch and the report."""

    help = "Show what compose runs, or switch: hot reload in development, the image's own code in production."
    example = "Example: python manage.py docker_mode dev --up"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options of switching, and those that run compose afterwards."""
        super().add_arguments(parser)
        parser.add_argument("mode", nargs="?", choices=MODES, help="the mode to switch to; without it, show the mode")
        parser.add_argument("--check", choices=MODES, metavar="MODE", help="exit 1 when this is not the mode")
        parser.add_argument("--diff", action="store_true", help="show what changes in the files")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument(
            "--force", action="store_true", help="replace an edited overlay too; it is saved as NAME.orig"
        )
        parser.add_argument("--noinput", action="store_false", dest="interactive", help="ask nothing")
        parser.add_argument(
            "--sync", choices=("bind", "watch"), default="bind", help="dev: mount the source, or copy it on each change"
        )
        parser.add_argument("--build", action="store_true", help="then build the images")
        parser.add_argument("--up", action="store_true", help="then start the services")
        parser.add_argument("--down", action="store_true", help="then stop the services, before --up; data stays")

    def handle(self, *, mode: str | None, check: str | None, **options: Any) -> None:
        """Show, check or switch; then run compose where that is asked for."""
        _require_sense(mode, check, options)
        self._is_text = options["output_format"] == "text"
        if check is not None:
            self._check(check)
        elif mode is not None:
            self._switch(mode, options)
        else:
            self._show(options)

    @property
    def config(self) -> Config:
        """The project's configuration, its root being the folder that compose runs in."""
        config = super().config
        return config if config.modes else replace(config, root=compose_root(config.root))

    def _show(self, options: dict[str, Any]) -> None:
        current = read_current(self.config.root)
        project = read_project(self.config, current.files)
        report = self._shown(current, project)
        self._run(project, None if current.files is None else current_variables(current), report.mode, options)
        self._report(report, mode_lines(report, self.config.root))

    def _check(self, wanted: str) -> None:
        current = read_current(self.config.root)
        project = read_project(self.config, current.files)
        report = self._shown(current, project)
        faults = production_faults(project) if wanted == "prod" else []
        if report.mode != wanted or faults:
            found = f"is {report.mode} ({report.found_by})" if report.mode != wanted else "does not hold any more"
            raise DockertoolsError(
                "\n".join((f"The mode {wanted} is asked for, and it {found}.", *(f"  - {fault}" for fault in faults))),
                hint=f"Run `docker_mode {wanted}`.",
                code="other-mode",
                details=mode_payload(report),
            )
        self._report(report, [f"The mode is {report.mode}: {report.found_by}"])

    def _switch(self, mode: str, options: dict[str, Any]) -> None:
        root = self.config.root
        is_dry = options["dry_run"]
        chosen = SwitchOptions(options["sync"], options["force"], self._asker(options))
        with nullcontext() if is_dry else one_at_a_time(root):
            current = read_current(root)
            require_env_in_force(current)
            plan = make_plan(self.config, mode, current, chosen)
            project = try_plan(plan) if is_dry else make_switch(plan)
        report = self._switched(plan, project, options)
        if self._is_text:
            self._write(switch_lines(report))
            if options["diff"]:
                self.stdout.write(f"\n{report.diff}" if report.diff else "\nNothing changes in the files.")
        if not is_dry:
            self._run(project, compose_variables(plan), mode, options)
        if not self._is_text:
            self.write_document(mode_payload(report))

    def _shown(self, current: CurrentFiles, project: Project) -> ModeReport:
        mode, found_by = current_mode(self.config, current)
        return ModeReport(mode, found_by, current.files or (), view_services(project, current.profiles()))

    def _switched(self, plan: Plan, project: Project, options: dict[str, Any]) -> ModeReport:
        is_done = not options["dry_run"]
        # Text names no service's image, so that the engine need not be asked.
        services = () if self._is_text else view_services(project, plan.current.profiles())
        written = written_files(plan, is_done=is_done)
        found_by = plan.files.reason
        diff = plan_diff(plan) if options["diff"] or not self._is_text else ""
        return ModeReport(plan.mode, found_by, plan.files.files, services, written, plan.changed, plan.left, diff)

    def _run(self, project: Project, variables: dict[str, str] | None, mode: str, options: dict[str, Any]) -> None:
        actions = [action for action in Action if options[action.value]]
        if not actions:
            return
        find_engine()
        runner = Runner(self.config.root, variables or {}, self._tell)
        watches = mode == "dev" and any("watch" in (m.facts.values.get("develop") or {}) for m in project.members)
        runner.run_actions(actions, project, is_checked=mode == "prod", watches=watches)

    def _tell(self, line: str) -> None:
        self.stderr.write(line, str)  # as it is: what goes to standard error is shown as an error otherwise

    def _report(self, report: ModeReport, lines: Iterable[str]) -> None:
        if self._is_text:
            self._write(lines)
        else:
            self.write_document(mode_payload(report))

    def _write(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.stdout.write(line)

    def _asker(self, options: dict[str, Any]) -> Ask | None:
        """Return who can be asked: nobody without a terminal, or where that was ruled out."""
        return self._ask if options["interactive"] and self._is_text and sys.stdin.isatty() else None

    def _ask(self, question: str, names: Sequence[str]) -> str:
        for number, name in enumerate(names, 1):
            self.stdout.write(f"  {number}  {name}")
        answer = input(f"{question} [1-{len(names)}] ").strip()
        if answer.isdigit() and 0 < int(answer) <= len(names):
            return names[int(answer) - 1]
        raise DockertoolsError("Nothing was changed.", hint="Answer with one of the numbers.", code="declined")


def _require_sense(mode: str | None, check: str | None, options: dict[str, Any]) -> None:
    """Refuse options that say nothing together."""
    runs = [action.value for action in Action if options[action.value]]
    if check is not None and (mode is not None or runs):
        raise UsageError("--check goes alone: it changes nothing.", hint=f"docker_mode --check {check}")
    if options["dry_run"] and runs:
        raise UsageError(f"--dry-run and --{runs[0]} exclude each other.", hint="Leave one of them out.")
    if mode != "dev" and options["sync"] == "watch":
        raise UsageError("--sync watch is for dev: production takes no code from this folder.")
    if mode is None and (options["diff"] or options["dry_run"] or options["force"]):
        raise UsageError(
            "Which mode? --diff, --dry-run and --force go with dev or prod.", hint="docker_mode dev --diff"
        )
