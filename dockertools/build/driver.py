"""Build an image with BuildKit: argv in, events on the way, a BuildResult or an error out."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from dockertools.build.cache import Comparison, find_cache_miss, public_build_args, step_shapes
from dockertools.build.changes import newer_files
from dockertools.build.command import ARCHIVE, buildx_argv, buildx_environment
from dockertools.build.diagnose import diagnose, find_failure, is_name_taken, read_dockerfile
from dockertools.build.dockerfile import Stage, layer_lines, locate_step
from dockertools.build.events import StepEvent, parse_line
from dockertools.build.finish import TICK_SECONDS, OverBudgetError, discard_image, list_image_ids, push_image, tag_image
from dockertools.build.history import BuildRecord, StepRecord, add_record, last_record, read_records, state_file
from dockertools.build.options import BuildOptions
from dockertools.build.progress import BuildProgress, Step
from dockertools.build.redact import Redact, make_redactor, secret_values
from dockertools.build.reproducible import load_image, put_on_disk, uncommitted_warning
from dockertools.build.result import Budget, BuildResult, FailedBuild, Reproducible, StepResult
from dockertools.build.verify import require_same_image
from dockertools.context import ContextSummary, summarize_context
from dockertools.engine import connect, find_engine
from dockertools.errors import CouldNotRunError, DockertoolsError
from dockertools.image.facts import ImageFacts
from dockertools.image.inspect import inspect_image
from dockertools.process import ProgramNotFoundError, stream

if TYPE_CHECKING:
    from docker import DockerClient

Listener = Callable[[BuildProgress, Step | None], None]
"""Called after every event, and each `TICK_SECONDS` of silence, with the state of the build and the step that the
event finished."""
MOST_ATTEMPTS = 4
"""How often a build is begun that meets another one at its end; see `is_name_taken`."""
METADATA = "metadata.json"
SHORT_ID = len("sha256:") + 12
_Parameters = ParamSpec("_Parameters")
_Returned = TypeVar("_Returned")


def build_image(options: BuildOptions, on_event: Listener) -> BuildResult:
    """Build the image, and tag it when all has gone well.

    Raises BuildFailedError when the build fails, OverBudgetError when the image is too large, CouldNotRunError when
    the engine or buildx is missing, too old, denied, or lost midway. The tag then is where it was.
    """
    begin = time.monotonic()
    redact = make_redactor(secret_values(_values(options), options.secrets, folder=Path.cwd()))
    context = _beside(summarize_context, options.context, options.dockerfile)
    engine = _beside(_connect, options)
    uncommitted = _beside(_uncommitted, options)
    image_id, progress = _build_untagged(options, on_event, redact, begin)
    result = _describe(options, progress, _result_or_none(context))
    if image_id is None:
        return replace(result, seconds=time.monotonic() - begin)
    result = _with_source_date(result, options, image_id, uncommitted.result())
    client, known_images = engine.result()
    image = _redact_image(inspect_image(client, image_id), redact)
    result = replace(result, image=replace(image, reference=options.tag), layer_lines=_layer_lines(options, image))
    _check_budget(replace(result, seconds=time.monotonic() - begin), client, image_id, known_images)
    for tag in (options.tag, *options.more_tags):
        tag_image(client, image_id, tag)
    result = _record(options, replace(result, seconds=time.monotonic() - begin), progress)
    for tag in (options.tag, *options.more_tags) if options.push else ():
        _push(tag, progress, on_event)
    return replace(result, pushed=options.push, seconds=time.monotonic() - begin)


def _push(tag: str, progress: BuildProgress, on_event: Listener) -> None:
    with _shown(progress, on_event, f"pushing {tag}") as on_tick:
        push_image(tag, progress.redact, on_tick)


def _uncommitted(options: BuildOptions) -> str | None:
    return None if options.source_date_epoch is None else uncommitted_warning(options)


def _with_source_date(result: BuildResult, options: BuildOptions, digest: str, warning: str | None) -> BuildResult:
    if options.source_date_epoch is None:
        return result
    return replace(
        result,
        reproducible=Reproducible(options.source_date_epoch, digest, is_verified=options.is_verified),
        warnings=(*result.warnings, *([(warning, None)] if warning else ())),
    )


def _values(options: BuildOptions) -> tuple[tuple[str, str], ...]:
    """Return the build arguments with those filled in that come from the environment."""
    pairs = ((key, os.environ.get(key, "") if value is None else value) for key, value in options.build_args)
    return tuple(pairs)


def _connect(options: BuildOptions) -> tuple[DockerClient, frozenset[str]]:
    """Load the SDK while buildx works; with a budget also learn which images are not of this build."""
    client = connect()
    return client, list_image_ids(client) if options.max_size else frozenset()


def _build_untagged(
    options: BuildOptions, on_event: Listener, redact: Redact, begin: float
) -> tuple[str | None, BuildProgress]:
    with tempfile.TemporaryDirectory(prefix="dockertools-") as name:
        folder = Path(name)
        progress = _build_in(folder, options, on_event, redact, begin)
        if not options.is_loaded:
            return None, progress
        digest = _read_digest(folder)
        if options.is_verified:
            with _shown(progress, on_event, f"built {digest[:SHORT_ID]}; again, in another folder"):
                pass
            _verify(folder, digest, options, on_event, redact, begin)
        if options.source_date_epoch is not None:
            with _shown(progress, on_event, "loading the image into the engine") as on_tick:
                load_image(folder / ARCHIVE, on_tick)
        return digest, progress


def _verify(folder: Path, digest: str, options: BuildOptions, on_event: Listener, redact: Redact, begin: float) -> None:
    """Build once more, and compare. Raises NotReproducibleError when another image comes out."""
    with tempfile.TemporaryDirectory(prefix="dockertools-again-") as name:
        again = Path(name)
        progress = _build_in(again, options, on_event, redact, begin)
        digests = digest, _read_digest(again)
        with _shown(progress, on_event, "comparing the two images"):
            require_same_image(folder / ARCHIVE, again / ARCHIVE, digests, options)


def _build_in(folder: Path, options: BuildOptions, on_event: Listener, redact: Redact, begin: float) -> BuildProgress:
    """Build with what the build needs, and leaves, in a folder of its own. Raises as `build_image` does."""
    on_event(BuildProgress(redact), None)
    build, metadata_file = put_on_disk(options, folder), folder / METADATA
    progress, returncode = _run_build(build, metadata_file, on_event, redact)
    last, attempts = progress, 1
    while returncode and is_name_taken(last.failed_step) and attempts < MOST_ATTEMPTS:
        again = replace(build, no_cache=False)  # what was run stands in the cache
        last, returncode = _run_build(again, metadata_file, lambda *_: on_event(progress, None), redact)
        attempts += 1
    if returncode:
        steps = finished_steps(last, read_dockerfile(options))
        failed = FailedBuild(find_failure(last, options), steps, time.monotonic() - begin)
        raise diagnose(last, returncode, options, failed)
    return progress


@contextlib.contextmanager
def _shown(progress: BuildProgress, on_event: Listener, words: str) -> Iterator[Callable[[], None]]:
    """Let the listener see what we do ourselves as one more step; yield what tells it that we still do."""
    step = StepEvent(words, words, started=time.time())
    progress.apply(step)
    yield lambda: on_event(progress, None)
    on_event(progress, progress.apply(replace(step, completed=time.time())))


def _run_build(
    options: BuildOptions, metadata_file: Path, on_event: Listener, redact: Redact
) -> tuple[BuildProgress, int]:
    progress = BuildProgress(redact)
    try:
        with stream(buildx_argv(options, metadata_file), env=buildx_environment(options)) as process:
            for line in process.lines(tick=TICK_SECONDS):
                _tell(line, progress, on_event)
            progress.end()
            return progress, process.wait()
    except ProgramNotFoundError:
        find_engine()  # tells what is missing, and how to get it
        raise


def _tell(line: bytes, progress: BuildProgress, on_event: Listener) -> None:
    events = parse_line(line)
    for event in events:
        finished = progress.apply(event)
        on_event(progress, None if is_name_taken(finished) else finished)
    if not events:
        on_event(progress, None)


def _read_digest(folder: Path) -> str:
    """Return the digest of what was built, which the engine knows the image by."""
    try:
        metadata = json.loads((folder / METADATA).read_text(encoding="utf-8"))
        return str(metadata["containerimage.digest"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CouldNotRunError(
            "buildx did not say which image it built.",
            hint="Update buildx to 0.13 or newer (`docker buildx version`).",
            code="buildx-too-old",
        ) from error


def finished_steps(progress: BuildProgress, stages: tuple[Stage, ...] = ()) -> tuple[StepResult, ...]:
    """Return the steps that ended, but for those that BuildKit made for itself, in the order in which it named them."""
    steps = (step for step in progress.steps.values() if step.is_finished and not step.is_internal)
    return tuple(StepResult(step.name, step.cached, step.seconds, _line(stages, step.name)) for step in steps)


def _line(stages: tuple[Stage, ...], name: str) -> int | None:
    place = locate_step(stages, name)
    return place.instruction.line if place else None


def _describe(options: BuildOptions, progress: BuildProgress, context: ContextSummary | None) -> BuildResult:
    stages = read_dockerfile(options)
    records = read_records(state_file(options.project))
    previous = last_record(records, options.tag, options.target, options.platforms)
    comparison = Comparison(progress, options, stages, previous)
    return BuildResult(
        tag=options.tag,
        image=None,
        steps=finished_steps(progress, stages),
        seconds=0.0,
        context=context,
        transferred_bytes=progress.transferred_bytes,
        warnings=tuple((warning.message, warning.line) for warning in progress.warnings),
        cache_miss=find_cache_miss(comparison, lambda sources, since: newer_files(options, context, sources, since)),
        previous=previous,
        budget=Budget(options.max_size, ok=True) if options.max_size else None,
        outputs=options.outputs,
        platforms=options.platforms,
    )


def _layer_lines(options: BuildOptions, image: ImageFacts) -> tuple[int | None, ...]:
    lines = layer_lines(read_dockerfile(options), options.target, tuple(entry.instruction for entry in image.history))
    return tuple(line for line, entry in zip(lines, image.history, strict=True) if entry.size_bytes)


def _redact_image(image: ImageFacts, redact: Redact) -> ImageFacts:
    """Mask build arguments that a layer's history repeats."""
    layers = tuple(replace(layer, instruction=redact(layer.instruction)) for layer in image.layers)
    return replace(image, layers=layers)


