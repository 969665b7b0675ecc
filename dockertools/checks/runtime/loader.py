"""The rules by which the dynamic linker finds what an object needs, as pure functions over facts.

glibc: https://man7.org/linux/man-pages/man8/ld.so.8.html and `_dl_map_object` in its elf/dl-load.c.
musl: https://wiki.musl-libc.org/functional-differences-from-glibc.html and `load_library` in its ldso/dynlink.c.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dockertools.checks.runtime.elf import ElfFacts

ReadElf = Callable[[Path], ElfFacts | None]
"""Return the facts of a path, or None when there is no such file."""


@dataclass(frozen=True)
class LinkerSystem:
    """What the linker of the system knows besides the objects themselves.

    `cache` are the paths of the linker's cache by name; `library_folder` is what `$LIB` stands for.
    """

    default_folders: tuple[str, ...]
    cache: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    library_path: tuple[str, ...] = ()
    library_folder: str = "lib"
    is_musl: bool = False


@dataclass(frozen=True)
class Loaded:
    """An object and the one for whose sake it was loaded; the last in the chain is the program."""

    facts: ElfFacts
    loader: Loaded | None = None

    def chain(self) -> Iterator[ElfFacts]:
        """Yield the object, its loader, the loader's loader and so on."""
        link: Loaded | None = self
        while link is not None:
            yield link.facts
            link = link.loader


@dataclass(frozen=True)
class Unresolved:
    """A library that was not found; `needed_by` is the object whose need it is, `searched` where it was looked for."""

    name: str
    needed_by: Path
    searched: tuple[str, ...]
    misfits: tuple[str, ...] = ()
    """Files of that name which are for another machine or class, or damaged."""


def search_folders(needing: Loaded, system: LinkerSystem) -> tuple[str, ...]:
    """Return the folders in which the linker looks for what `needing` needs, the cache and the defaults left out."""
    if system.is_musl:
        own = tuple(
            folder
            for facts in needing.chain()
            for folder in expand_paths(facts, (*facts.rpath, *facts.runpath), system)
        )
        return (*system.library_path, *own)
    inherited: tuple[str, ...] = ()
    if not needing.facts.runpath:
        # An object's RUNPATH switches its own RPATH off, and that of those who loaded it for its needs.
        inherited = tuple(
            folder
            for facts in needing.chain()
            if not facts.runpath
            for folder in expand_paths(facts, facts.rpath, system)
        )
    return (*inherited, *system.library_path, *expand_paths(needing.facts, needing.facts.runpath, system))


def expand_paths(facts: ElfFacts, paths: Iterable[str], system: LinkerSystem) -> Iterator[str]:
    """Yield the paths with `$ORIGIN` and `$LIB` filled in; an empty one means the current folder."""
    origin = str(facts.path.parent)
    for path in paths:
        expanded = path
        for name, value in (("ORIGIN", origin), ("LIB", system.library_folder)):
            expanded = expanded.replace(f"${{{name}}}", value).replace(f"${name}", value)
        yield expanded or "."


def candidates(name: str, needing: Loaded, system: LinkerSystem) -> Iterator[str]:
    """Yield the paths that the linker tries for `name`, in its order."""
    if "/" in name:
        yield next(expand_paths(needing.facts, (name,), system))
        return
    yield from (f"{folder}/{name}" for folder in search_folders(needing, system))
    if not needing.facts.no_default_folders or system.is_musl:
        yield from system.cache.get(name, ())
        yield from (f"{folder}/{name}" for folder in system.default_folders)


def resolve(name: str, needing: Loaded, system: LinkerSystem, read: ReadElf) -> ElfFacts | Unresolved:
    """Return the object that the linker takes for `name`: the first that is whole and fits in class and machine."""
    misfits = []
    tried = dict.fromkeys(candidates(name, needing, system))
    for path in tried:
        facts = read(Path(path))
        if facts is None:
            continue
        if facts.damage is None and (facts.bits, facts.machine) == (needing.facts.bits, needing.facts.machine):
            return facts
        misfits.append(f"{path} ({facts.damage or f'{facts.bits} bit, {facts.machine}'})")
    searched = tuple(dict.fromkeys(os.path.dirname(path) for path in tried))  # noqa: PTH120  # these are strings
    return Unresolved(name, needing.facts.path, searched, tuple(misfits))


def load(
    root: Loaded, system: LinkerSystem, read: ReadElf, present: Iterable[ElfFacts] = ()
) -> tuple[tuple[ElfFacts, ...], tuple[Unresolved, ...]]:
    """Return the objects that loading `root` brings in, breadth first as the linker does, and what is missing.

    `present` are objects that the process has loaded already: a need that one of them answers by its soname or
    file name is met without a search.
    """
    known = {name for facts in (*present, root.facts) for name in _names(facts)}
    objects = [root.facts]
    missing = []
    queue = deque([root])
    while queue:
        needing = queue.popleft()
        for name in needing.facts.needed:
            if name in known:
                continue
            known.add(name)
            found = resolve(name, needing, system, read)
            if isinstance(found, Unresolved):
                missing.append(found)
                continue
            known.update(_names(found))
            objects.append(found)
            queue.append(Loaded(found, needing))
    return tuple(objects), tuple(missing)


def _names(facts: ElfFacts) -> tuple[str, ...]:
    return (facts.path.name, *((facts.soname,) if facts.soname else ()))
