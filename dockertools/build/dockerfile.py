"""Where an instruction stands in the Dockerfile. Pure; BuildKit is the one that judges the file.

The syntax: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from dockertools.context.dockerfile import Instruction, read_instructions

_FROM = re.compile(r"^(?:--\S+\s+)*(?P<base>\S+)(?:\s+AS\s+(?P<name>\S+))?\s*$", re.IGNORECASE)
_STEP = re.compile(
    r"^\[\s*(?:(?P<platform>\w+/\S+)\s+)?(?:(?P<stage>\S.*?)\s+)?(?P<number>\d+)/\d+\] (?:LINK )?(?P<text>.*)$",
    re.DOTALL,
)
_NUMBERED = frozenset({"RUN", "COPY", "ADD", "WORKDIR"})
"""Instructions that BuildKit numbers; the first number is FROM's where the base is an image."""
_ENVIRONMENT = frozenset({"ARG", "ENV", "USER", "SHELL"})


@dataclass(frozen=True)
class Stage:
    """A stage; `name` is None where FROM gives none."""

    name: str | None
    base: str
    line: int
    instructions: tuple[Instruction, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a step of the build comes from."""

    stage: Stage
    instruction: Instruction


def read_stages(text: str) -> tuple[Stage, ...]:
    """Return the stages of a Dockerfile; what comes before the first FROM belongs to none."""
    stages: list[Stage] = []
    for instruction in read_instructions(text):
        if instruction.name == "FROM":
            match = _FROM.match(instruction.value)
            base, name = (match["base"], match["name"]) if match else (instruction.value, None)
            stages.append(Stage(name, base, instruction.line))
        elif stages:
            stages[-1] = replace(stages[-1], instructions=(*stages[-1].instructions, instruction))
    return tuple(stages)


def locate_step(stages: tuple[Stage, ...], name: str) -> Place | None:
    """Return where the step that BuildKit calls `name` stands, such as `[builder 2/5] RUN ...`.

    An engine that knows the step from another build may call it as it was called there, by another stage or number:
    then the instruction's own words decide, if they occur once.
    """
    match = _STEP.match(name)
    if match is None:
        return None
    keyword, _, words = match["text"].partition(" ")
    stage = _named_stage(stages, match["stage"])
    if keyword == "FROM":
        return Place(stage, Instruction(stage.line, "FROM", stage.base)) if stage else None
    instruction = _numbered(stages, stage, int(match["number"])) if stage else None
    if stage and instruction and instruction.name == keyword and _is_same(instruction.value, words):
        return Place(stage, instruction)
    same = [
        Place(stage, instruction)
        for stage in stages
        for instruction in stage.instructions
        if instruction.name == keyword and instruction.value.split() == words.split()
    ]
    return same[0] if len(same) == 1 else None


def _numbered(stages: tuple[Stage, ...], stage: Stage, number: int) -> Instruction | None:
    """Return the stage's instruction that BuildKit gives this number.

    A base image takes number 1, a stage as the base takes none; ONBUILD of a base shifts them all.
    """
    numbered = [instruction for instruction in stage.instructions if instruction.name in _NUMBERED]
    place = number - (1 if _base_stage(stages, stage) is not None else 2)
    return numbered[place] if 0 <= place < len(numbered) else None


def _is_same(value: str, words: str) -> bool:
    """Tell whether the words of an instruction and of a step agree; variables may be expanded in the step's."""
    here, there = value.split(), words.split()
    fixed = next((place for place, word in enumerate(here) if "$" in word or word.startswith("<<")), len(here))
    return here[:fixed] == there[:fixed]


def environment_before(stages: tuple[Stage, ...], name: str) -> tuple[str, ...]:
    """Return the instructions before a RUN step that change what it runs in; nothing for other steps."""
    place = locate_step(stages, name)
    if place is None or place.instruction.name != "RUN":
        return ()
    before = (item for item in _chain(stages, place.stage) if item.line < place.instruction.line)
    return tuple(f"{item.name} {item.value}" for item in before if item.name in _ENVIRONMENT)


def chain_of(stages: tuple[Stage, ...], target: str | None) -> tuple[Instruction, ...]:
    """Return the instructions that make the target's image on top of its base image, oldest first."""
    stage = _named_stage(stages, target) if target else stages[-1] if stages else None
    return _chain(stages, stage) if stage else ()


def _chain(stages: tuple[Stage, ...], stage: Stage | None) -> tuple[Instruction, ...]:
    chain: tuple[Instruction, ...] = ()
    while stage is not None:  # a base stands before its stage, so this ends
        chain = (*stage.instructions, *chain)
        stage = _base_stage(stages, stage)
    return chain


def layer_lines(stages: tuple[Stage, ...], target: str | None, history: tuple[str, ...]) -> tuple[int | None, ...]:
    """Return the Dockerfile's line for each entry of the image's history (oldest first), None for its base's.

    Each instruction adds one entry, so the two are laid side by side from the end; where they do not fit, as with
    ONBUILD, nothing is claimed.
    """
    chain = chain_of(stages, target)
    base = len(history) - len(chain)
    if base < 0 or any(
        not entry.upper().startswith(instruction.name) for entry, instruction in zip(history[base:], chain, strict=True)
    ):
        return (None,) * len(history)
    return (*(None,) * base, *(instruction.line for instruction in chain))


def _named_stage(stages: tuple[Stage, ...], name: str | None) -> Stage | None:
    if name is None:
        return stages[-1] if len(stages) == 1 else None
    for position, stage in enumerate(stages):
        if (stage.name or f"stage-{position}").lower() == name.lower() or str(position) == name:
            return stage
    return None


def _base_stage(stages: tuple[Stage, ...], stage: Stage) -> Stage | None:
    """Return the stage that FROM names, which must stand before."""
    for earlier in stages[: stages.index(stage)]:
        if earlier.name and earlier.name.lower() == stage.base.lower():
            return earlier
    return None
