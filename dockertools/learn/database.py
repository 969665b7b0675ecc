"""Run inside an image: its package database and its linker's cache. The standard library is enough.

What `dpkg-query --search` would say is read from the files that it reads, with each path as the system knows it:
packages name `/lib/...` where `/lib` has long been a link to `/usr/lib`.
"""

from __future__ import annotations

import functools
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dockertools.image.control import is_installed, read_dependencies, read_names, read_stanzas
from dockertools.learn.facts import Package, SystemFacts
from dockertools.process import run

_ENTRY = re.compile(r"^\s+(?P<name>\S+) \((?P<flags>[^)]*)\) => (?P<path>\S+)$", re.MULTILINE)
_PROGRAM_FOLDERS = frozenset({"bin", "sbin", "games"})
_SHARED_OBJECT = re.compile(r"\.so(\.\d|$)")
_PAPER = re.compile(r"/(usr/share/(doc|doc-base|man|info|lintian|locale|bug)|var|etc/(default|init\.d))/")
_HEADERS = re.compile(r"/usr/include/|\.(pc|a)$")


@dataclass
class Contents:
    """The files of one package, sorted as they are read."""

    libraries: list[str] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    has_plugins: bool = False
    has_data: bool = False
    has_headers: bool = False


def read_database(root: Path = Path("/")) -> SystemFacts:
    """Return what the database of the system below `root` says; there are no packages where it has none."""
    cache = read_linker_cache()
    folders = frozenset(os.path.dirname(path) for path in cache.values())  # noqa: PTH120  # these are strings
    owners: dict[str, str] = {}
    contents: dict[str, Contents] = defaultdict(Contents)
    for name, path in _read_lists(root):
        _take(path, contents[name], folders, root)
        if _SHARED_OBJECT.search(path) or _is_program(path):
            owners.setdefault(path, name)
    packages = {
        fields["Package"]: make_package(fields, contents.get(fields["Package"])) for fields in _read_status(root)
    }
    resolved = {name: os.path.realpath(path) for name, path in cache.items()}
    return SystemFacts(_read_suite(root), packages, owners, resolved)


def read_linker_cache() -> dict[str, str]:
    """Return the linker's own list of libraries: paths by soname, folders resolved, the first that it would take."""
    entries: dict[str, str] = {}
    for match in _ENTRY.finditer(run(("/sbin/ldconfig", "-p")).stdout):
        entries.setdefault(match["name"], _place(match["path"]))
    return entries


def _read_status(root: Path) -> Iterator[dict[str, str]]:
    try:
        text = (root / "var/lib/dpkg/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    yield from (fields for fields in read_stanzas(text) if is_installed(fields))


def _read_lists(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the files of all packages as (package, path)."""
    for file in sorted((root / "var/lib/dpkg/info").glob("*.list")):
        name = file.name.removesuffix(".list").partition(":")[0]
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            path = _place(line, root)
            if not os.path.isdir(f"{root}{path}"):  # noqa: PTH112  # ten thousand times: Path is too slow
                yield name, path


def _place(path: str, root: Path = Path("/")) -> str:
    """Return the path with its folders resolved, and the file itself left as it is."""
    folder, _, name = path.rpartition("/")
    return f"{_resolve(folder, str(root).rstrip('/'))}/{name}"


@functools.cache
def _resolve(folder: str, root: str) -> str:
    resolved = os.path.realpath(f"{root}{folder}" or "/")
    return resolved.removeprefix(os.path.realpath(root or "/")) if root else resolved.rstrip("/")


def _take(path: str, contents: Contents, folders: frozenset[str], root: Path) -> None:
    folder, _, name = path.rpartition("/")
    if _HEADERS.search(path):
        contents.has_headers = True
    elif _SHARED_OBJECT.search(name):
        if name.endswith(".so") and os.path.islink(f"{root}{path}"):  # noqa: PTH114  # as above
            contents.links.append(os.path.realpath(f"{root}{path}"))
        if folder in folders:
            contents.libraries.append(name)
        elif not name.endswith(".so") or not os.path.islink(f"{root}{path}"):  # noqa: PTH114  # as above
            contents.has_plugins = True
    elif _is_program(path):
        contents.programs.append(name)
    elif not _PAPER.match(path):
        contents.has_data = True


def _is_program(path: str) -> bool:
    return path.rpartition("/")[0].rpartition("/")[2] in _PROGRAM_FOLDERS


def make_package(fields: Mapping[str, str], contents: Contents | None = None) -> Package:
    """Return the package that a paragraph of control fields is about."""
    found = contents or Contents()
    return Package(
        name=fields["Package"],
        depends=read_dependencies(fields),
        provides=tuple(read_names(fields.get("Provides", ""), ",")),
        libraries=tuple(found.libraries),
        programs=tuple(found.programs),
        links=tuple(found.links),
        has_plugins=found.has_plugins,
        has_data=found.has_data,
        has_headers=found.has_headers,
    )


def _read_suite(root: Path) -> str:
    try:
        text = (root / "etc/os-release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    match = re.search(r"^VERSION_CODENAME=\W?(\w+)", text, re.MULTILINE)
    return match[1] if match else ""
