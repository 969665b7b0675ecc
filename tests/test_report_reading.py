from __future__ import annotations

import io

import pytest

from dockertools.reports.reading import asking
from dockertools.reports.terminal import make_console


@pytest.mark.parametrize(
    ("is_quiet", "said"), [(False, "asking the engine what it holds\n"), (True, "")], ids=["normal", "quiet"]
)
def test_what_the_engine_is_asked_is_said_before_it_answers(*, is_quiet: bool, said: str) -> None:
    stream = io.StringIO()
    with asking(make_console(stream), "what it holds", is_quiet=is_quiet):
        assert stream.getvalue() == said
    assert stream.getvalue() == said


def test_a_terminal_shows_a_status_that_goes_away() -> None:
    stream = io.StringIO()
    with asking(make_console(stream, force_color=True), "what it holds"):
        pass
    assert "asking the engine what it holds" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[2K")
