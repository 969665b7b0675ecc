"""System packages of an image: what they weigh, and whether anything needs them.

apk's database: https://wiki.alpinelinux.org/wiki/Apk_spec
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dockertools.image.catalog import KINDS, Catalog, key_to_path, path_to_key
from dockertools.image.control import is_installed, read_dependencies, read_names, read_stanzas
from dockertools.image.files import FileKind
from dockertools.image.packages import owner_sizes
from dockertools.image.survey import Document, read_documents

SYSTEM = "system:"
_STATUS = r"var/lib/dpkg/(status|status\.d/.*)"
_LISTS = r"var/lib/dpkg/info/.*\.list"
_PYTHON = re.compile(r"python3(\.\d+)?")
_FILE = KINDS.index(FileKind.FILE)
_ESSENTIAL_PRIORITIES = ("required", "important")
_APK_FIELDS = {"P": "Package", "V": "Version", "I": "Installed-Bytes", "D": "Depends", "p": "Provides"}


@dataclass(frozen=True)
class SystemPackage:
    """An installed package of the distribution.

    `needed_by` says what needs it: packages by their names, `essential`, or the library that a file of the application
    loads; empty when nothing was found (data that is opened by name, such as fonts, leaves no trace).
    `place` is the layer that installed it, `is_automatic` whether apt brought it along for another one.
    """

    name: str
    version: str
    size_bytes: int
    needed_by: tuple[str, ...]
    place: int
    is_automatic: bool


@dataclass(frozen=True)
class _Record:
    name: str
    version: str
    declared_bytes: int
    is_essential: bool
    depends: tuple[tuple[str, ...], ...]
    provides: tuple[str, ...]
    place: int


def find_system_packages(catalog: Catalog, started: tuple[str, ...] = ()) -> tuple[SystemPackage, ...]:
    """Return the packages of dpkg or apk in the final image, the largest first.

    `started` are the programs that the image's configuration names.
    """
    records = {record.name: record for record in _read_records(catalog)}
    if not records:
        return ()
    installed_in = _note_owners(catalog)
    automatic = _automatic(read_documents(catalog, "var/lib/apt/extended_states"))
    sizes = owner_sizes(catalog, SYSTEM)
    python = {} if _has_own_python(catalog) else {name: "Python" for name in records if _PYTHON.fullmatch(name)}
    needs = _needed_by(records, python | _loaded_libraries(catalog) | _programs(catalog, started))
    packages = (
        SystemPackage(
            name=record.name,
            version=record.version,
            size_bytes=sizes.get(record.name, (0, record.declared_bytes))[1],
            needed_by=needs.get(record.name, ()),
            place=installed_in.get(record.name, record.place),
            is_automatic=record.name in automatic,
        )
        for record in records.values()
    )
    return tuple(sorted(packages, key=lambda package: (-package.size_bytes, package.name)))


def _read_records(catalog: Catalog) -> Iterator[_Record]:
    for document in read_documents(catalog, _STATUS):
        for fields in read_stanzas(document.content.decode(errors="replace")):
            if is_installed(fields):
                yield _dpkg_record(fields, document.place)
    for document in read_documents(catalog, "lib/apk/db/installed"):
        for fields in _apk_stanzas(document.content.decode(errors="replace")):
            yield _apk_record(fields, document.place)


def _dpkg_record(fields: Mapping[str, str], place: int) -> _Record:
    size = fields.get("Installed-Size", "0")
    return _Record(
        name=fields["Package"],
        version=fields.get("Version", ""),
        declared_bytes=1024 * int(size) if size.isdigit() else 0,
        is_essential=fields.get("Essential") == "yes" or fields.get("Priority") in _ESSENTIAL_PRIORITIES,
        depends=read_dependencies(fields),
        provides=tuple(read_names(fields.get("Provides", ""), ",")),
        place=place,
    )


def _apk_record(fields: Mapping[str, str], place: int) -> _Record:
    size = fields.get("Installed-Bytes", "0")
    words = [re.split(r"[<>=~]", word)[0] for word in fields.get("Depends", "").split()]
    return _Record(
        name=fields["Package"],
        version=fields.get("Version", ""),
        declared_bytes=int(size) if size.isdigit() else 0,
        is_essential=fields["Package"] in ("alpine-baselayout", "apk-tools", "busybox", "musl"),
        depends=tuple((word,) for word in words if not word.startswith("!")),
        provides=tuple(re.split(r"[<>=~]", word)[0] for word in fields.get("Provides", "").split()),
        place=place,
    )


def _apk_stanzas(text: str) -> Iterator[dict[str, str]]:
    for block in text.split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines())
        fields = {_APK_FIELDS[key]: value for key, _, value in pairs if key in _APK_FIELDS}
        if "Package" in fields:
            yield fields


def _note_owners(catalog: Catalog) -> dict[str, int]:
    """Note which package each file is of, and return the layers that installed the packages."""
    moved = _moved_folders(catalog)
    installed_in = {}
    for document in read_documents(catalog, _LISTS):
        name = posixpath.basename(document.path).removesuffix(".list").partition(":")[0]
        installed_in[name] = document.place
        paths = (line.strip("/") for line in document.content.decode(errors="replace").splitlines())
        rows = ((path_to_key(_moved(path, moved)), SYSTEM + name) for path in paths if path.strip("."))
        catalog.db.executemany("INSERT OR IGNORE INTO owners VALUES (?, ?)", rows)
    return installed_in


def _moved_folders(catalog: Catalog) -> dict[str, str]:
    """Return the top folders that are links, such as lib -> usr/lib: packages name files by either path."""
    rows = catalog.db.execute(
        "SELECT key, link FROM entries WHERE kind = ? AND instr(key, x'00') = 0", (KINDS.index(FileKind.SYMLINK),)
    )
    return {key_to_path(key): key_to_path(link).strip("/") for key, link in rows}


def _moved(path: str, moved: Mapping[str, str]) -> str:
    top, slash, rest = path.partition("/")
    return f"{moved[top]}/{rest}" if slash and top in moved else path


def _automatic(documents: Iterable[Document]) -> frozenset[str]:
    return frozenset(
        fields["Package"]
        for document in documents
        for fields in read_stanzas(document.content.decode(errors="replace"))
        if fields.get("Auto-Installed") == "1" and "Package" in fields
    )


def _loaded_libraries(catalog: Catalog) -> dict[str, str]:
    """Return, for packages that hold a library which an object of the application loads, how it is so."""
    wanted: dict[str, str] = {}
    rows = catalog.db.execute(
        "SELECT files.key, needed FROM objects JOIN places USING (blob) JOIN files USING (key, place)"
        " WHERE hidden_by IS NULL"
    )
    for key, needed in rows:
        for soname in needed.split("\n"):
            wanted.setdefault(soname, key_to_path(key))
    owners = catalog.db.execute("SELECT key, owner FROM owners WHERE owner GLOB ?", (f"{SYSTEM}*",))
    loaded: dict[str, str] = {}
    for key, owner in owners:
        soname = posixpath.basename(key_to_path(key))
        if soname in wanted:
            loaded.setdefault(owner.removeprefix(SYSTEM), f"{soname} of {posixpath.basename(wanted[soname])}")
    return loaded


def _programs(catalog: Catalog, started: tuple[str, ...]) -> dict[str, str]:
    """Return the packages whose programs the image starts, the distribution's Python if there is no other."""
    names = {posixpath.basename(name) for name in started}
    found = {}
    for key, owner in catalog.db.execute("SELECT key, owner FROM owners WHERE owner GLOB ?", (f"{SYSTEM}*",)):
        folder, _, name = key_to_path(key).rpartition("/")
        if name in names and folder.rpartition("/")[2] in ("bin", "sbin"):
            found[owner.removeprefix(SYSTEM)] = f"the program {name}"
    return found


def _has_own_python(catalog: Catalog) -> bool:
    """Whether an interpreter was put into /usr/local, as the official images do."""
    return bool(
        catalog.db.execute(
            "SELECT 1 FROM files WHERE hidden_by IS NULL AND kind = ? AND size > 0 AND key > ? AND key < ?",
            (_FILE, path_to_key("usr/local/bin/python3."), path_to_key("usr/local/bin/python4")),
        ).fetchone()
    )


def _needed_by(records: Mapping[str, _Record], loaded: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return why packages are needed: from what is essential or loaded, along the dependencies."""
    providers = defaultdict(list)
    for record in records.values():
        for name in (record.name, *record.provides):
            providers[name].append(record.name)
    reasons: dict[str, list[str]] = defaultdict(list)
    for record in records.values():
        if record.is_essential:
            reasons[record.name].append("essential")
        if record.name in loaded:
            reasons[record.name].append(loaded[record.name])
    waiting = list(reasons)
    seen = set(waiting)
    while waiting:
        name = waiting.pop()
        for group in records[name].depends:
            for target in {provider for word in group for provider in providers.get(word, ())} - {name}:
                reasons[target].append(name)
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
    return {name: tuple(sorted(set(texts))) for name, texts in reasons.items()}
