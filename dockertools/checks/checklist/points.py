"""Points 1 to 6 of the guide's list: size, rebuild, context, user, tools, cache."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dockertools.build.diagnose import BuildFailedError
from dockertools.build.progress import is_instruction_name
from dockertools.build.result import BuildResult, StepResult
from dockertools.checks.checklist.single_stage import INSTALLS
from dockertools.checks.checklist.workspace import ENGINE_SECONDS, Workspace
from dockertools.checks.image.leftovers import check_build_tools, check_dev_packages
from dockertools.checks.image.start import check_user
from dockertools.checks.outside import CHECKLIST, register_outside
from dockertools.checks.results import Outcome, Status, failed, passed, skipped, warned
from dockertools.context.findings import find_all
from dockertools.errors import CouldNotRunError, DockertoolsError
from dockertools.process import run
from dockertools.sizes import format_size

GROUP = "checklist"
REBUILD_SECONDS = 10.0
"""What the guide promises for a change of code."""
LEAST_SAVED = 0.2
SHOWN = 5
LOG_LINES = 5
_SYSTEM = re.compile(r"\b(apt-get|apt|apk|dnf|yum)\b[^\n]*\b(install|add)\b")
_BUILD_FAILED = {"build-failed": "The build did not succeed, so that the point could not be carried out."}


@register_outside(
    "dockertools.G101",
    kind=CHECKLIST,
    group=GROUP,
    title="1 size",
    codes={
        **_BUILD_FAILED,
        "no-builder": "No stage installs the packages and is copied from: there is a single stage.",
        "hardly-smaller": "The image is not a fifth smaller than the same project in a single stage.",
    },
)
def check_size(space: Workspace) -> Iterator[Outcome]:
    """Build the image, and the same project in a single stage: its builder stage and `COPY . .`."""
    try:
        image, single = space.production.image, space.single_stage
    except DockertoolsError as error:
        yield _build_failed(error)
        return
    size = image.size_bytes if image else 0
    if single is None or single.image is None:
        hint = "Install in a stage of its own, and copy what it made: `docker_init` writes such a Dockerfile."
        yield failed("no-builder", f"{format_size(size)}, all in one stage", hint, bytes=size)
        return
    saved = 1 - size / single.image.size_bytes
    message = (
        f"{format_size(size)} instead of {format_size(single.image.size_bytes)} in a single stage: {saved:.0%} less"
    )
    numbers = {"bytes": size, "single_stage_bytes": single.image.size_bytes}
    if saved < LEAST_SAVED:
        hint = "`docker_report` shows what it holds, and what could be left out."
        yield warned("hardly-smaller", message, hint, **numbers)
    else:
        yield passed(message, **numbers)


@register_outside(
    "dockertools.G102",
    kind=CHECKLIST,
    group=GROUP,
    title="2 rebuild after a change",
    codes={**_BUILD_FAILED, "slow-rebuild": "A change of code takes more than the guide's ten seconds to build."},
)
def check_rebuild(space: Workspace) -> Iterator[Outcome]:
    """Change a file of the code, in a copy of the project, and build again."""
    try:
        path, result = space.after_code_change
    except DockertoolsError as error:
        yield _build_failed(error)
        return
    message = f"{result.seconds:.1f} s after a change of {path}"
    numbers = {"seconds": round(result.seconds, 2), "path": path, "limit_seconds": REBUILD_SECONDS}
    if result.seconds > REBUILD_SECONDS:
        slow = max(result.steps, key=lambda step: step.seconds)
        hint = f"The longest step was `{slow.name[:80]}`, {slow.seconds:.1f} s; was the machine busy, run this again."
        yield warned("slow-rebuild", message, hint, **numbers)
    else:
        yield passed(message, **numbers)


@register_outside(
    "dockertools.G103",
    kind=CHECKLIST,
    group=GROUP,
    title="3 context",
    codes={
        "context-risks": "The build is sent secrets, or data of people.",
        "context-warnings": "The build is sent what it does not need.",
    },
)
def check_context(space: Workspace) -> Iterator[Outcome]:
    """Read what .dockerignore lets through."""
    facts = space.context
    risks = [risk for risk in find_all(facts, space.config.silenced).risks if not risk.silenced]
    total = facts.size + facts.excluded_size
    share = f", {facts.excluded_size / total:.0%} of {format_size(total)} left out" if total else ""
    message = f"{facts.files} files, {format_size(facts.size)}{share}"
    grave = [risk for risk in risks if risk.level == "fail"]
    shown = ", ".join(f"{risk.path} {risk.reason}" for risk in (grave or risks)[:SHOWN])
    paths = [risk.path for risk in grave or risks]
    if grave:
        yield failed("context-risks", f"{message}; {shown}", "`docker_context --fix` adds the rules.", paths=paths)
    elif risks:
        yield warned("context-warnings", f"{message}; {shown}", "`docker_context` says more.", paths=paths)
    else:
        yield passed(message, files=facts.files, bytes=facts.size, excluded_bytes=facts.excluded_size)


@register_outside(
    "dockertools.G104",
    kind=CHECKLIST,
    group=GROUP,
    title="4 user",
    codes={**_BUILD_FAILED, "runs-as-root": "Processes of a container have the user id 0.", "user": "See I101."},
)
def check_runs_as(space: Workspace) -> Iterator[Outcome]:
    """Start a container and ask a process in it for its user id; without Python, judge the configuration alone."""
    try:
        facts = space.audit
    except DockertoolsError as error:
        yield _build_failed(error)
        return
    uid = _ask_user(space, facts.inside.python) if facts.inside.python else ""
    if uid == "0":
        hint = "End the Dockerfile's last stage with USER 1000:1000."
        yield failed("runs-as-root", "a process of a container has the user id 0", hint, uid=0)
        return
    for outcome in check_user(facts):
        if outcome.status is Status.PASS:
            yield passed(
                f"{outcome.message}; a process of a container has the user id {uid}" if uid else outcome.message
            )
        else:
            yield Outcome(
                status=outcome.status,
                message=outcome.message,
                hint=outcome.hint,
                evidence={**outcome.evidence, "code": "user"},
            )


def _ask_user(space: Workspace, python: str) -> str:
    name = f"dockertools-checklist-{space.token}"
    code = "import os; print(os.getuid())"
    argv = ("docker", "run", "--rm", "--name", name, "--network=none", "--entrypoint", python)
    with space.working("asking a process of the container for its user"):
        space.remove_at_end(("docker", "rm", "--force", name))
        return run((*argv, space.production.tag, "-c", code), timeout=ENGINE_SECONDS).stdout.strip()


@register_outside(
    "dockertools.G105",
    kind=CHECKLIST,
    group=GROUP,
    title="5 no build tools",
    codes={**_BUILD_FAILED, "build-tools": "See I201.", "dev-packages": "See I202."},
)
def check_tools(space: Workspace) -> Iterator[Outcome]:
    """Look for compilers and -dev packages in the image's files."""
    try:
        facts = space.audit
    except DockertoolsError as error:
        yield _build_failed(error)
        return
    found = [item for item in (*check_build_tools(facts), *check_dev_packages(facts)) if item.status is not Status.PASS]
    yield from found or (passed(f"no compiler and no headers among {len(facts.system_packages)} packages"),)


