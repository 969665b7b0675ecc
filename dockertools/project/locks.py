"""Read lock files: what is installed on Linux without the development groups."""

from __future__ import annotations

import json
import posixpath
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as ParsedRequirement
from packaging.utils import canonicalize_name

from dockertools.errors import DockertoolsError
from dockertools.project.facts import Requirement, Source
from dockertools.project.requirements import applies
from dockertools.project.wheels import has_machine_code, has_wheel

MAIN_GROUPS = {"main", "default"}


@dataclass(frozen=True)
class LockFile:
    """What a lock file holds; `python` is the range of versions that it was made for."""

    requirements: tuple[Requirement, ...]
    has_hashes: bool
    local_paths: tuple[str, ...] = ()
    python: str = ""
    has_markers: bool = True
    members: tuple[str, ...] = ()
    """Folders of a workspace that are no packages: only their lists are read."""
    is_workspace: bool = False
    """Whether the lock is that of a workspace without a project of its own."""


def read_toml(path: Path) -> dict[str, Any]:
    """Return the table in a TOML file. Raises DockertoolsError with the place of what is wrong in it."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DockertoolsError(f"{path} cannot be read: {error}.", hint="Correct it and run this again.") from error
    except OSError as error:
        raise DockertoolsError(f"{path} cannot be read: {error.strerror}.") from error


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file. Raises DockertoolsError with the place of what is wrong in it."""
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise DockertoolsError(f"{path} cannot be read: {error}.", hint="Correct it and run this again.") from error
    if not isinstance(loaded, dict):
        raise DockertoolsError(f"{path} does not hold an object, but {type(loaded).__name__}.")
    return loaded


@contextmanager
def as_expected(path: Path) -> Iterator[None]:
    """Name the file whose values are of other types than its format says."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DockertoolsError(
            f"{path} is not in its format ({type(error).__name__}: {error}).",
            hint="Let its own tool write it anew.",
            code="manifest-format",
        ) from error


def read_uv_lock(path: Path, python_version: str) -> LockFile:
    """Return what `uv sync --no-dev` installs. The format: https://docs.astral.sh/uv/concepts/projects/layout/."""
    data = read_toml(path)
    packages: dict[str, list[dict[str, Any]]] = {}
    for package in data.get("package", ()):
        packages.setdefault(canonicalize_name(package["name"]), []).append(package)
    roots = [package for found in packages.values() for package in found if _is_root(package)]
    members = {canonicalize_name(name) for name in data.get("manifest", {}).get("members", ())}
    # A workspace may have no project of its own: then all that its members need is installed.
    starts = roots or [package for name in sorted(members) for package in packages.get(name, ())]
    wanted = _reachable(packages, starts, python_version)
    root_names = {canonicalize_name(package["name"]) for package in roots}
    found = [(package, extras) for name, (package, extras) in wanted.items() if name not in root_names]
    local = [_local_path(package["source"]) for package, _ in found if "virtual" not in package["source"]]
    virtual = [package["source"]["virtual"] for package, _ in found if "virtual" in package["source"]]
    return LockFile(
        tuple(sorted((_uv_requirement(*item, python_version) for item in found), key=lambda item: item.name)),
        has_hashes=True,
        local_paths=tuple(filter(None, local)),
        python=data.get("requires-python", ""),
        members=tuple(sorted(virtual)),
        is_workspace=not roots,
    )


def _is_root(package: Mapping[str, Any]) -> bool:
    source = package.get("source", {})
    return "." in (source.get("virtual"), source.get("editable"))


def _local_path(source: Mapping[str, str]) -> str | None:
    return source.get("editable") or source.get("directory") or source.get("virtual") or source.get("path")


def _reachable(
    packages: Mapping[str, list[dict[str, Any]]], roots: Iterable[dict[str, Any]], python_version: str
) -> dict[str, tuple[dict[str, Any], tuple[str, ...]]]:
    found: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {}
    waiting: list[tuple[dict[str, Any], tuple[str, ...]]] = [(root, ()) for root in roots]
    while waiting:
        package, extras = waiting.pop()
        name = canonicalize_name(package["name"])
        known = found.get(name, (package, ()))[1]
        if name in found and set(extras) <= set(known):
            continue
        found[name] = package, tuple(sorted({*known, *extras}))
        dependencies = list(package.get("dependencies", ()))
        for extra in found[name][1]:
            dependencies += package.get("optional-dependencies", {}).get(extra, ())
        for dependency in dependencies:
            target = _pick(packages.get(canonicalize_name(dependency["name"]), ()), dependency)
            if target is not None and _holds(dependency.get("marker"), python_version):
                waiting.append((target, tuple(dependency.get("extra", ()))))
    return found


