"""The build guide's eight points, each carried out."""

from __future__ import annotations

from importlib import import_module

from dockertools.checks.outside import CHECKLIST, OutsideCheck, outside_checks

GROUPS = {"checklist": "The eight points of the build guide hold for this project, carried out and timed."}
_MODULES = ("points", "serving")


def load_checklist() -> tuple[OutsideCheck, ...]:
    """Import the modules whose functions are points of the list, which registers them, and return them."""
    for module in _MODULES:
        import_module(f"{__name__}.{module}")
    return outside_checks(CHECKLIST)
