"""gunicorn.conf.py, for projects that gunicorn serves."""

from __future__ import annotations

from dockertools.conf import Config
from dockertools.rendering.templates import render


def render_gunicorn_config(config: Config) -> str:
    """Return gunicorn's settings."""
    return render("gunicorn.conf.py.txt", {"port": config.port})
