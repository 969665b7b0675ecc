"""What every command does alike: errors, exit codes, documents, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dockertools.errors import CouldNotRunError, DockertoolsError, UsageError
from dockertools.management.base import DockertoolsCommand


class Probe(DockertoolsCommand):
    """A command that does what the test tells it to."""

    example = "Example: probe --format json"

    def __init__(self, action: Any) -> None:
        super().__init__(stdout=StringIO(), stderr=StringIO())
        self.action = action

    def handle(self, **_options: Any) -> None:
        self.action(self)

    def printed(self) -> str:
        """Return what went to standard output."""
        return self.stdout._out.getvalue()  # type: ignore[attr-defined,no-any-return]


def raising(error: BaseException) -> Any:
    def action(_command: Probe) -> None:
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (DockertoolsError("The build failed.", hint="Look above."), 1),
        (UsageError("'x' is not a size."), 2),
        (CouldNotRunError("No engine."), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_becomes_a_command_error_with_its_exit_code(error: BaseException, exit_code: int) -> None:
    with pytest.raises(CommandError) as caught:
        call_command(Probe(raising(error)))
    assert caught.value.returncode == exit_code


def test_the_message_is_followed_by_the_next_step() -> None:
    with pytest.raises(CommandError, match=r"^The build failed\.\nLook above\.$"):
        call_command(Probe(raising(DockertoolsError("The build failed.", hint="Look above."))))


def test_an_error_is_one_json_document_too() -> None:
    probe = Probe(raising(CouldNotRunError("No engine.", hint="Start it.", code="engine-unreachable")))
    with pytest.raises(CommandError):
        call_command(probe, output_format="json")
    assert json.loads(probe.printed()) == {
        "schema": f"dockertools.{probe.name}/1",
        "exit_code": 3,
        "error": {"message": "No engine.", "hint": "Start it.", "code": "engine-unreachable"},
    }


def test_what_is_known_in_spite_of_the_failure_is_in_the_document() -> None:
    probe = Probe(raising(DockertoolsError("Over budget.", details={"seconds": 3.5})))
    with pytest.raises(CommandError):
        call_command(probe, output_format="json")
    assert json.loads(probe.printed())["seconds"] == 3.5


def test_a_document_has_the_schema_and_the_exit_code() -> None:
    probe = Probe(lambda command: command.write_document({"argv": ["docker"]}))
    call_command(probe, output_format="json")
    assert json.loads(probe.printed()) == {
        "schema": f"dockertools.{probe.name}/1",
        "exit_code": 0,
        "error": None,
        "argv": ["docker"],
    }


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_unwinds_the_command(number: signal.Signals, exit_code: int) -> None:
    probe = Probe(lambda _command: os.kill(os.getpid(), number))
    before = signal.getsignal(number)
    with pytest.raises(CommandError) as caught:
        call_command(probe)
    assert caught.value.returncode == exit_code
    assert signal.getsignal(number) == before


class FakeTerminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_console_writes_to_a_terminal_what_it_means_to() -> None:
    terminal = FakeTerminal()
    command = Probe(lambda command: command.console(stderr=True).print("50 %", end=""))
    call_command(command, stderr=terminal, force_color=True)
    assert terminal.getvalue() == "50 %"


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", b"caf? ?\n"), ("utf-8", "caf\xe9 ?\n".encode())])
def test_what_the_stream_cannot_encode_is_no_error(encoding: str, shown: bytes) -> None:
    stream = TextIOWrapper(BytesIO(), encoding=encoding, write_through=True)
    for action in (
        lambda command: command.console().print("caf\xe9 \udcff"),
        lambda command: command.stdout.write("caf\xe9 \udcff"),
    ):
        call_command(Probe(action), stdout=stream)
    stream.seek(0)
    assert stream.buffer.read() == shown * 2


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_document_is_json_in_every_encoding(encoding: str) -> None:
    raw = BytesIO()
    stream = TextIOWrapper(raw, encoding=encoding)
    call_command(Probe(lambda command: command.write_document({"word": "caf\xe9"})), stdout=stream)
    assert json.loads(raw.getvalue())["word"] == "caf\xe9"


SHELL = 'exec "$0" -m dockertools context "$@"'


def run_with_redirection(project: Path, redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = ("sh", "-c", f"{SHELL} {redirection}", sys.executable, "--project", str(project), *arguments)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [(), ("--format", "json"), ("--list",)], ids=" ".join)
def test_a_result_that_cannot_be_written_is_told_on_standard_error(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run_with_redirection(tmp_path, ">/dev/full", *arguments)
    assert done.returncode == 3
    assert done.stderr.startswith(
        "CommandError: The result could not be written to standard output: No space left on device."
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_the_work_goes_on_where_progress_cannot_be_written(tmp_path: Path, redirection: str) -> None:
    done = run_with_redirection(tmp_path, redirection)
    assert (done.returncode, bool(done.stdout)) == (0, True)


def test_a_closed_output_is_no_error(tmp_path: Path) -> None:
    done = run_with_redirection(tmp_path, ">&-")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_end_of_a_reader_is_told(tmp_path: Path) -> None:
    done = run_with_redirection(tmp_path, "| true")
    assert "Traceback" not in done.stderr


def test_help_shows_an_example() -> None:
    assert "Example: probe --format json" in Probe(None).create_parser("manage.py", "probe").format_help()


def python_m(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "dockertools", *arguments),
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_module_runs_a_command_for_a_project_that_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "manage.py").write_text("raise SystemExit('never run')")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "pyproject.toml").write_text('[tool.dockertools]\nimage = "shop:1"\nmax-size = "300MB"\n')
    done = python_m("build", "--project", str(tmp_path), "--dry-run", "--format", "json", cwd=tmp_path.parent)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["argv"][-1] == str(tmp_path)


def test_the_module_lists_its_commands(tmp_path: Path) -> None:
    done = python_m(cwd=tmp_path)
    assert done.returncode == 0
    assert "  build\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["biuld"], "There is no command 'biuld'."),
        (["build", "--project", "gone"], "--project gone is not a folder."),
        (["build", "--project=gone"], "--project gone is not a folder."),
    ],
)
def test_the_module_says_what_is_wrong_with_its_arguments(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = python_m(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_broken_pyproject_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.dockertools\n")
    done = python_m("build", cwd=tmp_path)
    assert done.returncode == 1
    assert f"{tmp_path / 'pyproject.toml'} cannot be read" in done.stderr


def test_an_unknown_key_in_pyproject_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.dockertools]\nimgae = "x"\n')
    done = python_m("build", cwd=tmp_path)
    assert done.returncode == 2
    assert "DOCKERTOOLS has no key 'IMGAE'." in done.stderr


def test_without_a_dockerfile_the_next_step_is_said(tmp_path: Path) -> None:
    done = python_m("build", cwd=tmp_path)
    assert done.returncode == 1
    assert f"There is no Dockerfile at {tmp_path / 'Dockerfile'}." in done.stderr


@pytest.mark.parametrize("missing", ["rich", "docker"])
def test_without_the_engine_extra_the_command_says_what_to_install(tmp_path: Path, missing: str) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(f"import sys\nsys.modules[{missing!r}] = None\n")
    done = subprocess.run(
        (sys.executable, "-m", "dockertools", "build"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{blocked}:{Path(__file__).parent.parent}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr.startswith(f"CommandError: This command needs the Python package {missing}, not installed here.")
    assert "pip install 'django-dockertools[engine]'" in done.stderr
