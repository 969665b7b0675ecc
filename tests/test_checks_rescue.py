"""What docker_check says where the apps do not load: however loading them ends the process."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.check_project import CheckProject, make_project


@pytest.fixture
def project(tmp_path: Path) -> CheckProject:
    return make_project(tmp_path)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(0)", "loading them ended the process with exit code 0"),
        ("import os; os._exit(0)", "loading them ended the process with exit code 0"),
        ("import ctypes; ctypes.string_at(0)", "loading them crashed the process (SIGSEGV)"),
        ("import time; time.sleep(60)", "loading them did not end within 1 seconds"),
    ],
)
def test_apps_that_do_not_load_are_a_finding_and_the_other_checks_run(
    project: CheckProject, models: str, message: str
) -> None:
    project.write("shop/models.py", models)
    if "sleep" in models:
        project.add_settings("import dockertools.checks.rescue as r; r.SETUP_SECONDS = 1.0")
    run = project.check("--group", "environment")
    assert (run.exit_code, run.codes("C101"), run.status("C802")) == (1, {"setup-failed"}, "pass")
    assert run.result("C101")["message"] == f"the apps do not load: {message}"


def test_help_and_mistakes_of_usage_keep_their_exit_codes(project: CheckProject) -> None:
    assert project.run("--help").exit_code == 0
    assert project.run("--no-such-option").exit_code == 2


def test_an_error_of_the_command_itself_is_no_finding(project: CheckProject) -> None:
    project.write("shop/models.py", "import sys; sys.modules['elftools'] = None")
    run = project.run("--group", "environment")
    assert (run.exit_code, run.stdout) == (1, "")
    assert "elftools" in run.stderr


def test_a_command_that_crashes_has_no_result(project: CheckProject) -> None:
    project.add_settings(
        "import dockertools.checks.runner as r, os\ndef crash(): os.kill(os.getpid(), 9)\nr.find_secrets = crash\n"
    )
    run = project.run("--group", "environment")
    assert run.exit_code == 3
    assert "docker_check has no result: something crashed the process (SIGKILL)" in run.stderr


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_reaches_the_command(project: CheckProject, number: signal.Signals, exit_code: int) -> None:
    project.add_settings("CACHES = {'default': {'BACKEND': 'shop.cache.Refusing'}}")
    project.write(
        "shop/cache.py",
        """
        from django.core.cache.backends.locmem import LocMemCache
        class Refusing(LocMemCache):
            def set(self, *args, **options):
                raise ConnectionRefusedError("connection refused")
        """,
    )
    with project.waiting("--group", "cache") as (process, _):
        process.send_signal(number)
        assert process.wait(30) == exit_code


def test_settings_that_end_the_process_of_a_guest_are_no_pass(project: CheckProject) -> None:
    project.add_settings("raise SystemExit(0)")
    done = subprocess.run(
        (sys.executable, "-m", "dockertools.checks.guest", "--group", "environment"),
        cwd=project.folder,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "the settings do not load: loading them ended the process with exit code 0" in done.stderr
