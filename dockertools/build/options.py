"""What to build: one frozen object on its way to the argv."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """A build of one image.

    `context` and `dockerfile` are absolute; `project` is the folder that the build records belong to. `tag` is put on
    the image at the end, when all has gone well, and with it `more_tags`. `build_args` and `labels` are (key, value)
    pairs; a build argument whose value is None takes it from the environment. `secrets`, `ssh`, `cache_from`,
    `cache_to` and `outputs` are specifications as buildx reads them. `max_size` is in bytes. `extra` are further
    words for buildx. With `source_date_epoch` (in seconds) the image is to be the same wherever and whenever it is
    built; one that `is_verified` is built twice and compared. A build that is not `is_recorded` leaves no trace in
    the project's history.
    """

    context: Path
    dockerfile: Path
    project: Path
    tag: str
    more_tags: tuple[str, ...] = ()
    dockerfile_text: str | None = None
    target: str | None = None
    no_cache: bool = False
    pull: bool = False
    push: bool = False
    builder: str | None = None
    build_args: tuple[tuple[str, str | None], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    sbom: str | None = None
    provenance: str | None = None
    max_size: int | None = None
    extra: tuple[str, ...] = ()
    source_date_epoch: int | None = None
    is_verified: bool = False
    is_recorded: bool = True

    @property
    def is_loaded(self) -> bool:
        """Whether the image ends up in the engine's own store, where it can be measured and tagged."""
        return not self.outputs
