"""Which packages an image needs to run, and which it is given for nothing: facts -> Proposal. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dockertools.conf import INFERRED
from dockertools.learn.facts import STARTS, EnvironmentFacts, Need, Package, RepositoryFacts, SystemFacts
from dockertools.learn.relations import Relations, fewest, installed_with, make_relations

ADD, REMOVE, KEEP, UNKNOWN = "add", "remove", "keep", "unknown"
RUNTIME, BUILD = "RUNTIME_PACKAGES", "BUILD_PACKAGES"
_VERSION = re.compile(r"\.so(\.|$).*")


@dataclass(frozen=True)
class Line:
    """What is proposed for one package of one list, and why; `package` is the library where no package is known."""

    action: str
    setting: str
    package: str
    reason: str
    evidence: tuple[Need, ...] = ()


@dataclass(frozen=True)
class NamedPackages:
    """A list of the configuration: as it is written, `"..."` included, and what that stands for."""

    configured: tuple[str, ...]
    inferred: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """The names, those inferred in the place of `"..."`."""
        words = (word for item in self.configured for word in (self.inferred if item == INFERRED else (item,)))
        return tuple(dict.fromkeys(words))


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is known.

    `base` are the packages of the base image, `opened_by` those that the table knows to be opened by name, with the
    distribution that does.
    """

    environment: EnvironmentFacts
    runtime: SystemFacts
    base: frozenset[str]
    builder: SystemFacts = field(default_factory=SystemFacts)
    repository: RepositoryFacts = field(default_factory=RepositoryFacts)
    opened_by: Mapping[str, str] = field(default_factory=dict)
    has_whole_base: bool = True
    """Whether all files of the base image are in the image, which is not so for one that is built on nothing."""

    @property
    def relations(self) -> Relations:
        """What is known of packages, the image's own word first."""
        packages = {**self.repository.packages, **self.builder.packages, **self.runtime.packages}
        return make_relations(packages, self.base)


@dataclass(frozen=True)
class Proposal:
    """The lines, and both lists as they should be."""

    lines: tuple[Line, ...]
    runtime: tuple[str, ...]
    build: tuple[str, ...]

    def of(self, *actions: str) -> tuple[Line, ...]:
        """Return the lines with these actions."""
        return tuple(line for line in self.lines if line.action in actions)


def find_missing(environment: EnvironmentFacts, runtime: SystemFacts) -> tuple[Need, ...]:
    """Return what certainly is needed and not there."""
    return tuple(need for need in _as_built_now(environment, runtime) if need.path is None and need.is_certain)


def _as_built_now(environment: EnvironmentFacts, runtime: SystemFacts) -> Iterator[Need]:
    """Yield the needs; where the Dockerfile changed after the image was built, what its stage lost is missing."""
    folders = {path.rpartition("/")[0] for path in runtime.cache.values()}
    for need in environment.needs:
        path = need.path or ""
        is_lost = path.rpartition("/")[0] in folders and path not in runtime.owners and need.name not in runtime.cache
        yield replace(need, path=None) if is_lost and need.how != STARTS else need


def stems(packages: Iterable[Package]) -> tuple[str, ...]:
    """Return the libraries of the packages without versions, such as `libmagic`: by these code opens them."""
    return tuple(sorted({_stem(name) for package in packages for name in package.libraries}))


def propose_runtime(evidence: Evidence, named: NamedPackages) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """Return what is proposed for RUNTIME_PACKAGES, and the list as it should be."""
    relations = evidence.relations
    needed, unknown = _find_owners(evidence)
    verdicts = {name: _judge(name, evidence, needed) for name in named.all}
    kept = [name for name, line in verdicts.items() if line.action != REMOVE]
    pulled = installed_with({*kept, *needed}, relations)
    for name, line in verdicts.items():
        if line.action == REMOVE and name in pulled:
            verdicts[name] = replace(line, action=KEEP, reason="another package that is needed depends on it")
            kept.append(name)
    bare = [] if evidence.has_whole_base else [name for name in needed if name in evidence.base and name not in kept]
    names = sorted({*fewest(needed, kept, relations), *(name for name in bare if _is_missing(needed[name]))})
    added = tuple(Line(ADD, RUNTIME, name, _why_added(needed[name]), tuple(needed[name])) for name in names)
    lines = (*added, *unknown, *verdicts.values())
    removed = {line.package for line in lines if line.action == REMOVE}
    return lines, change_list(named, removed, names)


