import os
import signal
import sys
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


def test_a_program_that_ignores_the_request_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockertools.process.GRACE_SECONDS", 0.2)
    code = "import signal, sys, time; signal.signal(15, signal.SIG_IGN); print('', file=sys.stderr); time.sleep(60)"
    with stream((sys.executable, "-c", code)) as process:
        next(process.lines())
    assert process.wait() == -signal.SIGKILL


def test_a_missing_program_cannot_be_streamed() -> None:
    with pytest.raises(ProgramNotFoundError), stream(("no-such-program",)):
        pass
