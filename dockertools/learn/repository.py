"""Run inside an image, as root and with a network: which package of its suite brings what no image has.

Names of packages are guessed by Debian's rule for them and by the table, and each guess is proved by the package
itself, which is downloaded and looked into. What nobody guesses is looked up in the suite's own lists of files.
https://www.debian.org/doc/debian-policy/ch-sharedlibs.html
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from dockertools.image.control import read_stanzas
from dockertools.learn.database import make_package, read_linker_cache
from dockertools.learn.facts import RepositoryFacts
from dockertools.process import Completed, run

SECONDS = 300.0
MOST_GUESSES = 8
_NO_LISTS = "the suite's lists of files cannot be had"
_RELATIONS = tuple(f"--no-{word}" for word in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"))
_NO_LIBRARY = re.compile(r"-(dev|dbg|dbgsym|doc|data|bin|common|utils|udeb|perl|java|cil)$")
_CONTENTS = tuple(
    word
    for key, value in (
        ("MetaKey", "$(COMPONENT)/Contents-$(ARCHITECTURE)"),
        ("ShortDescription", "Contents"),
        ("Description", "$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Contents"),
        ("KeepCompressed", "true"),
    )
    for word in ("-o", f"Acquire::IndexTargets::deb::Contents-deb::{key}={value}")
)


def ask_repository(wanted: Sequence[str], guesses: Mapping[str, Sequence[str]]) -> RepositoryFacts:
    """Return the packages that bring the wanted libraries and programs, and all that these would bring along.

    `guesses` are names of packages, by what is wanted, that come before those of Debian's rule.
    """
    updated = _run("apt-get", "--quiet", "--error-on=any", "update")
    known = frozenset(_run("apt-cache", "pkgnames").stdout.split())
    if updated.returncode or not known:
        return RepositoryFacts(trouble=f"the suite's repository cannot be asked: {_last_line(updated)}")
    folders = {path.rpartition("/")[0].lstrip("/") for path in read_linker_cache().values()}
    found: dict[str, tuple[str, ...]] = {}
    for name in wanted:
        if proved := _prove(name, [*guesses.get(name, ()), *guess_packages(name, known)], known, folders):
            found[name] = (proved,)
    left = [name for name in wanted if name not in found]
    trouble = ""
    if left:
        more, trouble = _look_up(left, folders)
        found |= more
    names = sorted({package for packages in found.values() for package in packages})
    return RepositoryFacts(found, {item.name: item for item in map(make_package, _show(names))}, trouble)


def guess_packages(name: str, known: Iterable[str]) -> list[str]:
    """Return the packages that may bring a library or program, the likeliest first.

    The rule: `libNAME.so.VERSION` comes in `libNAMEVERSION`, perhaps with a letter, `t64` or a minor version behind.
    """
    if ".so" not in name:
        start = _plain(f"lib{name}")
        return sorted(
            (item for item in known if item == name or re.fullmatch(rf"{start}\d\S*", _plain(item))), key=_rank
        )
    stem, _, version = name.partition(".so")
    start = _plain(f"{stem}{version.lstrip('.')}")
    fitting = (item for item in known if _plain(item).startswith(start) and not _NO_LIBRARY.search(item))
    return sorted(fitting, key=_rank)[:MOST_GUESSES]


def fits(path: str, name: str, folders: Iterable[str]) -> bool:
    """Tell whether a file of a package is what is wanted: a library where the linker looks, or a program."""
    folder, _, file = path.removeprefix("./").lstrip("/").rpartition("/")
    if ".so" in name:
        return file == name and folder in folders
    is_library = file.startswith(f"lib{name}.so.") and folder in folders
    return is_library or (file == name and folder.rpartition("/")[2] in ("bin", "sbin", "games"))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _rank(name: str) -> tuple[bool, int, str]:
    return bool(_NO_LIBRARY.search(name)), len(name), name


def _prove(name: str, guesses: Iterable[str], known: frozenset[str], folders: set[str]) -> str | None:
    """Return the first of the packages that really holds the file."""
    both = folders | {folder.removeprefix("usr/") for folder in folders}
    for package in dict.fromkeys(item for item in guesses if item in known):
        with tempfile.TemporaryDirectory() as folder:
            _run("apt-get", "--quiet", "download", package, cwd=Path(folder))
            paths = [path for file in Path(folder).glob("*.deb") for path in _list_files(file)]
        if any(fits(path, name, both) for path in paths):
            return package
    return None


def _list_files(file: Path) -> Iterator[str]:
    for line in _run("dpkg-deb", "--contents", str(file)).stdout.splitlines():
        columns = line.split(maxsplit=5)
        if len(columns) == 6:
            yield columns[5].partition(" -> ")[0]


def _look_up(wanted: Sequence[str], folders: set[str]) -> tuple[dict[str, tuple[str, ...]], str]:
    """Return what the lists of the suite's files say, and what kept some of them from being had."""
    updated = _run("apt-get", "--quiet", "--error-on=any", *_CONTENTS, "update")
    listed = _run("apt-get", *_CONTENTS, "indextargets", "--format", "$(FILENAME)", "Created-By: Contents-deb")
    found: dict[str, set[str]] = {}
    both = folders | {folder.removeprefix("usr/") for folder in folders}
    for file in listed.stdout.split():
        for line in _run("/usr/lib/apt/apt-helper", "cat-file", file).stdout.splitlines():
            path, _, packages = line.rpartition(" ")
            for name in wanted:
                if name in line and fits(path.strip(), name, both):
                    found.setdefault(name, set()).update(item.rpartition("/")[2] for item in packages.split(","))
    trouble = f"no package is called after it, and {_NO_LISTS}: {_last_line(updated)}" if updated.returncode else ""
    return {name: tuple(sorted(packages)) for name, packages in found.items()}, trouble


def _show(names: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield the control fields of the packages and of all that they depend on."""
    if not names:
        return
    reached = _run("apt-cache", *_RELATIONS, "--recurse", "depends", *names).stdout.splitlines()
    words = sorted({line for line in reached if line and not line.startswith((" ", "|", "<"))})
    shown = _run("apt-cache", "--no-all-versions", "show", *words).stdout
    yield from (fields for fields in read_stanzas(shown) if "Package" in fields)


def _run(*argv: str, cwd: Path | None = None) -> Completed:
    return run(argv, cwd=cwd, timeout=SECONDS)


def _last_line(done: Completed) -> str:
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return re.sub(r"//[^/\s]*@", "//", lines[-1]) if lines else "apt-get update said nothing"
