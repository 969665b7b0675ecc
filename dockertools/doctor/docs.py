"""`python -m dockertools.doctor.docs > docs/doctor.md`: the reference of the doctor's checks, from the code."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from dockertools.checks.docs import code_table
from dockertools.checks.results import SILENCED
from dockertools.checks.runner import RUNNER_CODES
from dockertools.doctor.base import GROUPS
from dockertools.doctor.run import doctor_checks

_INTRODUCTION = """\
# The doctor's checks

Written by `make docs`; edit the code instead. `docs/commands/docker_doctor.md` shows the command.

The condition that was met is the result's `evidence.code`. Silence a check with a reason: `--silence ID=REASON`,
`DOCKERTOOLS = {"SILENCED": {"ID": "reason"}}`, or Django's `SILENCED_SYSTEM_CHECKS`.

## Conditions that any check can meet
"""


def render_doctor_checks() -> str:
    """Return the reference as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield from code_table({code: RUNNER_CODES[code] for code in ("ok", SILENCED)})
    for group, meaning in GROUPS.items():
        yield f"\n## Group `{group}`\n\n{meaning}"
        for check in doctor_checks():
            if check.group == group:
                yield f"\n### {check.id}: {check.title}\n\n{check.description}\n"
                yield from code_table(check.codes)


if __name__ == "__main__":
    sys.stdout.write(render_doctor_checks())
