"""Why the first step that did not come from the cache ran: this build beside the one before. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dockertools.build.dockerfile import Stage, environment_before, locate_step
from dockertools.build.history import BuildRecord, StepRecord
from dockertools.build.options import BuildOptions
from dockertools.build.progress import BuildProgress, Step
from dockertools.build.redact import looks_secret
from dockertools.build.result import CacheMiss
from dockertools.context.dockerfile import sources_of

_CONTEXT = "[internal] load build context"
_PREFIX = re.compile(r"^\[(?P<place>[^\]]*?\d+)/\d+\] (?P<text>.*)$", re.DOTALL)
NewerFiles = Callable[[Iterable[str], float], tuple[str, ...]]
"""Takes sources of COPY and a time, returns the files among them that changed after it."""


@dataclass(frozen=True)
class Comparison:
    """What is compared: this build, its options and stages, and the record of the one before, if there is one."""

    progress: BuildProgress
    options: BuildOptions
    stages: tuple[Stage, ...]
    previous: BuildRecord | None


def find_cache_miss(comparison: Comparison, newer_files: NewerFiles) -> CacheMiss | None:
    """Return the first step that ran, and why; None when all came from the cache."""
    steps = comparison.progress.steps
    step = _first_uncached(steps)
    if step is None:
        return None
    place = locate_step(comparison.stages, step.name)
    reason, files = _reason(comparison, step, newer_files)
    return CacheMiss(step.name, place.instruction.line if place else None, reason, files)


def step_shapes(steps: Mapping[str, Step], stages: tuple[Stage, ...]) -> dict[str, str]:
    """Return for each step what it is made of, by its id.

    BuildKit's own digest will do, but not below COPY of local files: there it is another one in every build.
    """
    shapes: dict[str, str] = {}
    for identity in steps:
        _shape(steps, stages, identity, shapes)
    return {identity: shape for identity, shape in shapes.items() if identity in steps}


def public_build_args(options: BuildOptions) -> tuple[tuple[str, str], ...]:
    """Return the build arguments that may be recorded."""
    return tuple(
        (key, value) for key, value in options.build_args if value is not None and not looks_secret(key, value)
    )


def _first_uncached(steps: Mapping[str, Step]) -> Step | None:
    ran = {step.id for step in steps.values() if _has_run(step)}
    for step in sorted((steps[identity] for identity in ran), key=lambda step: min(step.runs)):
        if not ran & set(_ancestors(steps, step)):
            return step
    return None


def _has_run(step: Step) -> bool:
    return step.is_instruction and bool(step.runs) and not step.cached


def _ancestors(steps: Mapping[str, Step], step: Step) -> Iterable[str]:
    seen: set[str] = set()
    pending = list(step.inputs)
    while pending:
        identity = pending.pop()
        if identity in steps and identity not in seen:
            seen.add(identity)
            pending.extend(steps[identity].inputs)
    return seen


def _reason(comparison: Comparison, step: Step, newer_files: NewerFiles) -> tuple[str, tuple[str, ...]]:
    previous, steps = comparison.previous, comparison.progress.steps
    if comparison.options.no_cache:
        flag = "--no-cache" if comparison.options.source_date_epoch is None else "--reproducible"
        return f"{flag} runs every step again", ()
    if previous is None:
        return "it is the first build of this image recorded here", ()
    inputs = [steps[name].name for name in step.inputs if name in steps]
    if changed := _changed_definition(comparison, step, inputs, previous):
        return changed, ()
    if any(name.startswith(_CONTEXT) for name in inputs):
        sources = _sources(comparison.stages, step)
        files = newer_files(sources, previous.finished_at - previous.seconds)
        return "files that it copies or mounts changed", files
    return "nothing in it changed: its cache entry was gone (pruned, or never there)", ()


def _changed_definition(comparison: Comparison, step: Step, inputs: Iterable[str], previous: BuildRecord) -> str | None:
    """Return what is different in the Dockerfile or the build arguments, None when it is nothing."""
    before = {record.name: record for record in previous.steps}
    if any("] FROM " in name and name not in before for name in inputs):
        return "its base image changed"
    record = before.get(step.name)
    shapes = step_shapes(comparison.progress.steps, comparison.stages)
    is_changed = record is None or shapes.get(step.id) != record.shape
    if argument := _changed_argument(comparison, step, previous, is_changed=is_changed):
        return argument
    if record is None:
        return _changed_instruction(step, previous.steps)
    return "what it runs in changed: ARG, ENV, USER or SHELL before it" if is_changed else None


def _changed_instruction(step: Step, before: tuple[StepRecord, ...]) -> str:
    match = _PREFIX.match(step.name)
    for record in before:
        other = _PREFIX.match(record.name)
        if match and other and match["place"].split() == other["place"].split():
            return f"the instruction changed; it was `{other['text']}`"
    return "the instruction is new"


def _changed_argument(comparison: Comparison, step: Step, previous: BuildRecord, *, is_changed: bool) -> str | None:
    """Return the build argument behind a changed step: one that it uses, or any where nothing else is different."""
    old, new = dict(previous.build_args), dict(public_build_args(comparison.options))
    changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    place = locate_step(comparison.stages, step.name)
    words = place.instruction.value if place else step.name
    used = [key for key in changed if re.search(rf"\$\{{?{re.escape(key)}\b", words)]
    has_same_name = any(record.name == step.name for record in previous.steps)
    candidates = used or (changed if is_changed and has_same_name else [])
    if not candidates:
        return None
    key = candidates[0]
    return f"the build argument {key} changed from {old.get(key, 'unset')!r} to {new.get(key, 'unset')!r}"


def _sources(stages: tuple[Stage, ...], step: Step) -> tuple[str, ...]:
    place = locate_step(stages, step.name)
    return tuple(sources_of(place.instruction)) if place else ()


def _shape(steps: Mapping[str, Step], stages: tuple[Stage, ...], identity: str, shapes: dict[str, str]) -> str:
    """Return a step's shape; it is marked by `*` where local files are behind it."""
    if identity in shapes:
        return shapes[identity]
    step = steps.get(identity)
    if step is None:
        return identity
    shapes[identity] = ""  # the graph has no circles, but a foreign stream may
    inputs = [_shape(steps, stages, name, shapes) for name in step.inputs]
    if step.name.startswith(_CONTEXT):
        shape = "*"
    elif any(shape.startswith("*") for shape in inputs):
        parts = (step.name, *environment_before(stages, step.name), *inputs)
        shape = "*" + hashlib.sha256("\n".join(parts).encode(errors="replace")).hexdigest()[:16]
    else:
        shape = identity.removeprefix("sha256:")[:16]
    shapes[identity] = shape
    return shape
