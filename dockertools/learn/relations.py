"""What apt would bring along with a package. Pure.

The rule: of each group of alternatives one is enough, and where none is there apt takes the first that it can get.
https://www.debian.org/doc/debian-policy/ch-relationships.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Set
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
    wanted = frozenset(needed) - relations.base
    named = set(wanted - kept)
    while spare := _find_spare(named, kept, wanted, relations):
        named.discard(spare)
    return tuple(sorted(named))


def _find_spare(named: Set[str], kept: Set[str], wanted: Set[str], relations: Relations) -> str | None:
    """Return a name without which all that is wanted is there still, None where there is none.

    Asked anew after each, since a choice between alternatives falls otherwise when one of them is gone.
    """
    return next((name for name in sorted(named) if wanted <= installed_with((named - {name}) | kept, relations)), None)


def _brought(group: tuple[str, ...], chosen: Collection[str], relations: Relations) -> str | None:
    """Return the package that apt takes for a group; None where one is there, or none is known."""
    providers = [name for word in group for name in relations.providers.get(word, ())]
    if any(name in chosen or name in relations.base for name in providers):
        return None
    if any(word in relations.base for word in group):
        return None
    return next((word for word in group if word in relations.packages), providers[0] if providers else None)
