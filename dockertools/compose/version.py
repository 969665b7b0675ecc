"""Which compose there is, and whether it knows what an overlay needs."""

from __future__ import annotations

import re
from pathlib import Path

from dockertools.compose.errors import explain_failure
from dockertools.errors import CouldNotRunError
from dockertools.process import run

OLDEST = (2, 24, 4)
"""The first with `!override`, and with a `!reset` that works: https://docs.docker.com/reference/compose-file/merge/"""


def require_version(root: Path) -> None:
    """Check that compose knows `!override` and `!reset`.

    Raises CouldNotRunError when it does not, or when there is none.
    """
    done = run(("docker", "compose", "version", "--short"), cwd=root)
    if done.returncode:
        raise explain_failure(done.stderr or done.stdout, root)
    if (version := parse_version(done.stdout)) and version < OLDEST:
        raise CouldNotRunError(
            f"docker compose is {done.stdout.strip()}; what a mode takes away needs 2.24.4 or newer.",
            hint="Update the compose plugin: https://docs.docker.com/compose/install/linux/",
            code="compose-too-old",
        )


def parse_version(text: str) -> tuple[int, int, int] | None:
    """Return the numbers of `2.40.3`, `v2.24.0-rc.1` or `2.40.3-3`; None for something else, such as `dev`."""
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text.strip())
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None
