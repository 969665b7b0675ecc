"""Which system package brings a library or a program on this distribution."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockertools import tables

_MISSING_LIBRARY = re.compile(r"(?P<name>[\w.+-]+\.so[.\d]*): cannot open shared object file")


@dataclass(frozen=True)
class Distribution:
    """The Linux distribution of the container, from `/etc/os-release`; empty where that is missing."""

    id: str = ""
    suite: str = ""


def inspect_distribution(path: Path = Path("/etc/os-release")) -> Distribution:
    """Return the distribution that the file names.

    The format: https://www.freedesktop.org/software/systemd/man/latest/os-release.html
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return Distribution()
    values = {key: value.strip("\"'") for key, found, value in (line.partition("=") for line in lines) if found}
    return Distribution(values.get("ID", ""), values.get("VERSION_CODENAME", ""))


@functools.cache
def read_table(name: str) -> Mapping[str, Any]:
    """Return a table of `dockertools/data`; it is asked for each library again."""
    return tables.read_table(name)


def find_package(name: str, distribution: Distribution) -> str | None:
    """Return the package with the library (a soname, or `gdal` for libgdal) or program `name`; None when unknown.

    Alpine's packages can be asked for by what they provide: https://wiki.alpinelinux.org/wiki/APKBUILD_Reference#provides
    """
    if distribution.id == "alpine":
        return f"so:{name}" if ".so" in name else f"cmd:{name}"
    if distribution.id != "debian":
        return None
    table = read_table("system_packages")
    names: Mapping[str, str] = {**table["all"], **table.get(distribution.suite, {})}
    if name in names:
        return names[name]
    return next((package for soname, package in names.items() if soname.startswith(f"lib{name}.so")), None)


def install_hint(name: str, distribution: Distribution) -> str:
    """Return the next step for a library or program that is missing."""
    package = find_package(name, distribution)
    if package is None and distribution.id == "debian":
        return f"Find its package with `apt-file search {name}` and install that in the image's runtime stage."
    if package is None:
        return f"Install the system package that holds {name} in the image's runtime stage."
    if distribution.id == "alpine":
        return f"Install it in the image's runtime stage: apk add {package}"
    suite = f" (Debian {distribution.suite})" if distribution.suite else ""
    return f"Install it in the image's runtime stage: apt-get install {package}{suite}"


def find_missing_library(text: str) -> str | None:
    """Return the library that the dynamic linker's message in `text` is about."""
    match = _MISSING_LIBRARY.search(text)
    return match["name"] if match else None
