"""The tables of `dockertools/data`: what is known is data, and read in one place."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any


def read_table(name: str) -> dict[str, Any]:
    """Return the table `dockertools/data/<name>.toml`, a new one each time, so that its reader may change it."""
    return tomllib.loads(read_data(f"{name}.toml"))


def read_data(name: str) -> str:
    """Return the text of the file `dockertools/data/<name>`."""
    return resources.files("dockertools").joinpath("data", name).read_text(encoding="utf-8")
