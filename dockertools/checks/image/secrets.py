"""What is a secret: by a file's name, by its content, by a variable's name and value. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from urllib.parse import unquote, urlsplit

from dockertools.context.risks import find_token_in
from dockertools.tables import read_table

SECRET_CODES = ("env-file", "private-key", "credentials", "database")
"""Groups of `context_risks.toml` whose names are those of secrets, or of data of people."""
_VARIABLE = re.compile(
    r"(^|_)(SECRET|SECRET_?KEY|PASSWORD|PASSWD|PASSPHRASE|PASS|PWD|TOKEN|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY"
    r"|ENCRYPTION_?KEY|SIGNING_?KEY|CREDENTIALS?)$",
    re.IGNORECASE,
)
_NO_VALUE = re.compile(r"|true|false|yes|no|on|off|none|null|\d{1,3}|/[\w./-]*|\$.*|\{.*|<.*>|\*+|x+", re.IGNORECASE)
# What is rare is searched, and what must stand before it looked at then: the other way round takes five times as long.
_URL = re.compile(rb"://[^\s:/@\"'<>{}$%]{1,80}:([^\s:/@\"'<>{}$]{1,200})@[\w.-]")
_SCHEME = re.compile(rb"\b[a-z][a-z0-9+.-]{1,20}\Z", re.IGNORECASE)
_DJANGO_KEY = re.compile(
    rb"^[ \t]*SECRET_KEY[ \t]*(?::[ \t]*str[ \t]*)?=[ \t]*[rb]?([\"'])([^\"'\n]{20,200})\1[ \t]*(?:#.*)?\r?$",
    re.MULTILINE,
)
_ASSIGNED = re.compile(rb"[:=]\s{0,3}[\"']([A-Za-z0-9+/=_.!@#%^&*-]{16,200})[\"']")
_SECRET_NAME = re.compile(
    rb"(?:^|[\s\"'_.-])(?:password|passwd|secret|secret_?key|token|api_?key|access_?key|private_?key)[\"']?\s{0,3}[:=]?\Z",
    re.IGNORECASE,
)
_LOOK_BACK = 40
"""Bytes: more than a scheme, or a name and what may follow it, takes."""
_INSTALLED = re.compile(r"(.*/)?(site|dist)-packages/.*|usr/(local/)?(lib|share|include|src)/.*|lib/.*|var/lib/.*")
_LEAST_ENTROPY = 3.5


def find_secret(path: str, content: bytes) -> tuple[str, str] | None:
    """Return the code and the reason when the content holds a secret; `content` may be a piece of the file.

    Keys and tokens with a shape of their own are looked for everywhere; what only looks like a secret by its
    surroundings, not in installed packages: their examples and tests are full of it, and they are public.
    """
    found = find_token_in(content)
    if found or path.endswith(".pyc") or _INSTALLED.fullmatch(path):
        return found
    if path.endswith(".py") and b"SECRET_KEY" in content and any(map(_is_secret, _DJANGO_KEY.finditer(content))):
        return "django-secret-key", "holds a SECRET_KEY"
    if any(map(_is_secret, _behind(_SCHEME, _URL, content))):
        return "url-password", "holds a URL with a password"
    if any(looks_random(match[1].decode()) for match in _behind(_SECRET_NAME, _ASSIGNED, content)):
        return "hard-coded-secret", "holds a value that looks like a password or key"
    return None


def _is_secret(match: re.Match[bytes]) -> bool:
    return not is_placeholder(match[match.lastindex or 0].decode(errors="replace"))


def _behind(before: re.Pattern[bytes], pattern: re.Pattern[bytes], content: bytes) -> Iterator[re.Match[bytes]]:
    """Yield where the content has `pattern` right behind `before`."""
    for match in pattern.finditer(content):
        if before.search(content, max(0, match.start() - _LOOK_BACK), match.start()):
            yield match


def is_own_byte_code(path: str) -> bool:
    """Tell whether the path is that of compiled code of the application: it keeps the constants of its source."""
    return path.endswith(".pyc") and not _INSTALLED.fullmatch(path)


def find_secret_name(path: str) -> tuple[str, str] | None:
    """Return the code and the reason when the path is that of a secret; the first rule of the table that fits."""
    for pattern, exceptions, code, reason in _name_rules():
        if pattern.search(path) and not (exceptions and exceptions.search(path)):
            return code, reason
    return None


@cache
def _name_rules() -> tuple[tuple[re.Pattern[str], re.Pattern[str] | None, str, str], ...]:
    return tuple(
        (
            _any_of(group["rules"]),
            _any_of(group["except"]) if "except" in group else None,
            group["code"],
            group["reason"],
        )
        for group in read_table("context_risks")["names"]
        if group["code"] in SECRET_CODES
    )


def _any_of(rules: list[str]) -> re.Pattern[str]:
    """Return the rules, all of which begin with `**/`, as one pattern; a folder's name stands for all below it."""
    names = (re.escape(rule.removeprefix("**/")).replace(r"\*", "[^/]*") for rule in rules)
    return re.compile(rf"(?:^|/)(?:{'|'.join(names)})(?:/|$)")


def is_secret_variable(name: str, value: str) -> bool:
    """Tell whether a variable hands on a secret: by its name, or by a token or a URL's password in its value."""
    if find_token_in(value.encode()) or url_password(value):
        return True
    return bool(_VARIABLE.search(name)) and not _NO_VALUE.fullmatch(value.strip()) and not name.startswith("GPG_")


def url_password(text: str) -> str:
    """Return the password of a URL, empty where there is none."""
    if "://" not in text:
        return ""
    try:
        return unquote(urlsplit(text.strip()).password or "")
    except ValueError:
        return ""


@cache
def _known() -> tuple[frozenset[str], tuple[str, ...]]:
    table = read_table("known_secrets")
    return frozenset(table["values"]), tuple(table["parts"])


def is_placeholder(value: str) -> bool:
    """Tell whether a value says itself that it is none: `changeme`, `<password>`, `${PASSWORD}`, `only-for-the-build`.

    `django-insecure-` is no placeholder: it marks a key that works, and that everybody can read.
    """
    plain = re.sub(r"[\s\-_!]", "", value.lower())
    values, parts = _known()
    if value.lower().startswith("django-insecure-"):
        return False
    if _NO_VALUE.fullmatch(value) or plain in values or any(part in value.lower() for part in parts):
        return True
    return bool(re.fullmatch(r"[a-z]+([-_ ][a-z]+)+|\w{1,7}", value)) or plain in ("user", "pass", "tiger", "username")


def looks_random(value: str) -> bool:
    """Tell whether a value is too irregular for a word: letters and digits, with much information for its length."""
    if is_placeholder(value) or not re.search(r"\d", value) or not re.search(r"[A-Za-z]", value):
        return False
    return entropy(value) >= _LEAST_ENTROPY


def entropy(text: str) -> float:
    """Return the bits of information in each character, by how often each occurs."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)
