"""Keep secrets out of what is shown and stored. Pure, but for reading the files and variables that hold them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

MASK = "***"
SHORTEST_EVERYWHERE = 4
"""Values shorter than this are masked as whole words only: masking every `a` would leave no text."""
LARGEST_SECRET_FILE = 2**16

Redact = Callable[[str], str]

_SECRET_NAME = re.compile(
    r"PASSWO?R?D|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|SIGNING_?KEY|ENCRYPTION_?KEY"
    r"|(^|_)(AUTH|PWD|DSN|PAT)($|_)",
    re.IGNORECASE,
)
# The part of a URL before @. A bare user (`ssh://git@...`) is no secret where keys do the rest.
_USER_INFORMATION = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?P<user>[^\s/?#@:\"']*)(?P<rest>:[^\s/?#@\"']*)?@", re.IGNORECASE
)
_KEY_SCHEMES = ("ssh://", "git+ssh://")
# A secret in a file with others, such as .netrc, .npmrc or .env: the word alone may be what a log shows.
_NAMED_VALUE = re.compile(
    r"(?:password|passwd|token|auth|secret|key)[\w-]*[\"']?(?:\s*[=:]\s*|\s+)[\"']?([^\s\"']{4,})", re.IGNORECASE
)
# Documented prefixes of access tokens: GitHub, GitLab, PyPI, AWS, Slack, npm, Docker Hub, Stripe, OpenAI-like.
_TOKENS = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|pypi-[\w-]{40,}|A[KS]IA[A-Z0-9]{16}"
    r"|xox[abprs]-[\w-]{10,}|npm_[A-Za-z0-9]{30,}|dckr_pat_[\w-]{20,}|[rs]k_live_\w{16,}|sk-[\w-]{32,})"
)


def looks_secret(name: str, value: str = "") -> bool:
    """Tell whether a build argument's name, or credentials in its value, call for secrecy."""
    return bool(_SECRET_NAME.search(name.replace("-", "_"))) or redact_patterns(value) != value


def make_redactor(values: Iterable[str]) -> Redact:
    """Return a function that masks the values, credentials in URLs and well-known tokens in a text."""
    forms = {form for value in values for form in _forms(value)}
    long = sorted((form for form in forms if len(form) >= SHORTEST_EVERYWHERE), key=len, reverse=True)
    short = sorted(form for form in forms if len(form) < SHORTEST_EVERYWHERE)
    parts = [re.escape(form) for form in long] + [rf"(?<!\w){re.escape(form)}(?!\w)" for form in short]
    known = re.compile("|".join(parts)) if parts else None

    def redact(text: str) -> str:
        return redact_patterns(known.sub(MASK, text) if known else text)

    return redact


def redact_patterns(text: str) -> str:
    """Mask what is a secret by its form: credentials in URLs, tokens with a documented prefix."""
    return _TOKENS.sub(MASK, _USER_INFORMATION.sub(_mask_user, text) if "://" in text else text)


def secret_values(
    build_args: Iterable[tuple[str, str]],
    secrets: Iterable[str],
    *,
    folder: Path,
    environment: Mapping[str, str] = os.environ,
) -> tuple[str, ...]:
    """Return the values that must not be shown: of secret-looking build arguments and of `--secret` specifications.

    A specification is `id=NAME[,src=FILE|,env=VARIABLE]`
    (https://docs.docker.com/reference/cli/docker/buildx/build/#secret). What cannot be read is buildx's to report.
    """
    values = [value for key, value in build_args if looks_secret(key, value)]
    for specification in secrets:
        for content in _secret_contents(specification, folder, environment):
            values += [content, *_NAMED_VALUE.findall(content)]
    return tuple(value for value in values if value.strip())


def _mask_user(match: re.Match[str]) -> str:
    is_bare_user = match["rest"] is None and (match["scheme"].lower() in _KEY_SCHEMES or not match["user"])
    return match[0] if is_bare_user else f"{match['scheme']}{MASK}@"


def _forms(value: str) -> Iterable[str]:
    """Yield a value as it may appear: whole, line by line, quoted for a URL."""
    for text in {value, value.strip(), *(line.strip() for line in value.splitlines())}:
        if text.strip() and text.strip("*"):
            yield text
            yield quote(text, safe="")


def _secret_contents(specification: str, folder: Path, environment: Mapping[str, str]) -> list[str]:
    fields = dict(item.partition("=")[::2] for item in specification.split(","))
    name = fields.get("id", "")
    file = fields.get("src") or fields.get("source")
    variable = fields.get("env") or ("" if file else name)
    if variable in environment and fields.get("type") != "file":
        return [environment[variable]]
    try:
        with (folder / (file or name)).open("rb") as stream:
            return [stream.read(LARGEST_SECRET_FILE).decode(errors="replace")]
    except OSError:
        return []