def _pick(candidates: Iterable[dict[str, Any]], dependency: Mapping[str, Any]) -> dict[str, Any] | None:
    version = dependency.get("version")
    fitting = [package for package in candidates if version in (None, package.get("version"))]
    return fitting[0] if fitting else None


def _uv_requirement(package: Mapping[str, Any], extras: tuple[str, ...], python_version: str) -> Requirement:
    source = package.get("source", {})
    kind = Source.REPOSITORY if "git" in source else Source.URL if "url" in source else Source.INDEX
    kind = Source.FOLDER if _local_path(source) else kind
    requirement = Requirement(canonicalize_name(package["name"]), extras, package.get("version"), kind)
    return _with_wheels(requirement, _wheel_names(package), python_version)


def _wheel_names(package: Mapping[str, Any]) -> list[str]:
    """Return the file names of the wheels in uv.lock and pylock.toml."""
    wheels = package.get("wheels", ())
    return [wheel.get("name") or wheel.get("filename") or wheel.get("url") or wheel.get("path", "") for wheel in wheels]


def _with_wheels(requirement: Requirement, names: list[str], python_version: str) -> Requirement:
    """Return the requirement with what the names of its files say; what lies elsewhere says nothing."""
    if requirement.source is not Source.INDEX:
        return requirement
    requirement = replace(requirement, has_musl_wheel=has_wheel(names, python_version, is_musl=True))
    if has_wheel(names, python_version):
        return requirement
    return replace(requirement, from_source=True, is_compiled=has_machine_code(names))


def read_poetry_lock(path: Path, python_version: str) -> LockFile:
    """Return what `poetry install --only main` installs.

    Locks before version 2.1 do not say which group a package is of: then all are returned.
    """
    data = read_toml(path)
    packages = [package for package in data.get("package", ()) if _is_main(package, python_version)]
    hashed = [package for package in packages if package.get("source", {}).get("type") not in ("git", "directory")]
    return LockFile(
        tuple(
            sorted((_poetry_requirement(package, python_version) for package in packages), key=lambda item: item.name)
        ),
        has_hashes=len(hashed) == len(packages),
        local_paths=tuple(
            posixpath.normpath(package["source"]["url"])
            for package in packages
            if package.get("source", {}).get("type") == "directory"
        ),
        python=data.get("metadata", {}).get("python-versions", ""),
    )


def _is_main(package: Mapping[str, Any], python_version: str) -> bool:
    groups = set(package.get("groups", MAIN_GROUPS)) & MAIN_GROUPS
    markers = package.get("markers", "")
    marker = " or ".join(f"({text})" for text in markers.values()) if isinstance(markers, dict) else markers
    return bool(groups) and not package.get("optional", False) and _holds(marker, python_version)


_POETRY_SOURCES = {"git": Source.REPOSITORY, "directory": Source.FOLDER, "file": Source.FOLDER, "url": Source.URL}


def _poetry_requirement(package: Mapping[str, Any], python_version: str) -> Requirement:
    kind = _POETRY_SOURCES.get(package.get("source", {}).get("type", ""), Source.INDEX)
    files = [entry.get("file", "") for entry in package.get("files", ())]
    requirement = Requirement(canonicalize_name(package["name"]), version=package.get("version"), source=kind)
    return _with_wheels(requirement, files, python_version) if files else requirement


