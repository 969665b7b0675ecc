"""Group `libraries`: what ELF files need, what is opened by name, and programs."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from django.conf import settings

from dockertools.checks.context import CheckContext, PythonEnvironment
from dockertools.checks.isolation import End, describe_end, isolate
from dockertools.checks.registry import register_check
from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.checks.runtime.distributions import read_distributions
from dockertools.checks.runtime.elf import ElfFacts, find_elf_files, has_elf_magic, read_elf
from dockertools.checks.runtime.linker import inspect_linker
from dockertools.checks.runtime.loader import Loaded, Unresolved, load
from dockertools.checks.runtime.opened import Use, find_needed_programs, find_opened_libraries
from dockertools.checks.runtime.suites import (
    Distribution,
    find_missing_library,
    find_package,
    inspect_distribution,
    install_hint,
)

GROUP = "libraries"
LOAD_SECONDS = 10.0
USERS_SHOWN = 3

# The slim images leave Tk out on purpose, and its module in.
_OPTIONAL_MODULES = ("_tkinter",)
_NO_ELF = "this system's interpreter is no ELF file"


@dataclass(frozen=True)
class LibraryFacts:
    """The ELF files of an environment, and what each of them is missing."""

    files: tuple[ElfFacts, ...]
    unresolved: tuple[Unresolved, ...]
    brought_in: frozenset[Path]
    """The files that the linker loads for the sake of extension modules, links resolved."""
    libraries: frozenset[Path]
    """The files outside of the environment that all of its files need."""


@register_check(
    "dockertools.C201",
    group=GROUP,
    title="needed libraries",
    timeout=120,
    needs_setup=False,
    codes={
        "library-missing": "A shared library that an ELF file needs is not where the dynamic linker looks.",
        "library-by-order": "A library of the environment is found only when something else has loaded it before.",
        "library-unfit": "Only files of that name are there that are damaged or for another machine.",
        "no-elf": f"Skipped: {_NO_ELF}.",
    },
)
def check_needed_libraries(context: CheckContext) -> Iterator[Outcome]:
    """Resolve what every ELF file of the environment and the interpreter needs, by the dynamic linker's own rules.

    RPATH with its inheritance, RUNPATH of the needing object alone, `$ORIGIN`, the linker's cache and default
    folders, class and machine. Nothing is executed. Extension modules are resolved as the interpreter loads them.
    """
    facts = read_library_facts(context.environment)
    if facts is None:
        yield skipped("no-elf", _NO_ELF)
        return
    certain = [item for item in facts.unresolved if item.misfits or not find_earlier_loader(item, facts)]
    findings = (*judge_unresolved(certain, inspect_distribution()), *_judge_order(facts))
    count = len(facts.files)
    yield from findings or (
        passed(
            f"{count} ELF files, {len(facts.libraries)} system libraries", files=count, libraries=len(facts.libraries)
        ),
    )


@register_check(
    "dockertools.C202",
    group=GROUP,
    title="whole ELF files",
    timeout=60,
    needs_setup=False,
    codes={
        "damaged-elf": "An ELF file is cut off or garbled.",
        "wrong-machine": "An extension module is for another machine than the interpreter.",
        "no-elf": f"Skipped: {_NO_ELF}.",
    },
)
def check_elf_files(context: CheckContext) -> Iterator[Outcome]:
    """Read the headers of every ELF file of the environment: all segments are there, and modules fit the machine."""
    interpreter = _read_interpreter(context.environment)
    if interpreter is None:
        yield skipped("no-elf", _NO_ELF)
        return
    found = find_elf_files(context.environment.library_folders)
    files = tuple(read_elf(path, headers_only=True) for path in found)
    findings = tuple(outcome for facts in files if (outcome := _judge_file(facts, interpreter)))
    yield from findings or (passed(f"{len(files)} files", files=len(files)),)


@register_check(
    "dockertools.C203",
    group=GROUP,
    title="libraries opened by name",
    timeout=120,
    needs_setup=False,
    codes={
        "library-missing": "A library that code opens by name does not load.",
        "library-crashed": "Loading a library ends or crashes the process, or hangs.",
        "library-perhaps-missing": "A library whose name stands in an installed package does not load.",
        "nothing-opened": "Skipped: nothing is opened by name.",
    },
)
def check_opened_libraries(context: CheckContext) -> Iterator[Outcome]:
    """Load, in a process of their own, the libraries that are opened by name (ctypes, cffi).

    They are those of a table of distributions, the literal names in the project's code, and the literal sonames in
    installed packages; the last may be for other systems, so they only warn.
    """
    uses = find_opened_libraries(
        _installed(context.environment), _features(), context.root, context.environment.site_packages
    )
    if not uses:
        yield skipped("nothing-opened", "no library is opened by name")
        return
    distribution = inspect_distribution()
    findings = tuple(outcome for use in uses if (outcome := _try_library(use, distribution)))
    names = sorted(use.name for use in uses)
    yield from findings or (passed(f"{len(names)} load: {', '.join(names)}", libraries=names),)


@register_check(
    "dockertools.C204",
    group=GROUP,
    title="programs",
    needs_setup=False,
    codes={
        "program-missing": "A program that the code starts is not on PATH.",
        "no-programs": "Skipped: no program is started.",
    },
)
def check_programs(context: CheckContext) -> Iterator[Outcome]:
    """Look for the programs that are started: `DOCKERTOOLS["PROGRAMS"]`, a table of distributions, literal names."""
    uses = find_needed_programs(_installed(context.environment), _features(), context.root, context.config.programs)
    if not uses:
        yield skipped("no-programs", "the code starts no program that is known of")
        return
    missing = [use for use in uses if shutil.which(use.name) is None]
    distribution = inspect_distribution()
    for use in missing:
        hint = install_hint(use.name, distribution)
        message = f"the program {use.name} is not there, and {use.user} starts it"
        yield failed("program-missing", message, hint, program=use.name, needed_by=use.user)
    if not missing:
        names = sorted(use.name for use in uses)
        yield passed(", ".join(names), programs=names)


def read_library_facts(environment: PythonEnvironment) -> LibraryFacts | None:
    """Return what the ELF files of the environment need and lack; None where programs are no ELF files."""
    interpreter = _read_interpreter(environment)
    if interpreter is None:
        return None
    system = inspect_linker(interpreter)
    program = Loaded(interpreter)
    present, missing = load(program, system, _read_existing)
    roots = tuple(read_elf(path) for path in find_elf_files(environment.library_folders))
    reached = {facts.path.resolve() for facts in present}
    brought_in: set[Path] = set()
    unresolved = list(missing)
    # Modules first: a library that one of them brings in is resolved in the module's place, with its RPATH.
    for facts in sorted(roots, key=lambda item: not _is_module(item.path)):
        if facts.damage or not facts.is_dynamic or not _counts(facts, interpreter) or facts.path.resolve() in reached:
            continue
        loader = None if facts.interpreter else program
        objects, missing = load(Loaded(facts, loader), system, _read_existing, () if facts.interpreter else present)
        reached.update(item.path.resolve() for item in objects)
        if _is_module(facts.path):
            brought_in.update(item.path.resolve() for item in objects)
        unresolved += missing
    outside = reached - {facts.path.resolve() for facts in roots}
    return LibraryFacts(roots, tuple(unresolved), frozenset(brought_in), frozenset(outside))


def find_earlier_loader(item: Unresolved, facts: LibraryFacts) -> str | None:
    """Return what may have loaded the library before it is needed, so that the linker has no need to find it.

    That is another object of the environment, or the package's own code, which some packages let open their
    libraries before they import the modules that need them.
    """
    place = next((file.path for file in facts.files if item.name in (file.path.name, file.soname)), None)
    if place is None:
        return None
    if not _is_module(item.needed_by) and item.needed_by.resolve() not in facts.brought_in:
        return str(item.needed_by.parent)
    if place.resolve() in facts.brought_in:
        return str(place)
    stem = item.name.partition(".so")[0].encode()
    codes = item.needed_by.parent.glob("**/*.py")
    return next((str(path) for path in codes if stem in path.read_bytes()), None)


def judge_unresolved(unresolved: Iterable[Unresolved], distribution: Distribution) -> Iterator[Outcome]:
    """Yield a finding for each library that is missing, whoever needs it."""
    by_name: dict[str, list[Unresolved]] = {}
    for item in unresolved:
        by_name.setdefault(item.name, []).append(item)
    for name, items in sorted(by_name.items()):
        users = sorted({str(item.needed_by.resolve()) for item in items})
        misfits = sorted({misfit for item in items for misfit in item.misfits})
        more = f" and {len(users) - USERS_SHOWN} more" if len(users) > USERS_SHOWN else ""
        needed_by = f"needed by {', '.join(users[:USERS_SHOWN])}{more}"
        code, state = ("library-unfit", f"only {', '.join(misfits)}") if misfits else ("library-missing", "not found")
        yield failed(
            code,
            f"{name}: {state}, {needed_by}",
            install_hint(name, distribution),
            library=name,
            needed_by=users,
            package=find_package(name, distribution),
            searched=list(items[0].searched),
        )


def _judge_order(facts: LibraryFacts) -> Iterator[Outcome]:
    """Yield a warning for each library that is found only when something else has loaded it before."""
    said = set()
    for item in facts.unresolved:
        earlier = None if item.misfits else find_earlier_loader(item, facts)
        if earlier is None or not _is_module(item.needed_by) or item.name in said:
            continue
        said.add(item.name)
        message = f"{item.name}: not found by {item.needed_by}, unless it was loaded before ({earlier})"
        hint = "Import the package for a proof (dockertools.C103 does, if your code imports it)."
        yield warned("library-by-order", message, hint, library=item.name, needed_by=[str(item.needed_by)])


def _judge_file(facts: ElfFacts, interpreter: ElfFacts) -> Outcome | None:
    evidence = {"path": str(facts.path)}
    if facts.damage:
        hint = "Its installation or copy was interrupted: build the image again, without the cache if need be."
        return failed("damaged-elf", f"{facts.path} is {facts.damage}", hint, **evidence)
    if _is_module(facts.path) and (facts.bits, facts.machine) != (interpreter.bits, interpreter.machine):
        machines = f"{facts.bits} bit, {facts.machine}; Python is {interpreter.bits} bit, {interpreter.machine}"
        hint = "Build the image for its own platform (`docker build --platform`); do not copy an environment into it."
        return failed("wrong-machine", f"{facts.path} is for {machines}", hint, **evidence)
    return None


def _try_library(use: Use, distribution: Distribution) -> Outcome | None:
    ended = isolate(functools.partial(_open_library, use.name), timeout=LOAD_SECONDS)
    if ended.end is End.RETURNED:
        return None
    missing = find_missing_library(ended.error) or use.name
    evidence = {"library": missing, "opened": use.name, "needed_by": use.user}
    message = f"{use.name}, which {use.user} opens, does not load"
    if missing != use.name:
        message += f": it needs {missing}"
    hint = install_hint(missing, distribution)
    if ended.end is not End.RAISED:
        message = f"opening {use.name}, which {use.user} does, {describe_end(ended, LOAD_SECONDS)}"
        return failed("library-crashed", message, hint, **evidence)
    if not use.is_certain:
        return warned("library-perhaps-missing", message, hint, **evidence)
    return failed("library-missing", message, hint, package=find_package(missing, distribution), **evidence)


def _open_library(name: str) -> None:
    """Open the library as ctypes does; a name without `.so` is looked up first. Raises OSError."""
    if ".so" in name:
        ctypes.CDLL(name)
        return
    found = ctypes.util.find_library(name)
    if found is None:
        raise OSError(f"lib{name} was not found")
    ctypes.CDLL(found)


def _read_interpreter(environment: PythonEnvironment) -> ElfFacts | None:
    path = environment.executable.resolve()
    facts = read_elf(path) if has_elf_magic(path) else None
    return facts if facts and not facts.damage else None


@functools.cache
def _read_existing(path: Path) -> ElfFacts | None:
    return read_elf(path) if path.is_file() else None


def _is_module(path: Path) -> bool:
    """Return whether the file's name is that of an extension module, not of a library beside one."""
    return path.name.endswith(tuple(EXTENSION_SUFFIXES[:-1])) or (
        path.name.endswith(EXTENSION_SUFFIXES[-1]) and not path.name.startswith("lib")
    )


def _counts(facts: ElfFacts, interpreter: ElfFacts) -> bool:
    fits = (facts.bits, facts.machine) == (interpreter.bits, interpreter.machine)
    return fits and not facts.path.name.startswith(_OPTIONAL_MODULES)


def _installed(environment: PythonEnvironment) -> frozenset[str]:
    return frozenset(item.name for item in read_distributions(environment.site_packages))


def _features() -> str:
    return " ".join([*settings.INSTALLED_APPS, *(options["ENGINE"] for options in settings.DATABASES.values())])