@register_outside(
    "dockertools.G106",
    kind=CHECKLIST,
    group=GROUP,
    title="6 cache",
    codes={
        **_BUILD_FAILED,
        "installs-again": "A change of code installs the packages again.",
        "system-again": "A change of dependencies installs the system's packages again.",
        "no-manifest": "Skipped: there is no list of requirements to change.",
    },
)
def check_cache(space: Workspace) -> Iterator[Outcome]:
    """Compare which steps come from the cache after a change of code, and after one of the requirements."""
    try:
        path, after_code = space.after_code_change
        dependencies = space.after_dependency_change
    except DockertoolsError as error:
        yield _build_failed(error)
        return
    hint = "Copy the list of requirements and install before COPY . ., as `docker_init` does."
    yield _judge_cache(path, after_code, INSTALLS, "installs-again", hint)
    if dependencies is None:
        yield skipped("no-manifest", "no list of requirements is sent to the build")
    else:
        hint = "Install the system's packages before the list of requirements is copied."
        yield _judge_cache(*dependencies, _SYSTEM, "system-again", hint)


def _judge_cache(path: str, result: BuildResult, kept: re.Pattern[str], code: str, hint: str) -> Outcome:
    steps = [step for step in result.steps if is_step(step)]
    ran = [step.name for step in steps if not step.cached]
    again = [name for name in ran if kept.search(name)]
    message = f"after a change of {path}: {len(steps) - len(ran)} of {len(steps)} steps cached, {result.seconds:.1f} s"
    if again:
        return failed(code, f"{message}; `{again[0][:80]}` ran again", hint, ran=ran)
    first = f", first to run: {ran[0][:60]}" if ran else ""
    return passed(f"{message}{first}", cached=len(steps) - len(ran), steps=len(steps), ran=ran)


def is_step(step: StepResult) -> bool:
    """Tell whether the step is one that could be repeated; the base is not."""
    return is_instruction_name(step.name) and "] FROM " not in step.name


def _build_failed(error: DockertoolsError) -> Outcome:
    """Return the outcome for a build that did not succeed; an engine that is not there ends the whole list."""
    if isinstance(error, CouldNotRunError):
        raise error
    if not isinstance(error, BuildFailedError):
        return failed("build-failed", error.message, error.hint or "`docker_build` shows why.")
    failure = error.failed.failure
    cause = failure.explanation.cause if failure.explanation else " | ".join(failure.log[-LOG_LINES:]) or failure.error
    step = " ".join(failure.step.split())[:80]
    hint = failure.explanation.fix if failure.explanation else "`docker_build` shows all that it said."
    return failed("build-failed", f"the step `{step}` failed: {cause}", hint, line=failure.line)
