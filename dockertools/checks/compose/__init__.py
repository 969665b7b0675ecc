"""The checks of a compose project."""

from __future__ import annotations

from importlib import import_module

from dockertools.checks.outside import COMPOSE, OutsideCheck, outside_checks

GROUPS = {
    "code": "What runs in production is what was built.",
    "isolation": "A service can do no more with the host than it must.",
    "values": "Secrets stand in no file, and images are pinned.",
    "running": "Services that hang, fail or grow are noticed, ended and started again.",
}
"""The groups in the order in which they run, and what holds when all their checks pass."""
_MODULES = ("isolation", "running", "values")


def load_compose_checks() -> tuple[OutsideCheck, ...]:
    """Import the modules whose functions are checks, which registers them, and return the checks."""
    for module in _MODULES:
        import_module(f"{__name__}.{module}")
    return outside_checks(COMPOSE)
