"""What is known of an image's libraries, of who needs them and of who brings them; without judgement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

NEEDS, OPENS, STARTS = "needs", "opens", "starts"
PYTHON = "Python"
"""The owner of the interpreter's own files, which are of no distribution."""


@dataclass(frozen=True, order=True)
class User:
    """A file that uses a library or program, and the distribution that it is of.

    The one is empty where it is not known, the other where it is of none.
    """

    file: str
    distribution: str = ""

    def __str__(self) -> str:
        name = self.file.rpartition("/")[2]
        return f"{name} of {self.distribution}" if name and self.distribution else self.file or self.distribution


@dataclass(frozen=True)
class Need:
    """A library or program and who uses it; `how` is `needs` (its ELF file says so), `opens` (by name) or `starts`.

    `path` is the file that the image has for it, links resolved, None where it has none. A need that is not
    `is_certain` was read in foreign code, which may mean another system. A library that only other libraries need
    has these as its users.
    """

    name: str
    how: str
    users: tuple[User, ...]
    path: str | None = None
    is_certain: bool = True


@dataclass(frozen=True)
class Compiled:
    """A distribution that was compiled in the build: no index takes a wheel whose tag names plain `linux`."""

    name: str
    needed: tuple[str, ...] = ()
    """The sonames that its files need."""


@dataclass(frozen=True, kw_only=True)
class EnvironmentFacts:
    """What the Python environment of an image uses of the system.

    `loose_objects` are ELF files that no distribution lists. `mentions` are, for the libraries that were asked about,
    the files that hold their names.
    """

    executable: str = "python"
    elf_files: int = 0
    distributions: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    compiled: tuple[Compiled, ...] = ()
    loose_objects: tuple[str, ...] = ()
    mentions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package of Debian: what it depends on, and which kinds of files it brings.

    `depends` are groups, of each of which one is enough. `libraries` are names of files where the linker looks,
    `plugins` tells of shared objects elsewhere, `data` of files that are no documentation. `links` are the files
    behind its `libNAME.so`, through which compilers find a library.
    """

    name: str
    depends: tuple[tuple[str, ...], ...] = ()
    provides: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    has_plugins: bool = False
    has_data: bool = False
    has_headers: bool = False


@dataclass(frozen=True)
class SystemFacts:
    """The package database of an image: packages by name, owners by path, the linker's cache by soname."""

    suite: str = ""
    packages: Mapping[str, Package] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    cache: Mapping[str, str] = field(default_factory=dict)

    def find_library(self, name: str) -> str | None:
        """Return the package that brings a library, by soname or by the name that `ctypes.util` looks for."""
        names = (name,) if ".so" in name else sorted(item for item in self.cache if item.startswith(f"lib{name}.so"))
        return next((owner for item in names if (owner := self._owner(item))), None)

    def _owner(self, soname: str) -> str | None:
        """Return whose the file of that name is, else whose the one is that it leads to, as with alternatives."""
        path = self.cache.get(soname, "")
        return self.owners.get(f"{path.rpartition('/')[0]}/{soname}") or self.owners.get(path)

    def find_program(self, name: str) -> str | None:
        """Return the package that brings a program."""
        return next((item.name for item in self.packages.values() if name in item.programs), None)


@dataclass(frozen=True)
class RepositoryFacts:
    """What the suite's repository has of what no image has: packages by the name that they bring, and their kin.

    `trouble` is what kept it from being asked.
    """

    found: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    packages: Mapping[str, Package] = field(default_factory=dict)
    trouble: str = ""


def read_environment(values: Mapping[str, Any]) -> EnvironmentFacts:
    """Return the facts that a probe wrote as JSON."""
    needs = tuple(
        Need(
            item["name"],
            item["how"],
            tuple(User(**user) for user in item["users"]),
            item["path"],
            item["is_certain"],
        )
        for item in values["needs"]
    )
    compiled = tuple(Compiled(item["name"], tuple(item["needed"])) for item in values["compiled"])
    return EnvironmentFacts(
        executable=values["executable"],
        elf_files=values["elf_files"],
        distributions=tuple(values["distributions"]),
        needs=needs,
        compiled=compiled,
        loose_objects=tuple(values["loose_objects"]),
        mentions=values["mentions"],
    )


def read_system(values: Mapping[str, Any]) -> SystemFacts:
    """Return the facts that a probe wrote as JSON."""
    return SystemFacts(values["suite"], _read_packages(values["packages"].values()), values["owners"], values["cache"])


def read_repository(values: Mapping[str, Any]) -> RepositoryFacts:
    """Return the facts that a probe wrote as JSON."""
    found = {name: tuple(packages) for name, packages in values["found"].items()}
    return RepositoryFacts(found, _read_packages(values["packages"].values()), values["trouble"])


def _read_packages(items: Iterable[Mapping[str, Any]]) -> dict[str, Package]:
    packages = {}
    for item in items:
        lists = {key: tuple(value) for key, value in item.items() if isinstance(value, list)}
        lists["depends"] = tuple(tuple(group) for group in item["depends"])
        packages[item["name"]] = Package(**{**item, **lists})
    return packages
