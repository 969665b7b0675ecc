"""The checks of an image from outside, a module for each few groups."""

from __future__ import annotations

from importlib import import_module

from dockertools.checks.outside import IMAGE, OutsideCheck, outside_checks

GROUPS = {
    "user": "The image says which user its containers run as, and it is not root.",
    "leftovers": "What only a build needs stayed in the build.",
    "secrets": "No variable, build argument, command or file of any layer holds a secret.",
    "contents": "The files are those of the application, and nobody can do more with them than they must.",
    "start": "What is started can be stopped, and says whether it is well.",
    "base": "What the image is made from is known, pinned and supported.",
    "weight": "Every byte and package is of use, and every library is there.",
}
"""The groups in the order in which they run, and what holds when all their checks pass."""
_MODULES = ("start", "leftovers", "secrecy", "contents", "base", "weight")


def load_image_checks() -> tuple[OutsideCheck, ...]:
    """Import the modules whose functions are checks, which registers them, and return the checks."""
    for module in _MODULES:
        import_module(f"{__name__}.{module}")
    return outside_checks(IMAGE)
