"""Build an image with BuildKit: argv in, events on the way, a BuildResult or an error out."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from dockertools.build.command import buildx_argv, tag_argv
from dockertools.build.events import parse_line
from dockertools.build.options import BuildOptions
from dockertools.build.progress import BuildProgress, Step
from dockertools.build.result import BuildResult, StepResult
from dockertools.context import ContextSummary, summarize_context
from dockertools.engine import connect, find_engine
from dockertools.errors import CouldNotRunError, DockertoolsError
from dockertools.image.inspect import inspect_image
from dockertools.process import run, stream

Listener = Callable[[BuildProgress, Step | None], None]
"""Called after every event with the state of the build, and the step that the event finished."""


class BuildFailedError(DockertoolsError):
    """The build did not succeed; the tag is where it was. `log` holds the failing step's last lines."""

    code = "build-failed"

    def __init__(self, message: str, *, hint: str, log: tuple[str, ...]) -> None:
        super().__init__(message, hint=hint)
        self.log = log


def build_image(options: BuildOptions, on_event: Listener) -> BuildResult:
    """Build the image, and tag it when all has gone well.

    Raises BuildFailedError when the build fails, CouldNotRunError when no engine or no buildx answers.
    """
    find_engine()
    begin = time.monotonic()
    with ThreadPoolExecutor(1) as beside:
        context = beside.submit(summarize_context, options.context, options.dockerfile)
        image_id, progress = _build_untagged(options, on_event)
        _tag(image_id, options.tag)
        seconds = time.monotonic() - begin
        return BuildResult(
            image=inspect_image(connect(), options.tag),
            steps=finished_steps(progress),
            seconds=seconds,
            context=_summary(context),
            transferred_bytes=progress.transferred_bytes,
        )


def finished_steps(progress: BuildProgress) -> tuple[StepResult, ...]:
    """Return the steps that instructions made, in the order in which they ended."""
    steps = (step for step in progress.steps.values() if step.is_finished and not step.is_internal)
    return tuple(StepResult(step.name, step.cached, step.seconds) for step in steps)


def _build_untagged(options: BuildOptions, on_event: Listener) -> tuple[str, BuildProgress]:
    with tempfile.TemporaryDirectory(prefix="dockertools-") as folder:
        metadata_file = Path(folder, "metadata.json")
        progress, returncode = _run_build(buildx_argv(options, metadata_file), options.context, on_event)
        if returncode:
            raise _failure(progress)
        return _read_image_id(metadata_file), progress


def _summary(context: Future[ContextSummary]) -> ContextSummary | None:
    """Return what was sent; the build is done, so that what cannot be counted is no reason to fail."""
    try:
        return context.result()
    except DockertoolsError:
        return None


def _run_build(argv: tuple[str, ...], folder: Path, on_event: Listener) -> tuple[BuildProgress, int]:
    progress = BuildProgress()
    with stream(argv, cwd=folder) as process:
        for line in process.lines():
            for event in parse_line(line):
                on_event(progress, progress.apply(event))
        return progress, process.wait()


def _read_image_id(metadata_file: Path) -> str:
    try:
        metadata = json.loads(metadata_file.read_text(encoding="utf-8"))
        return str(metadata["containerimage.digest"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CouldNotRunError(
            "buildx did not say which image it built.",
            hint="Update buildx to 0.13 or newer (`docker buildx version`).",
            code="buildx-too-old",
        ) from error


def _tag(image_id: str, tag: str) -> None:
    done = run(tag_argv(image_id, tag))
    if done.returncode:
        raise DockertoolsError(
            f"The image was built as {image_id}, but could not be tagged {tag!r}: {done.stderr.strip()}",
            hint="Give a valid tag with --tag.",
            code="tag-failed",
        )


def _failure(progress: BuildProgress) -> DockertoolsError:
    step = progress.failed_step
    last_words = next((line for line in reversed(progress.plain) if line.startswith("ERROR")), "")
    if step is None:
        words = last_words or (progress.plain[-1] if progress.plain else "buildx said nothing")
        return BuildFailedError(
            f"The build failed before its first step: {words}", hint="The tag was not moved.", log=tuple(progress.plain)
        )
    return BuildFailedError(
        f"The step `{step.name}` failed: {step.error}",
        hint="The tag was not moved. The step's last lines of output are above.",
        log=step.log_tail,
    )
