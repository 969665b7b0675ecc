"""What a check function is given."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dockertools.checks.results import CheckResult, Status
from dockertools.conf import Config


@dataclass(frozen=True)
class PythonEnvironment:
    """Where the interpreter and the installed distributions are."""

    executable: Path
    prefix: Path
    library_folders: tuple[Path, ...]
    """Folders with code: the environment's site-packages and the interpreter's own modules, no folder twice."""
    site_packages: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True)
class CheckContext:
    """The project as it was found; `earlier` are the results of the checks that ran before this one.

    `setup_error` is set when `django.setup()` failed: then there are settings at best, and no models.
    """

    config: Config
    environment: PythonEnvironment
    setup_error: str | None = None
    earlier: Mapping[str, tuple[CheckResult, ...]] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.config.root

    def failed_values(self, check_id: str, key: str) -> frozenset[str]:
        """Return `evidence[key]` of the failures of a check that ran before, such as the aliases without a server."""
        results = self.earlier.get(check_id, ())
        return frozenset(
            str(result.evidence[key]) for result in results if result.status is Status.FAIL and key in result.evidence
        )


def inspect_environment() -> PythonEnvironment:
    """Return the environment that this process runs in."""
    paths = sysconfig.get_paths()
    site_packages = _distinct(paths["purelib"], paths["platlib"])
    # In a virtual environment `platstdlib` names a folder in it where there is no standard library.
    modules = sysconfig.get_path("platstdlib", vars={"platbase": sys.base_exec_prefix})
    return PythonEnvironment(
        executable=Path(sys.executable),
        prefix=Path(sys.prefix),
        library_folders=_distinct(*map(str, site_packages), paths["stdlib"], modules),
        site_packages=site_packages,
    )


def _distinct(*names: str) -> tuple[Path, ...]:
    folders: dict[Path, None] = {}
    for name in names:
        folder = Path(name)
        if not any(folder.is_relative_to(known) for known in folders):
            folders[folder] = None
    return tuple(folders)
