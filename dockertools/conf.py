"""`settings.DOCKERTOOLS` as one checked, frozen object.

`python -m dockertools` puts `[tool.dockertools]` of pyproject.toml into the same setting, so this is the one way in.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from django.conf import settings

from dockertools.errors import UsageError
from dockertools.sizes import parse_size

COMPOSE_FILE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
ROOT_MARKERS = ("Dockerfile", *COMPOSE_FILE_NAMES, ".git")
INFERRED = "..."
VARIANTS = ("slim", "alpine", "distroless")


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the project says about itself; None and `"..."` stand for "work it out".

    `max_size` is in bytes; `dockerfile` and `manifest` are relative to `root`.
    """

    root: Path
    image: str
    dockerfile: str = "Dockerfile"
    variant: str = "slim"
    squash: bool = False
    python_version: str | None = None
    suite: str | None = None
    base_image: str | None = None
    manifest: str | None = None
    settings_module: str | None = None
    server: str | None = None
    front_end: str | None = None
    """The folder of a package.json with a build, empty for none."""
    port: int = 8000
    health_path: str = "/healthz"
    ready_path: str = "/readyz"
    build_packages: tuple[str, ...] = (INFERRED,)
    runtime_packages: tuple[str, ...] = (INFERRED,)
    programs: tuple[str, ...] = (INFERRED,)
    languages: tuple[str, ...] = (INFERRED,)
    service: str | None = None
    modes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    max_size: int | None = None
    silenced: Mapping[str, str] = field(default_factory=dict)


def get_config() -> Config:
    """Return the configuration of the project whose settings are active.

    Raises UsageError for a key that does not exist or a value of the wrong type.
    """
    return make_config(getattr(settings, "DOCKERTOOLS", {}))


def make_config(values: Any, *, start: Path | None = None) -> Config:
    """Return the Config that `values` (the setting's dictionary) describes.

    `start` is the folder from which the root is looked for, by default that of manage.py.
    Raises UsageError as `get_config` does.
    """
    if not isinstance(values, Mapping):
        raise UsageError(f"DOCKERTOOLS must be a dictionary, not {type(values).__name__}.")
    checked = {key.lower(): _check(key, value) for key, value in values.items()}
    root = checked.pop("root", None) or find_root(start or _start_folder())
    checked.setdefault("image", f"{image_name(root)}:latest")
    return Config(root=root, **checked)


def find_root(start: Path) -> Path:
    """Return the nearest folder at or above `start` with a Dockerfile, a compose file or .git, else `start`."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if any((folder / marker).exists() for marker in ROOT_MARKERS):
            return folder
    return start


def image_name(root: Path) -> str:
    """Return the folder's name as a repository name.

    The rule: https://github.com/distribution/reference/blob/main/reference.go (`path-component`).
    """
    parts = re.findall(r"[a-z0-9]+", root.name.lower())
    return "-".join(parts) or "django"


def _start_folder() -> Path:
    script = Path(sys.argv[0])
    return script.parent if script.name == "manage.py" else Path.cwd()


def _check(key: str, value: Any) -> Any:
    reader = _READERS.get(key)
    if reader is None:
        close = difflib.get_close_matches(key.upper(), _READERS, 1)
        hint = f"Did you mean {close[0]!r}?" if close else f"Known keys: {', '.join(sorted(_READERS))}."
        raise UsageError(f"DOCKERTOOLS has no key {key!r}.", hint=hint)
    try:
        return reader(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"DOCKERTOOLS[{key!r}] {error}, not {value!r}.") from None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError("must be a non-empty string")
    return value


def _folder(value: Any) -> Path:
    path = Path(_path(value)).resolve()
    if not path.is_dir():
        raise ValueError("must be an existing folder")
    return path


def _path(value: Any) -> str:
    return _text(str(value) if isinstance(value, Path) else value)


def _variant(value: Any) -> str:
    if value not in VARIANTS:
        raise ValueError(f"must be one of {', '.join(VARIANTS)}")
    return _text(value)


def _front_end(value: Any) -> str:
    return "" if value is False else _path(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("must be True or False")
    return value


def _port(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**16:
        raise ValueError("must be a port number from 1 to 65535")
    return value


def _url_path(value: Any) -> str:
    if not _text(value).startswith("/"):
        raise ValueError("must begin with a slash")
    return str(value)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise TypeError("must be a list of strings")
    return tuple(_text(item) for item in value)


def _modes(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping) or set(value) - {"dev", "prod"}:
        raise TypeError('must be {"dev": [files], "prod": [files]}')
    return {mode: _texts(names) for mode, names in value.items()}


def _size(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    try:
        return parse_size(_text(value))
    except UsageError:
        raise ValueError("must be a size such as '400MB'") from None


def _reasons(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError("must be {check id: reason}")
    return {_text(key): _text(reason) for key, reason in value.items()}


_SPECIAL_READERS: dict[str, Callable[[Any], Any]] = {
    "ROOT": _folder,
    "DOCKERFILE": _path,
    "MANIFEST": _path,
    "VARIANT": _variant,
    "SQUASH": _flag,
    "FRONT_END": _front_end,
    "PORT": _port,
    "HEALTH_PATH": _url_path,
    "READY_PATH": _url_path,
    "BUILD_PACKAGES": _texts,
    "RUNTIME_PACKAGES": _texts,
    "PROGRAMS": _texts,
    "LANGUAGES": _texts,
    "MODES": _modes,
    "MAX_SIZE": _size,
    "SILENCED": _reasons,
}
_READERS: dict[str, Callable[[Any], Any]] = {
    entry.name.upper(): _SPECIAL_READERS.get(entry.name.upper(), _text) for entry in fields(Config)
}