def change_list(named: NamedPackages, removed: Collection[str], added: Iterable[str]) -> tuple[str, ...]:
    """Return the list as it should be written; `"..."` stays unless something that it stands for has to go.

    Then the others come first, so that in the source only the one item changes.
    """
    words = named.configured
    if set(removed) & set(named.inferred) and INFERRED in words:
        words = (*(word for word in words if word != INFERRED), *named.inferred)
    kept = [word for word in words if word not in removed]
    return tuple(dict.fromkeys([*kept, *added]))


def _find_owners(evidence: Evidence) -> tuple[dict[str, list[Need]], tuple[Line, ...]]:
    """Return the needs by the package that brings what is needed, and what no package is known for."""
    needed: dict[str, list[Need]] = defaultdict(list)
    unknown = []
    for need in _as_built_now(evidence.environment, evidence.runtime):
        if need.path is not None:
            if owner := evidence.runtime.owners.get(need.path):
                needed[owner].append(need)
        elif need.is_certain:
            owners = _owners_of_missing(need, evidence)
            if len(owners) == 1 and not (evidence.has_whole_base and owners[0] in evidence.base):
                needed[owners[0]].append(need)
            else:
                unknown.append(Line(UNKNOWN, RUNTIME, need.name, _why_unknown(owners, evidence), (need,)))
    return dict(needed), tuple(unknown)


def _owners_of_missing(need: Need, evidence: Evidence) -> tuple[str, ...]:
    for system in (evidence.runtime, evidence.builder):
        owner = system.find_program(need.name) if need.how == STARTS else system.find_library(need.name)
        if owner:
            return (owner,)
    return evidence.repository.found.get(need.name, ())


def _why_unknown(owners: tuple[str, ...], evidence: Evidence) -> str:
    if len(owners) == 1:
        return f"{owners[0]} of the base image should bring it; that image is damaged"
    if owners:
        return f"several packages bring it, so that you must choose: {', '.join(owners)}"
    return evidence.repository.trouble or "no package of the suite is known to bring it"


def _judge(name: str, evidence: Evidence, needed: Mapping[str, list[Need]]) -> Line:
    """Return the verdict on a package that is named; what cannot be judged is kept."""
    if name in needed:
        return Line(KEEP, RUNTIME, name, _describe(needed[name]), tuple(needed[name]))
    package = evidence.runtime.packages.get(name)
    reason = _why_kept(name, package, evidence)
    if reason or package is None:
        return Line(KEEP, RUNTIME, name, reason)
    shortest = {_stem(item): item for item in sorted(package.libraries, key=len, reverse=True)}
    return Line(REMOVE, RUNTIME, name, f"no file needs or names {', '.join(sorted(shortest.values())[:3])}")


def _why_kept(name: str, package: Package | None, evidence: Evidence) -> str:
    """Return why a package stays that nothing is seen to need; empty where nothing speaks for it."""
    if package is None:
        return "not judged: the stage does not have it; run docker_init and docker_build, then learn again"
    if name in evidence.base:
        return "the base image has it anyway"
    if name in evidence.opened_by:
        return f"{evidence.opened_by[name]} needs it: no file shows it, it is known"
    if package.programs:
        return f"not judged: it brings programs ({', '.join(package.programs[:3])}), which code may start"
    if not package.libraries:
        return _about_files(package)
    mentioned = [evidence.environment.mentions.get(stem) for stem in stems([package])]
    place = next(filter(None, mentioned), None)
    return f"not judged: {place} names its library" if place else ""


def _about_files(package: Package) -> str:
    if package.has_plugins:
        return "not judged: it brings plugins, which libraries find by their folder"
    if package.has_data:
        return "not judged: it brings data, which leaves no trace in the files that read it"
    return "not judged: it only depends on others"


def _is_missing(needs: Iterable[Need]) -> bool:
    return any(need.path is None for need in needs)


def _describe(needs: Iterable[Need]) -> str:
    """Return the reason in words: those needs first that are not met."""
    ordered = sorted(needs, key=lambda need: (need.path is not None, need.name))
    texts = [f"{_users(need)} {need.how} {need.name}" for need in ordered[:2]]
    more = len(ordered) - len(texts)
    return " and ".join(texts) + (f", and {more} more" if more else "")


def _why_added(needs: Sequence[Need]) -> str:
    state = "which is missing" if _is_missing(needs) else "and no package that is named brings it"
    return f"{_describe(needs)}, {state}"


def _users(need: Need) -> str:
    first = str(need.users[0]) if need.users else "something"
    return first if len(need.users) < 2 else f"{first} (and {len(need.users) - 1} more)"


def _stem(name: str) -> str:
    return _VERSION.sub("", name)