def read_pdm_lock(path: Path, python_version: str) -> LockFile:
    """Return what `pdm install --prod` installs."""
    data = read_toml(path)
    found: dict[str, Requirement] = {}
    for package in data.get("package", ()):
        groups = set(package.get("groups", ("default",)))
        if not groups & MAIN_GROUPS or not _holds(package.get("marker"), python_version):
            continue
        name = canonicalize_name(package["name"])
        kind = Source.REPOSITORY if "git" in package else Source.FOLDER if "path" in package else Source.INDEX
        files = [entry.get("file", "") or entry.get("url", "") for entry in package.get("files", ())]
        extras = {*package.get("extras", ()), *(found[name].extras if name in found else ())}
        requirement = Requirement(name, tuple(sorted(extras)), package.get("version"), kind)
        found[name] = _with_wheels(requirement, files, python_version) if files else requirement
    everything = tuple(found[name] for name in sorted(found))
    strategy = data.get("metadata", {}).get("strategy", ())
    return LockFile(
        everything,
        local_paths=tuple(
            posixpath.normpath(package["path"]) for package in data.get("package", ()) if "path" in package
        ),
        has_markers="inherit_metadata" in strategy,
        has_hashes=all(requirement.source is Source.INDEX for requirement in everything),
        python=data.get("metadata", {}).get("requires_python", "")
        or next((target.get("requires_python", "") for target in data.get("metadata", {}).get("targets", ())), ""),
    )


def read_pipfile_lock(path: Path, python_version: str) -> LockFile:
    """Return what `pipenv sync` installs."""
    data = read_json(path)
    default = {
        name: entry for name, entry in data.get("default", {}).items() if _holds(entry.get("markers"), python_version)
    }
    meta = data.get("_meta", {}).get("requires", {})
    version = meta.get("python_full_version") or meta.get("python_version") or ""
    return LockFile(
        tuple(sorted((_pipenv_requirement(*item) for item in default.items()), key=lambda item: item.name)),
        has_hashes=all(entry.get("hashes") for entry in default.values()),
        local_paths=tuple(posixpath.normpath(entry["path"]) for entry in default.values() if "path" in entry),
        python=f"=={version}" if version.count(".") == 2 else f"=={version}.*" if version else "",
    )


def _pipenv_requirement(name: str, entry: Mapping[str, Any]) -> Requirement:
    kind = Source.REPOSITORY if "git" in entry else Source.FOLDER if {"path", "file"} & set(entry) else Source.INDEX
    version = str(entry.get("version", "")).removeprefix("==") or None
    return Requirement(canonicalize_name(name), tuple(sorted(entry.get("extras", ()))), version, kind)


def read_pylock(path: Path, python_version: str) -> LockFile:
    """Return what a standard lock file installs: https://packaging.python.org/en/latest/specifications/pylock-toml/."""
    data = read_toml(path)
    packages = [package for package in data.get("packages", ()) if _holds(package.get("marker"), python_version)]
    return LockFile(
        tuple(
            sorted(
                (_pylock_requirement(package, python_version) for package in packages),
                key=lambda item: item.name,
            )
        ),
        has_hashes=True,
        python=data.get("requires-python", ""),
    )


def _pylock_requirement(package: Mapping[str, Any], python_version: str) -> Requirement:
    places = {"vcs": Source.REPOSITORY, "directory": Source.FOLDER, "archive": Source.URL}
    kind = next((source for key, source in places.items() if key in package), Source.INDEX)
    requirement = Requirement(canonicalize_name(package["name"]), version=package.get("version"), source=kind)
    return _with_wheels(requirement, _wheel_names(package), python_version)


def read_pyproject_dependencies(data: Mapping[str, Any], python_version: str) -> tuple[Requirement, ...]:
    """Return the dependencies that `[project]` lists, without what they depend on."""
    return read_dependency_lines(data.get("project", {}).get("dependencies", ()), python_version)


def read_dependency_lines(lines: Iterable[str], python_version: str) -> tuple[Requirement, ...]:
    """Return the requirements in `lines` that hold on Linux; what is no requirement is passed over."""
    found = []
    if isinstance(lines, str):
        raise TypeError("a text where a list of requirements belongs")
    for line in lines:
        try:
            parsed = ParsedRequirement(line)
        except InvalidRequirement:
            continue
        if parsed.marker is None or applies(parsed.marker, python_version):
            source = Source.REPOSITORY if (parsed.url or "").startswith("git+") else Source.INDEX
            found.append(Requirement(canonicalize_name(parsed.name), tuple(sorted(parsed.extras)), source=source))
    return tuple(sorted(found, key=lambda item: item.name))


def _holds(marker: str | None, python_version: str) -> bool:
    if not marker:
        return True
    try:
        return applies(Marker(marker), python_version)
    except InvalidMarker:
        return True


Reader = Callable[[Path, str], LockFile]
