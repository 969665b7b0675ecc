"""How the requirements get into `/opt/venv`: each manager's own way, seen through uv."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from dockertools.project.facts import ManifestFacts, ManifestKind, ProjectFacts
from dockertools.rendering import tools

UV_CACHE = "--mount=type=cache,target=/root/.cache/uv"
EXPORTED = "/tmp/requirements.txt"  # noqa: S108  # in the builder, during one RUN
_CONSTRAINT = "/tmp/setuptools.txt"  # noqa: S108  # in the builder
_ABOUT_SETUPTOOLS = "Such a list leaves setuptools out: where something needs it, it is this one, whose hash is known."
_WITHOUT_SETUPTOOLS = (ManifestKind.REQUIREMENTS, ManifestKind.PIPENV)
"""Kinds that leave setuptools out of the list, and expect it where something needs it."""
_FREEZE = "uv pip freeze --exclude-editable > /opt/venv/requirements.lock"


Plan = tuple[str, tuple[str, ...], tuple[str, ...]]
"""Comment, mounts and commands."""


@dataclass(frozen=True)
class Installation:
    """One RUN: its mounts, and its commands joined by `&&`."""

    comment: str
    mounts: tuple[str, ...]
    commands: tuple[str, ...]


def plan_installation(facts: ProjectFacts) -> Installation:
    """Return the RUN that installs the requirements, and the server where the project has none."""
    manifest = facts.manifest
    comment, mounts, commands = _PLANS[manifest.kind](manifest)
    if any(_CONSTRAINT in command for command in commands):
        comment += f"\n# {_ABOUT_SETUPTOOLS}"
    if facts.server.is_added:
        commands += (f"uv pip install {tools.SERVERS[facts.server.name]}",)
    return Installation(comment, (UV_CACHE, *mounts), (*commands, _FREEZE))


def _bind(path: str, target: str = "", *, writable: bool = False) -> str:
    options = ",rw" if writable else ""
    return f"--mount=type=bind,source={path},target={target or path}{options}"


def _locals(manifest: ManifestFacts) -> tuple[str, ...]:
    """Bind the folders that are requirements, at the place where production has them."""
    return tuple(_bind(path, writable=True) for path in manifest.local_paths)


def _install(manifest: ManifestFacts, path: str, options: str = "") -> tuple[str, ...]:
    """Return the commands that install a list, every hash demanded where there can be one."""
    if not manifest.has_hashes or manifest.local_paths or manifest.uses_repositories:
        return (f"uv pip install {options}--requirement {path}",)
    if "setuptools" in manifest.names or manifest.kind not in _WITHOUT_SETUPTOOLS:
        return (f"uv pip install --require-hashes {options}--requirement {path}",)
    return (
        f'echo "{tools.SETUPTOOLS}" > {_CONSTRAINT}',
        f"uv pip install --require-hashes --constraint {_CONSTRAINT} {options}--requirement {path}",
    )


def _requirements(manifest: ManifestFacts) -> Plan:
    comment = "Only the requirements are seen here: a change of code does not install them again."
    options = "".join(f"{option} " for option in manifest.options)
    install = _install(manifest, manifest.files[0], options)
    if "." in manifest.local_paths:
        comment = "The requirements name the project itself, so that all of it is seen here, and any change runs this."
        return comment, ("--mount=type=bind,target=/app,rw",), install
    converted = {path: f"/tmp/encoded/{path}" for path in manifest.utf16_files}  # noqa: S108  # in the builder
    mounts = tuple(_bind(path, converted.get(path, "")) for path in manifest.files)
    folders = sorted({folder for path in converted if (folder := posixpath.dirname(path))})
    commands = [f"mkdir --parents {' '.join(folders)}"] if folders else []
    commands += [
        f"iconv --from-code=UTF-16 --to-code=UTF-8 --output={path} {encoded}" for path, encoded in converted.items()
    ]
    return comment, (*mounts, *_locals(manifest)), (*commands, *install)


def _uv(manifest: ManifestFacts) -> Plan:
    comment = "Only the lock file is seen here, whose hashes uv checks: a change of code does not install it again."
    what = "--all-packages" if manifest.is_workspace else "--no-install-project"
    sync = f"uv sync {_in_folder(manifest, '--project')}--frozen --no-default-groups {what}"
    return comment, (*map(_bind, manifest.files), *_locals(manifest)), (sync,)


def _in_folder(manifest: ManifestFacts, option: str) -> str:
    """Return the option that leads a manager to its files, where they lie below the root."""
    return "" if manifest.folder == "." else f"{option} {manifest.folder} "


def _from_export(manager: str, export: str, manifest: ManifestFacts) -> Plan:
    comment = f"{manager} says what its lock file means, and does not ship. A change of code does not run this."
    commands = (export, *_install(manifest, EXPORTED), f"rm {EXPORTED}")
    return comment, (*map(_bind, manifest.files), *_locals(manifest)), commands


def _poetry(manifest: ManifestFacts) -> Plan:
    run = f"uvx --from poetry=={tools.POETRY} --with poetry-plugin-export=={tools.POETRY_EXPORT} poetry"
    folder = _in_folder(manifest, "--directory")
    return _from_export(
        "Poetry", f"{run} {folder}export --only main --format requirements.txt --output {EXPORTED}", manifest
    )


def _pipenv(manifest: ManifestFacts) -> Plan:
    where = "" if manifest.folder == "." else f"PIPENV_PIPFILE={manifest.folder}/Pipfile "
    return _from_export("Pipenv", f"{where}uvx pipenv=={tools.PIPENV} requirements --hash > {EXPORTED}", manifest)


def _pdm(manifest: ManifestFacts) -> Plan:
    """Let PDM install itself what it cannot export: a lock file without `inherit_metadata`."""
    folder = _in_folder(manifest, "--project")
    if manifest.has_markers:
        export = f"uvx pdm=={tools.PDM} export {folder}--prod --format requirements --output {EXPORTED}"
        return _from_export("PDM", export, manifest)
    comment = "Only PDM can read its lock file without markers; it does not ship. A change of code does not run this."
    run = f"PDM_CHECK_UPDATE=0 uvx --with '{tools.PDM_BOUND}' pdm=={tools.PDM}"
    sync = f"{run} sync {folder}--prod --no-self"
    return comment, (*map(_bind, manifest.files), *_locals(manifest)), (sync,)


def _declared(manifest: ManifestFacts) -> Plan:
    comment = "Only the list of dependencies is seen here: a change of code does not install them again."
    mounts = tuple(_bind(path) for path in manifest.files)
    return comment, mounts, (f"uv pip install --requirement {manifest.files[0]}",)


def _setup(manifest: ManifestFacts) -> Plan:
    comment = "What setup.py does nobody knows before it runs, so that all of the project is seen here."
    install = f"uv pip install --requirement {manifest.files[0]}"
    return comment, ("--mount=type=bind,target=/app,rw",), (install,)


_PLANS = {
    ManifestKind.REQUIREMENTS: _requirements,
    ManifestKind.UV: _uv,
    ManifestKind.POETRY: _poetry,
    ManifestKind.PDM: _pdm,
    ManifestKind.PIPENV: _pipenv,
    ManifestKind.PYLOCK: _declared,
    ManifestKind.PYPROJECT: _declared,
    ManifestKind.SETUP: _setup,
}
