"""Find the list of requirements, and read it with the reader of its kind."""

from __future__ import annotations

import configparser
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockertools.errors import DockertoolsError
from dockertools.project import locks
from dockertools.project.facts import ManifestFacts, ManifestKind, Note
from dockertools.project.python_version import setup_arguments
from dockertools.project.requirements import read_requirements

REQUIREMENTS_FILES = (
    "requirements.txt",
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements/requirements.txt",
    "requirements/base.txt",
    "requirements/common.txt",
    "requirements/main.txt",
    "requirements-production.txt",
    "requirements-prod.txt",
    "reqs.txt",
)
"""In the order of preference; a file for production comes before the one that it includes."""
UNKNOWN = {
    "environment.yml": "conda",
    "environment.yaml": "conda",
    "conda-lock.yml": "conda",
    "pixi.lock": "pixi",
    "Pipfile": "Pipenv without its Pipfile.lock",
}
_LOCKS: dict[ManifestKind, tuple[locks.Reader, tuple[str, ...]]] = {
    ManifestKind.UV: (locks.read_uv_lock, ("pyproject.toml",)),
    ManifestKind.POETRY: (locks.read_poetry_lock, ("pyproject.toml",)),
    ManifestKind.PDM: (locks.read_pdm_lock, ("pyproject.toml",)),
    ManifestKind.PIPENV: (locks.read_pipfile_lock, ("Pipfile",)),
    ManifestKind.PYLOCK: (locks.read_pylock, ()),
}
_BACKEND_TABLES = ("hatch", "setuptools", "flit", "pdm", "maturin", "uv")


@dataclass(frozen=True)
class Manifest:
    """Which file it is."""

    kind: ManifestKind
    path: str


def find_manifest(root: Path, chosen: str | None, code_folder: str = ".") -> Manifest:
    """Return the manifest: the configured one, else a lock file, a requirements file, pyproject.toml or setup.py.

    It is looked for in the root, and then beside manage.py.
    Raises DockertoolsError when there is none, with what was found instead.
    """
    if chosen is not None:
        if not (root / chosen).is_file():
            raise DockertoolsError(
                f"The manifest {chosen} is not in {root}.", hint="Set DOCKERTOOLS['MANIFEST'] to one that is."
            )
        return Manifest(_kind_of(chosen), chosen)
    for folder in dict.fromkeys((".", code_folder)):
        prefix = "" if folder == "." else f"{folder}/"
        for manifest in _candidates(root / folder):
            return Manifest(manifest.kind, f"{prefix}{manifest.path}")
    raise _missing(root)


def _candidates(root: Path) -> Iterator[Manifest]:
    yield from (Manifest(kind, kind.value) for kind in _LOCKS if (root / kind.value).is_file())
    names = sorted((name for name in REQUIREMENTS_FILES if (root / name).is_file()), key=REQUIREMENTS_FILES.index)
    yield from (Manifest(ManifestKind.REQUIREMENTS, name) for name in names)
    if (root / "pyproject.toml").is_file() and _lists_dependencies(root / "pyproject.toml"):
        yield Manifest(_kind_of_pyproject(root / "pyproject.toml"), "pyproject.toml")
    yield from (Manifest(ManifestKind.SETUP, name) for name in ("setup.py", "setup.cfg") if (root / name).is_file())


def _lists_dependencies(path: Path) -> bool:
    project = locks.read_toml(path).get("project", {})
    if not isinstance(project, dict):
        raise DockertoolsError(f"{path} is not in its format: [project] is no table.", code="manifest-format")
    return bool(project.get("dependencies")) or "dependencies" in project.get("dynamic", ())


def _kind_of_pyproject(path: Path) -> ManifestKind:
    """Return SETUP where only a build of the project tells what it depends on."""
    is_dynamic = "dependencies" in locks.read_toml(path).get("project", {}).get("dynamic", ())
    return ManifestKind.SETUP if is_dynamic else ManifestKind.PYPROJECT


def _kind_of(path: str) -> ManifestKind:
    name = path.rpartition("/")[2]
    if name == "setup.cfg":
        return ManifestKind.SETUP
    named = (kind for kind in ManifestKind if kind.value == name)
    return next(named, ManifestKind.REQUIREMENTS)


