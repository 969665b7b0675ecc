"""The installed distributions as their metadata tell, the broken ones included."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from dockertools.checks.runtime.pins import holds

_UNREADABLE = (OSError, ValueError, TypeError, AttributeError, csv.Error)
"""What importlib.metadata lets through from files that are not text, not CSV, or not to be read."""
_FOLDER = re.compile(r"(?P<name>[^-]+)-(?P<version>.+)\.(?:dist|egg)-info")


@dataclass(frozen=True)
class InstalledDistribution:
    """A distribution; name and version are empty where the metadata are broken, `name` is normalized."""

    folder: str
    name: str
    version: str
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnmetRequirement:
    """What a distribution requires, and the version that is installed instead, if any."""

    distribution: str
    requirement: str
    installed: str | None


def read_distributions(folders: Iterable[Path]) -> tuple[InstalledDistribution, ...]:
    """Return what is installed in `folders`."""
    found = metadata.distributions(path=[str(folder) for folder in folders])
    return tuple(sorted((_read(distribution) for distribution in found), key=lambda item: item.folder))


def find_unmet(distributions: Iterable[InstalledDistribution]) -> Iterator[UnmetRequirement]:
    """Yield the requirements without extras that nothing installed fulfils, as `pip check` finds them."""
    distributions = tuple(distributions)
    versions = {item.name: item.version for item in distributions}
    for item in distributions:
        for text in item.requirements:
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue
            if not holds(requirement):
                continue
            installed = versions.get(canonicalize_name(requirement.name))
            if installed is None or not _fulfils(requirement, installed):
                yield UnmetRequirement(item.name, str(requirement).partition(";")[0].strip(), installed)


def find_owners() -> dict[str, str]:
    """Return the distributions by top-level package; those whose metadata cannot be read are left out.

    As `importlib.metadata.packages_distributions` does it, which stops at the first that is broken.
    """
    owners: dict[str, str] = {}
    for distribution in metadata.distributions():
        try:
            declared = (distribution.read_text("top_level.txt") or "").split()
            name = distribution.metadata["Name"]
            packages = declared or [_top_level(file) for file in distribution.files or () if file.suffix != ".pth"]
        except _UNREADABLE:
            continue
        for package in packages:
            owners.setdefault(package, name)
    return owners


def map_modules(owners: Mapping[str, str], modules: Iterable[str]) -> dict[str, set[str]]:
    """Return the modules by the distribution that brings their top-level package; others are left out."""
    by_distribution: dict[str, set[str]] = {}
    for module in modules:
        if owner := owners.get(module.partition(".")[0]):
            by_distribution.setdefault(owner, set()).add(module)
    return by_distribution


def _top_level(file: metadata.PackagePath) -> str:
    return file.parts[0] if len(file.parts) > 1 else file.name.partition(".")[0]


def _read(distribution: metadata.Distribution) -> InstalledDistribution:
    folder = Path(str(getattr(distribution, "_path", ""))).name
    try:
        headers = distribution.metadata
        name, version = headers.get_all("Name", [""])[0], headers.get_all("Version", [""])[0]
    except _UNREADABLE:
        name = version = ""
    if not name or not version or not _is_version(version):
        match = _FOLDER.fullmatch(folder)
        return InstalledDistribution(folder, canonicalize_name(match["name"]) if match else "", "")
    return InstalledDistribution(folder, canonicalize_name(name), version, tuple(distribution.requires or ()))


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _fulfils(requirement: Requirement, version: str) -> bool:
    return not version or requirement.specifier.contains(version, prereleases=True)
