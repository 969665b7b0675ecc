"""What stands on a real terminal of 80 by 24 while `docker_build` runs on a real engine."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyte
import pytest

from tests.build_project import PYTHON, Project, make_project

pytestmark = pytest.mark.engine

WIDTH, HEIGHT = 80, 24
EVIL = r"printf '\033[31mred\033[2J\033[?1049h\033]0;title\007 and \033[5;5Hmore\n'"


class Screen:
    """A pseudo-terminal with a build on it, and what stands on it."""

    def __init__(self, project: Project, *arguments: str) -> None:
        self._parent, child = os.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        environment = {**project.environment, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
        del environment["NO_COLOR"]
        self.process = subprocess.Popen(
            project.argv(*arguments), env=environment, stdin=child, stdout=child, stderr=child, start_new_session=True
        )
        os.close(child)
        self._screen = pyte.HistoryScreen(WIDTH, HEIGHT, history=1000)
        self._stream = pyte.ByteStream(self._screen)
        self.most_totals = 0

    def read(self, until: Callable[[list[str]], bool]) -> list[str]:
        """Follow the terminal until the screen is as wanted, or the build has ended; return its lines."""
        with suppress(OSError):  # the other side was closed
            while data := os.read(self._parent, 65536):
                self._stream.feed(data)
                self.most_totals = max(self.most_totals, sum(" steps, " in line for line in self.lines()))
                if until(self.lines()):
                    break
        return self.lines()

    def lines(self) -> list[str]:
        """Return what scrolled away and what is shown."""
        above = ["".join(row[place].data for place in range(WIDTH)) for row in self._screen.history.top]
        return [line.rstrip() for line in (*above, *self._screen.display)]

    def close(self) -> None:
        """End the build if it runs, and take the terminal away."""
        self.process.terminate()
        self.process.wait(60)
        os.close(self._parent)


@contextmanager
def build_on_terminal(project: Project, *arguments: str) -> Iterator[Screen]:
    screen = Screen(project, *arguments)
    try:
        yield screen
    finally:
        screen.close()


@pytest.fixture
def project(engine: object, tmp_path: Path) -> Iterator[Project]:
    with make_project(tmp_path, "") as project:
        yield project


def contains(words: str) -> Callable[[list[str]], bool]:
    return lambda lines: any(words in line for line in lines)


def test_the_running_step_stands_below_and_the_summary_is_all_that_remains(project: Project) -> None:
    project.write(Dockerfile=PYTHON + f"RUN {EVIL}; echo wait''ing; sleep 3\nRUN true\n")
    with build_on_terminal(project, "--no-cache") as screen:
        running = screen.read(contains("    waiting"))
        assert sum(f"{project.tag}: 0/2 steps" in line for line in running) == 1, running
        assert "    red and more" in running
        ended = screen.read(lambda _lines: False)
        assert screen.process.wait(60) == 0
    assert screen.most_totals == 1
    assert not contains(" steps, ")(ended)
    assert not contains("waiting")([line for line in ended if "RUN" not in line])
    assert sum(line.startswith("✓ [") for line in ended) == 2
    assert contains(f"image         {project.tag}")(ended)


def test_more_steps_than_the_terminal_has_rows_scroll_by(project: Project) -> None:
    project.write(
        Dockerfile=PYTHON + "".join(f"WORKDIR /{project.tag[-20:-7]}/{number}\n" for number in range(HEIGHT + 2))
    )
    with build_on_terminal(project) as screen:
        ended = screen.read(lambda _lines: False)
        assert screen.process.wait(60) == 0
    assert screen.most_totals == 1
    assert sum(line.startswith("✓ [") for line in ended) == HEIGHT + 2
    assert contains(f"steps         {HEIGHT + 2}: 0 from the cache, {HEIGHT + 2} ran")(ended)


def test_a_failure_ends_with_the_cause_and_what_to_do(project: Project) -> None:
    project.write(Dockerfile=PYTHON + "RUN curl http://example.invalid\n")
    with build_on_terminal(project, "--no-cache") as screen:
        ended = screen.read(lambda _lines: False)
        assert screen.process.wait(60) == 1
    text = " ".join("\n".join(ended).split())
    assert "✗ [2/2] RUN curl" in text
    assert "| /bin/sh: 1: curl: not found" in text
    assert "The image has no program curl." in text
    assert not contains(" steps, ")(ended)