def _check_budget(result: BuildResult, client: DockerClient, image_id: str, known_images: frozenset[str]) -> None:
    if result.budget is None or result.image is None:
        return
    if result.image.size_bytes > result.budget.limit_bytes:
        if image_id not in known_images:
            discard_image(client, image_id)
        raise OverBudgetError(replace(result, budget=Budget(result.budget.limit_bytes, ok=False)))


def _record(options: BuildOptions, result: BuildResult, progress: BuildProgress) -> BuildResult:
    """Remember the build; that it cannot be remembered is no reason to fail."""
    if result.image is None or not options.is_recorded:
        return result
    shapes = step_shapes(progress.steps, read_dockerfile(options))
    record = BuildRecord(
        tag=options.tag,
        id=result.image.id,
        target=options.target,
        size_bytes=result.image.size_bytes,
        compressed_bytes=result.image.compressed_bytes,
        seconds=round(result.seconds, 3),
        finished_at=round(time.time(), 3),
        transferred_bytes=result.transferred_bytes,
        platforms=options.platforms,
        build_args=public_build_args(options),
        steps=tuple(
            StepRecord(step.name, step.cached, round(step.seconds, 3), shapes.get(step.id, ""))
            for step in progress.steps.values()
            if step.is_instruction or step.is_base
        ),
    )
    try:
        add_record(state_file(options.project), record)
    except DockertoolsError as error:
        return replace(result, warnings=(*result.warnings, (str(error), None)))
    return result


def _beside(
    function: Callable[_Parameters, _Returned], *args: _Parameters.args, **kwargs: _Parameters.kwargs
) -> Future[_Returned]:
    """Run a function in a thread that nobody waits for when the build is broken off."""
    future: Future[_Returned] = Future()

    def work() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  # handed on to the one who waits
            future.set_exception(error)

    Thread(target=work, daemon=True).start()
    return future


def _result_or_none(context: Future[ContextSummary]) -> ContextSummary | None:
    """Return what was sent; the build is done, so that what cannot be counted is no reason to fail."""
    try:
        return context.result()
    except DockertoolsError:
        return None