def _missing(root: Path) -> DockertoolsError:
    known = [name for name in UNKNOWN if (root / name).is_file()]
    if known:
        return DockertoolsError(
            f"{known[0]} is a manifest of {UNKNOWN[known[0]]}, which cannot be installed from.",
            hint="Write a lock file or a requirements.txt beside it, for example with `pip freeze > requirements.txt`.",
        )
    pyproject = locks.read_toml(root / "pyproject.toml") if (root / "pyproject.toml").is_file() else {}
    if "poetry" in pyproject.get("tool", {}):
        return DockertoolsError("pyproject.toml is Poetry's, and there is no poetry.lock.", hint="Run `poetry lock`.")
    if groups := pyproject.get("dependency-groups"):
        return DockertoolsError(
            f"pyproject.toml has no [project] dependencies, only groups: {', '.join(groups)}.",
            hint="Write what production needs to a list: `uv export --only-group NAME > requirements.txt`.",
            code="no-manifest",
        )
    names = [*(kind.value for kind in ManifestKind), *REQUIREMENTS_FILES]
    broken = [name for name in names if (root / name).is_symlink() or (root / name).exists()]
    found = f"; {broken[0]} is there, and is no file that can be read" if broken and not pyproject else ""
    return DockertoolsError(
        f"{root} has no list of requirements: no lock file, requirements.txt, pyproject.toml or setup.py{found}.",
        hint="Write one, or name yours in DOCKERTOOLS['MANIFEST'].",
        code="no-manifest",
    )


def read_manifest(root: Path, manifest: Manifest, python_version: str) -> tuple[ManifestFacts, tuple[Note, ...]]:
    """Return what the manifest says, for this version of Python.

    Raises DockertoolsError when it cannot be read.
    """
    if manifest.kind is ManifestKind.REQUIREMENTS:
        return _read_requirements_file(root, manifest, python_version)
    with locks.as_expected(root / manifest.path):
        if manifest.kind in _LOCKS:
            return _read_lock(root, manifest, python_version)
        return _read_declared(root, manifest, python_version)


def _read_requirements_file(root: Path, manifest: Manifest, version: str) -> tuple[ManifestFacts, tuple[Note, ...]]:
    read = read_requirements(root, manifest.path, python_version=version)
    if manifest.path not in read.files:
        raise DockertoolsError(f"{read.notes[0]}.", hint="Write it as UTF-8.", code="manifest-format")
    notes = list(read.notes)
    notes += [Note("is UTF-16; the build converts it. Save it as UTF-8", name) for name in read.utf16_files]
    without_hash = [name for name in read.left_out if name != "setuptools"]
    if read.has_hashes and without_hash:
        names = ", ".join(without_hash)
        notes.append(
            Note(f"leaves {names} out, which come without a hash; `pip-compile --allow-unsafe`", manifest.path)
        )
    unpinned = [item.name for item in read.requirements if not item.version and item.name not in read.constrained]
    if unpinned:
        notes.append(Note(f"does not pin {_some(unpinned)}: builds on different days differ", manifest.path))
    return (
        ManifestFacts(
            kind=manifest.kind,
            files=read.files,
            requirements=tuple(item for item in read.requirements if item.name),
            has_everything=read.has_hashes,
            has_hashes=read.has_hashes and not without_hash,
            utf16_files=read.utf16_files,
            local_paths=read.local_paths,
            options=read.options,
        ),
        tuple(notes),
    )


