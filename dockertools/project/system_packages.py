"""Which Debian packages the requirements need, to be built and to run: `data/distribution_packages.toml`."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dockertools import tables
from dockertools.conf import INFERRED, Config
from dockertools.project.alpine import translate
from dockertools.project.facts import ManifestFacts, Note, Requirement, SettingsFacts, SystemPackages
from dockertools.project.python_version import SUITES

_BACKUP = "django-dbbackup"
_STRIP = "binutils"
_COMPILERS = {"g++", "libc6-dev"}
_TYPES_OF_DATABASE = {"postgis": "postgresql"}


@dataclass(frozen=True)
class Row:
    """What the table says of one distribution; the names of packages are those of all suites."""

    build: tuple[str, ...] = ()
    runtime: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()
    programs: Mapping[str, str] = field(default_factory=dict)
    wheels: bool = False
    requires: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@functools.cache
def read_table() -> Mapping[str, Row]:
    """Return the table by normalized name of the distribution."""
    rows = tables.read_table("distribution_packages")
    return {name: _make_row(values) for name, values in rows.items()}


def _make_row(values: dict[str, Any]) -> Row:
    extras = {extra: tuple(names) for extra, names in values.pop("extras", {}).items()}
    others: dict[str, Any] = {key: tuple(item) if isinstance(item, list) else item for key, item in values.items()}
    return Row(extras=extras, **others)


def name_in(suite: str, package: str) -> str:
    """Return the package's name in the suite, empty when the suite has none. `a|b` is bookworm's and trixie's."""
    names = package.split("|")
    return names[min(SUITES.index(suite), len(names) - 1)]


@dataclass
class _Needs:
    suite: str
    build: set[str] = field(default_factory=set)
    reasons: dict[str, set[str]] = field(default_factory=dict)
    programs: set[str] = field(default_factory=set)
    missing: list[Note] = field(default_factory=list)

    def add_runtime(self, packages: Iterable[str], reason: str) -> None:
        for package in packages:
            name = name_in(self.suite, package)
            if name:
                self.reasons.setdefault(name, set()).add(reason)

    def add_programs(self, programs: Mapping[str, str], reason: str) -> None:
        for program, package in programs.items():
            if name_in(self.suite, package):
                self.programs.add(program)
                self.add_runtime([package], reason)
            else:
                self.missing.append(Note(f"{reason} runs {program}, which {self.suite} has no package of"))


def find_system_packages(
    manifest: ManifestFacts, settings: SettingsFacts, suite: str, config: Config
) -> tuple[SystemPackages, tuple[Note, ...]]:
    """Return the packages for this suite; the configuration's lists replace the inferred ones, or add to them."""
    is_alpine = config.variant == "alpine"
    needs = _Needs(SUITES[0] if is_alpine else suite)
    rows = list(_reached(manifest))
    for requirement in rows:
        _add(needs, requirement, manifest.names)
    for name in _special_rows(manifest, settings):
        needs.add_runtime(read_table()[name].opens, name.partition(":")[2])
        needs.add_programs(read_table()[name].programs, _BACKUP)
    if any(requirement.is_compiled for requirement in manifest.requirements):
        needs.build |= _COMPILERS
    if manifest.uses_repositories:
        needs.build |= {"ca-certificates", "git"}
    packages = SystemPackages(
        build=_merge(config.build_packages, sorted(needs.build)),
        runtime=_merge(config.runtime_packages, sorted(needs.reasons)),
        programs=_merge(config.programs, sorted(needs.programs)),
        reasons={name: tuple(sorted(reasons)) for name, reasons in sorted(needs.reasons.items())},
    )
    if is_alpine:
        packages, unknown = translate(packages, frozenset(needs.build | needs.reasons.keys()))
        needs.missing.extend(unknown)
    return packages, tuple(dict.fromkeys(needs.missing))


def _merge(configured: tuple[str, ...], inferred: list[str]) -> tuple[str, ...]:
    """Put the inferred ones where the configuration says `...`."""
    words = [word for item in configured for word in (inferred if item == INFERRED else [item])]
    return tuple(dict.fromkeys(words))


def _reached(manifest: ManifestFacts) -> Iterator[Requirement]:
    """Yield the requirements, and those that the table knows they bring along where the manifest does not say."""
    waiting = list(manifest.requirements)
    seen: set[str] = set()
    while waiting:
        requirement = waiting.pop(0)
        row = read_table().get(requirement.name)
        if row is None or requirement.name in seen:
            continue
        seen.add(requirement.name)
        yield requirement
        if not manifest.has_everything:
            brought = [*row.requires, *(name for extra in requirement.extras for name in row.extras.get(extra, ()))]
            waiting += [Requirement(name) for name in brought if name not in manifest.names]


def _add(needs: _Needs, requirement: Requirement, names: frozenset[str]) -> None:
    row = read_table()[requirement.name]
    if not row.wheels or requirement.from_source:
        needs.build |= {name for package in row.build if (name := name_in(needs.suite, package))}
        needs.add_runtime(row.runtime, requirement.name)
    others = {f"{requirement.name}-{extra}" for extra in row.unless}
    if not set(requirement.extras) & set(row.unless) and not others & names:
        needs.add_runtime(row.opens, requirement.name)
    needs.add_programs(row.programs, requirement.name)


def _special_rows(manifest: ManifestFacts, settings: SettingsFacts) -> Iterator[str]:
    engines = {database.engine for database in settings.databases}
    names = [f"app:{app.removesuffix('.apps.GISConfig')}" for app in settings.installed_apps or ()]
    names += [f"engine:{engine}" for engine in engines]
    if _BACKUP in manifest.names:
        names += [f"backup:{_TYPES_OF_DATABASE.get(engine, engine)}" for engine in engines]
    yield from sorted({name for name in names if name in read_table()})
