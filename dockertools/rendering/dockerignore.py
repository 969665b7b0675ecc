"""The .dockerignore: the list in `data/dockerignore.txt`, less what this project needs."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

from dockertools.context.patterns import compile_pattern
from dockertools.project.facts import ManifestKind, ProjectFacts
from dockertools.tables import read_data

_DEVELOPMENT = (
    "requirements-dev.*",
    "requirements-test.*",
    "requirements/dev*",
    "requirements/local*",
    "requirements/test*",
)
_SECRETS = "# Secrets and local settings"
_MANIFESTS = (*(kind.value for kind in ManifestKind), "Pipfile", "setup.cfg", "requirements.in", "MANIFEST.in")


def render_dockerignore(facts: ProjectFacts) -> str:
    """Return the rules; those that would leave out a file that is needed are narrowed, or left out themselves."""
    groups = [*_read_groups(), _made_for(facts)]
    needed = frozenset(_with_folders(set(facts.needed_files) - set(facts.documents)))
    kept = ((title, list(_harmless(rules, needed, is_secret=_SECRETS in title))) for title, rules in groups)
    text = "\n".join("\n".join([*title, *rules]) + "\n" for title, rules in kept if rules or len(title) > 1)
    documents = [f"!{name}" for name in facts.documents]
    return "\n".join([text, "# Read by the installation or by the settings", *documents, ""]) if documents else text


@functools.cache
def _read_groups() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """Return each group of the list: its comment lines and its rules."""
    text = read_data("dockerignore.txt")
    introduction, *groups = text.strip().split("\n\n")
    found = [tuple(group.splitlines()) for group in groups]
    first = (introduction, "", found[0][0]), found[0][1:]
    return (first, *((group[:1], group[1:]) for group in found[1:]))


def _made_for(facts: ProjectFacts) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the rules that only this project calls for: what it writes itself, and what only the host installs."""
    folders = (facts.settings.static_root, facts.settings.media_root)
    rules = [folder for folder in folders if folder and not folder.startswith("/")]
    rules += [*_DEVELOPMENT, *_MANIFESTS]
    return ("# What this project writes itself, and lists that the image is not installed from",), tuple(
        dict.fromkeys(rule for rule in rules if rule not in _listed())
    )


@functools.cache
def _listed() -> frozenset[str]:
    return frozenset(rule for _, rules in _read_groups() for rule in rules)


def _with_folders(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        parts = path.split("/")
        yield from ("/".join(parts[:count]) for count in range(1, len(parts) + 1))


def _harmless(rules: Iterable[str], needed: frozenset[str], *, is_secret: bool) -> Iterator[str]:
    """Yield the rules that touch nothing needed; one for all folders shrinks to the root where that is enough.

    One against secrets stays as it is, with an exception for each needed module of such a name: `secrets.py`.
    """
    for rule in rules:
        touched = _touched(rule, needed)
        if is_secret and touched and all(path.endswith(".py") for path in touched):
            yield from (rule, *(f"!{path}" for path in touched))
            continue
        narrow = rule.removeprefix("**/")
        if not touched:
            yield rule
        elif narrow != rule and not _touched(narrow, needed):
            yield narrow


def _touched(rule: str, needed: frozenset[str]) -> list[str]:
    if rule.startswith("!"):
        return []
    pattern = compile_pattern(rule)
    return sorted(path for path in needed if pattern.matches(path))
