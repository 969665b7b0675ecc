"""Group `base`: what the image is made from, and what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cache

from dockertools.checks.image.facts import AuditFacts
from dockertools.checks.outside import IMAGE, register_outside
from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.tables import read_table

SOON = timedelta(days=120)
_OCI = "org.opencontainers.image."
_WANTED = ("title", "source", "revision", "version")
_SUITES = re.compile(
    r"bookworm|trixie|bullseye|buster|forky|jammy|noble|focal|alpine3\.\d+|ubi\d+|debian\d+|(?<!\d)\d+\.\d+\.\d+"
)
_UNVERSIONED = re.compile(r"(latest|slim|alpine|edge|rawhide|rolling|stable|\d+)(-slim|-alpine)?")


@register_outside(
    "dockertools.I601",
    kind=IMAGE,
    group="base",
    title="base pinned",
    codes={
        "base-floating": "The base has no tag, or one that moves to new major versions.",
        "suite-floating": "The base's tag names no suite: one day it moves to a new release, and packages are renamed.",
        "base-unknown": "Skipped: neither a label nor the project's Dockerfile tells the base.",
    },
)
def check_base_pinned(facts: AuditFacts) -> Iterator[Outcome]:
    """Judge the base's name, of the label `org.opencontainers.image.base.name` or of the project's Dockerfile."""
    base = facts.base
    if base is None:
        yield skipped("base-unknown", "no label names the base, and the image is not of this project")
        return
    where = f"{base.name}, says {base.source}"
    repository, at, _digest = base.name.partition("@")
    tag = repository.rpartition("/")[2].partition(":")[2]
    if at or base.name == "scratch":
        yield passed(where)
    elif not tag or _UNVERSIONED.fullmatch(tag):
        hint = "Name version and suite: python:3.11-slim-bookworm; with @sha256:... it is the same to the byte."
        yield failed("base-floating", where, hint, base=base.name)
    elif not _SUITES.search(tag):
        hint = f"Name the suite too, such as {tag}-bookworm, or pin it with @sha256:...."
        yield warned("suite-floating", where, hint, base=base.name)
    else:
        yield passed(where)


@register_outside(
    "dockertools.I602",
    kind=IMAGE,
    group="base",
    title="supported",
    codes={
        "end-of-life": "The distribution or an interpreter gets no security updates any more.",
        "end-of-life-soon": "Its support ends within four months.",
        "release-unknown": "Skipped: the image has no /etc/os-release that is in the table, and no interpreter either.",
    },
)
def check_supported(facts: AuditFacts) -> Iterator[Outcome]:
    """Compare the distribution and the interpreters with the days on which their support ends."""
    known = [(name, end) for name, end in _releases(facts) if end]
    for name, end in known:
        left = end - facts.today
        if left < timedelta(0):
            hint = "Build on a newer base: security holes that are found now stay open."
            yield failed("end-of-life", f"{name}: support ended on {end}", hint, release=name, end=str(end))
        elif left < SOON:
            hint = "Plan the move to a newer base."
            yield warned("end-of-life-soon", f"{name}: support ends on {end}", hint, release=name, end=str(end))
        else:
            yield passed(f"{name}: until {end}", release=name, end=str(end))
    if not known:
        yield skipped("release-unknown", facts.release.name if facts.release else "no /etc/os-release")


@register_outside(
    "dockertools.I603",
    kind=IMAGE,
    group="base",
    title="labels",
    codes={
        "no-labels": "The image has none of the OCI labels, so that nobody can tell what it is and where it is from."
    },
)
def check_labels(facts: AuditFacts) -> Iterator[Outcome]:
    """Look for the labels of https://github.com/opencontainers/image-spec/blob/main/annotations.md."""
    there = [name for name in _WANTED if facts.config.labels.get(f"{_OCI}{name}")]
    missing = [name for name in _WANTED if name not in there]
    if there:
        note = f"; `docker_build --label` could add {', '.join(missing)}" if missing else ""
        yield passed(f"{', '.join(there)}{note}", missing=missing)
    else:
        hint = f'LABEL {_OCI}title="shop" {_OCI}source="https://..."'
        yield warned("no-labels", f"no label of {_OCI}*", hint, missing=missing)


def _releases(facts: AuditFacts) -> Iterator[tuple[str, date | None]]:
    table = _ends()
    if facts.release:
        version = facts.release.version
        if facts.release.id == "alpine":
            version = ".".join(version.split(".")[:2])
        name = facts.release.name or f"{facts.release.id} {version}"
        yield name, table.get(facts.release.id, {}).get(version)
    for version in facts.pythons:
        yield f"Python {version}", table["python"].get(version)


@cache
def _ends() -> Mapping[str, Mapping[str, date]]:
    return read_table("end_of_life")
