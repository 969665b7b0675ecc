"""gunicorn.conf.py, for projects that gunicorn serves."""

from __future__ import annotations

from dockertools.conf import Config
from dockertools.project.facts import ProjectFacts
from dockertools.rendering.templates import render


def render_gunicorn_config(facts: ProjectFacts, config: Config) -> str:
    """Return gunicorn's settings, with LOGGING where it names gunicorn's loggers."""
    module = facts.settings.module if facts.settings.logs_gunicorn else None
    return render("gunicorn.conf.py.txt", {"port": config.port, "module": module})
