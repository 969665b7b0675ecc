"""What compose says when it refuses a project, told with the next step."""

from __future__ import annotations

import re
from pathlib import Path

from dockertools.errors import CouldNotRunError, DockertoolsError

# What compose writes, the error's code, and what to do. Groups of the pattern can be used in the hint.
_MISSING_PROGRAM = re.compile(
    r"unknown command: docker compose|unknown flag: --profile|'compose' is not a docker command"
)
_EXPLANATIONS = (
    (
        r"required variable (?P<name>\S+) is missing a value",
        "variable-unset",
        "Put a line {name}=... into .env beside the compose file, or set it in the environment.",
    ),
    (
        r"env file (?P<name>\S+) not found",
        "env-file-missing",
        "Make {name} (is there an example of it to copy?), or mark it `required: false` in the compose file.",
    ),
    (r"failed to read \S*\.env", "env-broken", "Correct the line: KEY=value, with the closing quote where one opens."),
    (r"^yaml: .*cannot start any token", "yaml-broken", "YAML is indented with spaces alone; a tab stands there."),
    (r"^yaml: |mapping values are not allowed", "yaml-broken", "Correct the YAML there, then run this again."),
    (
        r"no configuration file provided",
        "compose-file-missing",
        "`docker_init` writes a compose file; or name yours in DOCKERTOOLS['MODES'].",
    ),
    (r"^(?:open|stat) (?P<name>\S+): no such file", "compose-file-missing", "Bring {name} back, or stop naming it."),
    (r"permission denied", "compose-file-denied", "Check who owns the file and may read it."),
)
_WARNING = re.compile(r"^time=\S+ level=warning")


def explain_failure(stderr: str, root: Path) -> DockertoolsError:
    """Return the error for what compose wrote to standard error; paths are shown relative to `root`."""
    if _MISSING_PROGRAM.search(stderr):
        return CouldNotRunError(
            "Docker has no `docker compose` command.",
            hint="Install the compose plugin, 2.24.4 or newer: https://docs.docker.com/compose/install/linux/",
            code="compose-not-found",
        )
    lines = [line for line in stderr.strip().splitlines() if not _WARNING.match(line)]
    said = "\n".join(lines).replace(f"{root}/", "") or "no message"
    for pattern, code, hint in _EXPLANATIONS:
        if match := re.search(pattern, said, re.MULTILINE):
            return DockertoolsError(
                f"Compose cannot read the project: {said}", hint=hint.format(**match.groupdict()), code=code
            )
    return DockertoolsError(
        f"Compose cannot read the project: {said}",
        hint="`docker compose config` shows the same; correct the file that it names.",
        code="compose-invalid",
    )
