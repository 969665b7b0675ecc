"""The OCI image configuration -> ImageConfig, and the secrets in what was recorded of the build. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dockertools.checks.image.facts import ImageConfig
from dockertools.checks.image.secrets import is_placeholder, is_secret_variable, looks_random, url_password
from dockertools.context.risks import find_token_in

_ARGUMENTS = re.compile(r"^RUN \|\d+ (?P<arguments>.*?) /bin/\S+ -\S*c ", re.DOTALL)
_ASSIGNMENT = re.compile(r"(?:^|[\s;&|(])(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>'[^']*'|\"[^\"]*\"|[^\s;&|]*)")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'<>]+@[^\s\"'<>]+", re.IGNORECASE)


@dataclass(frozen=True)
class RecordedSecret:
    """A secret that the image's history holds: the variable's name (empty for a bare token), and how it got there."""

    name: str
    origin: str


def read_config(document: Mapping[str, Any]) -> ImageConfig:
    """Return what the configuration's `config` says."""
    config: Mapping[str, Any] = document.get("config") or {}
    check = (config.get("Healthcheck") or {}).get("Test")
    return ImageConfig(
        user=config.get("User") or "",
        entrypoint=_words(config.get("Entrypoint")),
        command=_words(config.get("Cmd")),
        healthcheck=_words(check) if check else None,
        ports=tuple(sorted(config.get("ExposedPorts") or ())),
        environment=dict(text.partition("=")[::2] for text in config.get("Env") or ()),
        labels=config.get("Labels") or {},
        working_dir=config.get("WorkingDir") or "",
    )


def read_history(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the instructions as they were recorded, from the base upwards."""
    return tuple(str(entry.get("created_by") or "") for entry in document.get("history") or ())


def find_recorded_secrets(history: tuple[str, ...]) -> tuple[RecordedSecret, ...]:
    """Return the secrets of build arguments and command lines; a value is never part of the answer."""
    found: dict[tuple[str, str], RecordedSecret] = {}
    for text in history:
        for secret in _of_instruction(text):
            found.setdefault((secret.name, secret.origin), secret)
    return tuple(found.values())


def _of_instruction(text: str) -> Iterator[RecordedSecret]:
    word = text.partition(" ")[0]
    if word == "ENV":  # the configuration has it, and is judged
        return
    if word == "ARG":
        name, _, value = text.removeprefix("ARG ").removesuffix(" # buildkit").partition("=")
        if is_secret_variable(name, value):
            yield RecordedSecret(name, "a build argument")
        return
    match = _ARGUMENTS.match(text)
    for name, value in _assignments(match["arguments"] if match else ""):
        if is_secret_variable(name, value):
            yield RecordedSecret(name, "a build argument")
    rest = text[match.end() :] if match else text
    for name, value in _assignments(rest):
        if is_secret_variable(name, value) and (looks_random(value) or url_password(value)):
            yield RecordedSecret(name, f"a command of {word}")
    if find_token_in(rest.encode()):
        yield RecordedSecret("", f"a token in a command of {word}")
    elif any(not is_placeholder(url_password(match[0])) for match in _URL.finditer(rest) if url_password(match[0])):
        yield RecordedSecret("", f"a URL with a password in a command of {word}")


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    for match in _ASSIGNMENT.finditer(text):
        yield match["name"], match["value"].strip("'\"")


def _words(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(word) for word in value or ())
