"""A folder and the configuration -> ProjectFacts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar

from dockertools.conf import Config
from dockertools.project.facts import Note, ProjectFacts
from dockertools.project.front_end import find_front_end
from dockertools.project.layout import find_layout
from dockertools.project.manifests import find_manifest, read_manifest
from dockertools.project.needed_files import find_needed_files
from dockertools.project.python_version import find_python
from dockertools.project.server import find_server
from dockertools.project.settings_facts import inspect_settings
from dockertools.project.system_packages import find_system_packages
from dockertools.project.workers import find_workers

Answer = TypeVar("Answer")


def _keep(notes: list[Note], answer: tuple[Answer, tuple[Note, ...]]) -> Answer:
    notes.extend(answer[1])
    return answer[0]


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
        find_python(root, version=config.python_version, suite=config.suite, base_image=config.base_image),
    )
    manifest = _keep(notes, read_manifest(root, find_manifest(root, config.manifest), python.version))
    settings = _keep(notes, inspect_settings(layout))
    front_end = _keep(notes, find_front_end(root))
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
