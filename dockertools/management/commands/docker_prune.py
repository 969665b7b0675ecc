"""`docker_prune`: remove what this project left in the engine."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandParser

from dockertools.conf import Config
from dockertools.engine import connect, find_engine
from dockertools.errors import ExitCode, UsageError
from dockertools.housekeeping.belongings import find_belongings
from dockertools.housekeeping.prune import (
    KINDS,
    PruneItem,
    PruneOptions,
    measure_free_bytes,
    parse_age,
    plan,
    remove,
)
from dockertools.management.base import DockertoolsCommand
from dockertools.reports.prune import print_outcome, print_plan, print_progress, prune_payload

OPT_IN = ("stand-in", "volume")


class Command(DockertoolsCommand):
    """Wire the options to the plan, the questions and the removal."""

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

    def handle(
        self,
        *,
        dry_run: bool,
        interactive: bool,
        output_format: str,
        **options: Any,
    ) -> None:
        """Show, ask, remove, and say what came free."""
        if output_format == "json" and interactive and not dry_run:
            raise UsageError("--format json cannot ask.", hint="Add --noinput, or --dry-run to see what would go.")
        prune_options = make_options(self.config, **options)
        find_engine()
        client = connect()
        items = plan(find_belongings(client, self.config), prune_options, datetime.now(UTC))
        print_plan(self.console(stderr=output_format == "json"), items, prune_options)
        chosen = () if dry_run else self._confirm(items) if interactive else items
        before = measure_free_bytes(client) if chosen else None
        done = remove(client, chosen, prune_options, print_progress(self.console(stderr=True)))
        after = measure_free_bytes(client) if chosen else None
        freed = None if before is None or after is None else max(after - before, 0)
        results = (*done, *(item for item in items if item not in chosen))
        exit_code = ExitCode.FAILED if any(item.problem for item in done) else ExitCode.OK
        if output_format == "json":
            self.write_document(prune_payload(results, freed), exit_code)
        elif not dry_run:
            print_outcome(self.console(), results, freed)
        self.exit_with(exit_code)

    def _confirm(self, items: Iterable[PruneItem]) -> tuple[PruneItem, ...]:
        """Ask once for all that can be made again, and for each volume by its name."""
        volumes = [item for item in items if item.kind == "volume"]
        others = tuple(item for item in items if item.kind != "volume")
        chosen = others if others and self._ask(f"Remove these {len(others)}?") else ()
        return (*chosen, *(item for item in volumes if self._ask(f"Remove the volume {item.name} and its data?")))

    def _ask(self, question: str) -> bool:
        self.stderr.write(f"{question} [y/N] ", ending="", style_func=str)
        self.stderr.flush()
        answer = sys.stdin.readline()
        if not answer:
            raise UsageError("Nobody answers on standard input.", hint="Add --noinput to remove without questions.")
        return answer.strip().lower() in ("y", "yes")


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
    kinds = set(only or KINDS) - (set() if only else set(OPT_IN))
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
