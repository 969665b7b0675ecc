"""The checks that run in the container, a module for each group."""

from __future__ import annotations

from importlib import import_module

GROUPS = {
    "packages": "The Python packages are those that were pinned, and they import.",
    "libraries": "The shared libraries and programs that they need are there.",
    "database": "Each database answers, is migrated, and has connections to give.",
    "cache": "Each cache keeps what it is given.",
    "storage": "Static files are complete; there is room to write where it is needed.",
    "server": "The application imports, gunicorn's configuration holds, and it fits the container.",
    "security": "The process can do no more than it must, and the settings are those of production.",
    "environment": "Variables, time zones and certificate authorities are there.",
}
"""The groups in the order in which they run, and what holds when all their checks pass."""


def load_checks() -> None:
    """Import the modules whose functions are checks, which registers them."""
    for group in GROUPS:
        import_module(f"{__name__}.{group}")
