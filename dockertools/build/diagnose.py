"""A build that did not end well -> the error that tells why, and whether it was the build or the machine."""

from __future__ import annotations

import os
import re
import textwrap
from pathlib import Path

from dockertools.build.dockerfile import Stage, locate_step, read_stages
from dockertools.build.explain import Evidence, Failure, examine, missing_path
from dockertools.build.options import BuildOptions
from dockertools.build.progress import BuildProgress, Step
from dockertools.build.result import FailedBuild
from dockertools.engine import find_engine
from dockertools.errors import CouldNotRunError, DockertoolsError
from dockertools.process import run

OLDEST_BUILDX = (0, 13)
"""The first with `--progress=rawjson`: https://github.com/docker/buildx/releases/tag/v0.13.0"""
LONGEST_STEP = 100
"""Characters of a step that an error message quotes."""
_LOST = re.compile(
    r"^ERROR: .*(?:failed to receive status|code = Unavailable|error reading from server|transport is closing"
    r"|use of closed network connection|closing transport|server preface|Cannot connect to the Docker daemon"
    r"|unexpected EOF$|: EOF$)"
)
# The parser's directives are the first comments of the file: https://docs.docker.com/reference/dockerfile/#syntax
_SYNTAX = re.compile(r"\ufeff?(?:#.*\n)*#\s*syntax\s*=", re.IGNORECASE)
_TAKEN = re.compile(r'image "moby-dangling@sha256:[0-9a-f]+": already exists')
_NO_BUILDX = re.compile(r"is not a docker command|unknown command: docker buildx|unknown flag: --progress")
_NO_FLAG = re.compile(r"unknown flag: (?P<flag>--\S+)|invalid progress mode (?P<mode>\S+)")
_NO_BUILDER = re.compile(r'no builder "(?P<name>[^"]+)" found')
_VERSION = re.compile(r"\bv?(?P<version>\d+\.\d+[\w.+-]*)")
_NO_CAUSE = "No known cause fits: look at the step's last lines of output and at what BuildKit says."


class BuildFailedError(DockertoolsError):
    """The build did not succeed; the tag is where it was. `failed` tells the step and its cause."""

    code = "build-failed"

    def __init__(self, failed: FailedBuild) -> None:
        failure = failed.failure
        cause = failure.explanation
        where = f" (line {failure.line} of the Dockerfile)" if failure.line else ""
        step = f"The step `{_brief(failure.step)}`{where} failed" if failure.step else f"The build failed{where}"
        super().__init__(
            f"{step}: {cause.cause if cause else failure.brief_error}",
            hint=cause.fix if cause else _NO_CAUSE,
        )
        self.failed = failed


def diagnose(progress: BuildProgress, returncode: int, options: BuildOptions, failed: FailedBuild) -> DockertoolsError:
    """Return the error for a build that ended with `returncode`.

    It is a CouldNotRunError where the engine or buildx is missing, too old, denied or was lost.
    """
    words = "\n".join(progress.plain)
    step = progress.failed_step
    if not progress.steps and (unusable := _unusable(words, options)):
        return unusable
    if (step is None or step.is_cancelled) and any(_LOST.search(line) for line in progress.plain):
        return _lost(progress)
    if returncode < 0 and step is None:
        return CouldNotRunError(
            f"buildx was ended by signal {-returncode}.",
            hint="The system may be out of memory: see `dmesg`. Then build again.",
            code="buildx-ended",
        )
    return BuildFailedError(failed)


def _brief(step: str) -> str:
    return textwrap.shorten(step, LONGEST_STEP, placeholder="…")


def is_name_taken(step: Step | None) -> bool:
    """Tell whether a step failed because another build came to the same image at the same time.

    The engine names an image without a tag by its digest; of two builds that end at once, one finds the name taken.
    """
    return step is not None and bool(_TAKEN.search(step.error))


def find_failure(progress: BuildProgress, options: BuildOptions) -> Failure:
    """Return the step that failed, its place in the Dockerfile, and its likely cause."""
    step = progress.failed_step
    stages = read_dockerfile(options)
    error = step.error if step else ""
    plain = tuple(progress.plain)
    words = "\n".join((error, *plain))
    return examine(
        Evidence(
            step=step.name if step else "",
            error=error,
            log=tuple(step.log) if step else (),
            plain=plain,
            place=locate_step(stages, step.name) if step else None,
            stages=stages,
            neighbours=_neighbours(options.context, missing_path(words)),
            has_sbom=(options.sbom or "false") != "false",
            has_syntax=bool(_SYNTAX.match(read_text(options))),
        )
    )


def read_dockerfile(options: BuildOptions) -> tuple[Stage, ...]:
    """Return the stages of the Dockerfile that is built; none when it cannot be read."""
    return read_stages(read_text(options))


def read_text(options: BuildOptions) -> str:
    """Return the text of the Dockerfile that is built, nothing when it cannot be read."""
    try:
        return options.dockerfile_text or options.dockerfile.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _neighbours(context: Path, path: str | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        return tuple(os.listdir((context / path).parent))  # noqa: PTH208  # names, not paths
    except OSError:
        return ()


def _lost(progress: BuildProgress) -> CouldNotRunError:
    running = next((_brief(step.name) for step in progress.steps.values() if step.is_running), None)
    words = next(line for line in progress.plain if _LOST.search(line))
    during = f" during `{running}`" if running else ""
    return CouldNotRunError(
        f"The engine was lost{during}: {words.removeprefix('ERROR: ')}",
        hint="Check that it runs (`docker version`), its memory and disk; then build again: what was done is cached.",
        code="engine-lost",
    )


def _unusable(words: str, options: BuildOptions) -> DockertoolsError | None:
    """Return what is wrong with the engine, buildx or the builder, for a build that never began."""
    # Without --builder the name is that of DOCKER_CONTEXT; asking the engine tells it better.
    if options.builder and (match := _NO_BUILDER.search(words)):
        return CouldNotRunError(
            f"There is no builder {match['name']!r}.",
            hint="`docker buildx ls` lists them; `docker buildx create --name NAME` makes one.",
            code="builder-not-found",
        )
    try:
        find_engine()
    except CouldNotRunError as error:
        return error
    if _NO_BUILDX.search(words):
        return CouldNotRunError(
            "The docker command has no buildx.",
            hint="Install it: the package docker-buildx-plugin (Docker's) or docker-buildx (Debian's).",
            code="buildx-not-found",
        )
    if match := _NO_FLAG.search(words):
        return _too_old(match["flag"] or f"--progress={match['mode']}")
    return None


def _too_old(flag: str) -> CouldNotRunError:
    done = run(("docker", "buildx", "version"))
    match = _VERSION.search(done.stdout)
    version = match["version"] if match else "of an unknown version"
    oldest = ".".join(map(str, OLDEST_BUILDX))
    return CouldNotRunError(
        f"buildx {version} does not know {flag}.", hint=f"Install buildx {oldest} or newer.", code="buildx-too-old"
    )
