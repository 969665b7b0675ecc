"""Events -> the state of the build: its steps, their logs, what was transferred."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from dockertools.build.events import Event, LogEvent, PlainEvent, StepEvent, TransferEvent, WarningEvent

LOG_LINES = 200
"""Lines of a step's log that are kept."""
LONGEST_LOG_LINE = 4000
PLAIN_LINES = 500
"""Lines of buildx's own words that are kept."""
CONTEXT_TRANSFER = re.compile(r"transferring context(:|$)")
_INSTRUCTION = re.compile(r"^\[[^\]]*\d+/\d+\] (?!LINK |FROM )", re.DOTALL)
# What BuildKit does for itself: `COPY --link` adds a step that lays layers together, a further context one to load it.
_OWN = re.compile(r"^(?:\[internal\]|\[[^\]]*\d+/\d+\] LINK |\[context [^\]]+\] )")
_BASE = re.compile(r"^\[[^\]]*\d+/\d+\] FROM ", re.DOTALL)
_QUOTED_CR = re.compile(r"\r(?=[:'’\"])")
_CANCELLED = "context canceled"


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
    log_count: int = 0
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
        return bool(_OWN.match(self.name))

    @property
    def is_instruction(self) -> bool:
        """Whether an instruction of the Dockerfile made the step; FROM is told by `is_base`."""
        return is_instruction_name(self.name)

    @property
    def is_base(self) -> bool:
        """Whether the step gets a base image."""
        return bool(_BASE.match(self.name))

    @property
    def is_noteworthy(self) -> bool:
        """Whether its end is worth a line: not what BuildKit does for itself, nor a base image that was there."""
        downloads = any(transfer.total for transfer in self.transfers.values())
        return bool(self.error) or not (self.is_internal or (self.is_base and not downloads))

    @property
    def is_cancelled(self) -> bool:
        """Whether the step ended because another one failed."""
        return _CANCELLED in self.error

    @property
    def seconds(self) -> float:
        """The time that the step ran, without the time it runs right now."""
        return sum(end - start for start, end in self.runs.items() if end is not None)


def is_instruction_name(name: str) -> bool:
    """Tell whether a step of this name comes from an instruction other than FROM: `[builder 2/5] RUN ...`."""
    return bool(_INSTRUCTION.match(name))


def _as_it_is(text: str) -> str:
    return text


@dataclass
class BuildProgress:
    """All that is known of a running build; whatever text comes in passes through `redact` first."""

    redact: Callable[[str], str] = _as_it_is
    steps: dict[str, Step] = field(default_factory=dict)
    warnings: list[WarningEvent] = field(default_factory=list)
    plain: deque[str] = field(default_factory=lambda: deque(maxlen=PLAIN_LINES))

    def apply(self, event: Event) -> Step | None:
        """Take in one event and return the step that it finished, if it did."""
        match event:
            case StepEvent():
                return self._apply_step(event)
            case LogEvent():
                self._append_log(self._step(event.step_id), event.text)
            case TransferEvent():
                self._step(event.step_id).transfers[event.id] = event
            case WarningEvent():
                warning = WarningEvent(self.redact(event.message), event.url, event.line)
                if warning not in self.warnings:
                    self.warnings.append(warning)
            case PlainEvent():
                self.plain.append(self.redact(event.text))
        return None

    def end(self) -> None:
        """Take in that no more events come: a line that was begun is the last one."""
        for step in self.steps.values():
            self._end_log(step)

    @property
    def transferred_bytes(self) -> int:
        """What the client sent of the build context, in bytes."""
        transfers = (transfer for step in self.steps.values() for transfer in step.transfers.values())
        return sum(transfer.current for transfer in transfers if CONTEXT_TRANSFER.match(transfer.id))

    @property
    def failed_step(self) -> Step | None:
        """The first step with an error of its own; a cancelled neighbour is not the cause."""
        failed = [step for step in self.steps.values() if step.error]
        return next((step for step in failed if not step.is_cancelled), failed[0] if failed else None)

    @property
    def instruction_steps(self) -> Iterator[Step]:
        """The steps that instructions made, in the order in which BuildKit named them."""
        return (step for step in self.steps.values() if step.is_instruction)

    def _step(self, identity: str) -> Step:
        return self.steps.setdefault(identity, Step(identity, ""))

    def _apply_step(self, event: StepEvent) -> Step | None:
        step = self._step(event.id)
        was_finished = step.is_finished
        step.name = self.redact(event.name) or step.name
        step.inputs = event.inputs or step.inputs
        step.cached = step.cached or event.cached
        step.error = self.redact(event.error) or step.error
        if event.started is not None:
            step.runs[event.started] = event.completed or step.runs.get(event.started)
        if not step.is_finished or was_finished:
            return None
        self._end_log(step)
        return step

    def _append_log(self, step: Step, text: str) -> None:
        """Join pieces to lines; only whole lines are redacted and shown, for a secret may come in two pieces."""
        *lines, partial = (step.partial + text).split("\n")
        step.log.extend(self.redact(_visible(line))[:LONGEST_LOG_LINE] for line in lines)
        step.log_count += len(lines)
        if len(partial) > LONGEST_LOG_LINE:  # redacted before it is cut: half a secret would not be known
            partial = self.redact(partial)[-LONGEST_LOG_LINE:]
        step.partial = partial

    def _end_log(self, step: Step) -> None:
        if step.partial:
            self._append_log(step, "\n")


def _visible(line: str) -> str:
    """Return what a terminal shows of a line that was written over itself.

    A CR before punctuation is not that: a shell names a word of a script that has Windows line ends.
    """
    return _QUOTED_CR.sub(r"\\r", line).rstrip("\r").rpartition("\r")[2]
