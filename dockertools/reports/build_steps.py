"""Steps of a build in few words."""

from __future__ import annotations

import re

from dockertools.reports.terminal import plain

# Options say how, not what; --from stays, for it says whence.
_KEYWORD_OPTIONS = re.compile(r"\b(RUN|COPY|ADD|FROM)((?:\s+--\S+)+)")
_DIGEST = re.compile(r"(@sha256:[0-9a-f]{12})[0-9a-f]{52}")
_HUB = re.compile(r"\bdocker\.io/(?:library/)?")
MINUTE = 60.0


def show_step(name: str) -> str:
    """Return a step's name on one line, without what only fills it."""
    text = _KEYWORD_OPTIONS.sub(_keep_from, " ".join(plain(name).split()))
    return _HUB.sub("", _DIGEST.sub(r"\1", text))


def show_seconds(seconds: float) -> str:
    """Return a time as `3.2 s` or `2:05 min`."""
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), round(MINUTE))
    return f"{minutes}:{rest:02} min"


def _keep_from(match: re.Match[str]) -> str:
    kept = [word for word in match[2].split() if word.startswith("--from=")]
    return " ".join((match[1], *kept))
