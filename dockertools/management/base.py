"""What all commands share: options, and the one place where errors become exit codes."""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser

from dockertools.conf import Config, get_config
from dockertools.errors import CouldNotRunError, DockertoolsError, ExitCode, TerminatedError
from dockertools.management.output import Output, OutputError
from dockertools.reports.documents import make_document

if TYPE_CHECKING:
    from rich.console import Console


ENGINE_EXTRA = ("docker", "rich")
"""The packages of the extra `[engine]`, which a production image does not hold."""


@contextmanager
def engine_extra_imports() -> Iterator[None]:
    """Let a command's module be imported without the extra; running the command then says what to install.

    Raises ModuleNotFoundError for anything else that is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ENGINE_EXTRA:
            raise


class DockertoolsCommand(BaseCommand):
    """A command that reports as text or as one JSON document, and ends with an exit code of the interface."""

    requires_system_checks = []  # noqa: RUF012  # Django's own attribute; settings may be those of a broken project
    needs_engine_extra: ClassVar[bool] = False
    formats: ClassVar[tuple[str, ...]] = ("text", "json")
    example: ClassVar[str] = ""

    def __init__(self, stdout: Any = None, stderr: Any = None, **options: Any) -> None:
        self._options: dict[str, Any] = {}
        self._outputs = {
            "stdout": Output(stdout or sys.stdout),
            "stderr": Output(stderr or sys.stderr, is_optional=True),
        }
        super().__init__(**self._outputs, **options)  # type: ignore[arg-type]  # streams as far as Django needs them

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Show the example below the options, as it is written."""
        kwargs.setdefault("epilog", self.example)
        kwargs.setdefault("formatter_class", _HelpFormatter)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options that every command has."""
        parser.add_argument(
            "--format", choices=self.formats, default="text", dest="output_format", help="default: text"
        )

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run `handle`, and turn what goes wrong into a message, a JSON document and an exit code."""
        self._options = options
        _write_escaped_what_cannot_be_encoded()
        options = self._redirect(options)
        try:
            if self.needs_engine_extra:
                require_engine_extra()
            with _signals_as_exceptions():
                printed = super().execute(*args, **options)
            self._outputs["stdout"].flush()
        except DockertoolsError as error:
            self._report_error(error, options)
            raise CommandError(str(error), returncode=error.exit_code) from error
        except KeyboardInterrupt:
            interrupted = DockertoolsError("Interrupted", code="interrupted")
            interrupted.exit_code = ExitCode.INTERRUPTED
            self._report_error(interrupted, options)
            raise CommandError("Interrupted", returncode=ExitCode.INTERRUPTED) from None
        return printed

    @property
    def is_text(self) -> bool:
        """Whether the report is for people."""
        return bool(self._options.get("output_format", "text") == "text")

    @property
    def config(self) -> Config:
        """The project's configuration."""
        return get_config()

    def console(self, *, stderr: bool = False) -> Console:
        """Return a console on standard output, or on standard error for progress."""
        from dockertools.reports.terminal import make_console  # noqa: PLC0415  # rich is not in production images

        # Not through Django's wrapper: it ends each piece of text with a line feed and paints it as an error.
        return make_console(
            self._outputs["stderr" if stderr else "stdout"],
            no_color=self._options.get("no_color"),
            force_color=self._options.get("force_color"),
        )

    def write_document(self, payload: dict[str, Any], exit_code: int = ExitCode.OK) -> None:
        """Write the command's JSON document to standard output."""
        self._write_json(make_document(self.name, payload, exit_code))

    def write_bytes(self, data: bytes) -> None:
        """Write what is not text, such as names of files, to the file that standard output is."""
        self._outputs["stdout"].write_bytes(data)

    def exit_with(self, exit_code: int) -> None:
        """End the command with a code other than 0 when everything has been reported already."""
        if exit_code != ExitCode.OK:
            sys.exit(exit_code)

    @property
    def name(self) -> str:
        """The command's name without `docker_`, as the schema and `python -m dockertools` use it."""
        return type(self).__module__.rpartition(".docker_")[2]

    def _redirect(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options with the streams that `call_command` was given, made safe."""
        given = {name: options[name] for name in self._outputs if options.get(name)}
        self._outputs |= {name: Output(stream, is_optional=name == "stderr") for name, stream in given.items()}
        return {**options, **{name: self._outputs[name] for name in given}}

    def _report_error(self, error: DockertoolsError, options: dict[str, Any]) -> None:
        if options.get("output_format") == "json" and not isinstance(error, OutputError):
            with suppress(OutputError):
                self._write_json(make_document(self.name, error.details, error.exit_code, error))

    def _write_json(self, document: dict[str, Any]) -> None:
        output = self._outputs["stdout"]
        has_all = output.encoding.lower().replace("-", "") == "utf8"
        output.write(json.dumps(document, indent=2, ensure_ascii=not has_all) + "\n")
        output.flush()


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keep line breaks of the example."""


def require_engine_extra() -> None:
    """Raise CouldNotRunError where what talks to an engine is not installed."""
    missing = [name for name in ENGINE_EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise CouldNotRunError(
            f"This command needs the Python package {' and '.join(missing)}, not installed here.",
            hint="pip install 'django-dockertools[engine]'",
            code="extra-not-installed",
        )


def _write_escaped_what_cannot_be_encoded() -> None:
    """Let no name that is not text, and no stream that is not UTF-8, end a report in an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the stack, so that children end and temporary files go."""
    codes = {signal.SIGTERM: ExitCode.TERMINATED, signal.SIGHUP: ExitCode.HUNG_UP}

    def unwind(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            _leave_terminal()
        raise TerminatedError(codes[signal.Signals(number)])

    try:
        before = {number: signal.signal(number, unwind) for number in codes}
    except ValueError:  # not the main thread: the host application handles signals
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave_terminal() -> None:
    """Let output for a terminal that is gone go nowhere: writing to it is an error, which would hide the exit code."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(descriptor).st_mode):
                os.dup2(nowhere, descriptor)
    os.close(nowhere)
