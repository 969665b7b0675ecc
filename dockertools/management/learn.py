"""`docker_init --learn`: ask the built image, report, and write what follows when that is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockertools.conf import Config
from dockertools.errors import DockertoolsError, ExitCode, UsageError
from dockertools.management.base import engine_extra_imports, require_engine_extra
from dockertools.project.facts import ProjectFacts
from dockertools.project.inspect import inspect_project
from dockertools.rendering.files import render_files
from dockertools.rendering.plan import CREATE, KEPT, PlannedFile, plan_files, write_files
from dockertools.reports.init import files_lines, init_payload

with engine_extra_imports():
    from dockertools.learn.destination import plan_lists
    from dockertools.learn.learn import Learned, learn, with_changes
    from dockertools.learn.proposal import ADD, UNKNOWN
    from dockertools.reports.build_progress import watch_build
    from dockertools.reports.learn import learn_payload, print_learned

if TYPE_CHECKING:
    from dockertools.management.commands.docker_init import Command


@dataclass(frozen=True, kw_only=True)
class LearnOptions:
    """What is done with what was learned; `has_gate` is `--check`: it is an error that there is something to change."""

    is_applied: bool
    has_gate: bool
    force: bool
    is_interactive: bool
    verbosity: int


def make_learn_options(
    *, learn: bool, apply: bool, check: bool, dry_run: bool, force: bool, **rest: Any
) -> LearnOptions:
    """Return the options as one object. Raises UsageError for those that do not go together."""
    if not learn:
        raise UsageError("--apply writes what --learn finds out.", hint="Add --learn.")
    if apply and check:
        raise UsageError("--check writes nothing, and --apply does.", hint="Leave one of them out.")
    return LearnOptions(
        is_applied=apply and not dry_run,
        has_gate=check,
        force=force,
        is_interactive=rest["interactive"],
        verbosity=rest["verbosity"],
    )


def learn_and_report(
    command: Command, config: Config, facts: ProjectFacts, options: LearnOptions, *, manage: Path | None
) -> None:
    """Ask, show what follows, and write it where that is wanted.

    Raises DockertoolsError for a library that no package is known for, and with `--check` for any change.
    """
    require_engine_extra()
    console = command.console(stderr=True)
    learned = learn(
        config,
        facts,
        lambda what: watch_build(console, what, "auto", options.verbosity),
        lambda text: console.print(text, style="muted", markup=False) if options.verbosity else None,
    )
    if command.is_text:
        print_learned(command.console(), learned)
    planned = _plan(command, config, learned, options, manage)
    if command.is_text:
        _show_changes(command, planned)
    if options.is_applied and command.may_write(planned, options.is_interactive and command.is_text):
        write_files(config.root, planned)
    if command.is_text:
        _show_outcome(command, planned, config, learned, is_done=options.is_applied)
    details = {**init_payload(facts, planned), **learn_payload(learned)}
    judge(learned, options, details)
    if not command.is_text:
        command.write_document(details, ExitCode.OK)


def _plan(
    command: Command, config: Config, learned: Learned, options: LearnOptions, manage: Path | None
) -> tuple[PlannedFile, ...]:
    """Return the changes of the configuration and of the files that are there and made from it.

    Raises DockertoolsError when they are wanted and the configuration is not written plainly; else that is only said.
    """
    if not learned.changes:
        return ()
    try:
        lists = plan_lists(config, learned.changes, manage=manage)
    except DockertoolsError as error:
        if options.is_applied:
            error.details = learn_payload(learned)
            raise
        command.stderr.write(f"\n{error}")
        return ()
    changed = with_changes(config, learned.changes)
    rendered = render_files(inspect_project(changed, manage=manage), changed)
    files = plan_files(config.root, rendered, force=options.force)
    return (lists, *(file for file in files if file.action != CREATE))


def _show_changes(command: Command, planned: tuple[PlannedFile, ...]) -> None:
    for file in planned:
        if file.diff and file.action != KEPT:
            command.stdout.write(f"\n{file.diff}", ending="")


def _show_outcome(
    command: Command, planned: tuple[PlannedFile, ...], config: Config, learned: Learned, *, is_done: bool
) -> None:
    """Print what became of the files, and the next step."""
    if not planned:
        return
    command.stdout.write("")
    for line in files_lines(planned, is_done=is_done):
        command.stdout.write(line)
    if any(file.path == config.dockerfile and file.action == KEPT for file in planned):
        wanted = [line.package for line in learned.proposal.of(ADD)]
        text = f"{config.dockerfile} is not changed: install in it {', '.join(wanted) or 'what is left'}."
        command.stdout.write(command.style.WARNING(f"\n{text}"))
    command.stdout.write(f"\nnext  {'docker_build' if is_done else 'docker_init --learn --apply'}")


def judge(learned: Learned, options: LearnOptions, details: dict[str, Any]) -> None:
    """Raise DockertoolsError for a library that no package is known for, and at the gate for any change."""
    unknown = [line.package for line in learned.proposal.of(UNKNOWN)]
    if unknown:
        raise DockertoolsError(
            f"No package is known for {', '.join(unknown)}.",
            hint="Find it with `apt-file search`, and name it in DOCKERTOOLS['RUNTIME_PACKAGES'].",
            code="library-unknown",
            details=details,
        )
    if options.has_gate and learned.changes:
        raise DockertoolsError(
            f"Not as {learned.image} needs it: {', '.join(learned.changes)}.",
            hint="Run docker_init --learn --apply.",
            code="drift",
            details=details,
        )
