"""Group `contents`: what is in the image and should not be, and what modes let people do."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from packaging.utils import canonicalize_name

from dockertools.checks.image.facts import AuditFacts, ContentGroup
from dockertools.checks.outside import IMAGE, register_outside
from dockertools.checks.results import Outcome, failed, passed, warned
from dockertools.sizes import format_size

SHOWN = 5
_DEVELOPMENT = frozenset(
    {"pytest", "pytest-django", "coverage", "ruff", "mypy", "black", "isort", "flake8", "pylint", "pre-commit", "tox"}
    | {"django-debug-toolbar", "ipdb", "ipython", "factory-boy", "faker", "django-stubs", "werkzeug-debugger", "nox"}
)


@register_outside(
    "dockertools.I401",
    kind=IMAGE,
    group="contents",
    title="version control",
    codes={"version-control": "The repository's history, with all that was ever committed, is in a layer."},
)
def check_version_control(facts: AuditFacts) -> Iterator[Outcome]:
    """Look for .git and its kin in every layer."""
    found = [group for group in facts.contents if group.code == "version-control"]
    for group in found:
        hint = f"Add {posixpath.basename(group.path)} to .dockerignore (`docker_init` writes one)."
        yield failed("version-control", _told(facts, group), hint, path=f"/{group.path}", layer=group.where.layer + 1)
    if not found:
        yield passed("none")


@register_outside(
    "dockertools.I402",
    kind=IMAGE,
    group="contents",
    title="tests and their tools",
    codes={
        "tests": "The project's own tests are in the image.",
        "development-packages": "Python packages for development are in the image.",
    },
)
def check_tests(facts: AuditFacts) -> Iterator[Outcome]:
    """Look for the project's tests, and for packages that only developers use and nothing requires."""
    groups = [group for group in facts.contents if group.code == "tests" and group.where.hidden_by is None]
    packages = [
        package.name
        for package in facts.python_packages
        if canonicalize_name(package.name) in _DEVELOPMENT and not package.required_by
    ]
    if groups:
        files, total = sum(group.files for group in groups), sum(group.bytes for group in groups)
        shown = ", ".join(f"/{group.path}" for group in groups[:SHOWN])
        message = f"{files} files of tests, {format_size(total)}: {shown}"
        yield warned("tests", message, "Add them to .dockerignore.", paths=[f"/{group.path}" for group in groups])
    if packages:
        hint = "Install the requirements of production alone."
        yield warned("development-packages", ", ".join(packages), hint, packages=packages)
    if not groups and not packages:
        yield passed("none")


@register_outside(
    "dockertools.I403",
    kind=IMAGE,
    group="contents",
    title="setuid",
    codes={"setuid": "A program that the image adds to its base runs with another's rights, whoever starts it."},
)
def check_setuid(facts: AuditFacts) -> Iterator[Outcome]:
    """Look for setuid and setgid programs above the base; the base's are those of its distribution."""
    added = [file for file in facts.setuid if file.layer >= facts.base_layers]
    for file in added[:SHOWN]:
        yield failed(
            "setuid",
            f"/{file.path} has mode {file.mode:04o} ({facts.layer(file.layer)})",
            f"RUN chmod u-s,g-s /{file.path}, or leave it out.",
            path=f"/{file.path}",
            mode=f"{file.mode:04o}",
        )
    if not added:
        base = f"; {len(facts.setuid)} of the base, of no use with no-new-privileges" if facts.setuid else ""
        yield passed(f"none added{base}")


@register_outside(
    "dockertools.I404",
    kind=IMAGE,
    group="contents",
    title="writable by all",
    codes={"world-writable": "Everybody may change a file, or put files into a folder."},
)
def check_world_writable(facts: AuditFacts) -> Iterator[Outcome]:
    """Look for files and folders that everybody may write; /tmp and other sticky folders are meant so."""
    found = facts.world_writable
    for file in found[:SHOWN]:
        yield failed(
            "world-writable",
            f"/{file.path} has mode {file.mode:04o} ({facts.layer(file.layer)})",
            f"COPY --chmod=0644, or RUN chmod o-w /{file.path}.",
            path=f"/{file.path}",
            mode=f"{file.mode:04o}",
        )
    if len(found) > SHOWN:
        more = len(found) - SHOWN
        yield failed("world-writable", f"{more} more", "RUN chmod -R o-w on their folder.", files=more)
    if not found:
        yield passed("none")


def _told(facts: AuditFacts, group: ContentGroup) -> str:
    state = "" if group.where.hidden_by is None else ", deleted later and still shipped"
    size = f"{group.files} files, {format_size(group.bytes)}"
    return f"/{group.path}: {size} ({facts.layer(group.where.layer)}{state})"
