"""Where a command's text goes: a terminal, a file or a pipe, any of which may be closed, full or unable to show it."""

from __future__ import annotations

import os
from contextlib import suppress
from io import StringIO
from typing import IO, Any

from dockertools.errors import DockertoolsError, ExitCode


class OutputError(DockertoolsError):
    """The result could not be written: the disk is full, or nobody reads any more.

    Exit code 3: 1 would say that there are findings, and nobody saw any.
    """

    code = "output-not-written"
    exit_code = ExitCode.COULD_NOT_RUN


class Output:
    """A stream for text that is written as far as it can be.

    What the stream's encoding does not have, such as a file name that is no text, becomes a question mark. An error of
    the stream is an OutputError, but where the text `is_optional`, as progress is: then all further text goes nowhere.
    """

    def __init__(self, stream: IO[str] | Any, *, is_optional: bool = False) -> None:
        self._stream: Any = StringIO() if stream is None else stream  # None: it was closed from the beginning
        self._is_optional = is_optional

    @property
    def encoding(self) -> str:
        """The encoding of the stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> None:
        """Write the text.

        Raises OutputError.
        """
        try:
            self._stream.write(text.encode(self.encoding, "replace").decode(self.encoding))
        except OSError as error:
            self._give_up(error)

    def write_bytes(self, data: bytes) -> None:
        """Write what is not text to the file below the stream.

        Raises OutputError.
        """
        try:
            self._stream.buffer.write(data)
        except OSError as error:
            self._give_up(error)

    def flush(self) -> None:
        """Send on what was written.

        Raises OutputError.
        """
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def __getattr__(self, name: str) -> Any:
        """Leave all the rest, such as asking for a terminal, to the stream."""
        return getattr(self._stream, name)

    def _give_up(self, error: OSError) -> None:
        """Let what was not written go nowhere: writing it at the interpreter's end would fail once more."""
        with suppress(OSError), open(os.devnull, "wb") as nowhere:  # noqa: PTH123  # not a path, a device
            os.dup2(nowhere.fileno(), self._stream.fileno())
        if not self._is_optional:
            raise OutputError(
                f"The result could not be written to standard output: {error.strerror}.",
                hint="Free some space, or send it elsewhere; what the command did stays done.",
            ) from error
