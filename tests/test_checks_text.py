import os
import pty
import re
import struct
import subprocess
import termios
from fcntl import ioctl
from pathlib import Path

from django.core.management.color import color_style, no_style
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.checks.results import CheckResult, Status
from dockertools.reports.checks_text import plain, result_lines
from tests.check_project import make_project

TEXTS = st.text(max_size=120)


def result(status: Status = Status.FAIL, message: str = "", hint: str = "") -> CheckResult:
    evidence = {"code": "lost", "path": "/somewhere/else"}
    return CheckResult(
        id="shop.C101", group="shop", title="stock", status=status, message=message, hint=hint, evidence=evidence
    )


def test_a_log_keeps_a_check_on_a_line() -> None:
    message = "word " * 60
    assert len(list(result_lines(result(Status.PASS, message), no_style()))) == 1


@given(message=TEXTS, hint=TEXTS, width=st.integers(1, 200))
@settings(deadline=None)
def test_a_terminal_loses_no_word(message: str, hint: str, width: int) -> None:
    whole, broken = (
        list(result_lines(result(message=message, hint=hint), no_style(), 0, limit)) for limit in (None, width)
    )
    assert " ".join(broken).split() == " ".join(whole).split()
    assert all(len(line) <= width for line in broken if " " in line.strip())


@given(message=TEXTS)
@settings(deadline=None)
def test_no_message_controls_the_terminal(message: str) -> None:
    assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e]", plain(message))


def test_only_the_status_and_the_code_are_painted() -> None:
    lines = list(result_lines(result(message="FAIL lost"), color_style(force_color=True), 0, 80))
    assert [line.count("\x1b[0m") for line in lines] == [1, 1, 0]
    assert lines[0].endswith("FAIL lost")


def test_a_slow_check_comes_with_its_time() -> None:
    assert next(iter(result_lines(result(message="here"), no_style(), 1.26))).endswith(" here (1.3 s)")
    assert next(iter(result_lines(result(message="here"), no_style(), 0.99))).endswith(" here")


def test_the_report_fits_the_terminal(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.add_settings(f"DEBUG = True\nMEDIA_ROOT = '/nowhere/at/all'\nINSTALLED_APPS += ['{'a' * 30}']")
    parent, child = pty.openpty()
    ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    argv = (str(project.python), "manage.py", "docker_check", "--group", "security", "--group", "storage")
    with subprocess.Popen(
        (*argv, "--silence", "dockertools.C705=slow"),
        cwd=project.folder,
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        stdout=child,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(child)
        text = read_all(parent)
    lines = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in text.splitlines()]
    assert process.returncode == 1
    assert "\x1b[" in text
    assert all(len(line) <= 80 for line in lines if len(line.split()) > 1), lines


def read_all(terminal: int) -> str:
    """Return what is written until the other side is closed, which Linux tells as an error."""
    text = b""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            chunk = b""
        if not chunk:
            os.close(terminal)
            return text.decode()
        text += chunk
