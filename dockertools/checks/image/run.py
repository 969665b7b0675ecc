"""An image, from outside and in a throw-away container: all results, and events on the way."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from dockertools.checks.image.collect import audit_image
from dockertools.checks.image.container import (
    IN_CONTAINER,
    ContainerOptions,
    ContainerRun,
    explain_refusal,
    run_in_container,
    without_network,
)
from dockertools.checks.image.facts import AuditFacts
from dockertools.checks.outside import IMAGE, OutsideCheck, run_outside
from dockertools.checks.redaction import STARS
from dockertools.checks.registry import CheckInfo
from dockertools.checks.results import SILENCED, CheckResult, silence, skipped
from dockertools.checks.runner import Event, Finished, Notice, Working, make_results
from dockertools.conf import Config, image_name
from dockertools.engine import connect, find_engine
from dockertools.errors import UsageError
from dockertools.image.analysis import PROJECT_LABEL
from dockertools.image.files import ReadProgress
from dockertools.project.inspect import inspect_project
from dockertools.rendering.environment import build_variables, is_secret

OnEvent = Callable[[Event], None]
_REFERENCE = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9._:/@\[\]-]*")


@dataclass(frozen=True, kw_only=True)
class ImageRequest:
    """Which image, which of its checks, and how its container runs."""

    reference: str
    checks: tuple[CheckInfo, ...]
    silenced: Mapping[str, str]
    network: str
    environment: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()


def check_image(request: ImageRequest, config: Config, on_event: OnEvent) -> tuple[CheckResult, ...]:
    """Return the results of the checks of the request.

    Raises DockertoolsError when there is no such image, CouldNotRunError without an engine.
    """
    _require_reference(request.reference)
    find_engine()
    facts = read_facts(request.reference, config, on_event)
    static = [check for check in request.checks if isinstance(check, OutsideCheck) and check.kind == IMAGE]
    results = run_outside(static, facts, request.silenced, on_event)
    inner = tuple(check for check in request.checks if check not in static and check is not IN_CONTAINER)
    if inner:
        results += _check_container(request, facts, inner, config, on_event)
    return results


def _require_reference(reference: str) -> None:
    """Raise UsageError for what is no name, id or digest of an image.

    The rule: https://github.com/distribution/reference/blob/main/reference.go
    """
    name = reference.partition("@")[0].rpartition("/")[2].partition(":")[0]
    if not _REFERENCE.fullmatch(reference) or name != name.lower():
        raise UsageError(
            f"{reference!r} is not the name of an image.",
            hint="Names are in lower case: shop:latest, host/shop@sha256:...",
        )


def read_facts(reference: str, config: Config, on_event: OnEvent) -> AuditFacts:
    """Read the image, and say on the way how far it is read."""
    begin = time.monotonic()

    def tell(progress: ReadProgress) -> None:
        what = f"reading {reference}, {progress.files} files, {progress.bytes_read / 1e6:.0f} MB"
        on_event(Working(what, time.monotonic() - begin))

    return audit_image(connect(), reference, config, tell)


def _check_container(
    request: ImageRequest, facts: AuditFacts, checks: Sequence[CheckInfo], config: Config, on_event: OnEvent
) -> tuple[CheckResult, ...]:
    able, unable = without_network(checks, request.network)
    run = ContainerRun(outcome=explain_refusal(facts))
    if run.outcome:
        on_event(Notice(run.outcome.message))
    elif able:
        options = ContainerOptions(
            network=request.network,
            environment=request.environment,
            env_files=request.env_files,
            placeholders=find_placeholders(facts, config),
            groups=tuple(dict.fromkeys(check.group for check in able)),
        )
        run = _run(facts, options, on_event)
    found = [*run_outside([IN_CONTAINER], run, {}, on_event)]
    if run.results:
        known = {check.id: check for check in checks}
        inner = tuple(_silenced(result, request.silenced) for result in run.results)
        for result in inner:
            on_event(Finished(known.get(result.id, IN_CONTAINER), (result,)))
        reason = skipped("no-network", "the container has no network; --network NAME gives it one")
        asking = [result for check in unable for result in make_results(check, (reason,), 0.0)]
        for result in asking:
            on_event(Finished(known[result.id], (result,)))
        found += [*inner, *asking]
    return tuple(found)


def _run(facts: AuditFacts, options: ContainerOptions, on_event: OnEvent) -> ContainerRun:
    user = facts.config.user or "root"
    network = "without a network" if options.network == "none" else f"in the network {options.network}"
    on_event(Notice(f"Running the checks in a container of {facts.reference}, as {user}, {network}."))
    if options.placeholders:
        names = ", ".join(options.placeholders)
        on_event(Notice(f"Placeholders for this container alone: {names}. --env and --env-file give real values."))
    begin = time.monotonic()
    run = run_in_container(facts, options)
    return _hide(replace(run, seconds=time.monotonic() - begin), options)


def find_placeholders(facts: AuditFacts, config: Config) -> dict[str, str]:
    """Return values for the variables without which the settings of this project do not load.

    Only for an image of this project, and only what the image does not set itself.
    """
    if facts.reference != config.image and facts.config.labels.get(PROJECT_LABEL) != image_name(config.root):
        return {}
    variables = build_variables(inspect_project(config))
    return {
        variable.name: secrets.token_urlsafe(50) if is_secret(variable.name) else variable.value
        for variable in variables
        if variable.name not in facts.config.environment
    }


def _hide(run: ContainerRun, options: ContainerOptions) -> ContainerRun:
    """Take values that were given on the command line out of what is said of a failure."""
    if run.outcome is None:
        return run
    message = run.outcome.message
    for word in options.environment:
        name, _, value = word.partition("=")
        if is_secret(name) and value:
            message = message.replace(value, STARS)
    return replace(run, outcome=replace(run.outcome, message=message))


def _silenced(result: CheckResult, silenced: Mapping[str, str]) -> CheckResult:
    reason = silenced.get(result.id)
    return silence(result, reason) if reason and result.code != SILENCED else result
