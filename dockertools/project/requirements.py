"""Read requirements files: the structure of their lines here, each requirement by `packaging`.

The format: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import codecs
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as ParsedRequirement
from packaging.utils import canonicalize_name

from dockertools.project.facts import Note, Requirement, Source

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNSAFE = re.compile(
    r"^# The following packages .*unsafe in a requirements file.*\n(?P<names>(?:# [\w.-]+.*\n?)+)", re.MULTILINE
)
_COMMENT = re.compile(r"(^|\s+)#.*$")
_HASH = re.compile(r"\s--hash[= ]\S+")
_LINE_OPTION = re.compile(r"\s--(?:global-option|config-settings?|hash)[= ].*$")
_OPTION = re.compile(r"(?P<name>-[a-zA-Z]|--[a-z-]+)(?:\s*=\s*|\s+|(?<=^-[a-zA-Z]))(?P<value>.*)|(?P<flag>--?[a-z-]+)")
_SCHEME = re.compile(r"(?:(?P<vcs>git|hg|svn|bzr)\+)?(?P<scheme>[a-z][a-z+.-]*):")
_NAMED = re.compile(r"[\w.-]+\s*(?:\[[^\]]*\])?\s*@\s")
_EGG = re.compile(r"[#&]egg=(?P<egg>[\w.-]+)")
_INCLUDES = {"-r": "requirement", "--requirement": "requirement", "-c": "constraint", "--constraint": "constraint"}
_EDITABLE = {"-e", "--editable"}
_NO_WHEELS = "--no-binary"
_LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "implementation_name": "cpython"}


@dataclass(frozen=True)
class RequirementsFile:
    """What a file and those that it includes ask for."""

    files: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    lines_without_hash: int = 0
    utf16_files: tuple[str, ...] = ()
    local_paths: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """What pip-compile leaves out of a list with hashes, and pip expects to be there already: setuptools."""
    constrained: frozenset[str] = frozenset()
    """What constraints files pin."""
    notes: tuple[Note, ...] = ()

    @property
    def has_hashes(self) -> bool:
        """Whether every requirement comes with a hash."""
        return bool(self.requirements) and not self.lines_without_hash


@dataclass
class _Reading:
    root: Path
    python_version: str
    files: dict[str, str] = field(default_factory=dict)
    requirements: dict[tuple[str, Source], Requirement] = field(default_factory=dict)
    lines_without_hash: int = 0
    bare: tuple[str, int] | None = None
    is_hashed: bool = False
    local_paths: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    no_wheels: set[str] = field(default_factory=set)
    constrained: set[str] = field(default_factory=set)
    notes: list[Note] = field(default_factory=list)

    def note(self, message: str, path: str, line: int = 0) -> None:
        self.notes.append(Note(message, path, line))


def read_requirements(root: Path, path: str, *, python_version: str = "") -> RequirementsFile:
    """Return what the file asks for on Linux and this version of Python, its includes followed."""
    reading = _Reading(root, python_version)
    _read_file(reading, path, is_constraint=False)
    if reading.is_hashed and reading.bare:
        message = "has no hash, and others have: hashes are checked where they are given, and not demanded"
        reading.note(message, *reading.bare)
    everything = ":all:" in reading.no_wheels
    requirements = (
        replace(requirement, from_source=everything or requirement.name in reading.no_wheels)
        for requirement in reading.requirements.values()
    )
    return RequirementsFile(
        files=tuple(reading.files),
        requirements=tuple(sorted(requirements, key=lambda requirement: requirement.name)),
        lines_without_hash=reading.lines_without_hash,
        utf16_files=tuple(name for name, encoding in reading.files.items() if encoding in ("utf-16", "utf-32")),
        local_paths=tuple(dict.fromkeys(reading.local_paths)),
        options=tuple(dict.fromkeys(reading.options)),
        left_out=tuple(dict.fromkeys(reading.left_out)),
        constrained=frozenset(reading.constrained),
        notes=tuple(reading.notes),
    )


def decode(content: bytes) -> tuple[str, str]:
    """Return the text of a requirements file and its encoding, as pip does it: a byte order mark, else UTF-8.

    Raises UnicodeDecodeError when it is neither.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content.decode(encoding), encoding
    return content.decode("utf-8"), "utf-8"


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, continued lines joined and comments taken off."""
    pending = ""
    start = 0
    for number, raw in enumerate(text.splitlines(), 1):
        start = start or number
        is_comment = raw.lstrip().startswith("#")
        if raw.endswith("\\") and not is_comment:
            pending += raw[:-1]
            continue
        line = _COMMENT.sub("", pending + ("" if is_comment else raw)).strip()
        if line:
            yield start, line
        pending, start = "", 0
    if pending.strip():
        yield start, _COMMENT.sub("", pending).strip()


def _read_file(reading: _Reading, path: str, *, is_constraint: bool, line: int = 0, origin: str = "") -> None:
    if path in reading.files:
        return
    if path.startswith(("../", "/")):
        reading.note(f"{path} lies outside the project, where the build does not see it", origin or path, line)
        return
    try:
        text, encoding = decode((reading.root / path).read_bytes())
    except OSError as error:
        reading.note(f"{path} cannot be read ({error.strerror}); it is left out", origin or path, line)
        return
    except UnicodeDecodeError as error:
        reading.note(f"is not UTF-8 (byte {error.start}) and has no byte order mark; it is left out", path)
        return
    reading.files[path] = encoding
    if unsafe := _UNSAFE.search(text):
        reading.left_out += [line.split()[1] for line in unsafe["names"].splitlines()]
    for number, content in logical_lines(text):
        if content.startswith("-"):
            _read_option(reading, path, number, content)
        elif is_constraint:
            requirement, _ = parse_requirement(_LINE_OPTION.sub("", content), reading.python_version)
            reading.constrained |= {requirement.name} if requirement and requirement.version else set()
        else:
            _read_requirement(reading, path, number, content)


def _read_option(reading: _Reading, path: str, number: int, content: str) -> None:
    match = _OPTION.match(content)
    name = (match["name"] or match["flag"]) if match else content
    value = ((match["value"] if match else "") or "").strip().strip("\"'")
    if name in _INCLUDES:
        if _SCHEME.match(value):
            reading.note(f"includes {value}, which is not looked into", path, number)
            return
        included = posixpath.normpath(posixpath.join(posixpath.dirname(path), value))
        kind = _INCLUDES[name]
        _read_file(reading, included, is_constraint=kind == "constraint", line=number, origin=path)
    elif name in _EDITABLE:
        _read_requirement(reading, path, number, value)
    elif name == _NO_WHEELS:
        reading.no_wheels |= {part if part.startswith(":") else canonicalize_name(part) for part in value.split(",")}
    elif name == "--pre":
        reading.options.append("--prerelease=allow")


def _read_requirement(reading: _Reading, path: str, number: int, content: str) -> None:
    bare = _LINE_OPTION.sub("", content)
    if not _HASH.search(content):
        reading.lines_without_hash += 1
        reading.bare = reading.bare or (path, number)
    else:
        reading.is_hashed = True
    requirement, folder = parse_requirement(bare, reading.python_version)
    if folder:
        inside = posixpath.normpath(posixpath.join(posixpath.dirname(path), folder))
        reading.local_paths.append(inside)
    elif requirement is None and bare:
        reading.note(f"is not a requirement: {bare!r}; it is left to the installer", path, number)
    if requirement is not None and requirement.name:
        key = requirement.name, requirement.source
        known = reading.requirements.get(key)
        extras = tuple(sorted({*requirement.extras, *(known.extras if known else ())}))
        reading.requirements[key] = replace(requirement, extras=extras)


def parse_requirement(text: str, python_version: str = "") -> tuple[Requirement | None, str | None]:
    """Return the requirement that `text` names and the folder it lies in, if it is one.

    Both are None where the text is no requirement. One that a marker excludes has an empty name.
    """
    url = _SCHEME.match(text)
    if url or (_looks_like_path(text) and not _NAMED.match(text)):
        return _from_place(text, url)
    try:
        parsed = ParsedRequirement(text)
    except InvalidRequirement:
        return None, None
    if parsed.marker and not applies(parsed.marker, python_version):
        return Requirement(""), None
    source = Source.INDEX
    if parsed.url:
        source = Source.REPOSITORY if parsed.url.startswith("git+") else Source.URL
    pins = [spec.version for spec in parsed.specifier if spec.operator in ("==", "===") and "*" not in spec.version]
    name = canonicalize_name(parsed.name)
    return Requirement(name, tuple(sorted(parsed.extras)), pins[0] if len(pins) == 1 else None, source), None


def applies(marker: Marker, python_version: str) -> bool:
    """Tell whether the marker holds on Linux for this version of Python, whatever the machine."""
    environment = dict(_LINUX)
    if python_version:
        environment |= {"python_version": python_version, "python_full_version": f"{python_version}.0"}
    return marker.evaluate(environment)


def _looks_like_path(text: str) -> bool:
    return text.startswith((".", "/", "file:")) or text.endswith((".whl", ".tar.gz", ".zip"))


def _from_place(text: str, url: re.Match[str] | None) -> tuple[Requirement | None, str | None]:
    if url is None or url["scheme"] == "file":
        folder = re.sub(r"^file:(//)?", "", text).partition("[")[0].partition(";")[0].strip()
        return None, folder
    egg = _EGG.search(text)
    last = text.partition("#")[0].rpartition("/")[2].partition("@")[0].removesuffix(".git")
    name = canonicalize_name(egg["egg"] if egg else last)
    return Requirement(name, source=Source.REPOSITORY if url["vcs"] else Source.URL), None
