"""All files of a project."""

from __future__ import annotations

from dataclasses import dataclass

from dockertools.conf import Config
from dockertools.project.facts import ProjectFacts
from dockertools.rendering.compose import render_compose
from dockertools.rendering.dockerfile import render_dockerfile
from dockertools.rendering.dockerignore import render_dockerignore
from dockertools.rendering.gunicorn import render_gunicorn_config

COMPOSE = "docker-compose.yml"


@dataclass(frozen=True)
class RenderedFile:
    """A file as it should be, without the ownership marker; `path` is relative to the root."""

    path: str
    body: str


def render_files(facts: ProjectFacts, config: Config) -> tuple[RenderedFile, ...]:
    """Return the files that the project needs, in the order in which they are read."""
    files = [
        RenderedFile(config.dockerfile, render_dockerfile(facts, config)),
        RenderedFile(".dockerignore", render_dockerignore(facts)),
        RenderedFile(COMPOSE, render_compose(facts, config)),
    ]
    if facts.server.name == "gunicorn":
        files.append(RenderedFile("gunicorn.conf.py", render_gunicorn_config(facts, config)))
    return tuple(files)
