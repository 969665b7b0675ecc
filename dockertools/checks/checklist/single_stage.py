"""The Dockerfile of the same project in one stage: what the guide compares with. Pure."""

from __future__ import annotations

import re

from dockertools.build.dockerfile import Stage, read_stages

STAGE = "dockertools-single-stage"
_NAMES = ("builder", "build", "python-build-stage", "compile", "deps", "dependencies")
INSTALLS = re.compile(r"\b(pip|pip3|uv|poetry|pipenv|pdm)\b[^\n]*\b(install|sync)\b")
"""A step that installs Python packages."""
_FROM = re.compile(r"--from=(\S+)")


def find_builder(dockerfile: str) -> str | None:
    """Return the stage that installs and is copied from: by its usual name, or by what it does; None without one."""
    stages = read_stages(dockerfile)
    named = {stage.name.lower(): stage for stage in stages[:-1] if stage.name}
    for name in _NAMES:
        if name in named and _installs(named[name]):
            return named[name].name
    copied = [
        match[1].lower() for stage in stages for step in stage.instructions if (match := _FROM.search(step.value))
    ]
    return next((named[name].name for name in copied if name in named and _installs(named[name])), None)


def single_stage_text(dockerfile: str, builder: str) -> str:
    """Return the Dockerfile with one more stage: the builder with all of the code, as one ships without stages."""
    return f"{dockerfile.rstrip()}\n\nFROM {builder} AS {STAGE}\nCOPY . .\n"


def _installs(stage: Stage) -> bool:
    return any(step.name == "RUN" and INSTALLS.search(step.value) for step in stage.instructions)
