"""The checks of the container, in a throw-away container of an image."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dockertools.checks.image.facts import AuditFacts
from dockertools.checks.image.throw_away import FOLDER, LABEL, copy_package, throw_away_container
from dockertools.checks.registry import CheckInfo
from dockertools.checks.results import CheckResult, Outcome, Status, failed, passed, skipped, warned
from dockertools.process import Completed, run

NO_NETWORK = "none"
ASKING_GROUPS = ("database", "cache")
"""Groups that ask servers, which nothing without a network can."""
TIMEOUT_SECONDS = 900.0
_DOCUMENT = '{\n  "schema": "dockertools.check/1"'
LAST_LINES = 2


@dataclass(frozen=True, kw_only=True)
class ContainerOptions:
    """How to run: `environment` are words NAME or NAME=VALUE, `placeholders` variables that nobody gave."""

    network: str = NO_NETWORK
    environment: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    placeholders: Mapping[str, str] = field(default_factory=dict, repr=False)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContainerRun:
    """What came of it: the results, or an outcome that says why there are none.

    `left` names the container if the engine did not remove it.
    """

    results: tuple[CheckResult, ...] = ()
    outcome: Outcome | None = None
    seconds: float = 0.0
    left: str = ""


def judge_container(run: ContainerRun) -> Iterator[Outcome]:
    """Run the checks of the container in a throw-away one of the image: its own user, no network unless asked."""
    yield run.outcome or passed(f"{len(run.results)} results", results=len(run.results))
    if run.left:
        message = f"the engine did not remove the container {run.left}"
        yield warned("container-left", message, f"docker rm --force --volumes {run.left}", container=run.left)


IN_CONTAINER = CheckInfo(
    id="dockertools.I801",
    group="container",
    title="checks in the container",
    function=judge_container,
    codes={
        "no-python": "Skipped: the image has no Python on its PATH.",
        "no-django": "Skipped: the image has no Django.",
        "did-not-run": "The container did not start, or docker_check ended in it without a result.",
        "container-left": "The engine did not remove the throw-away container.",
    },
)


def explain_refusal(facts: AuditFacts) -> Outcome | None:
    """Return why the checks cannot run in this image; None where they can."""
    if not facts.inside.python:
        return skipped("no-python", "NOT CHECKED in the container: the image has no Python on its PATH")
    if not facts.inside.has_django:
        return skipped("no-django", "NOT CHECKED in the container: the image has no Django")
    return None


def run_in_container(facts: AuditFacts, options: ContainerOptions) -> ContainerRun:
    """Run docker_check in a container of the image, which is gone afterwards, whatever happens.

    Raises CouldNotRunError when the engine cannot make the container.
    """
    if refusal := explain_refusal(facts):
        return ContainerRun(outcome=refusal)
    with throw_away_container(create_argv(facts, options)) as container:
        if not _uses_own(facts):
            copy_package(container.name)
        done = run(("docker", "start", "--attach", container.name), timeout=TIMEOUT_SECONDS)
    return replace(read_run(done), left=container.name if container.is_left else "")


def create_argv(facts: AuditFacts, options: ContainerOptions) -> tuple[str, ...]:
    """Return the arguments of `docker create`, its name left out."""
    argv = [f"--network={options.network}", f"--label={LABEL}=1", "--entrypoint", facts.inside.python]
    if facts.config.user.partition(":")[0] not in ("", "0", "root"):
        argv += ["--cap-drop=ALL", "--security-opt=no-new-privileges"]
    argv += [f"--env-file={file}" for file in options.env_files]
    given = {word.partition("=")[0] for word in options.environment}
    words = [f"{name}={value}" for name, value in options.placeholders.items() if name not in given]
    if not _uses_own(facts):
        path = facts.config.environment.get("PYTHONPATH", "")
        words.append(f"PYTHONPATH={FOLDER}" + (f":{path}" if path else ""))
    argv += [f"--env={word}" for word in (*words, *options.environment)]
    start = (facts.inside.manage, "docker_check") if _uses_own(facts) else ("-m", "dockertools.checks.guest")
    groups = [word for group in options.groups for word in ("--group", group)]
    return (*argv, facts.reference, *start, "--format", "json", *groups)


def read_run(done: Completed) -> ContainerRun:
    """Return the results of the JSON document; the project may have printed before it."""
    start = done.stdout.find(_DOCUMENT)
    try:
        document: dict[str, Any] = json.loads(done.stdout[start:]) if start >= 0 else {}
    except ValueError:
        document = {}
    if results := document.get("results"):
        return ContainerRun(
            results=tuple(CheckResult(**{**item, "status": Status(item["status"])}) for item in results)
        )
    error = document.get("error") or {}
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    said = str(error.get("message") or " | ".join(lines[-LAST_LINES:]) or "nothing")
    hint = "Give what the settings need with --env or --env-file; `docker run` with the same shows more."
    message = f"docker_check ended with exit code {done.returncode} and said: {' '.join(said.split())}"
    return ContainerRun(outcome=failed("did-not-run", message, hint, exit_code=done.returncode))


def without_network(checks: Sequence[CheckInfo], network: str) -> tuple[tuple[CheckInfo, ...], tuple[CheckInfo, ...]]:
    """Return the checks that can run, and those that would ask a server in a container without a network."""
    if network != NO_NETWORK:
        return tuple(checks), ()
    asking = tuple(check for check in checks if check.group in ASKING_GROUPS)
    return tuple(check for check in checks if check not in asking), asking


def _uses_own(facts: AuditFacts) -> bool:
    return facts.inside.has_dockertools and bool(facts.inside.manage)
