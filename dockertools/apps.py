"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig


class DockertoolsConfig(AppConfig):
    """Adds the `docker_*` management commands."""

    name = "dockertools"
    verbose_name = "Docker tools"
