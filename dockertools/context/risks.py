"""What would be sent and should not be: by name, by content, by size, and what git does not know."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from dockertools.context.facts import ContextFacts, SentFile
from dockertools.context.ignore_file import Rule, parse_ignore_file
from dockertools.context.matcher import SENT, Folder, Matcher
from dockertools.errors import CouldNotRunError
from dockertools.process import run
from dockertools.tables import read_table

LARGEST_READ = 1_000_000
"""Bytes; what is larger is not searched for tokens."""
_NO_TEXT = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".pdf", ".woff", ".woff2", ".ttf", ".otf", ".so", ".whl",
            ".zip", ".gz", ".bz2", ".xz", ".zst", ".mo", ".mp3", ".mp4", ".webm", ".svg", ".css")  # fmt: skip
# `{`, `|`, `}` and `^` mean nothing by themselves, and something as soon as one of the others is there.
_SPECIAL = re.compile(r"[\\*?\[\]{|}^]")
_LINE_BREAK = re.compile(r"[\r\n]")


@dataclass(frozen=True)
class Risk:
    """A file or a folder (its path ends in `/`) that would be sent and should not be.

    `level` is `fail` or `warn`, `rule` what to add to the ignore file, `size` in bytes, `silenced` the reason why this
    one may stay.
    """

    path: str
    code: str
    level: str
    reason: str
    rule: str
    files: int = 1
    size: int = 0
    silenced: str = ""


@dataclass(frozen=True)
class _Token:
    expression: re.Pattern[bytes]
    code: str
    reason: str


@dataclass(frozen=True)
class _Table:
    rules: tuple[Rule, ...]
    groups: Mapping[int, Mapping[str, str]]
    tokens: tuple[tuple[re.Pattern[bytes], _Token], ...]
    """Each with what is looked for first. One beginning at a time: `re` then searches it as fast as `in` would."""
    large_file_bytes: int


def find_risks(facts: ContextFacts, silenced: Mapping[str, str] | None = None) -> list[Risk]:
    """Return what should not be sent, the gravest first.

    `silenced` maps `context.CODE` or `context.CODE:PATTERN` (a shell pattern for paths) to a reason.
    """
    table = _load_table()
    named, rest = _by_name(facts.sent, table)
    large = [_large(file) for file in rest if file.size > table.large_file_bytes]
    rest = [file for file in rest if file.size <= table.large_file_bytes]
    certificates = [SentFile(risk.path, risk.size) for risk in named if risk.code == "certificate"]
    by_content = list(_by_content(facts.root, [*rest, *certificates]))
    taken = {risk.path for risk in by_content}
    named = [risk for risk in named if risk.path not in taken]
    untracked = _untracked(facts.root, [file for file in rest if file.path not in taken])
    found = (_silence(risk, silenced or {}) for risk in (*named, *by_content, *large, *untracked))
    return sorted(found, key=lambda risk: (bool(risk.silenced), risk.level != "fail", -risk.size, risk.path))


def is_known_rule(pattern: str) -> bool:
    """Tell whether the table itself would leave this pattern out."""
    return any(rule.pattern == pattern for rule in _load_table().rules)


def find_token_in(content: bytes) -> tuple[str, str] | None:
    """Return the code and the reason of the first key or token of the table that `content` holds."""
    for beginning, token in _load_table().tokens:
        if beginning.search(content) and token.expression.search(content):
            return token.code, token.reason
    return None


def exact_rule(path: str) -> str:
    """Return a rule for this very path."""
    quoted = _SPECIAL.sub(lambda match: f"\\{match[0]}", path.rstrip("/"))
    quoted = _LINE_BREAK.sub("?", quoted)
    if quoted[:1] in "#! \t":
        quoted = f"\\{quoted}"
    return f"{quoted[:-1]}[{quoted[-1]}]" if quoted[-1:].isspace() else quoted


@cache
def _load_table() -> _Table:
    data = read_table("context_risks")
    lines: list[str] = []
    groups: dict[int, Mapping[str, str]] = {}
    for group in data["names"]:
        groups.update(dict.fromkeys(range(len(lines), len(lines) + len(group["rules"])), group))
        lines.extend(group["rules"])
        lines.extend(f"!{rule}" for rule in group.get("except", ()))
    return _Table(
        rules=parse_ignore_file("\n".join(lines).encode()),
        groups=groups,
        tokens=tuple(pair for entry in data["tokens"] for pair in _tokens(entry)),
        large_file_bytes=data["large_file_bytes"],
    )


def _tokens(entry: Mapping[str, Any]) -> Iterator[tuple[re.Pattern[bytes], _Token]]:
    token = _Token(re.compile(entry["expression"].encode()), entry["code"], entry["reason"])
    for _, literals in groupby(sorted(entry["literals"]), key=lambda literal: literal[0]):
        yield re.compile("|".join(map(re.escape, literals)).encode()), token


def _by_name(sent: Sequence[SentFile], table: _Table) -> tuple[list[Risk], list[SentFile]]:
    """Return the risks that a name tells, whole folders as one, and the files without."""
    folders = _Folders(table, sent)
    found: dict[str, Risk] = {}
    rest: list[SentFile] = []
    for file in sent:
        path, rule = folders.judge(file.path)
        if rule == SENT:
            rest.append(file)
        elif path in found:
            risk = found[path]
            found[path] = replace(risk, files=risk.files + 1, size=risk.size + file.size)
        else:
            group = table.groups[rule]
            text = table.rules[rule].text if rule != folders.environment_rule else exact_rule(path)
            found[path] = Risk(path, group["code"], group["level"], group["reason"], text, 1, file.size)
    return list(found.values()), rest


class _Folders:
    """The table's rules, asked about one path after another; what is known of a folder is kept."""

    def __init__(self, table: _Table, sent: Sequence[SentFile]) -> None:
        self._matcher = Matcher(table.rules)
        self.environment_rule = next(i for i, rule in enumerate(table.rules) if rule.pattern.endswith("/pyvenv.cfg"))
        environments = (file.path for file in sent if file.path.endswith("/pyvenv.cfg"))
        self._environments = {path.removesuffix("pyvenv.cfg") for path in environments}
        self._known: dict[str, tuple[Folder, str, int]] = {"": (self._matcher.top(), "", SENT)}

    def judge(self, path: str) -> tuple[str, int]:
        """Return the path that a rule of the table matches, this one or a folder above, and the rule's index."""
        slash = path.rfind("/") + 1
        folder, above, rule = self._folder(path[:slash])
        if rule != SENT:
            return above, rule
        return path, self._matcher.judge(folder, path[slash:])

    def _folder(self, prefix: str) -> tuple[Folder, str, int]:
        known = self._known.get(prefix)
        if known is None:
            slash = prefix.rfind("/", 0, -1) + 1
            parent, above, rule = self._folder(prefix[:slash])
            decision, folder = self._matcher.enter(parent, prefix[slash:-1])
            if rule == SENT and (decision != SENT or prefix in self._environments):
                above, rule = prefix, decision if decision != SENT else self.environment_rule
            known = self._known[prefix] = (folder, above, rule)
        return known


