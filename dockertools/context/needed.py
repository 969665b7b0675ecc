"""What the ignore rules leave out and the build, or the service, needs."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockertools.context.dockerfile import ContextUse, context_uses, read_instructions
from dockertools.context.explain import explain_path
from dockertools.context.facts import ContextFacts
from dockertools.context.ignore_file import Rule
from dockertools.context.patterns import clean_path, compile_pattern

_WILDCARDS = frozenset("*?[\\")
_PROGRAM_FILE = re.compile(r"[\w./-]+\.(?:py|sh|conf|toml|cfg|ini|txt)\b")
_INCLUDE = re.compile(r"^\s*(?:-r|--requirement|-c|--constraint)[ =]*(?P<path>\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Needed:
    """A path that is not sent although something needs it; `rule` is what leaves it out, None when it does not exist.

    `level` is `fail` when the build cannot succeed without it.
    """

    path: str
    level: str
    reason: str
    rule: Rule | None


def find_needed(facts: ContextFacts) -> list[Needed]:
    """Return what is left out and needed, each path once."""
    text = _read(facts.dockerfile)
    found: dict[str, Needed] = {}
    for needed in (
        *_copied(facts, text),
        *_programs(facts, text),
        *_project_files(facts),
        *_included_requirements(facts),
        *_translations(facts, text),
    ):
        found.setdefault(needed.path, needed)
    return list(found.values())


def _read(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _copied(facts: ContextFacts, text: str) -> Iterator[Needed]:
    for use in context_uses(text):
        source = clean_path(f"/{use.source}").lstrip("/")
        if not source or source in facts.sent_paths:
            continue
        if _WILDCARDS & set(source):
            yield from _copied_by_pattern(facts, use, source)
        elif not (facts.root / source).is_dir() or _holds_files(facts.root / source):
            yield _missing(facts, source, f"line {use.line} of the Dockerfile takes it ({use.instruction})")


def _holds_files(folder: Path) -> bool:
    return any(not path.is_dir() for path in folder.rglob("*"))


def _copied_by_pattern(facts: ContextFacts, use: ContextUse, source: str) -> Iterator[Needed]:
    pattern = compile_pattern(source)
    if any(pattern.matches(path) for path in facts.sent_paths):
        return
    depth = source.count("/")
    for path in facts.root.glob("/".join("*" * (depth + 1))):
        name = path.relative_to(facts.root).as_posix()
        if pattern.matches(name):
            reason = f"line {use.line} of the Dockerfile takes {use.source} ({use.instruction}), and no other file fits"
            yield _missing(facts, name, reason)


def _missing(facts: ContextFacts, path: str, reason: str, level: str = "fail") -> Needed:
    verdict = explain_path(facts, path)
    return Needed(path, level, reason, verdict.rule if verdict.exists else None)


def _left_out(facts: ContextFacts, path: str, reason: str) -> Iterator[Needed]:
    """Yield the path when it exists and the rules leave it out."""
    if path and not path.startswith("..") and (facts.root / path).is_file():
        verdict = explain_path(facts, path)
        if not verdict.is_sent:
            yield Needed(path, "warn", reason, verdict.rule)


def _programs(facts: ContextFacts, text: str) -> Iterator[Needed]:
    """Yield files that instructions name and that lie in the context: `CMD ["gunicorn", "-c", "gunicorn.conf.py"]`."""
    for instruction in read_instructions(text):
        if instruction.name not in ("CMD", "ENTRYPOINT", "RUN"):
            continue
        for word in _PROGRAM_FILE.findall(instruction.value):
            name = word.lstrip("/").removeprefix("./")
            reason = f"line {instruction.line} of the Dockerfile names it ({instruction.name})"
            for path in dict.fromkeys((name, name.partition("/")[2], name.rpartition("/")[2])):
                yield from _left_out(facts, path, reason)


def _project_files(facts: ContextFacts) -> Iterator[Needed]:
    yield from _left_out(facts, "manage.py", "it is how Django's commands are run in the container")
    if "pyproject.toml" not in facts.sent_paths:
        return
    try:
        data = tomllib.loads(_read(facts.root / "pyproject.toml"))
    except tomllib.TOMLDecodeError:
        return
    for name in _readme_names(data):
        yield from _left_out(facts, clean_path(name), "pyproject.toml names it, and `pip install .` fails without it")


def _readme_names(data: dict[str, Any]) -> Iterator[str]:
    tool = data.get("tool", {})
    candidates = [
        data.get("project", {}).get("readme"),
        tool.get("poetry", {}).get("readme"),
        tool.get("setuptools", {}).get("dynamic", {}).get("readme"),
    ]
    for candidate in candidates:
        value = candidate.get("file") if isinstance(candidate, dict) else candidate
        yield from (value,) if isinstance(value, str) else (name for name in value or () if isinstance(name, str))


def _included_requirements(facts: ContextFacts) -> Iterator[Needed]:
    for path in sorted(facts.sent_paths):
        if not re.search(r"(^|/)(requirements[^/]*|[^/]*requirements|requirements/[^/]*)\.(txt|in)$", path):
            continue
        for match in _INCLUDE.finditer(_read(facts.root / path)):
            included = clean_path(f"{path.rpartition('/')[0] or '.'}/{match['path']}")
            yield from _left_out(facts, included, f"{path} includes it")


def _translations(facts: ContextFacts, text: str) -> Iterator[Needed]:
    if "compilemessages" in text:
        return
    for use in facts.rules:
        if use.files and use.rule.pattern.endswith(".mo"):
            reason = "compiled translations, which the Dockerfile does not compile either"
            yield Needed(f"{use.rule.pattern} ({use.files} files)", "warn", reason, use.rule)
