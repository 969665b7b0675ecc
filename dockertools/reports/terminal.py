"""Tables and colours for people; the rooms before this one only make facts."""

from __future__ import annotations

import re
from typing import IO, Any

from rich.console import Console
from rich.text import Text
from rich.theme import Theme

_THEME = Theme(
    {"good": "green", "bad": "bold red", "muted": "dim", "number": "bold", "name": "cyan", "warning": "yellow"}
)
_CONTROL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
WIDTH_WITHOUT_TERMINAL = 100


def make_console(stream: IO[str] | Any, *, no_color: bool | None = False, force_color: bool | None = False) -> Console:
    """Return a console on `stream`; NO_COLOR, FORCE_COLOR and what is no terminal are obeyed."""
    console = Console(
        file=stream,
        no_color=no_color or None,
        force_terminal=True if force_color else None,
        theme=_THEME,
        highlight=False,
        soft_wrap=False,
    )
    if not console.is_terminal:
        console.width = max(console.width, WIDTH_WITHOUT_TERMINAL)
    return console


def has_unicode(console: Console) -> bool:
    """Tell whether the terminal shows more than ASCII."""
    return console.encoding.lower().startswith("utf")


def cut(console: Console, text: Text, width: int, *, pad: bool = False) -> Text:
    """Shorten the text, in place, to so many columns of one line."""
    text.truncate(max(width, 1), overflow="ellipsis" if has_unicode(console) else "crop", pad=pad)
    text.no_wrap = True
    return text


def plain(text: str) -> str:
    """Return the text of somebody's log without control sequences, so that it cannot garble the screen."""
    return _CONTROL.sub("", text.expandtabs())
