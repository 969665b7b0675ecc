"""What to build: one frozen object on its way to the argv."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """A build of one image.

    `context` and `dockerfile` are absolute; `tag` is put on the image at the end, when all has gone well.
    `labels` are (key, value) pairs.
    """

    context: Path
    dockerfile: Path
    tag: str
    target: str | None = None
    no_cache: bool = False
    labels: tuple[tuple[str, str], ...] = ()
