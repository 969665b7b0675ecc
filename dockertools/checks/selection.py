"""Which checks run, and which are silenced."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from django.conf import settings

from dockertools.checks.registry import CheckInfo
from dockertools.conf import Config
from dockertools.errors import UsageError

SETUP_CHECK = "dockertools.C101"


def select_checks(
    checks: Iterable[CheckInfo],
    groups: Iterable[str] | None,
    excluded: Iterable[str] | None,
    setup_error: str | None = None,
) -> tuple[CheckInfo, ...]:
    """Return the checks of `groups`, all of them by default, without those of the groups `excluded`.

    With `setup_error` the check that tells of it is always one of them: apps that do not load are no pass of any group.
    Raises UsageError for a group that does not exist, and when nothing is left.
    """
    checks = tuple(checks)
    known = dict.fromkeys(check.group for check in checks)
    wanted = dict.fromkeys(groups or known)
    unwanted = dict.fromkeys(excluded or ())
    for group in (*wanted, *unwanted):
        if group not in known:
            cause = f" An app may have been to add it, and the apps do not load: {setup_error}." if setup_error else ""
            raise UsageError(f"There is no group {group!r}.{cause}", hint=f"Groups: {', '.join(known)}.")
    chosen = tuple(
        check
        for check in checks
        if (check.group in wanted and check.group not in unwanted) or (setup_error and check.id == SETUP_CHECK)
    )
    if not chosen:
        raise UsageError("--group and --exclude-group leave no check.", hint=f"Groups: {', '.join(known)}.")
    return chosen


def find_silenced(texts: Iterable[str] | None, config: Config, checks: Iterable[CheckInfo]) -> dict[str, str]:
    """Return the reasons by check id: of the command line, of `DOCKERTOOLS["SILENCED"]`, of SILENCED_SYSTEM_CHECKS.

    Raises UsageError when one of the command line has no reason, or there is no such check.
    """
    known = [check.id for check in checks]
    system = dict.fromkeys(settings.SILENCED_SYSTEM_CHECKS, "SILENCED_SYSTEM_CHECKS")
    return {**system, **config.silenced, **_parse(texts or (), known)}


def _parse(texts: Iterable[str], known: list[str]) -> Mapping[str, str]:
    silenced = {}
    for text in texts:
        check_id, _, reason = text.partition("=")
        if not reason.strip():
            raise UsageError(
                f"--silence {text} gives no reason.", hint="Write it like dockertools.C504='a small disk'."
            )
        if check_id not in known:
            close = difflib.get_close_matches(check_id, known, 1)
            hint = f"Did you mean {close[0]}?" if close else "`--list` shows the ids."
            raise UsageError(f"--silence: there is no check {check_id!r}.", hint=hint)
        silenced[check_id] = reason.strip()
    return silenced
