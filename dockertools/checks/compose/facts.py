"""A compose project as the checks see it: its services, classified, and what it is meant for."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dockertools.compose.classify import Member, Project, Role, classify_project
from dockertools.compose.config import read_compose_config, read_compose_source
from dockertools.compose.families import configured_files, find_family, generated_name
from dockertools.compose.profiles import is_off
from dockertools.compose.recognise import current_mode
from dockertools.compose.show import ImageDefaults, read_images
from dockertools.compose.state import CurrentFiles, read_current
from dockertools.conf import COMPOSE_FILE_NAMES, Config
from dockertools.errors import DockertoolsError

DEV, PROD = "dev", "prod"
_UNSET = re.compile(r"required variable (\w+) is missing a value")
LASTING = (Role.SERVER, Role.WORKER, Role.SCHEDULER, Role.STORE)
"""Roles that are meant to run until somebody stops them."""


@dataclass(frozen=True)
class ComposeAudit:
    """A project for `mode`; `sources` are its services as they are written, `images` what images say of themselves."""

    project: Project
    mode: str
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    images: Mapping[str, ImageDefaults] = field(default_factory=dict)
    home: Path = field(default_factory=Path.home)

    @property
    def is_production(self) -> bool:
        """Whether it is judged as production."""
        return self.mode == PROD

    @property
    def members(self) -> tuple[Member, ...]:
        """The services of the mode; one whose profile is the other mode's is left out."""
        return tuple(member for member in self.project.members if not is_off(member, self.mode))

    @property
    def tasks(self) -> frozenset[str]:
        """Services that others wait for until they have ended."""
        return frozenset(
            name
            for member in self.project.members
            for name, condition in member.facts.depends_on.items()
            if condition == "service_completed_successfully"
        )

    def is_lasting(self, member: Member) -> bool:
        """Tell whether the service is meant to go on running."""
        return member.name not in self.tasks and (member.role in LASTING or bool(member.facts.ports))

    def has_healthcheck(self, member: Member) -> bool | None:
        """Tell whether the service or its image has a health check; None when the image is not known."""
        own = member.facts.healthcheck
        if own is not None:
            return not own.get("disable") and own.get("test") not in (["NONE"], "NONE")
        image = self.images.get(member.facts.image or "")
        if image is not None:
            return image.healthcheck
        return None


def read_compose_audit(config: Config, mode: str | None) -> ComposeAudit:
    """Return the project that is in force, or that `mode` stands for; without a mode it is judged as the one in force.

    Raises DockertoolsError for what compose refuses, CouldNotRunError when there is no compose.
    """
    current = read_current(config.root)
    found, _ = current_mode(config, current)
    judged = mode or (found if found in (DEV, PROD) else PROD)
    files = current.files if mode is None or mode == found else files_of_mode(config, judged, current)
    facts = read_compose_config(config.root, files, find_unset_variables(config.root, files))
    sources = read_compose_source(config.root, files or _default_files(config.root))
    root = (config.root / files[0]).parent if files else config.root
    project = classify_project(facts, sources, root=root, image=config.image, service=config.service, mode=judged)
    names = sorted({member.facts.image for member in project.members if member.facts.image})
    return ComposeAudit(project, judged, sources, read_images(names) if names else {})


def find_unset_variables(root: Path, files: Sequence[str] | None) -> dict[str, str]:
    """Return placeholders for the variables without which compose refuses the project.

    A check of the files needs no secret. Raises DockertoolsError for whatever else compose refuses.
    """
    found: dict[str, str] = {}
    while True:
        try:
            read_compose_config(root, files, found)
        except DockertoolsError as error:
            match = _UNSET.search(error.message)
            if match is None or match[1] in found:
                raise
            found[match[1]] = secrets.token_hex(24)
        else:
            return found


def files_of_mode(config: Config, mode: str, current: CurrentFiles) -> tuple[str, ...] | None:
    """Return the files of a mode that is not in force: configured, generated, or the project's own; else the base."""
    configured = configured_files(config, mode)
    if configured is not None:
        return configured.files
    family = find_family(config.root, current.files)
    own = [candidate.path for candidate in family.of(mode)]
    if not family.base:
        return tuple(own[:1]) or None
    generated = generated_name(family.base, mode)
    if (config.root / generated).is_file():
        return (*family.base, generated)
    return (*family.base, *own[:1])


def _default_files(root: Path) -> tuple[str, ...]:
    """Return the files that compose takes by itself."""
    base = next((name for name in COMPOSE_FILE_NAMES if (root / name).is_file()), COMPOSE_FILE_NAMES[-1])
    stem = base.rpartition(".")[0]
    override = next(
        (f"{stem}.override.{end}" for end in ("yaml", "yml") if (root / f"{stem}.override.{end}").is_file()), ""
    )
    return (base, override) if override else (base,)
