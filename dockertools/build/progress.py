"""Events -> the state of the build: its steps, their logs, what was transferred."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

from dockertools.build.events import Event, LogEvent, PlainEvent, StepEvent, TransferEvent, WarningEvent

LOG_LINES = 200
"""Lines of a step's log that are kept."""
INTERNAL = "[internal]"
CONTEXT_TRANSFER = re.compile(r"transferring context(:|$)")


@dataclass
class Step:
    """One vertex, gathered from all that was said about it; `seconds` covers every time it ran."""

    id: str
    name: str
    inputs: tuple[str, ...] = ()
    cached: bool = False
    error: str = ""
    runs: dict[float, float | None] = field(default_factory=dict)
    log: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    partial: str = ""
    transfers: dict[str, TransferEvent] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        """Whether the step has begun and not ended."""
        return None in self.runs.values()

    @property
    def is_finished(self) -> bool:
        """Whether the step ran, or came from the cache, to its end."""
        return bool(self.runs) and not self.is_running

    @property
    def is_internal(self) -> bool:
        """Whether BuildKit made the step for itself, not for an instruction."""
        return self.name.startswith(INTERNAL)

    @property
    def seconds(self) -> float:
        """The time that the step ran, without the time it runs right now."""
        return sum(end - start for start, end in self.runs.items() if end is not None)

    @property
    def log_tail(self) -> tuple[str, ...]:
        """The last lines of output, an unfinished one included."""
        return (*self.log, self.partial) if self.partial else tuple(self.log)


@dataclass
class BuildProgress:
    """All that is known of a running build."""

    steps: dict[str, Step] = field(default_factory=dict)
    warnings: list[WarningEvent] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)

    def apply(self, event: Event) -> Step | None:
        """Take in one event and return the step that it finished, if it did."""
        match event:
            case StepEvent():
                return self._apply_step(event)
            case LogEvent():
                _append_log(self._step(event.step_id), event.text)
            case TransferEvent():
                self._step(event.step_id).transfers[event.id] = event
            case WarningEvent():
                if event not in self.warnings:
                    self.warnings.append(event)
            case PlainEvent():
                self.plain.append(event.text)
        return None

    @property
    def transferred_bytes(self) -> int:
        """What the client sent of the build context, in bytes."""
        transfers = (transfer for step in self.steps.values() for transfer in step.transfers.values())
        return sum(transfer.current for transfer in transfers if CONTEXT_TRANSFER.match(transfer.id))

    @property
    def failed_step(self) -> Step | None:
        """The first step with an error of its own; a cancelled neighbour is not the cause."""
        failed = [step for step in self.steps.values() if step.error]
        causes = [step for step in failed if "context canceled" not in step.error]
        return next(iter(causes or failed), None)

    def _step(self, identity: str) -> Step:
        return self.steps.setdefault(identity, Step(identity, ""))

    def _apply_step(self, event: StepEvent) -> Step | None:
        step = self._step(event.id)
        was_finished = step.is_finished
        step.name = event.name or step.name
        step.inputs = event.inputs or step.inputs
        step.cached = step.cached or event.cached
        step.error = event.error or step.error
        if event.started is not None:
            step.runs[event.started] = event.completed or step.runs.get(event.started)
        return step if step.is_finished and not was_finished else None


def _append_log(step: Step, text: str) -> None:
    *lines, step.partial = (step.partial + text).split("\n")
    step.log.extend(line.rpartition("\r")[2] if not line.endswith("\r") else line[:-1] for line in lines)
