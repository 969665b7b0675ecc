"""Rules that both modes have: which stage is built, under which name, with which settings, on which addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dockertools.compose.application import SETTINGS_VARIABLE, SETTINGS_WORDS
from dockertools.compose.classify import Member, Project, Role, choose_stage, read_service_recipe
from dockertools.compose.config import ServiceFacts
from dockertools.compose.overlay import Case, Part
from dockertools.compose.restate import NotRestatableError, is_loopback, kept_mounts, loopback_ports
from dockertools.compose.yaml_text import Entry

RESET, OVERRIDE = "!reset", "!override"
TAGS = {"dev": "development", "prod": "production"}


def stage(case: Case) -> Part:
    """Build the stage of the mode, under a name of its own: the other mode's image stays what it is."""
    build = case.member.facts.build
    builder = case.project.member(case.member.builder).facts if case.member.builder else None
    if builder is None or builder.build is None:
        return Part()
    own = read_service_recipe(builder)
    stages = own.stages if own else ()
    target = choose_stage(stages, builder.build.target, case.mode)
    if target == builder.build.target:
        return Part()
    owner = image_owner(case.project, builder).name
    name = f"${{COMPOSE_PROJECT_NAME}}-{owner}:{TAGS[case.mode]}"
    image = Entry("image", name, "A name of its own, so that the other mode never runs this image.")
    if build is None:
        return Part((image,), (f"runs the image of {owner}",))
    if owner != case.member.name and case.sync != "watch":
        why = f"{owner} builds it; several that build one image at the same time stand in each other's way."
        return Part((Entry("build", None, why, RESET), image), (f"runs the image of {owner}",))
    words = f"builds the stage {target or 'that comes last'} of its Dockerfile"
    return Part((Entry("build", (_target_entry(target),)), image), (words,))


def debug_and_settings(case: Case) -> Part:
    """Choose the mode's settings module and switch debugging on or off."""
    if not case.member.is_python:
        return Part()
    environment = case.member.facts.environment
    entries: list[Entry] = []
    changed: list[str] = []
    module = case.application.settings_for(case.mode)
    if module:
        entries.append(Entry(SETTINGS_VARIABLE, module))
        changed.append(f"settings are {module}")
    debug = case.application.debug
    if debug and environment.get(debug.name) != debug.value(case.mode):
        entries.append(Entry(debug.name, debug.value(case.mode)))
        changed.append(f"{debug.name} is {debug.value(case.mode)!r}")
    left = tuple(_other_modes(case, module))
    if not entries:
        return Part(left=left)
    return Part((Entry("environment", tuple(entries)),), tuple(changed), left)


def _other_modes(case: Case, module: str | None) -> Iterator[str]:
    """Yield what is the other mode's by its name, and stays because nothing is known to put in its place."""
    other = "dev" if case.mode == "prod" else "prod"
    own = case.application.settings_module or ""
    if module is None and set(own.rpartition(".")[2].split("_")) & {*SETTINGS_WORDS[other]}:
        yield f"its settings stay {own}: there are none for {TAGS[case.mode]} beside them"
    for entry in (case.member.source or {}).get("env_file") or ():
        path = str(entry.get("path", "") if isinstance(entry, Mapping) else entry)
        if set(re.split(r"[/._-]+", path.lower())) & {*SETTINGS_WORDS[other]}:
            yield f"its variables come from {path}, which by its name is for {TAGS[other]}"


def ports_on_loopback(case: Case) -> Part:
    """Publish on this machine alone what is published to everybody."""
    facts = case.member.facts
    if not facts.ports or all(is_loopback(port) for port in facts.ports):
        return Part()
    try:
        ports = loopback_ports(facts, case.member.source)
    except NotRestatableError as error:
        return Part(refused=(f"its ports cannot be put on loopback: {error}",))
    why = "Nobody but this machine reaches them."
    numbers = ", ".join(str(port.target) for port in facts.ports)
    return Part((Entry("ports", ports, why, OVERRIDE),), (f"port {numbers} is published on loopback alone",))


def without_mounts(case: Case, dropped: Sequence[int], why: str) -> Part:
    """Take mounts away, by saying the others again."""
    facts, source = case.member.facts, case.member.source
    kept = [position for position in range(len(facts.mounts)) if position not in dropped]
    try:
        entries = kept_mounts(facts, source, kept)
    except NotRestatableError as error:
        return Part(refused=(f"its mounts cannot be told apart: {error}",))
    changed = tuple(f"no mount on {facts.mounts[position].target}" for position in dropped)
    if not entries:
        return Part((Entry("volumes", [], why, RESET),), changed)
    return Part((Entry("volumes", entries, why, OVERRIDE),), changed)


def source_value(member: Member, key: str) -> Any:
    """Return a key of the service as it is written; None where it is not, or compose cannot show it."""
    return (member.source or {}).get(key)


def escaped(words: Sequence[str]) -> tuple[str, ...]:
    """Return words that are no compose text so that compose takes them literally."""
    return tuple(word.replace("$", "$$") for word in words)


def _target_entry(target: str | None) -> Entry:
    return Entry("target", target) if target else Entry("target", None, tag=RESET)


def image_owner(project: Project, builder: ServiceFacts) -> ServiceFacts:
    """Return the service after which the image is named: one for all that build the same."""
    same = [member for member in project.members if _builds_same(member.facts, builder)]
    return next((member.facts for member in same if member.role is Role.SERVER), same[0].facts)


def _builds_same(facts: ServiceFacts, other: ServiceFacts) -> bool:
    return (
        facts.build is not None
        and facts.build == other.build
        and facts.image == other.image
        and (facts.image is not None or facts.name == other.name)
    )
