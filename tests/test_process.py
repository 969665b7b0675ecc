import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from dockertools.errors import CouldNotRunError
from dockertools.process import ProgramNotFoundError, ProgramTimeoutError, run, stream


def test_a_program_runs_to_its_end_and_leaves_what_it_wrote() -> None:
    done = run((sys.executable, "-c", "import sys; print('out'); sys.stderr.write('err'); sys.exit(3)"))
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err")


def test_environment_and_input_reach_the_program() -> None:
    done = run(
        (sys.executable, "-c", "import os, sys; print(os.environ['WORD'] + sys.stdin.read())"),
        env={"WORD": "hello "},
        stdin="there",
    )
    assert done.stdout == "hello there\n"


def test_bytes_that_are_no_text_are_replaced() -> None:
    done = run((sys.executable, "-c", "import os; os.write(1, b'\\xff')"))
    assert done.stdout == "\ufffd"


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ProgramNotFoundError, match="`no-such-program` was not found") as caught:
        run(("no-such-program",))
    assert caught.value.exit_code == 3


def test_a_missing_folder_is_not_mistaken_for_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(CouldNotRunError, match="gone does not exist"):
        run((sys.executable,), cwd=tmp_path / "gone")


def test_a_program_that_takes_too_long_is_ended() -> None:
    with pytest.raises(ProgramTimeoutError, match="did not end within"):
        run((sys.executable, "-c", "import time; time.sleep(60)"), timeout=0.2)


def test_lines_of_standard_error_come_one_by_one() -> None:
    code = "import sys; sys.stderr.write('one\\ntwo\\r\\nthree')"
    with stream((sys.executable, "-c", code)) as process:
        assert list(process.lines()) == [b"one", b"two", b"three"]
        assert process.wait() == 0


def test_leaving_a_stream_early_ends_the_program() -> None:
    code = "import os, sys, time; print(os.getpid(), file=sys.stderr, flush=True); time.sleep(60)"
    with stream((sys.executable, "-c", code)) as process:
        pid = int(next(process.lines()))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


STUBBORN = (
    "import signal, sys, time; signal.signal(15, signal.SIG_IGN); print('ready', file=sys.stderr); time.sleep(60)"
)


def test_a_program_that_ignores_the_request_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockertools.process.GRACE_SECONDS", 0.2)
    with stream((sys.executable, "-c", STUBBORN)) as process:
        next(process.lines())
    assert process.wait() == -signal.SIGKILL


def test_a_second_interrupt_kills_a_program_that_takes_its_time() -> None:
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    programs = []

    def work() -> None:
        with stream((sys.executable, "-c", STUBBORN)) as process:
            programs.append(process)
            next(process.lines())
            timer.start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    timer.join()
    assert programs[0].wait() == -signal.SIGKILL


def test_a_missing_program_cannot_be_streamed() -> None:
    with pytest.raises(ProgramNotFoundError), stream(("no-such-program",)):
        pass


def test_silence_is_told_by_empty_lines() -> None:
    code = "import sys, time; print('one', file=sys.stderr, flush=True); time.sleep(0.5); print('two', file=sys.stderr)"
    with stream((sys.executable, "-c", code)) as process:
        lines = list(process.lines(tick=0.05))
    assert lines[-1] == b"two"
    assert b"" in lines
    assert b"one" in lines


def test_a_line_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockertools.process.LONGEST_LINE", 1000)
    code = "import sys; sys.stderr.write('x' * 3_000_000 + '\\nlast')"
    with stream((sys.executable, "-c", code)) as process:
        first, last = process.lines()
    assert len(first) < 200_000
    assert last == b"last"


def test_what_the_program_started_ends_with_it(tmp_path: Path) -> None:
    child = "import os, sys, time; print(os.getpid(), file=sys.stderr, flush=True); time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with stream((sys.executable, "-c", code)) as process:
        pid = int(next(process.lines()))
    wait_until_gone(pid)


def wait_until_gone(pid: int) -> None:
    """Wait until the process has ended; who reaps it is not ours to say."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state in "ZX":
            return
        time.sleep(0.02)
    pytest.fail(f"process {pid} still runs")
