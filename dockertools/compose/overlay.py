"""An overlay: what a mode changes in a compose project, as text that explains itself. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from dockertools.compose.application import Application
from dockertools.compose.classify import Member, Project
from dockertools.compose.yaml_text import Entry, render_entries
from dockertools.conf import Config
from dockertools.errors import DockertoolsError
from dockertools.files import mark


@dataclass(frozen=True)
class Part:
    """What one rule does to one service, in the overlay and in words.

    `refused` holds reasons for which the project cannot run in this mode at all.
    """

    entries: tuple[Entry, ...] = ()
    changed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def __add__(self, other: Part) -> Part:
        return Part(
            self.entries + other.entries,
            self.changed + other.changed,
            self.left + other.left,
            self.refused + other.refused,
        )


@dataclass(frozen=True)
class Case:
    """What a rule looks at: one service of the base project, in a mode.

    `sync` is `bind` or `watch`: how the code of development comes into the containers.
    """

    member: Member
    project: Project
    application: Application
    mode: str
    config: Config
    sync: str = "bind"


@dataclass(frozen=True)
class ServicePart:
    """A service's place in the overlay; `is_new` when only this mode has the service."""

    name: str
    part: Part
    is_new: bool = False


@dataclass(frozen=True)
class Overlay:
    """The overlay of a mode, and what it does in words."""

    mode: str
    text: str
    changed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    services: tuple[ServicePart, ...] = field(default=(), repr=False)


Rule = Callable[[Case], Part]

_INTRODUCTIONS = {
    "dev": (
        "Development: the source of this folder is in the containers, and the server reloads on a change.",
        "`manage.py docker_mode dev` chooses it, by COMPOSE_FILE in .env.",
    ),
    "prod": (
        "Production: the code is the image's own, and nothing of this folder's source is in the containers.",
        "`manage.py docker_mode prod` chooses it, by COMPOSE_FILE in .env.",
    ),
}


def apply_rules(case: Case, rules: Iterable[Rule]) -> Part:
    """Return what all rules together do to a service."""
    total = Part()
    for rule in rules:
        total += rule(case)
    return total


def make_overlay(mode: str, base: str, services: Iterable[ServicePart]) -> Overlay:
    """Return the overlay on top of the file `base`; words are said of each service by its name.

    Raises DockertoolsError with all reasons when a service cannot run in this mode.
    """
    parts = [replace(service, part=_merged(service.part)) for service in services]
    refused = [f"{service.name}: {reason}" for service in parts for reason in service.part.refused]
    if refused:
        raise DockertoolsError(
            f"The project cannot be switched to {mode}:\n" + "\n".join(f"  - {reason}" for reason in refused),
            hint="Nothing was changed. Correct what is named, or name the files of each mode in DOCKERTOOLS['MODES'].",
            code="mode-refused",
            details={"refused": refused},
        )
    return Overlay(
        mode,
        mark(_render(mode, base, parts)),
        tuple(f"{service.name}: {words}" for service in parts for words in service.part.changed),
        tuple(f"{service.name}: {words}" for service in parts for words in service.part.left),
        tuple(parts),
    )


def _render(mode: str, base: str, services: Iterable[ServicePart]) -> str:
    lines = [f"# {line}" for line in (*_INTRODUCTIONS[mode], f"It goes on top of {base}, which stays as it is.")]
    shown = [service for service in services if service.part.entries]
    lines.append("services:" if shown else "services: {}")
    for service in shown:
        lines += [*render_entries([Entry(service.name, service.part.entries)], 1), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _merged(part: Part) -> Part:
    """Return the part with each key once: two rules fill mappings such as `build`, always as tuples of entries."""
    entries: dict[str, Entry] = {}
    for entry in part.entries:
        before = entries.get(entry.key)
        if before is None:
            entries[entry.key] = entry
            continue
        comment = "\n".join(filter(None, (before.comment, entry.comment)))
        entries[entry.key] = replace(before, value=(*before.value, *entry.value), comment=comment)
    return replace(part, entries=tuple(entries.values()))
