"""A folder and the configuration -> ProjectFacts."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from dockertools.conf import Config
from dockertools.project.alpine import on_alpine, with_musl_wheels
from dockertools.project.databases import settle_databases
from dockertools.project.facts import ManifestFacts, Note, ProjectFacts, PythonFacts
from dockertools.project.front_end import find_front_end
from dockertools.project.layout import find_layout
from dockertools.project.manifests import Manifest, find_manifest, read_manifest
from dockertools.project.needed_files import find_needed_files
from dockertools.project.python_version import find_python, official_image
from dockertools.project.server import find_server
from dockertools.project.settings_facts import inspect_settings
from dockertools.project.system_packages import find_system_packages
from dockertools.project.workers import find_workers

Answer = TypeVar("Answer")


def _keep(notes: list[Note], answer: tuple[Answer, tuple[Note, ...]]) -> Answer:
    notes.extend(answer[1])
    return answer[0]


def _fit(notes: list[Note], root: Path, manifest: Manifest, python: PythonFacts) -> tuple[PythonFacts, ManifestFacts]:
    """Return the manifest as this version reads it, or an older one for which fewer wheels are missing."""
    best = python, *read_manifest(root, manifest, python.version)
    for version in python.older:
        if not best[1].compiled:
            break
        read = read_manifest(root, manifest, version)
        if len(read[0].compiled) < len(best[1].compiled):
            origin = f"{python.origin}, and the newest that the locked wheels are for"
            image = official_image(version, python.suite)
            best = replace(python, version=version, base_image=image, origin=origin), *read
    notes.extend(best[2])
    return best[0], best[1]


def inspect_project(config: Config, *, manage: Path | None = None) -> ProjectFacts:
    """Return what is to be known about the project in `config.root`; nothing of it is run.

    `manage` is the manage.py that this process was started by, if it was.
    Raises DockertoolsError when there is no project, or no list of requirements that can be read.
    """
    notes: list[Note] = []
    root = config.root
    layout = find_layout(root, settings_module=config.settings_module, manage=manage)
    notes.extend(layout.notes)
    python = _keep(
        notes,
        find_python(
            root,
            layout.code_folder,
            version=config.python_version,
            suite=config.suite,
            base_image=config.base_image,
        ),
    )
    python, manifest = _fit(notes, root, find_manifest(root, config.manifest, layout.code_folder), python)
    if config.variant == "alpine":
        python, manifest = on_alpine(python, config.base_image), _keep(notes, with_musl_wheels(manifest))
    settings = _keep(notes, settle_databases(_keep(notes, inspect_settings(layout)), manifest))
    front_end = _keep(notes, find_front_end(layout, config.front_end))
    return ProjectFacts(
        name=re.sub(r"[^a-z0-9]+", "-", config.image.rpartition("/")[2].partition(":")[0].lower()).strip("-"),
        manage=layout.manage,
        manifest=manifest,
        settings=settings,
        python=python,
        server=_keep(notes, find_server(layout, settings, manifest.names, config.server)),
        workers=find_workers(layout, settings, manifest.names),
        packages=_keep(notes, find_system_packages(manifest, settings, python.suite, config)),
        front_end=front_end,
        documents=tuple(dict.fromkeys((*manifest.documents, *settings.read_files))),
        needed_files=find_needed_files(layout, manifest, settings, front_end),
        notes=tuple(dict.fromkeys(notes)),
    )
