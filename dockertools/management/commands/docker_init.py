"""`docker_init`: write the Dockerfile, .dockerignore, compose file and server configuration of the project."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from dockertools.conf import VARIANTS, Config
from dockertools.errors import DockertoolsError, ExitCode
from dockertools.management.base import DockertoolsCommand
from dockertools.management.learn import learn_and_report, make_learn_options
from dockertools.project.facts import ProjectFacts
from dockertools.project.inspect import inspect_project
from dockertools.rendering.files import render_files
from dockertools.rendering.plan import CREATE, KEPT, UPDATE, PlannedFile, plan_files, write_files
from dockertools.reports.init import facts_lines, files_lines, init_payload


class Command(DockertoolsCommand):
    """Wire the options to the facts, the renderers and the plan."""

    help = "Write the Dockerfile, .dockerignore, docker-compose.yml and gunicorn.conf.py that fit this project."
    example = "Example: python manage.py docker_init --dry-run --diff"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options of writing, and those that replace what is found out."""
        super().add_arguments(parser)
        parser.add_argument(
            "--check", action="store_true", help="write nothing; exit 1 when a file of ours is outdated"
        )
        parser.add_argument("--diff", action="store_true", help="show what changes in each file")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument(
            "--force", action="store_true", help="replace edited files too; they are saved as NAME.orig"
        )
        parser.add_argument("--noinput", action="store_false", dest="interactive", help="ask nothing")
        parser.add_argument("--variant", choices=VARIANTS, default=None, help="the kind of image (default: slim)")
        parser.add_argument(
            "--squash", action="store_true", default=None, help="production as one layer: small, and shares nothing"
        )
        parser.add_argument("--python", help="version of Python, such as 3.13")
        parser.add_argument("--suite", choices=("bookworm", "trixie"), help="Debian's release")
        for stage in ("build", "runtime"):
            parser.add_argument(
                f"--add-{stage}-package",
                action="append",
                default=[],
                metavar="PACKAGE",
                help=f"one more of Debian's packages in the {stage} stage; may be repeated",
            )

        parser.add_argument(
            "--learn", action="store_true", help="ask the built image which system packages it needs, and which not"
        )
        parser.add_argument("--apply", action="store_true", help="with --learn: write that into the configuration")

    def handle(
        self, *, check: bool, diff: bool, dry_run: bool, force: bool, output_format: str, **options: Any
    ) -> None:
        """Find out, render, compare, and write unless told otherwise."""
        config = override(self.config, options)
        facts = inspect_project(config, manage=_running_manage(config))
        if options["learn"] or options["apply"]:
            asked = make_learn_options(check=check, dry_run=dry_run, force=force, **options)
            learn_and_report(self, config, facts, asked, manage=_running_manage(config))
            return
        planned = plan_files(config.root, render_files(facts, config), force=force)
        drift = [file.path for file in planned if file.is_drift] if check else []
        writes = not (check or dry_run)
        if writes and self.may_write(planned, options["interactive"] and output_format == "text"):
            write_files(config.root, planned)
        details = init_payload(facts, planned)
        if output_format == "text":
            self._report(facts, planned, is_done=writes, diff=diff)
        if drift:
            raise DockertoolsError(
                f"Not as docker_init writes them: {', '.join(drift)}.",
                hint="Run docker_init; --diff shows what changes.",
                code="drift",
                details=details,
            )
        if output_format == "json":
            self.write_document(details, ExitCode.OK)

    def may_write(self, planned: tuple[PlannedFile, ...], interactive: bool) -> bool:
        """Ask, at a terminal, before files that are there are replaced."""
        changed = [file.path for file in planned if file.action == UPDATE]
        if not changed or not interactive or not sys.stdin.isatty():
            return True
        try:
            answer = input(f"Replace {', '.join(changed)}? [y/N] ")
        except EOFError:
            answer = ""
        if answer.strip().lower() in ("y", "yes"):
            return True
        raise DockertoolsError("Nothing was written.", hint="--diff shows what would change.", code="declined")

    def _report(self, facts: ProjectFacts, planned: tuple[PlannedFile, ...], *, is_done: bool, diff: bool) -> None:
        for line in facts_lines(facts):
            self.stdout.write(line)
        for note in facts.notes:
            self.stdout.write(self.style.WARNING(f"Note          {note}"))
        self.stdout.write("")
        for line in files_lines(planned, is_done=is_done):
            self.stdout.write(line)
        for file in planned:
            if file.diff and (diff or file.action == KEPT) and not (file.action == CREATE and not diff):
                self.stdout.write(f"\n{file.diff}", ending="")


def override(config: Config, options: dict[str, Any]) -> Config:
    """Return the configuration with what the command line says instead; packages are added to it."""
    names = {"python": "python_version", "suite": "suite", "variant": "variant", "squash": "squash"}
    changes: dict[str, Any] = {field: options[name] for name, field in names.items() if options.get(name)}
    for stage in ("build", "runtime"):
        if added := options.get(f"add_{stage}_package"):
            changes[f"{stage}_packages"] = (*getattr(config, f"{stage}_packages"), *added)
    return replace(config, **changes)


def _running_manage(config: Config) -> Path | None:
    """Return the manage.py that runs this, if it is one of the project."""
    script = Path(sys.argv[0]).resolve()
    is_ours = script.name == "manage.py" and script.is_relative_to(config.root)
    return script if is_ours else None
