"""All that a report shows, in one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dockertools.build.history import BuildRecord
from dockertools.housekeeping.belongings import Belongings
from dockertools.housekeeping.load import ServiceLoad
from dockertools.image.analysis import ImageAnalysis
from dockertools.image.compare import Comparison
from dockertools.image.limits import Verdict


@dataclass(frozen=True)
class Usage:
    """What the engine holds for the project, and what its services use now."""

    belongings: Belongings
    loads: tuple[ServiceLoad, ...]


@dataclass(frozen=True)
class Report:
    """What was asked for; None, or nothing in a list, is what was not.

    `lines` has for each layer the line of the Dockerfile that made it, where that is known. `compared_with` says what
    the other image is; `checks` is a document of `docker_check`.
    """

    analysis: ImageAnalysis | None = None
    lines: tuple[int | None, ...] = ()
    comparison: Comparison | None = None
    compared_with: str = ""
    history: tuple[BuildRecord, ...] = ()
    usage: Usage | None = None
    verdicts: tuple[Verdict, ...] = ()
    checks: Mapping[str, Any] | None = None

    @property
    def is_within_limits(self) -> bool:
        """Whether every rule that was asked for is kept."""
        return all(verdict.ok for verdict in self.verdicts)
