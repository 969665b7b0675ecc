"""Which compose files are in force, and who says so."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dockertools.compose.env_file import FILES, decode, read_value, values_of
from dockertools.errors import DockertoolsError, UsageError

ENV_NAME = ".env"
SEPARATOR = "COMPOSE_PATH_SEPARATOR"
_TRUE = frozenset({"1", "t", "true"})
_INITIAL_ENVIRONMENT = Path("/proc/self/environ")


@dataclass(frozen=True)
class CurrentFiles:
    """The files that COMPOSE_FILE names, None when nothing does; `env_text` is .env, None when there is none."""

    root: Path
    files: tuple[str, ...] | None
    origin: str
    env_text: str | None
    separator: str = os.pathsep

    @property
    def is_from_environment(self) -> bool:
        """Whether the environment says it, which goes before .env."""
        return self.files is not None and self.origin.endswith("environment")

    def join(self, files: Sequence[str]) -> str:
        """Return the value of COMPOSE_FILE for `files`.

        Raises UsageError for a name with the separator in it.
        """
        odd = [name for name in files if self.separator in name or "\n" in name]
        if odd:
            raise UsageError(
                f"The file name {odd[0]!r} holds {self.separator!r}, which separates the names in COMPOSE_FILE.",
                hint=f"Rename it, or set {SEPARATOR} in .env to another character.",
            )
        return self.separator.join(files)

    def profiles(self, environment: Mapping[str, str] = os.environ) -> frozenset[str]:
        """Return the profiles that are switched on."""
        written = values_of(self.env_text or "").get("COMPOSE_PROFILES", "")
        return frozenset(filter(None, environment.get("COMPOSE_PROFILES", written).split(",")))


def read_current(root: Path, environment: Mapping[str, str] = os.environ) -> CurrentFiles:
    """Return what is in force for a compose that is run in `root`.

    Raises DockertoolsError for an .env that cannot be read, or whose COMPOSE_FILE is put together from variables.
    """
    text = _read_env(root / ENV_NAME)
    written = read_value(text, FILES) if text else None
    if written is not None and written.uses_variables:
        raise DockertoolsError(
            f"COMPOSE_FILE in .env is put together from variables: {written.value}",
            hint="Write the names of the files out; the switch replaces this value and could not bring it back.",
            code="compose-file-variable",
        )
    own = read_value(text or "", SEPARATOR)
    separator = environment.get(SEPARATOR) or (own.value if own else "") or os.pathsep
    if _is_conflict(environment, written.value if written else None):
        files = _split(environment[FILES], separator)
        return CurrentFiles(root, files or None, "COMPOSE_FILE in the environment", text, separator)
    files = _split(written.value, separator) if written else ()
    return CurrentFiles(root, files or None, "COMPOSE_FILE in .env" if files else "", text, separator)


def require_env_in_force(current: CurrentFiles, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse to switch where the environment keeps .env from deciding.

    Raises DockertoolsError.
    """
    if current.is_from_environment:
        raise DockertoolsError(
            f"COMPOSE_FILE is set in the environment ({environment[FILES]}), which goes before .env.",
            hint="Run `unset COMPOSE_FILE`, then run this again.",
            code="compose-file-in-environment",
        )
    if environment.get("COMPOSE_ENV_FILES"):
        raise DockertoolsError(
            f"COMPOSE_ENV_FILES is set in the environment ({environment['COMPOSE_ENV_FILES']}), and .env is not read.",
            hint="Run `unset COMPOSE_ENV_FILES`, then run this again.",
            code="env-not-read",
        )
    if environment.get("COMPOSE_DISABLE_ENV_FILE", "").lower() in _TRUE:
        raise DockertoolsError(
            "COMPOSE_DISABLE_ENV_FILE is set in the environment: compose does not read .env.",
            hint="Run `unset COMPOSE_DISABLE_ENV_FILE`, then run this again.",
            code="env-not-read",
        )


def current_variables(current: CurrentFiles) -> dict[str, str]:
    """Return what makes compose run what is in force, also where the environment holds an older value."""
    return {} if current.files is None else {FILES: current.join(current.files), SEPARATOR: current.separator}


def _read_env(path: Path) -> str | None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DockertoolsError(
                f"{path.name} is no regular file.", hint="Put the variables into a file.", code="env-no-file"
            )
        return decode(path.read_bytes())
    except FileNotFoundError:
        if path.is_symlink():
            raise DockertoolsError(
                f"{path.name} is a link to {path.readlink()}, which is not there.",
                hint="Make that file, or remove the link.",
                code="env-broken-link",
            ) from None
        return None
    except OSError as error:
        raise DockertoolsError(
            f"{path.name} cannot be read: {error.strerror}.", hint="Check who owns it.", code="env-denied"
        ) from error


def _is_conflict(environment: Mapping[str, str], written: str | None) -> bool:
    """Return whether the environment's COMPOSE_FILE is not simply what the settings loaded out of .env."""
    value = environment.get(FILES)
    if not value:
        return False
    return value != written or FILES in _initial_environment()


def _initial_environment() -> frozenset[str]:
    """Return the names that this process was started with; empty where the system does not tell."""
    try:
        entries = _INITIAL_ENVIRONMENT.read_bytes().split(b"\0")
    except OSError:
        return frozenset()
    return frozenset(entry.partition(b"=")[0].decode(errors="replace") for entry in entries)


def _split(value: str, separator: str) -> tuple[str, ...]:
    return tuple(name.removeprefix("./") for name in value.split(separator) if name)
