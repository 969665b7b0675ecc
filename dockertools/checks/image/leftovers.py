"""Group `leftovers`: what only a build needs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

from packaging.utils import canonicalize_name

from dockertools.checks.image.facts import AuditFacts
from dockertools.checks.outside import IMAGE, register_outside
from dockertools.checks.results import Outcome, failed, passed, warned
from dockertools.sizes import format_size

SHOWN = 8
SMALLEST_CACHE = 100_000
"""Bytes of a cache up to which it is not worth a line."""
_INSTALLERS = ("pip", "uv", "setuptools", "wheel", "poetry", "pipenv", "pdm", "hatch", "virtualenv", "pip-tools")
_INSTALLER_PROGRAMS = ("pip", "pip3", "uv", "uvx", "poetry", "pipenv", "pdm")
_TOOL_PACKAGE = re.compile(
    r"(gcc|g\+\+|cpp|clang|llvm|gfortran)(-\d+(\.\d+)?)?|binutils|make|cmake|ninja-build|build-essential|pkg-config|pkgconf"
    r"|autoconf|automake|libtool|rustc|cargo|golang(-go)?|git|build-base|dpkg-dev|patch"
)
_HEADERS = re.compile(r".+-(dev|headers)(-bin)?")
_BUILDER = "Install it in the builder stage, and copy what it made: COPY --from=builder /opt/venv /opt/venv."


@register_outside(
    "dockertools.I201",
    kind=IMAGE,
    group="leftovers",
    title="build tools",
    codes={"build-tools": "Compilers, linkers, make or git are in the final image."},
)
def check_build_tools(facts: AuditFacts) -> Iterator[Outcome]:
    """Look for compilers and their kin, as packages and as programs without one."""
    packages = [package.name for package in facts.system_packages if _TOOL_PACKAGE.fullmatch(package.name)]
    programs = [path for path in facts.programs if posixpath.basename(path) not in _INSTALLER_PROGRAMS]
    if packages or programs:
        total = sum(package.size_bytes for package in facts.system_packages if package.name in packages)
        names = packages or [f"/{path}" for path in programs]
        message = f"{_list(names)}{f': {format_size(total)}' if total else ''}"
        yield failed("build-tools", message, _BUILDER, packages=packages, programs=programs[:SHOWN])
    else:
        yield passed("none")


@register_outside(
    "dockertools.I202",
    kind=IMAGE,
    group="leftovers",
    title="development packages",
    codes={"dev-packages": "Packages with headers for a compiler are in the final image."},
)
def check_dev_packages(facts: AuditFacts) -> Iterator[Outcome]:
    """Look for -dev packages."""
    found = [package for package in facts.system_packages if _HEADERS.fullmatch(package.name)]
    if found:
        names = [package.name for package in found]
        total = format_size(sum(package.size_bytes for package in found))
        hint = "Install the library alone (libpq5, not libpq-dev) in the runtime stage."
        yield failed("dev-packages", f"{_list(names)}: {total}", hint, packages=names)
    else:
        yield passed("none")


@register_outside(
    "dockertools.I203",
    kind=IMAGE,
    group="leftovers",
    title="caches",
    codes={
        "package-cache": "Caches of package managers are in a layer.",
        "tool-cache": "Caches of development tools, or whole environments of a machine, are in a layer.",
    },
)
def check_caches(facts: AuditFacts) -> Iterator[Outcome]:
    """Look for caches in every layer: one that a later layer deletes is shipped all the same."""
    groups = [group for group in facts.contents if group.code in ("package-cache", "tool-cache")]
    found = [group for group in groups if group.bytes >= SMALLEST_CACHE]
    for group in found:
        state = "deleted later, but shipped" if group.where.hidden_by is not None else "there"
        size = f"{format_size(group.bytes)} in {group.files} files"
        yield warned(
            group.code,
            f"/{group.path}: {size}, {state} ({facts.layer(group.where.layer)})",
            "Use RUN --mount=type=cache,target=..., or delete it in the same RUN."
            if group.code == "package-cache"
            else f"Add {posixpath.basename(group.path)} to .dockerignore.",
            path=f"/{group.path}",
            bytes=group.bytes,
            layer=group.where.layer + 1,
        )
    if not found:
        yield passed("none")


@register_outside(
    "dockertools.I204",
    kind=IMAGE,
    group="leftovers",
    title="installers",
    codes={"installers": "pip, uv or their kin are in the image, where nothing is installed any more."},
)
def check_installers(facts: AuditFacts) -> Iterator[Outcome]:
    """Look for package installers that no other distribution requires."""
    found = [
        f"{package.name} {package.version}"
        for package in facts.python_packages
        if canonicalize_name(package.name) in _INSTALLERS and not package.required_by
    ]
    known = {name.partition(" ")[0].lower() for name in found}
    found += [
        f"/{path}"
        for path in facts.programs
        if (name := posixpath.basename(path)) in _INSTALLER_PROGRAMS and name.rstrip("3") not in known
    ]
    if found:
        hint = "RUN pip uninstall --yes pip setuptools wheel in the runtime stage; mount uv into the builder stage."
        yield warned("installers", _list(found), hint, found=found)
    else:
        yield passed("none")


def _list(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
