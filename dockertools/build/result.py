"""What a build came to."""

from __future__ import annotations

from dataclasses import dataclass

from dockertools.build.explain import Failure
from dockertools.build.history import BuildRecord
from dockertools.context import ContextSummary
from dockertools.image.facts import ImageFacts


@dataclass(frozen=True)
class StepResult:
    """A finished step of the build; `line` is where it stands in the Dockerfile, where that is known."""

    name: str
    cached: bool
    seconds: float
    line: int | None = None


@dataclass(frozen=True)
class CacheMiss:
    """The first step that did not come from the cache, and why."""

    step: str
    line: int | None
    reason: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Budget:
    """How large the image may be, in bytes."""

    limit_bytes: int
    ok: bool


@dataclass(frozen=True)
class Reproducible:
    """An image that everybody gets from the commit: its moment in seconds since the epoch, and its digest.

    `is_verified` says that it was built twice.
    """

    source_date_epoch: int
    digest: str
    is_verified: bool


@dataclass(frozen=True)
class BuildResult:
    """A build that went well; `seconds` is the wall time, `transferred_bytes` what BuildKit was sent.

    `image` is None when it went elsewhere (`--output`). `layer_lines` are the Dockerfile's lines, one for each of the
    image's layers, None for those of its base. `context` is None where it could not be counted.
    """

    tag: str
    image: ImageFacts | None
    steps: tuple[StepResult, ...]
    seconds: float
    context: ContextSummary | None
    transferred_bytes: int
    layer_lines: tuple[int | None, ...] = ()
    warnings: tuple[tuple[str, int | None], ...] = ()
    cache_miss: CacheMiss | None = None
    previous: BuildRecord | None = None
    budget: Budget | None = None
    pushed: bool = False
    outputs: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    reproducible: Reproducible | None = None


@dataclass(frozen=True)
class FailedBuild:
    """A build that did not succeed: the step that failed, and what is known of it."""

    failure: Failure
    steps: tuple[StepResult, ...]
    seconds: float
