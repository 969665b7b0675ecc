"""`docker_prune`: remove what this project left in the engine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from dockertools.conf import Config
from dockertools.engine import connect, find_engine
from dockertools.errors import DockertoolsError, ExitCode, UsageError
from dockertools.housekeeping.belongings import Belongings, find_belongings
from dockertools.housekeeping.prune import KINDS, ON_REQUEST, PruneItem, PruneOptions, parse_age, plan
from dockertools.housekeeping.removal import ANSWER_SECONDS, Event, Removed, remove
from dockertools.management.base import DockertoolsCommand, engine_extra_imports

with engine_extra_imports():
    from dockertools.reports.prune import print_outcome, print_plan, print_progress, prune_payload
    from dockertools.reports.reading import asking

if TYPE_CHECKING:
    from docker import DockerClient


class Command(DockertoolsCommand):
    """Wire the options to the plan, the questions and the removal."""

    needs_engine_extra = True
    help = "Remove old images, stopped containers and build cache of this project: shown first, never volumes unasked."
    example = "Example: python manage.py docker_prune --keep 2 --older-than 7d --dry-run"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what may go, and how to be asked."""
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="show what would go, and stop")
        parser.add_argument("--noinput", "--no-input", action="store_false", dest="interactive", help="do not ask")
        parser.add_argument("--keep", type=int, default=2, metavar="N", help="newest images to keep (default: 2)")
        parser.add_argument("--older-than", metavar="AGE", help="only what is older: 30m, 12h, 7d, 2w")
        parser.add_argument(
            "--only", action="append", choices=KINDS, metavar="KIND", help=f"one of {', '.join(KINDS)}; repeatable"
        )
        parser.add_argument("--volumes", action="store_true", help="volumes too: data is lost; each is asked for")
        parser.add_argument("--stand-ins", action="store_true", help="the base images of scripts/engine too")

    def handle(self, *, dry_run: bool, interactive: bool, output_format: str, **rest: Any) -> None:
        """Show, ask, remove, and say what came free."""
        if output_format == "json" and interactive and not dry_run:
            raise UsageError("--format json cannot ask.", hint="Add --noinput, or --dry-run to see what would go.")
        options = make_options(self.config, **rest)
        find_engine()
        client = connect(ANSWER_SECONDS)
        with asking(self.console(stderr=True), "what it holds", is_quiet=rest["verbosity"] == 0):
            belongings, now = find_belongings(client, self.config), datetime.now(UTC)
        everything = plan(belongings, replace(options, kinds=options.kinds | ON_REQUEST), now)
        items = tuple(item for item in everything if item.kind in options.kinds)
        kept = tuple(item for item in everything if item.kind not in options.kinds)
        print_plan(self.console(stderr=output_format == "json"), items, kept, belongings.project)
        chosen = () if dry_run else self._confirm(items, belongings, options, now) if interactive else items
        results = self._remove(client, items, chosen, options)
        exit_code = ExitCode.FAILED if any(item.problem for item in results) else ExitCode.OK
        if output_format == "json":
            self.write_document(prune_payload(results), exit_code)
        elif not dry_run:
            print_outcome(self.console(), results)
        self.exit_with(exit_code)

    def _remove(
        self, client: DockerClient, items: Sequence[PruneItem], chosen: Sequence[PruneItem], options: PruneOptions
    ) -> tuple[PruneItem, ...]:
        """Remove what was chosen and return all items; one broken off says how far it came."""
        done: list[PruneItem] = []
        try:
            remove(client, chosen, options, self._listener(done))
        except DockertoolsError as error:
            error.details = prune_payload(_merge(items, done))
            raise
        return _merge(items, done)

    def _listener(self, done: list[PruneItem]) -> Callable[[Event], None]:
        show = print_progress(self.console(stderr=True))

        def on_event(event: Event) -> None:
            if isinstance(event, Removed):
                done.append(event.item)
            show(event)

        return on_event

    def _confirm(
        self, items: Sequence[PruneItem], belongings: Belongings, options: PruneOptions, now: datetime
    ) -> tuple[PruneItem, ...]:
        """Ask once for all that can be made again, and for each volume by its name.

        When the former stays, volumes that its containers use stay too, and are not asked for.
        """
        volumes = [item for item in items if item.kind == "volume"]
        others = tuple(item for item in items if item.kind != "volume")
        chosen = others if others and self._ask(f"Remove these {len(others)}?") else ()
        if others and not chosen:
            volumes = list(plan(belongings, replace(options, kinds=options.kinds & {"volume"}), now))
        return (*chosen, *(item for item in volumes if self._ask(f"Remove the volume {item.name} and its data?")))

    def _ask(self, question: str) -> bool:
        self.stderr.write(f"{question} [y/N] ", ending="", style_func=str)
        self.stderr.flush()
        answer = sys.stdin.readline()
        if not answer:
            raise UsageError("Nobody answers on standard input.", hint="Add --noinput to remove without questions.")
        return answer.strip().lower() in ("y", "yes")


def _merge(items: Sequence[PruneItem], done: Sequence[PruneItem]) -> tuple[PruneItem, ...]:
    """Return all items, with what came of those that were dealt with."""
    results = {(item.kind, item.id, item.name): item for item in done}
    return tuple(results.get((item.kind, item.id, item.name), item) for item in items)


def make_options(
    config: Config,
    *,
    keep: int,
    older_than: str | None,
    only: list[str] | None,
    volumes: bool,
    stand_ins: bool,
    **_common: Any,
) -> PruneOptions:
    """Return what may go. Raises UsageError for what cannot be."""
    if keep < 0:
        raise UsageError(f"--keep {keep} is less than none.", hint="Give 0 or more.")
    kinds = set(only or KINDS) - (set() if only else ON_REQUEST)
    kinds |= {"volume"} if volumes else set()
    kinds |= {"stand-in"} if stand_ins else set()
    if "volume" in kinds and not volumes:
        raise UsageError("Volumes hold data.", hint="Add --volumes to say that it may be lost.")
    return PruneOptions(
        kinds=frozenset(kinds),
        keep=keep,
        older_than=parse_age(older_than) if older_than else None,
        keep_names=frozenset({config.image} if keep else ()),
    )
