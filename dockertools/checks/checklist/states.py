"""What became of the services, as `docker compose ps` tells it. Facts, and how they are read."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class ServiceState:
    """What became of a service; `log` is the end of its output where it is not well."""

    service: str
    state: str
    health: str
    exit_code: int
    log: str = ""

    @property
    def is_well(self) -> bool:
        """Whether it runs, healthy if that can be known, or has done its task."""
        if self.state == "exited":
            return self.exit_code == 0
        return self.state == "running" and self.health in ("", "healthy")

    @property
    def is_pending(self) -> bool:
        """Whether waiting may still help."""
        return self.state in ("created", "restarting") or (self.state == "running" and self.health == "starting")

    @property
    def told(self) -> str:
        """The state, for people."""
        if self.state == "exited":
            return "done" if self.exit_code == 0 else f"ended with exit code {self.exit_code}"
        return self.health or self.state


@dataclass(frozen=True)
class Stack:
    """The running project; `web` is the service that answers, `url` where, None when it publishes no port."""

    states: tuple[ServiceState, ...]
    web: str
    url: str | None
    seconds: float


def read_states(text: str) -> tuple[ServiceState, ...]:
    """Return the services of `docker compose ps --format json`: a line each, or one list as older ones write it."""
    text = text.strip()
    items = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    states = (ServiceState(item["Service"], item["State"], item.get("Health", ""), item["ExitCode"]) for item in items)
    return tuple(sorted(states, key=lambda state: state.service))
