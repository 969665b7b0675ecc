"""Recorded streams of real builds, played with a clock that the test holds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from dockertools.build.driver import Listener
from dockertools.build.events import parse_line
from dockertools.build.progress import BuildProgress
from dockertools.build.redact import Redact, make_redactor

STREAMS = Path(__file__).parent / "data" / "streams"
NAMES = tuple(sorted(path.stem for path in STREAMS.glob("*.jsonl")))


def recorded_lines(name: str) -> list[bytes]:
    """Return the lines that BuildKit wrote."""
    text = (STREAMS / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line)["line"].encode() for line in text.splitlines()]


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Player:
    """Plays a stream to a listener, with a tick each tenth of a second in which nothing comes."""

    name: str
    clock: Clock = field(default_factory=Clock)
    redact: Redact = field(default_factory=lambda: make_redactor(()))

    def play(self, listener: Listener, until: float = float("inf")) -> BuildProgress:
        progress = BuildProgress(self.redact)
        for line in (STREAMS / f"{self.name}.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if record["at"] > until:
                break
            while self.clock.now + 0.1 < record["at"]:
                self.clock.now = round(self.clock.now + 0.1, 3)
                listener(progress, None)
            self.clock.now = record["at"]
            for event in parse_line(record["line"].encode()):
                listener(progress, progress.apply(event))
        else:
            progress.end()
        return progress