def _by_content(root: Path, files: Iterable[SentFile]) -> Iterator[Risk]:
    for file in files:
        if 0 < file.size <= LARGEST_READ and not file.path.endswith(_NO_TEXT):
            found = _find_token(f"{root}/{file.path}")
            if found:
                code, reason = found
                yield Risk(file.path, code, "fail", reason, exact_rule(file.path), size=file.size)


def _find_token(path: str) -> tuple[str, str] | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)  # of thousands of files: an object each is dear
        try:
            content = os.read(descriptor, LARGEST_READ)
        finally:
            os.close(descriptor)
    except OSError:  # told already, among the oddities
        return None
    return find_token_in(content)


def _large(file: SentFile) -> Risk:
    return Risk(file.path, "large-file", "warn", "is large", exact_rule(file.path), size=file.size)


def _untracked(root: Path, files: Sequence[SentFile]) -> list[Risk]:
    """Return what git does not track; whole folders as one. Nothing where there is no repository."""
    paths = _git_untracked(root)
    if not paths:
        return []
    folders = {path for path in paths if path.endswith("/")}
    found: dict[str, Risk] = {}
    for file in files:
        path = file.path if file.path in paths else _above(file.path, folders)
        if path:
            risk = found.get(path) or Risk(path, "untracked", "warn", "git does not track it", exact_rule(path), 0)
            found[path] = replace(risk, files=risk.files + 1, size=risk.size + file.size)
    return list(found.values())


def _git_untracked(root: Path) -> frozenset[str]:
    try:
        done = run(("git", "ls-files", "-z", "--others", "--directory"), cwd=root)
    except CouldNotRunError:
        return frozenset()
    return frozenset(done.stdout.split("\0")) - {""} if done.returncode == 0 else frozenset()


def _above(path: str, folders: set[str]) -> str:
    position = path.find("/")
    while position >= 0:
        if path[: position + 1] in folders:
            return path[: position + 1]
        position = path.find("/", position + 1)
    return ""


def _silence(risk: Risk, silenced: Mapping[str, str]) -> Risk:
    for key, reason in silenced.items():
        code, _, pattern = key.removeprefix("context.").partition(":")
        if key.startswith("context.") and code == risk.code and fnmatchcase(risk.path, pattern or "*"):
            return replace(risk, silenced=reason)
    return risk
