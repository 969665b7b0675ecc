"""What the settings read from environment variables, as pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"", "0", "false", "no", "off"})
POSTGRESQL_SCHEMES = ("postgres", "postgresql")
CONNECT_SECONDS = 5

_ADDRESS = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>.*))?", re.DOTALL)
_PORT = re.compile(r"[0-9]{1,5}")
_FORMS = "Use postgresql://user:password@host:5432/name or sqlite:////folder/file.sqlite3, percent-encoded."


def read_bool(environment: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    """Return the switch `name`. Raises ImproperlyConfigured for a value that is neither on nor off."""
    value = environment.get(name, "").strip().lower()
    if name not in environment:
        return default
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {environment[name]!r}: set it to 1 or 0.")


def read_int(environment: Mapping[str, str], name: str, *, default: int) -> int:
    """Return the number `name`, zero or more. Raises ImproperlyConfigured for anything else."""
    value = environment.get(name, "").strip()
    if not value:
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise ImproperlyConfigured(f"{name} is {value!r}: set it to a whole number, zero or more.")
    return int(value)


def read_list(environment: Mapping[str, str], name: str, *, default: list[str]) -> list[str]:
    """Return the comma-separated list `name`, without empty items."""
    if name not in environment:
        return default
    return [item.strip() for item in environment[name].split(",") if item.strip()]


def read_secret(environment: Mapping[str, str], name: str) -> str:
    """Return the secret `name`, or the content of the file that `<name>_FILE` names, or nothing.

    Raises ImproperlyConfigured when that file cannot be read.
    """
    file_name = environment.get(f"{name}_FILE", "")
    if environment.get(name) or not file_name:
        return environment.get(name, "")
    try:
        return Path(file_name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ImproperlyConfigured(f"{name}_FILE names {file_name}, which cannot be read: {reason}.") from None


def parse_database_url(url: str, *, base: Path) -> dict[str, Any]:
    """Return the Django database settings that `url` means; a relative SQLite path starts at `base`.

    Forms: `postgresql://user:password@host:port/name?sslmode=require` (libpq's parameters as options, and
    `host` for a socket folder), `sqlite:///relative`, `sqlite:////absolute`, `sqlite://:memory:`; parts are
    percent-encoded. Raises ImproperlyConfigured; its message never holds the URL, which may hold a password.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # its message quotes the URL
        raise ImproperlyConfigured(f"DATABASE_URL is not a URL. {_FORMS}") from None
    if parts.scheme in POSTGRESQL_SCHEMES:
        return _postgresql(parts.netloc, parts.path, parts.query + _unencoded_rest(parts.fragment))
    if parts.scheme == "sqlite":
        return sqlite_database(_sqlite_path(parts.netloc, parts.path, base))
    scheme = f"has the unknown scheme {parts.scheme!r}" if "://" in url else "has no scheme"
    raise ImproperlyConfigured(f"DATABASE_URL {scheme}. {_FORMS}")


def sqlite_database(path: Path | str) -> dict[str, Any]:
    """Return the settings of the SQLite database in the file `path`, fit for several worker processes.

    With a write-ahead log readers do not wait for writers; a transaction that takes the write lock when it begins
    waits for its turn (`timeout`, in seconds) where one that upgrades later would fail at once.
    The source: https://docs.djangoproject.com/en/5.2/ref/databases/#sqlite-transaction-behavior
    """
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;",
        },
    }


def _postgresql(netloc: str, path: str, query: str) -> dict[str, Any]:
    credentials, _, address = netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    host, port = _split_address(address)
    options: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, **dict(parse_qsl(query))}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(path.removeprefix("/")),
        "USER": unquote(user),
        "PASSWORD": unquote(password),
        "HOST": options.pop("host", unquote(host)),
        "PORT": options.pop("port", port),
        "OPTIONS": options,
    }


def _split_address(address: str) -> tuple[str, str]:
    found = _ADDRESS.fullmatch(address)
    host, port = (found["host"], found["port"] or "") if found else ("", "not a number")
    if port and not (_PORT.fullmatch(port) and 0 < int(port) < 2**16):
        # The port is not quoted: after an unencoded "@" or ":" it is the rest of a password.
        raise ImproperlyConfigured(f"DATABASE_URL has a port that is not a number from 1 to 65535. {_FORMS}")
    return host.removeprefix("[").removesuffix("]"), port


def _unencoded_rest(fragment: str) -> str:
    if fragment:
        raise ImproperlyConfigured("DATABASE_URL has a '#': write it as %23.")
    return ""


def _sqlite_path(netloc: str, path: str, base: Path) -> Path | str:
    name = unquote(path.removeprefix("/"))
    if netloc == ":memory:" or name in {"", ":memory:"}:
        return ":memory:"
    if netloc:
        raise ImproperlyConfigured(f"DATABASE_URL has two slashes where a SQLite file needs three or four. {_FORMS}")
    return base / name
