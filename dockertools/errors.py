"""What goes wrong, told so that the reader can act on it."""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """The exit codes that every command shares; part of the interface."""

    OK = 0
    FAILED = 1
    USAGE = 2
    COULD_NOT_RUN = 3
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class DockertoolsError(Exception):
    """The work or its input failed.

    `message` names the thing and the value found, `hint` the next step, `code` is a stable slug for programs.
    `details` are the parts of the command's JSON document that are known in spite of the failure.
    """

    exit_code = ExitCode.FAILED
    code = "failed"

    def __init__(self, message: str, *, hint: str = "", code: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.code
        self.details = details or {}

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(DockertoolsError):
    """The command line or the configuration asks for something that cannot be."""

    exit_code = ExitCode.USAGE
    code = "usage"


class CouldNotRunError(DockertoolsError):
    """The engine, buildx or compose is missing, too old, denied, or was lost midway."""

    exit_code = ExitCode.COULD_NOT_RUN
    code = "could-not-run"


class TerminatedError(DockertoolsError):
    """A signal asked the process to end (SIGTERM, or SIGHUP of a closed terminal)."""

    code = "terminated"

    def __init__(self, exit_code: ExitCode) -> None:
        super().__init__("Terminated" if exit_code == ExitCode.TERMINATED else "The terminal was closed")
        self.exit_code = exit_code
