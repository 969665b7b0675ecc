"""A folder and its ignore rules -> ContextFacts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dockertools.context.facts import ContextFacts, ContextSummary, Oddity, RuleUse, SentFile
from dockertools.context.ignore_file import IgnoreFile, broken_rule_error, read_ignore_file
from dockertools.context.matcher import SENT, BrokenRuleError, Matcher
from dockertools.context.walk import Entry, Kind, walk_context


def inspect_context(
    root: Path, dockerfile: Path | None = None, *, ignore_file: IgnoreFile | None = None
) -> ContextFacts:
    """Return what a build of `root` with this Dockerfile would send, and what it leaves out.

    With `ignore_file` it is as if those rules were in force instead of the ones on the disk.
    Raises IgnoreFileError for rules that BuildKit refuses, DockertoolsError when `root` is no folder.
    """
    ignore_file = ignore_file or read_ignore_file(root, dockerfile)
    sent: list[SentFile] = []
    oddities: list[Oddity] = []
    files = [0] * (len(ignore_file.rules) + 1)
    sizes = [0] * (len(ignore_file.rules) + 1)
    for entry in _walk(root, ignore_file, with_excluded=True):
        path, size, kind, rule, _ = entry
        files[rule] += kind is not Kind.FOLDER
        sizes[rule] += size
        if rule == SENT and kind is not Kind.FOLDER:
            sent.append(SentFile(path, size))
        if _is_odd(entry):
            oddities.extend(_oddities(root, entry))
    return ContextFacts(
        root=root,
        dockerfile=dockerfile,
        ignore_file=ignore_file,
        sent=tuple(sent),
        excluded_files=sum(files[:-1]),
        excluded_size=sum(sizes[:-1]),
        rules=tuple(
            RuleUse(rule, count, size) for rule, count, size in zip(ignore_file.rules, files, sizes, strict=False)
        ),
        oddities=tuple(oddities),
    )


def summarize_context(root: Path, dockerfile: Path | None = None) -> ContextSummary:
    """Return the files and bytes that a build would send, without looking at what is left out.

    Raises what `inspect_context` does.
    """
    files = size = 0
    for entry in sent_entries(root, dockerfile):
        files += entry.kind is not Kind.FOLDER
        size += entry.size
    return ContextSummary(files, size)


def sent_entries(root: Path, dockerfile: Path | None = None) -> Iterator[Entry]:
    """Yield what a build would send, and folders that cannot be read.

    Raises what `inspect_context` does.
    """
    return _walk(root, read_ignore_file(root, dockerfile), with_excluded=False)


def _walk(root: Path, ignore_file: IgnoreFile, *, with_excluded: bool) -> Iterator[Entry]:
    try:
        yield from walk_context(root, Matcher(ignore_file.rules), with_excluded=with_excluded)
    except BrokenRuleError as error:
        raise broken_rule_error(ignore_file, error.rule) from error


def _is_odd(entry: Entry) -> bool:
    return bool(entry.problem) or (entry.rule == SENT and (entry.kind is Kind.LINK or not entry.path.isprintable()))


def _oddities(root: Path, entry: Entry) -> Iterator[Oddity]:
    if entry.kind is Kind.FOLDER and entry.problem:
        yield Oddity(entry.path, "unreadable-folder", entry.problem)
    if entry.rule != SENT:
        return
    if entry.kind is Kind.SPECIAL:
        yield Oddity(entry.path, "special-file", entry.problem)
    if entry.kind is Kind.FILE and entry.problem:
        yield Oddity(entry.path, entry.problem, "")
    if entry.kind is Kind.LINK:
        yield from _link_oddities(root, entry.path)
    try:
        entry.path.encode()
    except UnicodeEncodeError:
        yield Oddity(entry.path, "not-utf-8", "")


def _link_oddities(root: Path, path: str) -> Iterator[Oddity]:
    """Tell of a link whose target is not part of the context: in the image it points at something else, or nothing."""
    target = os.readlink(root / path)  # noqa: PTH115  # the text as it is; Path would clean it
    inside = os.path.normpath(os.path.join(os.path.dirname(path), target))  # noqa: PTH118, PTH120  # text, not a file
    if target.startswith("/") or inside.split("/")[0] == "..":
        yield Oddity(path, "link-out-of-context", target)
