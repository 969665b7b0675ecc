"""The Django app."""

from __future__ import annotations

import sys
from types import ModuleType

from django.apps import AppConfig
from django.core import checks


class DockertoolsConfig(AppConfig):
    """Adds the `docker_*` management commands, and checks to `manage.py check --deploy`."""

    name = "dockertools"
    verbose_name = "Docker tools"

    def __init__(self, app_name: str, app_module: ModuleType | None) -> None:
        super().__init__(app_name, app_module)
        if sys.argv[1:2] == ["docker_check"]:
            from dockertools.checks.rescue import load_in_child  # noqa: PLC0415  # no other command needs it

            load_in_child(sys.argv)

    def ready(self) -> None:
        """Register the checks that need settings alone."""
        from dockertools.checks.system import check_settings  # noqa: PLC0415  # not before the settings are there

        checks.register(check_settings, "dockertools", deploy=True)
