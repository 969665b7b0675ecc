from __future__ import annotations

FAILED = 1
COULD_NOT_RUN = 3
INTERRUPTED = 130
TERMINATED = 143


class EngineError(Exception):
    """Say what went wrong, what the next step is, and the exit code that tells it to a script."""

    def __init__(self, message: str, *, hint: str = "", code: int = FAILED) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


class TerminatedError(BaseException):
    """Unwind the stack on SIGTERM as Ctrl-C does, so that nothing half made stays behind."""
