"""Group `running`: health, restarts, limits, and the order of the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dockertools.checks.compose.facts import ComposeAudit
from dockertools.checks.outside import COMPOSE, register_outside
from dockertools.checks.results import Outcome, passed, skipped, warned
from dockertools.compose.classify import Role

_DEVELOPMENT = "Skipped: the project is judged as development."


@register_outside(
    "dockertools.S401",
    kind=COMPOSE,
    group="running",
    title="health checks",
    codes={
        "no-healthcheck": "Neither the service nor its image says whether it is well.",
        "image-unknown": "Skipped: the image is not in the engine, so that its HEALTHCHECK is not known.",
    },
)
def check_health(audit: ComposeAudit) -> Iterator[Outcome]:
    """Look for a health check of each service that goes on running: its own, or its image's."""
    members = [member for member in audit.members if audit.is_lasting(member)]
    answers = {member.name: audit.has_healthcheck(member) for member in members}
    for name, answer in answers.items():
        if answer is False:
            hint = "Add `healthcheck:` to it, or HEALTHCHECK to its Dockerfile; `docker_init` writes both."
            yield warned("no-healthcheck", f"{name} has none", hint, service=name)
        elif answer is None:
            message = f"{name}: its image is not in the engine; build or pull it first"
            yield skipped("image-unknown", message, service=name)
    if all(answers.values()):
        yield passed(f"{', '.join(answers) or 'no service that goes on running'}")


@register_outside(
    "dockertools.S402",
    kind=COMPOSE,
    group="running",
    title="restart policy",
    codes={
        "no-restart": "A service that goes on running is not started again when it ends, or when the host reboots.",
        "development-mode": _DEVELOPMENT,
    },
)
def check_restart(audit: ComposeAudit) -> Iterator[Outcome]:
    """Look for `restart` of each service that goes on running; tasks that end are none of them."""
    if not audit.is_production:
        yield skipped("development-mode", "the project is judged as development")
        return
    members = [member for member in audit.members if audit.is_lasting(member)]
    found = [member for member in members if member.facts.restart in (None, "no")]
    for member in found:
        yield warned("no-restart", f"{member.name} has none", "Add `restart: unless-stopped`.", service=member.name)
    if not found:
        yield passed(", ".join(f"{member.name}: {member.facts.restart}" for member in members) or "nothing to restart")


@register_outside(
    "dockertools.S403",
    kind=COMPOSE,
    group="running",
    title="limits",
    codes={
        "no-memory-limit": "A service may take all of the host's memory.",
        "no-pids-limit": "A service may start processes until the host has none left.",
        "development-mode": _DEVELOPMENT,
    },
)
def check_limits(audit: ComposeAudit) -> Iterator[Outcome]:
    """Look for limits of memory and processes of each service that goes on running."""
    if not audit.is_production:
        yield skipped("development-mode", "the project is judged as development")
        return
    members = [member for member in audit.members if audit.is_lasting(member)]
    without_memory = [member.name for member in members if not has_limit(member.facts.values, "memory", "mem_limit")]
    without_pids = [member.name for member in members if not has_limit(member.facts.values, "pids", "pids_limit")]
    if without_memory:
        hint = "Add `mem_limit: 512m`, more than `docker stats` shows under load."
        yield warned("no-memory-limit", f"no memory limit: {', '.join(without_memory)}", hint, services=without_memory)
    if without_pids:
        hint = "Add `pids_limit: 200`, more than processes and threads together."
        yield warned("no-pids-limit", f"no limit of processes: {', '.join(without_pids)}", hint, services=without_pids)
    if not without_memory and not without_pids:
        yield passed("each service has both")


def has_limit(values: Mapping[str, Any], key: str, short: str) -> bool:
    """Tell whether the service is limited, by either way to write it; 0 and -1 are no limits."""
    limits = ((values.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    return any(str(value) not in ("", "0", "-1", "None") for value in (limits.get(key), values.get(short)))


@register_outside(
    "dockertools.S404",
    kind=COMPOSE,
    group="running",
    title="start order",
    codes={"no-condition": "A service waits until another has started, not until it answers."},
)
def check_order(audit: ComposeAudit) -> Iterator[Outcome]:
    """Judge `depends_on`: a database that has started is not yet one that answers."""
    found = [
        (member.name, name)
        for member in audit.members
        for name, condition in member.facts.depends_on.items()
        if condition == "service_started" and _can_be_waited_for(audit, name)
    ]
    for service, other in found:
        hint = f"Write depends_on: {{{other}: {{condition: service_healthy}}}}, with a health check of {other}."
        yield warned("no-condition", f"{service} waits for the start of {other} alone", hint, service=service, on=other)
    if not found:
        waits = any(member.facts.depends_on for member in audit.members)
        yield passed("each waits until the other is ready" if waits else "no service waits for another")


def _can_be_waited_for(audit: ComposeAudit, name: str) -> bool:
    """Tell whether waiting for more than the start makes sense: a store, or what says whether it is well."""
    other = next((member for member in audit.project.members if member.name == name), None)
    return other is not None and (other.role is Role.STORE or audit.has_healthcheck(other) is True)
