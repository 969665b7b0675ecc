"""What `docker_init` writes for each project in tests/data/projects, kept in tests/golden.

`python -m tests.golden` writes the files anew: read the diff before it is committed.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from dockertools.__main__ import read_configuration
from dockertools.conf import Config, make_config
from dockertools.project.facts import ProjectFacts
from dockertools.project.inspect import inspect_project
from dockertools.rendering.files import render_files

TESTS = Path(__file__).resolve().parent
PROJECTS = TESTS / "data" / "projects"
GOLDEN = TESTS / "golden"
SHAPES = tuple(sorted(folder.name for folder in PROJECTS.iterdir()))


def config_of(folder: Path) -> Config:
    """Return the configuration of a project that lies below this repository."""
    return make_config({"ROOT": folder, **read_configuration(folder)})


def inspect_shape(shape: str) -> ProjectFacts:
    """Return the facts of a project of tests/data/projects."""
    return inspect_project(config_of(PROJECTS / shape))


def render_shape(shape: str) -> dict[str, str]:
    """Return the files of a project by name, without gunicorn.conf.py, which is the same for all."""
    config = config_of(PROJECTS / shape)
    rendered = render_files(inspect_project(config), config)
    return {file.path: file.body for file in rendered if file.path != "gunicorn.conf.py"}


def write_all() -> None:
    """Write the golden files of all shapes, and remove those of shapes that are gone."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for shape in SHAPES:
        (GOLDEN / shape).mkdir(parents=True)
        for name, text in render_shape(shape).items():
            (GOLDEN / shape / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    import django
    from django.conf import settings

    settings.configure(USE_TZ=True)
    django.setup()
    write_all()
