"""What images hold that are built on nothing: distroless the files that the application needs, squashed ones all."""

from __future__ import annotations

from typing import Any

from dockertools.conf import Config
from dockertools.project.facts import ProjectFacts
from dockertools.rendering.templates import read_template
from dockertools.tables import read_table

_SYSTEM_PATH = "/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def closure_values(facts: ProjectFacts, config: Config) -> dict[str, Any]:
    """Return the template's values: the script, and what it is told to keep.

    These are sonames that no file names, and the packages that are wanted, which the base may have already.
    """
    is_distroless = config.variant == "distroless"
    return {
        "variant": config.variant,
        "squash": config.squash,
        "is_from_scratch": is_distroless or config.squash,
        "path": "/opt/venv/bin" if is_distroless else _SYSTEM_PATH,
        "closure": read_template("closure.py.txt").rstrip(),
        "opened": "".join(f" {name}" for name in (*_opened_by_name(facts.manifest.names), *facts.packages.runtime)),
    }


def _opened_by_name(distributions: frozenset[str]) -> tuple[str, ...]:
    entries = (entry for name, entry in read_table("opened_by_name").items() if name in distributions)
    opened = (entry for entry in entries if distributions.isdisjoint(entry.get("unless", ())))
    return tuple(sorted({name for entry in opened for name in entry.get("libraries", ())}))
