"""Run inside an image: what its Python environment needs of the system, by the rules of the dynamic linker."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

from dockertools.checks.context import PythonEnvironment, inspect_environment
from dockertools.checks.runtime.distributions import read_distributions
from dockertools.checks.runtime.elf import ElfFacts, find_elf_files, read_elf
from dockertools.checks.runtime.libraries import LibraryFacts, find_earlier_loader, read_library_facts
from dockertools.checks.runtime.linker import inspect_linker
from dockertools.checks.runtime.loader import Loaded, Unresolved, load
from dockertools.checks.runtime.opened import Use, find_needed_programs, find_opened_libraries
from dockertools.checks.runtime.suites import read_table
from dockertools.learn.facts import NEEDS, OPENS, PYTHON, STARTS, Compiled, EnvironmentFacts, Need, User

_LOCAL = re.compile(r"^Tag: \S+-linux_\w+$", re.MULTILINE)
_OPENING = re.compile(rb"\b(find_library|CDLL|PyDLL|LoadLibrary|dlopen|cdll)\b")
_TEXTS = frozenset({"", ".py", ".sh", ".toml", ".yml", ".yaml", ".cfg", ".ini", ".conf", ".json", ".txt"})
"""Files that may hold a library's name so that it is opened."""
_OTHER_FOLDERS = (Path("/usr/local"), Path("/opt"), Path("/srv"))
"""Where files of no package are put."""
_PUBLISHED = re.compile(r"^Tag: \S+-(many|musl)linux\S*$", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """What is asked.

    `features` are the dotted paths of the settings, `programs` those that are known to be started, `stems` the
    libraries whose names are looked for in the code.
    """

    features: str = ""
    programs: tuple[str, ...] = ()
    stems: tuple[str, ...] = ()


def read_needs(question: Question) -> EnvironmentFacts:
    """Return what this process's environment, and the code of the current folder, use."""
    found = inspect_environment()
    programs_folder = (found.prefix / "bin",) if sys.prefix != sys.base_prefix else ()
    environment = replace(found, library_folders=(*found.library_folders, *programs_folder))
    owners = _Owners(environment)
    facts = read_library_facts(environment)
    files = facts.files if facts else ()
    root = Path.cwd()
    own = (root,) if root != Path("/") else ()
    code = root if own else environment.site_packages[0]
    others = (*own, *(folder for folder in _OTHER_FOLDERS if folder.is_dir()))
    installed = frozenset(item.name for item in read_distributions(environment.site_packages))
    opened = find_opened_libraries(installed, question.features, code, environment.site_packages)
    programs = find_needed_programs(installed, question.features, code, (*question.programs, "..."))
    needs = (*_library_needs(environment, facts, owners), *_opened_needs(environment, (*opened, *_preloaded()), owners))
    return EnvironmentFacts(
        executable=str(environment.executable),
        elf_files=len(files),
        distributions=tuple(sorted(installed)),
        needs=(*_merge((*needs, *_other_needs(environment, others, owners))), *_program_needs(programs, owners)),
        compiled=tuple(owners.compiled(files)),
        loose_objects=tuple(
            sorted(map(str, (*owners.loose(files), *find_elf_files(others[:1] if code == root else ()))))
        ),
        mentions=find_mentions(question.stems, (*environment.site_packages, *programs_folder, code)),
    )


def _preloaded() -> tuple[Use, ...]:
    """Return the libraries that the image loads into every process."""
    names = re.split(r"[\s:]+", os.environ.get("LD_PRELOAD", ""))
    return tuple(Use(name, "LD_PRELOAD") for name in names if name)


def _other_needs(environment: PythonEnvironment, folders: tuple[Path, ...], owners: _Owners) -> Iterator[Need]:
    """Yield what files beside the environment need: reasons to keep a package; they may be for other systems."""
    facts = read_library_facts(replace(environment, library_folders=folders))
    yield from (replace(need, is_certain=need.path is not None) for need in _library_needs(environment, facts, owners))


def _library_needs(environment: PythonEnvironment, facts: LibraryFacts | None, owners: _Owners) -> Iterator[Need]:
    """Yield the libraries that files need, with those that the libraries need."""
    if facts is None:
        return
    for missing in facts.unresolved:
        if missing.misfits or not find_earlier_loader(missing, facts):
            yield Need(missing.name, NEEDS, (owners.user(missing.needed_by),))
    yield from _reached(facts.files, {path: read_elf(path) for path in facts.libraries}, owners)


def _opened_needs(environment: PythonEnvironment, opened: Iterable[Use], owners: _Owners) -> Iterator[Need]:
    """Yield the libraries that are opened, and those that they need."""
    interpreter = read_elf(environment.executable.resolve())
    for use in opened:
        user = owners.user(Path(use.user)) if "/" in use.user else User("", use.user)
        path, brought, missed = _open(use.name, interpreter)
        yield Need(use.name, OPENS, (user,), path, use.is_certain)
        yield from (Need(item.name, NEEDS, (User(str(item.needed_by)),), None, use.is_certain) for item in missed)
        yield from _reached((), {item.path.resolve(): item for item in brought}, owners)


def _reached(files: Iterable[ElfFacts], reached: dict[Path, ElfFacts], owners: _Owners) -> Iterator[Need]:
    objects = (*files, *reached.values())
    for path, item in reached.items():
        name = item.soname or path.name
        users = [owners.user(other.path) for other in objects if name in other.needed and other.path != path]
        if users:
            yield Need(name, NEEDS, tuple(users), str(path))


def _open(name: str, interpreter: ElfFacts) -> tuple[str | None, tuple[ElfFacts, ...], tuple[Unresolved, ...]]:
    """Return what `dlopen` takes for a name, or `ctypes.util.find_library` where it is none of a file."""
    system = inspect_linker(interpreter)
    known = sorted(item for item in system.cache if item.startswith(f"lib{name}.so"))
    wanted = name if ".so" in name else next(iter(known), "")
    if not wanted or interpreter.damage:
        return None, (), ()
    opener = ElfFacts(
        interpreter.path, interpreter.bits, interpreter.machine, needed=(wanted,), interpreter=interpreter.interpreter
    )
    objects, missing = load(Loaded(opener), system, _read_existing)
    if any(item.name == wanted for item in missing):
        return None, (), ()
    return str(objects[1].path.resolve()), objects[1:], missing


def _read_existing(path: Path) -> ElfFacts | None:
    return read_elf(path) if path.is_file() else None


def _program_needs(programs: Iterable[Use], owners: _Owners) -> Iterator[Need]:
    for use in programs:
        found = shutil.which(use.name)
        user = owners.user(Path(use.user)) if "/" in use.user else User("", use.user)
        yield Need(use.name, STARTS, (user,), str(Path(found).resolve()) if found else None)


def _merge(needs: Iterable[Need]) -> Iterator[Need]:
    """Yield one need for each library and way of using it, the users together."""
    users: dict[tuple[str, str, str | None, bool], set[User]] = defaultdict(set)
    for need in needs:
        users[need.name, need.how, need.path, need.is_certain].update(need.users)
    for (name, how, path, is_certain), found in sorted(users.items(), key=lambda item: (item[0][0], item[0][1])):
        yield Need(name, how, tuple(sorted(found)), path, is_certain)


def find_mentions(stems: Sequence[str], folders: Iterable[Path]) -> dict[str, str]:
    """Return for each library such as `libmagic` a file that names it, if there is one.

    That is `libmagic.so` anywhere, or the text `magic` in code that opens libraries. Distributions of which a table
    says what they open are left out.
    """
    if not stems:
        return {}
    known = read_table("opened_by_name")
    found: dict[str, str] = {}
    for path in (path for folder in folders for path in folder.rglob("*") if _may_name(path)):
        if any(part.lower().replace("_", "-") in known for part in path.parts) or not path.is_file():
            continue
        data = path.read_bytes()
        does_open = _OPENING.search(data) is not None
        for stem in stems:
            if stem not in found and (f"{stem}.so".encode() in data or (does_open and _quotes(stem, data))):
                found[stem] = str(path)
    return found


def _quotes(stem: str, data: bytes) -> bool:
    name = stem.removeprefix("lib").encode()
    return b'"%s"' % name in data or b"'%s'" % name in data


def _may_name(path: Path) -> bool:
    return path.suffix in _TEXTS or ".so" in path.suffixes


class _Owners:
    """Which distribution each file of the environment is of."""

    def __init__(self, environment: PythonEnvironment) -> None:
        self._environment = environment
        self._distributions = tuple(metadata.distributions(path=[str(item) for item in environment.site_packages]))
        self._names = {
            str(Path(str(distribution.locate_file(file))).resolve()): canonicalize_name(distribution.metadata["Name"])
            for distribution in self._distributions
            for file in distribution.files or ()
            if ".so" in file.name or "." not in file.name
        }

    def user(self, path: Path) -> User:
        """Return the user that a file is."""
        known = self._names.get(str(path.resolve()), "")
        if not known and self._is_below(path):
            known = self._top_level(path)
        is_python = not known and any(path.is_relative_to(item) for item in self._environment.library_folders)
        is_python = is_python or path.resolve() == self._environment.executable.resolve()
        return User(str(path), PYTHON if is_python and not self._is_below(path) else known)

    def compiled(self, files: Iterable[ElfFacts]) -> Iterator[Compiled]:
        """Yield the distributions whose files were compiled in the build."""
        needed: dict[str, set[str]] = defaultdict(set)
        for file in files:
            if name := self._names.get(str(file.path.resolve())):
                needed[name].update(file.needed)
        for distribution in self._distributions:
            name = canonicalize_name(distribution.metadata["Name"])
            tags = distribution.read_text("WHEEL") or ""
            if _LOCAL.search(tags) or (name in needed and not _PUBLISHED.search(tags)):
                yield Compiled(name, tuple(sorted(needed[name])))

    def loose(self, files: Iterable[ElfFacts]) -> Iterator[Path]:
        """Yield the files in site-packages that no distribution lists."""
        below = (file.path for file in files if self._is_below(file.path))
        yield from (path for path in below if str(path.resolve()) not in self._names)

    def _is_below(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self._environment.site_packages)

    def _top_level(self, path: Path) -> str:
        folder = next(item for item in self._environment.site_packages if path.is_relative_to(item))
        return path.relative_to(folder).parts[0].removesuffix(".py")
