"""Keep the settings' secrets out of what is reported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from dockertools.checks.results import CheckResult

STARS = "********"
SHORTEST = 4
"""A shorter secret is also part of ordinary words, and taking it out would garble the report."""

_SECRET_KEYS = ("PASSWORD", "PASSWD", "SECRET", "TOKEN")


def find_secrets() -> frozenset[str]:
    """Return the passwords and keys of the settings, also as they stand in URLs."""
    found = {read_secret_key()}
    for name in ("DATABASES", "CACHES"):
        found |= set(_walk(getattr(settings, name, {}), is_secret=False))
    spellings = {
        spelling
        for secret in found
        for spelling in (secret, quote(secret, safe="", errors="surrogatepass"), unquote(secret))
    }
    return frozenset(secret for secret in spellings if len(secret) >= SHORTEST)


def read_secret_key() -> str:
    """Return SECRET_KEY, empty where there is none: Django raises an error on access then."""
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:
        return ""


def redact(result: CheckResult, secrets: Iterable[str]) -> CheckResult:
    """Return the result with stars in place of the secrets."""
    ordered = sorted(secrets, key=len, reverse=True)
    return replace(
        result,
        message=_redact(result.message, ordered),
        hint=_redact(result.hint, ordered),
        evidence={key: _redact(value, ordered) for key, value in result.evidence.items()},
    )


def _redact(value: Any, secrets: Iterable[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, STARS)
        return value
    if isinstance(value, Mapping):
        return {key: _redact(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redact(item, secrets) for item in value]
    return value


def _walk(value: Any, *, is_secret: bool) -> Iterable[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, is_secret=is_secret or any(word in str(key).upper() for word in _SECRET_KEYS))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _walk(item, is_secret=is_secret)
    elif isinstance(value, str) and value:
        if is_secret:
            yield value
        elif "://" in value:
            yield from _url_password(value)


def _url_password(url: str) -> Iterable[str]:
    try:
        password = urlsplit(url).password
    except ValueError:  # no URL after all
        return
    if password:
        yield password
