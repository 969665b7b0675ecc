"""The installed distributions as their metadata tell, the broken ones included."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

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
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
                continue
            installed = versions.get(canonicalize_name(requirement.name))
            if installed is None or not _fulfils(requirement, installed):
                yield UnmetRequirement(item.name, str(requirement).partition(";")[0].strip(), installed)


def map_modules(distributions: Mapping[str, list[str]], modules: Iterable[str]) -> dict[str, set[str]]:
    """Return the modules by the distribution that brings their top-level package; others are left out.

    `distributions` is what `importlib.metadata.packages_distributions` gives.
    """
    by_distribution: dict[str, set[str]] = {}
    for module in modules:
        owners = distributions.get(module.partition(".")[0])
        if owners:
            by_distribution.setdefault(owners[0], set()).add(module)
    return by_distribution


def _read(distribution: metadata.Distribution) -> InstalledDistribution:
    folder = Path(str(getattr(distribution, "_path", ""))).name
    headers = distribution.metadata
    name, version = headers.get_all("Name", [""])[0], headers.get_all("Version", [""])[0]
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
