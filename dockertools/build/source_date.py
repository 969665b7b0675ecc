"""The moment that a reproducible image bears, and what of the context was not committed then.

The variable: https://reproducible-builds.org/specs/source-date-epoch/
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from dockertools.errors import DockertoolsError, UsageError
from dockertools.process import Completed, ProgramNotFoundError, run

VARIABLE = "SOURCE_DATE_EPOCH"
LARGEST = 2**53
"""What is larger is no time that every program understands."""
_WAY_OUT = f"Set {VARIABLE} to the seconds since 1970 that the image is to bear, such as `{VARIABLE}=$(date +%s)`."
_ENVIRONMENT = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}


def find_source_date(build_args: Mapping[str, str | None], folder: Path, now: float | None = None) -> int:
    """Return the seconds since the epoch: a build argument, else the environment's variable, else the last commit.

    Raises UsageError for what is no time or lies ahead, DockertoolsError where there is no commit.
    """
    given = build_args.get(VARIABLE) or os.environ.get(VARIABLE)
    moment = _parse(given) if given else _last_commit(folder)
    ahead = moment - (time.time() if now is None else now)
    if ahead > 0:
        # BuildKit makes times earlier, never later: files made in the build would bear the time of the build.
        raise UsageError(
            f"{f'{VARIABLE}={given}' if given else 'The last commit'} lies {ahead:.0f} seconds ahead of the clock,"
            " so that the image would bear the time of the build.",
            hint="Set the clock, or an earlier SOURCE_DATE_EPOCH.",
        )
    return moment


def _parse(text: str) -> int:
    if not re.fullmatch(r"[0-9]+", text) or int(text) > LARGEST:
        raise UsageError(
            f"{VARIABLE}={text!r} is no time.", hint="Write whole seconds since 1970, as `date +%s` prints them."
        )
    return int(text)


def _last_commit(folder: Path) -> int:
    try:
        done = _git(folder, "log", "-1", "--format=%ct")
    except ProgramNotFoundError as error:
        raise _no_commit(folder, "the program `git` was not found") from error
    if done.returncode or not done.stdout.strip():
        raise _no_commit(folder, (done.stderr.strip() or "it has none").partition("\n")[0])
    return int(done.stdout)


def _no_commit(folder: Path, reason: str) -> DockertoolsError:
    return DockertoolsError(
        f"The time of the last commit in {folder} cannot be told: {reason}.", hint=_WAY_OUT, code="no-source-date"
    )


def uncommitted_files(folder: Path, sent: Iterable[str]) -> tuple[str, ...]:
    """Return those of the sent files below `folder` that are not as the last commit has them, and files gone since.

    It is nothing where Git does not know the folder.
    """
    try:
        known = _git(folder, "ls-files", "-z", "--recurse-submodules")
        changed = _git(folder, "diff", "--name-only", "-z", "--relative", "HEAD")
    except ProgramNotFoundError:
        return ()
    if known.returncode or changed.returncode:
        return ()
    different = set(_names(changed))
    committed = set(_names(known)) - different
    gone = {path for path in different if not os.path.lexists(folder / path)}
    return tuple(sorted(gone.union(path for path in sent if path not in committed)))


def _names(done: Completed) -> list[str]:
    return [name for name in done.stdout.split("\0") if name]


def _git(folder: Path, *words: str) -> Completed:
    return run(("git", "-C", str(folder), *words), env=_ENVIRONMENT)
