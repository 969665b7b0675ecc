"""Commands of services: what they start, and the same command with another server in it. Pure.

A command is handled as its author wrote it, with `${VARIABLES}` in it, so that an overlay can restate it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_RUNNER = r"(?:(?:poetry|pipenv|uv|pdm|hatch)\s+run\s+(?:-\S+\s+)*)?"
_SEGMENT = r"[^;&|\n)]*"
_MANAGE = r"(?:[\w./$\{\}-]*python[\w.]*\s+(?:(?![;&|\n]).)*?)?(?:[\w./$\{\}-]*manage\.py|django-admin)\s+"
_DEVELOPMENT_NAMES = r"runserver(?:_plus)?|runsslserver|testserver"
_PRODUCTION_NAMES = r"gunicorn|uvicorn|daphne|hypercorn|granian|uwsgi|waitress-serve|mod_wsgi-express"

DEVELOPMENT_SERVER = re.compile(
    rf"(?:exec\s+)?(?P<runner>{_RUNNER}){_MANAGE}(?:{_DEVELOPMENT_NAMES})\b(?P<tail>{_SEGMENT})"
)
PRODUCTION_SERVER = re.compile(
    rf"(?:exec\s+)?(?P<runner>{_RUNNER})(?:[\w./-]*python[\w.]*\s+-m\s+)?(?:[\w./-]*/)?(?:{_PRODUCTION_NAMES})\b(?P<tail>{_SEGMENT})"
)
MIGRATION = re.compile(rf"(?:exec\s+)?{_RUNNER}{_MANAGE}(?:make)?migrat(?:e|ions)\b{_SEGMENT}(?:&&|\|\||;|\n|$)\s*")
_OPENS = re.compile(r"(?:^|[\s;&|])(?:[{(!]|do|then|else|elif|if|while|until)$")
_RELOAD = re.compile(r"\s--reload(?:-(?:dir|include|exclude|delay|engine|extra-file)(?:[= ]\S+))?")
_OTHER_DEVELOPMENT = re.compile(
    r"\b(?:flask\s+(?:\S+\s+)*run|fastapi\s+dev|(?:npm|pnpm|yarn|bun)\s+(?:run\s+)?(?:dev|start|serve|watch)\b|vite\b(?!\s+build)"
    r"|sleep\s+(?:infinity|inf|\d{4,})|tail\s+-[fF]\s+/dev/null|webpack(?:-dev-server|\s+serve)|ng\s+serve|next\s+dev|nuxt\s+dev|tailwind\S*\s.*--?w(?:atch)?\b|watchmedo|watchfiles|nodemon)"
)
_PLACEHOLDER = re.compile(r"\bsleep\s+(?:infinity|inf|\d{4,})|\btail\s+-[fF]\s+/dev/null")
_SHELL = re.compile(r"(?:.*/)?(?:ba|da|a|z)?sh$")
_SCHEDULER = re.compile(r"\bcelery\b.*\bbeat\b|\brqscheduler\b")
_WORKER = re.compile(
    r"\bcelery\b.*\bworker\b|\brq\s+worker\b|\brqworker\b|\bqcluster\b|\brun_huey\b|\b(?:run)?dramatiq\b|\bprocrastinate\b"
)
_TASK = re.compile(
    r"(?:manage\.py|django-admin)\s+(?:migrate|makemigrations|collectstatic|compilemessages|loaddata|dumpdata|createsuperuser"
    r"|createcachetable|test|check|docker_check|seed|shell|shell_plus|dbshell)\b|\bpytest\b|^(?:\S*/)?(?:ba)?sh$"
)
_ADDRESS_PORT = re.compile(r"(?::|\s|=)(?P<port>\d{2,5})(?=\s|$|\")")


@dataclass(frozen=True)
class Words:
    """A command as a list; `script` is the position of a shell script among the words, None when there is none."""

    items: tuple[str, ...]
    script: int | None = None


def is_development_server(text: str) -> bool:
    """Return whether the command starts a server that reloads, or one that says not to be for production."""
    return bool(
        DEVELOPMENT_SERVER.search(text) or _OTHER_DEVELOPMENT.search(text) or (_RELOAD.search(text) and is_server(text))
    )


def is_foreign_development(text: str) -> bool:
    """Return whether the command is a development tool for which no production counterpart is known here."""
    return bool(_OTHER_DEVELOPMENT.search(text)) and not DEVELOPMENT_SERVER.search(text)


def is_placeholder(text: str) -> bool:
    """Return whether the command only keeps the container alive, for somebody to work in."""
    return bool(_PLACEHOLDER.search(text)) and not is_server(text)


def is_server(text: str) -> bool:
    """Return whether the command answers HTTP requests."""
    return bool(DEVELOPMENT_SERVER.search(text) or PRODUCTION_SERVER.search(text))


def is_scheduler(text: str) -> bool:
    """Return whether the command hands out periodic tasks."""
    return bool(_SCHEDULER.search(text)) and not _WORKER.search(text)


def is_worker(text: str) -> bool:
    """Return whether the command works tasks off a queue."""
    return bool(_WORKER.search(text))


def is_management(text: str) -> bool:
    """Return whether the command is a management command, of whatever kind."""
    return bool(re.search(_MANAGE, text))


def is_task(text: str) -> bool:
    """Return whether the command does one thing and ends."""
    return bool(_TASK.search(text)) and not is_server(text)


def migrates(text: str) -> bool:
    """Return whether the command applies migrations."""
    return bool(re.search(r"\bmigrate\b", text)) and bool(migration_steps(text))


def migration_steps(text: str) -> tuple[str, ...]:
    """Return the steps that make or apply migrations and can be taken out, with the `&&` or `;` behind them."""
    return tuple(text[start:end] for start, end in _migration_spans(text))


def _migration_spans(text: str) -> list[tuple[int, int]]:
    """Return where the steps stand; a condition and the only step of a block cannot go without breaking the script."""
    matches = MIGRATION.finditer(text)
    return [match.span() for match in matches if not _OPENS.search(text[: match.start()].rstrip())]


def _without_migration_steps(text: str) -> str:
    for start, end in reversed(_migration_spans(text)):
        text = text[:start] + text[end:]
    return text


def hides_migration(text: str) -> bool:
    """Return whether the command applies migrations where no step can be taken out, as in a subshell or a loop."""
    return bool(re.search(rf"{_MANAGE}migrate\b", _without_migration_steps(text)))


def read_words(command: Any, entrypoint: Sequence[str] = ()) -> Words:
    """Return a command, a string or a list, as compose runs it after `entrypoint`.

    A string is split as a shell would, without a shell to run it: https://docs.docker.com/reference/compose-file/services/#command
    """
    items = tuple(_split(command) if isinstance(command, str) else (str(word) for word in command or ()))
    if entrypoint and _is_shell_call(tuple(entrypoint)) and len(entrypoint) > 1:
        return Words(items, 0 if items else None)
    if len(items) > 2 and _SHELL.match(items[0]) and re.fullmatch(r"-\w*c", items[1]):
        return Words(items, 2)
    if len(items) == 1 and " " in items[0].strip():
        return Words(tuple(_split(items[0])))
    return Words(items)


def replace_server(words: Words, pattern: re.Pattern[str], server: Sequence[str]) -> tuple[str, ...] | None:
    """Return the command with what `pattern` finds in it replaced by `server`, or None when it is not found.

    What stands before it, such as waiting for a database, stays. In a shell the last program takes the shell's place.
    """
    if words.script is not None:
        script = words.items[words.script]
        match = pattern.search(script)
        if match is None:
            return None
        is_last = not script[match.end() :].strip()
        line = f"{'exec ' if is_last else ''}{match['runner']}{' '.join(server)}"
        changed = script[: match.start()] + line + ("" if is_last else " ") + script[match.end() :]
        return (*words.items[: words.script], changed, *words.items[words.script + 1 :])
    for start in range(len(words.items)):
        text = " ".join(words.items[start:])
        if (match := pattern.match(text)) is not None:
            return (*words.items[:start], *match["runner"].split(), *server)
    return None


def without_reload(words: Words) -> tuple[str, ...]:
    """Return the command without the options that make a server reload."""
    if words.script is not None:
        changed = _RELOAD.sub("", words.items[words.script])
        return (*words.items[: words.script], changed, *words.items[words.script + 1 :])
    kept: list[str] = []
    skip = False
    for word in words.items:
        if skip:
            skip = False
        elif word == "--reload" or word.startswith("--reload-"):
            skip = word != "--reload" and "=" not in word
        else:
            kept.append(word)
    return tuple(kept)


def without_migration(items: tuple[str, ...], script: int | None) -> tuple[str, ...]:
    """Return the command without the step that applies migrations, where a shell runs several steps."""
    if script is None:
        return items
    return (*items[:script], _without_migration_steps(items[script]), *items[script + 1 :])


def port_of(text: str) -> str | None:
    """Return the port that a server's arguments name, as it is written: `8000`, `${PORT:-8000}`, `$$PORT`."""
    match = DEVELOPMENT_SERVER.search(text) or PRODUCTION_SERVER.search(text)
    if match is None:
        return None
    tail = match["tail"]
    if variable := re.search(r"(?::|\s|=)(?P<port>\$\{[^}]*\}|\$\$\{[^}]*\}|\$?\$\w+)(?=\s|$|\")", tail):
        return variable["port"]
    number = _ADDRESS_PORT.search(tail)
    return number["port"] if number else None


def _is_shell_call(entrypoint: tuple[str, ...]) -> bool:
    return bool(_SHELL.match(entrypoint[0])) and bool(re.fullmatch(r"-\w*c", entrypoint[-1]))


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
