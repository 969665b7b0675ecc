"""What a terminal of 80 by 24 shows while real builds run; the golden screens are in tests/data/screens.

`UPDATE_GOLDEN=1 pytest tests/test_build_live.py` writes them anew.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import pyte
import pytest
from rich.console import Console

from dockertools.build.events import LogEvent, StepEvent
from dockertools.build.progress import BuildProgress
from dockertools.reports.build_live import LiveView
from dockertools.reports.build_progress import StepLines, choose_progress, watch_build
from dockertools.reports.terminal import make_console
from tests.streams import Clock, Player

SCREENS = Path(__file__).parent / "data" / "screens"
WIDTH, HEIGHT = 80, 24


class Terminal:
    """A terminal, and a console that writes to it."""

    def __init__(self, *, encoding: str = "utf-8", width: int = WIDTH, height: int = HEIGHT) -> None:
        self.file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
        self.console = make_console(self.file, force_color=True)
        self.console.size = (width, height)
        self.screen = pyte.HistoryScreen(width, height, history=1000)
        self.screen.set_mode(pyte.modes.LNM)

    def lines(self) -> list[str]:
        self.file.flush()
        data = self.file.buffer.getvalue()
        pyte.ByteStream(self.screen).feed(data)
        self.file.seek(0)
        self.file.truncate()
        return [line.rstrip() for line in self.screen.display]


def show(name: str, until: float = float("inf")) -> list[str]:
    """Play a stream on a terminal and return the screen, as it stands at `until` or after the end."""
    terminal, player = Terminal(), Player(name)
    with LiveView(terminal.console, "shop:latest", player.clock) as view:
        player.play(view, until)
        if until < float("inf"):
            return terminal.lines()
    return terminal.lines()


def check_golden(name: str, lines: list[str]) -> None:
    path = SCREENS / f"{name}.txt"
    text = "\n".join(lines).rstrip() + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("name", "until"),
    [
        ("cold", 2.0),
        ("cold", float("inf")),
        ("cached", float("inf")),
        ("many-steps", 8.0),
        ("failing-step", float("inf")),
        ("failing-neighbour", 2.0),
        ("failing-neighbour", float("inf")),
    ],
)
def test_the_screen_is_as_in_the_golden_file(name: str, until: float) -> None:
    check_golden(name if until == float("inf") else f"{name}-at-{until:g}", show(name, until))


@pytest.mark.parametrize("name", ["cold", "cached", "many-steps", "failing-neighbour", "parse-error", "cancelled"])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 6), (200, 60), (20, 3)])
def test_no_row_is_wider_than_the_terminal_and_the_cursor_comes_back(name: str, width: int, height: int) -> None:
    terminal, player = Terminal(width=width, height=height), Player(name)
    with LiveView(terminal.console, "registry.example.com/a-long-name/of-an-image:latest", player.clock) as view:
        player.play(view)
        rows = terminal.console.render_lines(view.render(), pad=False)
        assert len(rows) < max(height, 3)
        assert all(sum(segment.cell_length for segment in row) < width for row in rows)
    terminal.lines()
    assert not terminal.screen.cursor.hidden


def test_what_a_step_writes_cannot_garble_the_screen() -> None:
    terminal, clock, progress = Terminal(), Clock(), BuildProgress()
    with LiveView(terminal.console, "shop:latest", clock) as view:
        view(progress, progress.apply(StepEvent("a", "[1/1] RUN evil", started=1.0)))
        clock.now = 1.0
        text = "\x1b[2J\x1b[31mred\x1b]0;title\x07 \x1b[5;5Hthere\x9b2J\x07\x08\x0e\n"
        view(progress, progress.apply(LogEvent("a", text)))
        shown = terminal.lines()
    assert shown[0].startswith("⠋ shop:latest: 0/1 steps")
    assert shown[2] == "    red there2J"


def test_a_terminal_without_utf8_gets_ascii() -> None:
    terminal, player = Terminal(encoding="ascii"), Player("cold")
    with LiveView(terminal.console, "shop:latest", player.clock) as view:
        player.play(view, 2.0)
        running = terminal.lines()
        player.play(view)
    ended = terminal.lines()
    assert all(line.isascii() for line in (*running, *ended))
    assert any(line.startswith("+ ") for line in ended)


def test_the_terminal_is_put_in_order_after_an_interrupt() -> None:
    terminal, player = Terminal(), Player("cold")
    view = LiveView(terminal.console, "shop:latest", player.clock)
    with pytest.raises(KeyboardInterrupt), view:
        interrupt(player.play(view, 2.0))
    lines = terminal.lines()
    assert not terminal.screen.cursor.hidden
    assert not any("shop:latest" in line for line in lines)


def test_what_the_terminal_echoes_at_an_interrupt_leaves_no_row_behind() -> None:
    terminal, player = Terminal(), Player("cold")
    with LiveView(terminal.console, "shop:latest", player.clock) as view:
        player.play(view, 1.2)
        terminal.console.file.write("^C")
    assert not any("shop:latest" in line for line in terminal.lines())


def interrupt(_progress: BuildProgress) -> None:
    raise KeyboardInterrupt


def plain_lines(name: str, *, with_logs: bool = False) -> list[str]:
    stream = io.StringIO()
    Player(name).play(StepLines(make_console(stream), with_logs=with_logs))
    return stream.getvalue().splitlines()


def test_without_a_terminal_there_is_a_line_for_each_finished_step() -> None:
    lines = plain_lines("cold")
    assert len(lines) == 8
    assert all("\x1b" not in line for line in lines)
    assert any("[builder 2/4] RUN python -c" in line for line in lines)


def test_every_log_line_is_shown_when_asked_for() -> None:
    lines = plain_lines("cold", with_logs=True)
    logs = [line.split("|")[1].strip() for line in lines if "builder 2/4 |" in line]
    assert logs == [f"step {number}" for number in range(5)]
    assert sum("and  cleared" in line for line in lines) == 1


def test_a_neighbour_of_the_failing_step_is_not_called_failed() -> None:
    lines = plain_lines("failing-neighbour")
    assert {line.split()[0] for line in lines if "RUN" in line} == {"failed", "stopped"}


class FakeTerminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("progress", "verbosity", "terminal", "chosen"),
    [
        ("auto", 1, True, "tty"),
        ("auto", 1, False, "plain"),
        ("auto", 0, True, "quiet"),
        ("auto", 3, True, "plain"),
        ("quiet", 3, True, "quiet"),
        ("tty", 1, False, "tty"),
        ("plain", 0, True, "plain"),
    ],
)
def test_the_progress_fits_the_terminal(progress: str, verbosity: int, terminal: bool, chosen: str) -> None:
    stream = FakeTerminal() if terminal else io.StringIO()
    assert choose_progress(Console(file=stream, _environ={"TERM": "xterm"}), progress, verbosity) == chosen


def test_a_dumb_terminal_gets_lines() -> None:
    console = Console(file=FakeTerminal(), _environ={"TERM": "dumb"})
    assert choose_progress(console, "auto", 1) == "plain"


def test_forced_colours_do_not_make_a_terminal_of_a_file() -> None:
    console = make_console(io.StringIO(), force_color=True)
    assert console.is_terminal
    assert choose_progress(console, "auto", 1) == "plain"


def test_quiet_shows_nothing() -> None:
    stream = io.StringIO()
    with watch_build(make_console(stream), "shop:latest", "quiet", 1) as listener:
        Player("cold").play(listener)
    assert stream.getvalue() == ""
