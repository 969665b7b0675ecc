"""What a build came to."""

from __future__ import annotations

from dataclasses import dataclass

from dockertools.context import ContextSummary
from dockertools.image.facts import ImageFacts


@dataclass(frozen=True)
class StepResult:
    """A finished step of the build."""

    name: str
    cached: bool
    seconds: float


@dataclass(frozen=True)
class BuildResult:
    """A build that went well; `seconds` is the wall time, `transferred_bytes` what BuildKit was sent.

    `context` is None where it could not be counted.
    """

    image: ImageFacts
    steps: tuple[StepResult, ...]
    seconds: float
    context: ContextSummary | None
    transferred_bytes: int

    @property
    def cached_steps(self) -> int:
        """How many steps came from the cache."""
        return sum(step.cached for step in self.steps)