def _read_lock(root: Path, manifest: Manifest, version: str) -> tuple[ManifestFacts, tuple[Note, ...]]:
    read, beside = _LOCKS[manifest.kind]
    lock = read(root / manifest.path, version)
    folder = manifest.path.rpartition("/")[0]
    others = [f"{folder}/{name}".lstrip("/") for name in beside]
    home = root / folder
    missing = [name for name in others if not (root / name).is_file()]
    if missing:
        raise DockertoolsError(
            f"{manifest.path} lies there without {missing[0]}, which it was made from.",
            hint=f"Restore {missing[0]}, or name another file in DOCKERTOOLS['MANIFEST'].",
        )
    pyproject = locks.read_toml(root / others[0]) if others[:1] == ["pyproject.toml"] else {}
    facts = ManifestFacts(
        kind=manifest.kind,
        files=(manifest.path, *others, *(_inside(folder, f"{member}/pyproject.toml") for member in lock.members)),
        requirements=lock.requirements,
        has_everything=True,
        has_hashes=lock.has_hashes,
        has_markers=lock.has_markers,
        is_workspace=lock.is_workspace,
        local_paths=tuple(_inside(folder, path) for path in lock.local_paths),
        installs_project=needs_installation(home, pyproject),
        documents=tuple(_inside(folder, name) for name in _documents(home, pyproject)),
    )
    if not facts.compiled:
        return facts, ()
    message = f"has no wheel for Python {version} of {_some(facts.compiled)}: the image compiles it"
    return facts, (Note(message, manifest.path),)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _inside(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path))


def _read_declared(root: Path, manifest: Manifest, version: str) -> tuple[ManifestFacts, tuple[Note, ...]]:
    folder = manifest.path.rpartition("/")[0]
    home = root / folder
    pyproject = locks.read_toml(home / "pyproject.toml") if (home / "pyproject.toml").is_file() else {}
    if manifest.kind is ManifestKind.PYPROJECT:
        requirements = locks.read_pyproject_dependencies(pyproject, version)
    else:
        requirements = locks.read_dependency_lines(_setup_dependencies(home), version)
    names = [name for name in ("pyproject.toml", "setup.cfg", "setup.py") if (home / name).is_file()]
    others = [_inside(folder, name) for name in names]
    return (
        ManifestFacts(
            kind=manifest.kind,
            files=(manifest.path, *(name for name in others if name != manifest.path)),
            requirements=requirements,
            has_everything=False,
            has_hashes=False,
            installs_project=needs_installation(home, pyproject),
            documents=tuple(_inside(folder, name) for name in _documents(home, pyproject)),
        ),
        (Note("pins nothing: builds on different days differ. `uv lock` writes a lock file", manifest.path),),
    )


def _setup_dependencies(root: Path) -> list[str]:
    if (root / "setup.py").is_file():
        found = dict(setup_arguments(root / "setup.py")).get("install_requires", ())
        if found:
            return [found] if isinstance(found, str) else list(found)
    parser = configparser.ConfigParser(interpolation=None)
    if (root / "setup.cfg").is_file():
        try:
            parser.read_string((root / "setup.cfg").read_text(encoding="utf-8", errors="replace"))
        except configparser.Error as error:
            raise DockertoolsError(f"{root / 'setup.cfg'} cannot be read: {error}.") from error
    return parser.get("options", "install_requires", fallback="").splitlines()


def _documents(root: Path, pyproject: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the README and licence files that a build of the project reads."""
    project, poetry = pyproject.get("project", {}), pyproject.get("tool", {}).get("poetry", {})
    named = [project.get("readme"), poetry.get("readme"), project.get("license"), project.get("license-files")]
    flat = [value.get("file") if isinstance(value, dict) else value for value in named]
    names = [name for value in flat for name in (value if isinstance(value, list) else [value])]
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and (root / name).is_file()))


def needs_installation(root: Path, pyproject: Mapping[str, Any]) -> bool:
    """Tell whether the project has to be installed to be found: it lies in `src/`, or has scripts of its own."""
    if "build-system" not in pyproject:
        return False
    tool = pyproject.get("tool", {})
    poetry, project = tool.get("poetry", {}), pyproject.get("project", {})
    if tool.get("uv", {}).get("package") is False or poetry.get("package-mode") is False:
        return False
    name = re.sub(r"[-_.]+", "_", project.get("name") or poetry.get("name") or "").lower()
    if (root / "src" / name).is_dir():
        return True
    has_scripts = any((project.get("scripts"), project.get("entry-points"), poetry.get("scripts")))
    return has_scripts and ((root / name).is_dir() or any(table in tool for table in _BACKEND_TABLES))
