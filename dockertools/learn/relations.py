"""What apt would bring along with a package. Pure.

The rule: of each group of alternatives one is enough, and where none is there apt takes the first that it can get.
https://www.debian.org/doc/debian-policy/ch-relationships.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from dockertools.learn.facts import Package


@dataclass(frozen=True)
class Relations:
    """The packages that are known, and the names of those that the base image has already."""

    packages: Mapping[str, Package]
    base: frozenset[str] = frozenset()
    providers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def make_relations(packages: Mapping[str, Package], base: Iterable[str] = ()) -> Relations:
    """Return the relations, with who provides what."""
    providers: dict[str, list[str]] = defaultdict(list)
    for package in packages.values():
        for name in (package.name, *package.provides):
            providers[name].append(package.name)
    return Relations(packages, frozenset(base), {name: tuple(sorted(names)) for name, names in providers.items()})


def installed_with(roots: Iterable[str], relations: Relations) -> frozenset[str]:
    """Return what is installed when `roots` are, these included and what the base has left out."""
    chosen = set(roots) - relations.base
    waiting = sorted(chosen)
    while waiting:
        name = waiting.pop(0)
        package = relations.packages.get(name)
        for group in package.depends if package else ():
            brought = _brought(group, chosen, relations)
            if brought:
                chosen.add(brought)
                waiting.append(brought)
    return frozenset(chosen)


def fewest(needed: Collection[str], kept: Iterable[str], relations: Relations) -> tuple[str, ...]:
    """Return which of the `needed` must be named beside `kept`, so that all are there and none is named for nothing."""
    kept = frozenset(kept)
    named = set(needed) - relations.base - kept
    wanted = frozenset(needed) - relations.base
    for name in sorted(named, key=lambda item: (item not in installed_with(named - {item}, relations), item)):
        if wanted <= installed_with((named - {name}) | kept, relations):
            named.discard(name)
    return tuple(sorted(named))


def _brought(group: tuple[str, ...], chosen: Collection[str], relations: Relations) -> str | None:
    """Return the package that apt takes for a group; None where one is there, or none is known."""
    providers = [name for word in group for name in relations.providers.get(word, ())]
    if any(name in chosen or name in relations.base for name in providers):
        return None
    if any(word in relations.base for word in group):
        return None
    return next((word for word in group if word in relations.packages), providers[0] if providers else None)
