"""What the catalog of an image's files tells an audit: a query for each question, streamed."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from dockertools.checks.image.facts import ContentGroup, Inside, MissingLibrary, ModeFile, Release, SecretFile, Where
from dockertools.checks.image.scan import FoundSecret
from dockertools.checks.image.secrets import find_secret_name
from dockertools.image.catalog import KINDS, Catalog, key_to_path, path_to_key
from dockertools.image.files import FileKind
from dockertools.image.packages import PYTHON
from dockertools.image.survey import read_documents
from dockertools.tables import read_table

MOST_GROUPS = 500
DJANGO = "django/core/management/base.py"
DOCKERTOOLS = "dockertools/management/commands/docker_check.py"
_INSTALLED_AS = {
    module: tuple(f"/{folder}/{module}" for folder in ("site-packages", "dist-packages"))
    for module in (DJANGO, DOCKERTOOLS)
}
_FILE = KINDS.index(FileKind.FILE)
_LINK_KINDS = tuple(KINDS.index(kind) for kind in (FileKind.FILE, FileKind.SYMLINK, FileKind.HARD_LINK))
_OPEN_FOLDERS = re.compile(r"(tmp|var/tmp|dev|proc|run)(/.*)?")
_BUILD_TOOLS = re.compile(
    r"(?:usr/|usr/local/|opt/[^/]+/)?s?bin/(gcc|g\+\+|cc|c\+\+|clang|cpp|make|cmake|ninja|ld|as|rustc|cargo|go|git"
    r"|uv|uvx|poetry|pipenv|pdm|pip3?)(-\d+)?"
)
_INSTALLED = re.compile(r"(.*/)?(site|dist)-packages/.*|usr/(lib|share|include|local/lib)/.*|lib/.*|var/(lib|cache)/.*")
_PYTHON = re.compile(r"(?:usr/|usr/local/|opt/[^/]+/)bin/python(\d+\.\d+)")


@dataclass(frozen=True)
class Names:
    """What the names of files tell: `modules` are those of DJANGO and DOCKERTOOLS that are installed."""

    programs: tuple[str, ...]
    pythons: tuple[str, ...]
    modules: frozenset[str]
    missing_libraries: tuple[MissingLibrary, ...]


def find_named_secrets(catalog: Catalog, base_layers: int) -> Iterator[SecretFile]:
    """Yield the files, deleted ones too, whose names are those of secrets, above the base and outside of packages."""
    for path, place, hidden_by in _stored_files(catalog, base_layers):
        found = None if _INSTALLED.fullmatch(path) else find_secret_name(path)
        if found:
            yield SecretFile(path, *found, Where(place, hidden_by))


def place_secrets(catalog: Catalog, found: Iterable[FoundSecret]) -> Iterator[SecretFile]:
    """Yield what was found in contents with its layer, once for each layer that holds it."""
    for secret in found:
        key = path_to_key(secret.path)
        rows = catalog.db.execute(
            "SELECT place, hidden_by FROM files JOIN places USING (place) WHERE key = ? AND blob = ?",
            (key, catalog.blob_id(secret.blob)),
        )
        package = _owner(catalog, key)
        for place, hidden_by in rows:
            yield SecretFile(secret.path, secret.code, secret.reason, Where(place, hidden_by), package)


def _owner(catalog: Catalog, key: bytes) -> str:
    row = catalog.db.execute("SELECT owner FROM owners WHERE key = ? AND owner GLOB ?", (key, f"{PYTHON}*")).fetchone()
    return posixpath.basename(row[0]).removesuffix(".dist-info") if row else ""


def group_contents(catalog: Catalog, base_layers: int) -> tuple[ContentGroup, ...]:
    """Return what does not belong into an image, by folder and layer; of the base only what is hidden from none."""
    counted: dict[tuple[str, str, int, int | None], tuple[int, int]] = {}
    rows = catalog.db.execute("SELECT key, place, hidden_by, stored FROM files WHERE kind = ?", (_FILE,))
    for raw, place, hidden_by, stored in rows:
        code, folder = _classify(key_to_path(raw))
        if not code or (place < base_layers and (code == "tests" or hidden_by is not None)):
            continue
        key = (code, folder, place, hidden_by)
        if key in counted or len(counted) < MOST_GROUPS:
            files, total = counted.get(key, (0, 0))
            counted[key] = files + 1, total + stored
    return tuple(
        ContentGroup(code, folder, Where(place, hidden_by), files, total)
        for (code, folder, place, hidden_by), (files, total) in counted.items()
    )


def _classify(path: str) -> tuple[str, str]:
    for code, pattern in _content_rules():
        if match := pattern.fullmatch(path):
            return code, match[1]
    return "", ""


@cache
def _content_rules() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((rule["code"], re.compile(rule["pattern"])) for rule in read_table("image_contents")["rule"])


def find_modes(catalog: Catalog, mask: int) -> Iterator[ModeFile]:
    """Yield the files and folders of the final image that have a bit of `mask`; folders with the sticky bit not."""
    rows = catalog.db.execute(
        "SELECT DISTINCT files.key, entries.mode, files.place, files.kind FROM entries JOIN places USING (blob)"
        " JOIN files ON files.key = entries.key AND files.place = places.place AND files.kind = entries.kind"
        " WHERE hidden_by IS NULL AND (entries.mode & ?) != 0 AND files.kind IN (?, ?, ?) ORDER BY files.key",
        (mask, _FILE, KINDS.index(FileKind.HARD_LINK), KINDS.index(FileKind.DIRECTORY)),
    )
    for key, mode, place, kind in rows:
        is_folder = KINDS[kind] is FileKind.DIRECTORY
        path = key_to_path(key)
        # A folder's setgid bit hands its group on, and nothing else; in a sticky folder nobody touches another's files.
        if is_folder and (mask & 0o6000 or mode & 0o1000 or _OPEN_FOLDERS.fullmatch(path)):
            continue
        yield ModeFile(path, mode, place)


def read_names(catalog: Catalog) -> Names:
    """Return what the names in the final image tell, in one pass over all of them."""
    wanted = _needed_libraries(catalog)
    programs: list[str] = []
    pythons: set[str] = set()
    modules: set[str] = set()
    there: set[str] = set()
    for path in _living(catalog):
        name = path.rpartition("/")[2]
        if name in wanted:
            there.add(name)
        if "bin/" in path and _BUILD_TOOLS.fullmatch(path):
            programs.append(path)
        if "bin/python" in path and (match := _PYTHON.fullmatch(path)):
            pythons.add(match[1])
        modules.update(module for module in (DJANGO, DOCKERTOOLS) if path.endswith(_INSTALLED_AS[module]))
    missing = tuple(MissingLibrary(name, wanted[name]) for name in sorted(set(wanted) - there) if name)
    return Names(tuple(programs), tuple(sorted(pythons)), frozenset(modules), missing)


def find_inside(catalog: Catalog, names: Names, search_path: str, working_dir: str) -> Inside:
    """Return what checks in the container would run with."""
    folders = [posixpath.normpath(folder).strip("/") for folder in search_path.split(":") if folder.startswith("/")]
    pythons = [f"{folder}/{name}" for folder in folders for name in ("python", "python3")]
    folder = working_dir.strip("/")
    manage = posixpath.join(folder, "manage.py").lstrip("/")
    python = next((path for path in pythons if _exists(catalog, path)), "")
    return Inside(
        python=f"/{python}" if python else "",
        shell=next((f"/{path}" for path in ("bin/sh", "usr/bin/sh") if _exists(catalog, path)), ""),
        has_django=DJANGO in names.modules,
        has_dockertools=DOCKERTOOLS in names.modules or _exists(catalog, posixpath.join(folder, DOCKERTOOLS)),
        manage=f"/{manage}" if _exists(catalog, manage) else "",
    )


def _exists(catalog: Catalog, path: str) -> bool:
    """Tell whether the final image has this path; `bin` and `lib` may be links to those in `usr`."""
    keys = [path_to_key(path.lstrip("/"))]
    if path.startswith(("bin/", "sbin/", "lib/")):
        keys.append(path_to_key(f"usr/{path}"))
    return any(
        catalog.db.execute("SELECT 1 FROM files WHERE key = ? AND hidden_by IS NULL", (key,)).fetchone() for key in keys
    )


def read_accounts(catalog: Catalog) -> dict[str, int]:
    """Return the user ids of /etc/passwd by name."""
    accounts = {}
    for document in read_documents(catalog, "etc/passwd"):
        for line in document.content.decode(errors="replace").splitlines():
            fields = line.split(":")
            if len(fields) > 2 and fields[2].isdigit():
                accounts[fields[0]] = int(fields[2])
    return accounts


def read_release(catalog: Catalog) -> Release | None:
    """Return the distribution that /etc/os-release names."""
    documents = read_documents(catalog, "etc/os-release") or read_documents(catalog, "usr/lib/os-release")
    if not documents:
        return None
    lines = documents[0].content.decode(errors="replace").splitlines()
    values: Mapping[str, str] = {name: value.strip("\"'") for name, _, value in (line.partition("=") for line in lines)}
    return Release(values.get("ID", ""), values.get("VERSION_ID", ""), values.get("PRETTY_NAME", ""))


def read_scripts(catalog: Catalog) -> dict[str, str]:
    """Return the programs of the image that are texts, by path."""
    documents = read_documents(catalog, r"(?!etc/(passwd|os-release)|usr/lib/os-release|var/lib/|lib/apk/).*")
    return {
        f"/{document.path}": document.content.decode(errors="replace")
        for document in documents
        if document.content.startswith(b"#!")
    }


def _needed_libraries(catalog: Catalog) -> dict[str, str]:
    """Return the libraries that objects of the application need, each with one of them.

    A library that is there, but where the linker does not look, is found by C201 in the container alone.
    """
    rows = catalog.db.execute(
        "SELECT files.key, needed FROM objects JOIN places USING (blob) JOIN files USING (key, place)"
        " WHERE hidden_by IS NULL AND needed != ''"
    )
    wanted: dict[str, str] = {}
    for key, needed in rows:
        for name in needed.split("\n"):
            wanted.setdefault(posixpath.basename(name), key_to_path(key))
    return wanted


def _living(catalog: Catalog) -> Iterator[str]:
    rows = catalog.db.execute("SELECT key FROM files WHERE hidden_by IS NULL AND kind IN (?, ?, ?)", _LINK_KINDS)
    return (key_to_path(key) for (key,) in rows)


def _stored_files(catalog: Catalog, base_layers: int) -> Iterator[tuple[str, int, int | None]]:
    rows = catalog.db.execute(
        "SELECT key, place, hidden_by FROM files WHERE kind = ? AND size > 0 AND place >= ?", (_FILE, base_layers)
    )
    return ((key_to_path(key), place, hidden_by) for key, place, hidden_by in rows)
