"""Python distributions of an image: what they weigh, and what requires them.

The files: https://packaging.python.org/en/latest/specifications/recording-installed-packages/
"""

from __future__ import annotations

import csv
import io
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.parser import BytesHeaderParser

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from dockertools.image.archive import normal_path
from dockertools.image.catalog import KINDS, Catalog, path_to_key
from dockertools.image.files import FileKind
from dockertools.image.survey import Document, read_documents

PYTHON = "python:"
_METADATA = r".*\.dist-info/METADATA"
_RECORD = r".*\.dist-info/RECORD"
_SIZES = """
    SELECT owner, count(*), sum(size) FROM owners JOIN files USING (key)
    WHERE hidden_by IS NULL AND kind = ? AND owner GLOB ? GROUP BY owner
"""


@dataclass(frozen=True)
class PythonPackage:
    """An installed distribution.

    `size_bytes` is that of its files, byte code included; `required_by` are the installed distributions that ask for
    it, as `name[extra]` where only an extra does. Nothing there means that the project asks for it, or nobody.
    """

    name: str
    version: str
    folder: str
    files: int
    size_bytes: int
    required_by: tuple[str, ...]


@dataclass(frozen=True)
class _Distribution:
    name: str
    version: str
    folder: str
    requires: tuple[Requirement, ...]


def find_python_packages(catalog: Catalog) -> tuple[PythonPackage, ...]:
    """Return the distributions of the final image, the largest first."""
    found = [_parse_metadata(document) for document in read_documents(catalog, _METADATA)]
    for record in read_documents(catalog, _RECORD):
        owner = PYTHON + posixpath.dirname(record.path)
        rows = ((path_to_key(path), owner) for path in _recorded_paths(record))
        catalog.db.executemany("INSERT OR IGNORE INTO owners VALUES (?, ?)", rows)
    sizes = owner_sizes(catalog, PYTHON)
    required_by = _required_by(found)
    packages = (
        PythonPackage(
            name=item.name,
            version=item.version,
            folder=item.folder,
            files=sizes.get(item.folder, (0, 0))[0],
            size_bytes=sizes.get(item.folder, (0, 0))[1],
            required_by=required_by.get(canonicalize_name(item.name), ()),
        )
        for item in found
    )
    return tuple(sorted(packages, key=lambda package: (-package.size_bytes, package.name.lower())))


def owner_sizes(catalog: Catalog, prefix: str) -> dict[str, tuple[int, int]]:
    """Return the files and bytes that each owner with this prefix has in the final image."""
    rows = catalog.db.execute(_SIZES, (KINDS.index(FileKind.FILE), f"{prefix}*"))
    return {owner.removeprefix(prefix): (files, size) for owner, files, size in rows}


def _parse_metadata(document: Document) -> _Distribution:
    message = BytesHeaderParser().parsebytes(document.content)
    folder = posixpath.dirname(document.path)
    name, _, version = posixpath.basename(folder).removesuffix(".dist-info").partition("-")
    return _Distribution(
        name=str(message["Name"] or name),
        version=str(message["Version"] or version),
        folder=folder,
        requires=tuple(_parse_requirements(message.get_all("Requires-Dist") or ())),
    )


def _parse_requirements(lines: Iterable[object]) -> Iterator[Requirement]:
    for line in lines:
        try:
            yield Requirement(str(line))
        except InvalidRequirement:  # older tools wrote what the specification does not know
            continue


def _recorded_paths(record: Document) -> Iterator[str]:
    site = posixpath.dirname(posixpath.dirname(record.path))
    tag = re.search(r"python(\d)\.(\d+)", site)
    for field in _first_fields(record.content.decode(errors="replace").replace("\0", "")):
        path = normal_path(posixpath.join(site, field))
        yield path
        if tag and path.endswith(".py"):  # installers that compile later do not record the byte code
            folder, name = posixpath.split(path)
            yield f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-{tag[1]}{tag[2]}.pyc"


def _first_fields(text: str) -> Iterator[str]:
    """Yield the first field of each row, as far as it is CSV."""
    try:
        yield from (row[0] for row in csv.reader(io.StringIO(text)) if row)
    except csv.Error:
        return


def _required_by(found: Iterable[_Distribution]) -> Mapping[str, tuple[str, ...]]:
    requirers: dict[str, set[str]] = defaultdict(set)
    for distribution in found:
        environment = _environment(distribution.folder)
        for requirement in distribution.requires:
            name = _requirer(distribution.name, requirement, environment)
            if name:
                requirers[canonicalize_name(requirement.name)].add(name)
    # `psycopg` says it all where `psycopg[c]` is there too.
    return {
        name: tuple(sorted(asking for asking in names if asking.partition("[")[0] not in names - {asking}))
        for name, names in requirers.items()
    }


def _requirer(name: str, requirement: Requirement, environment: dict[str, str]) -> str:
    marker = requirement.marker
    if marker is None or marker.evaluate({**environment, "extra": ""}):
        return name
    for extra in re.findall(r"""extra\s*==\s*["']([^"']+)["']""", str(marker)):
        if marker.evaluate({**environment, "extra": extra}):
            return f"{name}[{extra}]"
    return ""


def _environment(folder: str) -> dict[str, str]:
    """Return the markers of the image, where its paths tell them; the rest is as here."""
    environment = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    version = re.search(r"python(\d+\.\d+)/", folder)
    return environment | ({"python_version": version[1]} if version else {})
