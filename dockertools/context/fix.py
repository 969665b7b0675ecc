"""Rules against what should not be sent, added to the ignore file where it is ours to change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dockertools import files
from dockertools.context.facts import ContextFacts
from dockertools.context.ignore_file import IGNORE_FILE_NAME, IgnoreFile, parse_ignore_file
from dockertools.context.inspect import inspect_context
from dockertools.context.needed import find_needed
from dockertools.context.risks import Risk
from dockertools.files import Ownership

HEADING = "# Added by docker_context --fix"
NEEDS_A_DECISION = frozenset({"untracked", "large-file", "token", "private-key-content"})
"""Codes of risks in files that may well belong into the image, if not with that content: no rule is added for them."""


@dataclass(frozen=True)
class Fix:
    """A change to an ignore file: `rules` are new, `new` is the whole text with them.

    `refused` are rules that would leave out what the build needs.
    """

    path: Path
    owner: Ownership
    rules: tuple[str, ...]
    refused: tuple[str, ...]
    old: str
    new: str

    @property
    def diff(self) -> str:
        """The change as a unified diff."""
        return files.unified_diff(self.path.name, self.old, self.new)


def rules_against(risks: Iterable[Risk], *, automatic: bool = False) -> tuple[str, ...]:
    """Return the rules that would leave the risks out, each once; the `automatic` ones need no decision."""
    wanted = (risk for risk in risks if not risk.silenced and not (automatic and risk.code in NEEDS_A_DECISION))
    return tuple(dict.fromkeys(risk.rule for risk in wanted))


def make_fix(facts: ContextFacts, risks: Iterable[Risk]) -> Fix:
    """Return the change that adds the rules, without those that would leave out what the build needs.

    Raises DockertoolsError when the ignore file cannot be read.
    """
    path = facts.ignore_file.path or facts.root / IGNORE_FILE_NAME
    old = files.read_text(path)
    owner = files.ownership(old)
    rules = rules_against(risks, automatic=True)
    refused = _refused(facts, files.unmark(old or ""), rules)
    added = tuple(rule for rule in rules if rule not in refused)
    body = _append(files.unmark(old or ""), added)
    new = _append(old or "", added) if owner is Ownership.THEIRS else files.mark(body)
    return Fix(path, owner, added, refused, old or "", new if added else old or "")


def apply_fix(fix: Fix, *, force: bool = False) -> bool:
    """Write the change if the file is ours, or missing; return whether it was written.

    An edited one is kept, unless `force`, which first saves it as NAME.orig. Raises DockertoolsError on failure.
    """
    if not fix.rules or fix.owner is Ownership.THEIRS or (fix.owner is Ownership.EDITED and not force):
        return False
    if fix.owner is Ownership.EDITED:
        files.write_atomically(files.free_name(fix.path.with_name(f"{fix.path.name}.orig")), fix.old)
    files.write_atomically(fix.path, fix.new)
    return True


def added_rules(text: str, body: str) -> str:
    """Return what `--fix` added to the file with this text, less what `body` has itself; it goes behind `body`."""
    rules = text.partition(f"{HEADING}\n")[2].splitlines()
    return _append(body, tuple(rule for rule in rules if rule not in body.splitlines()))[len(body) :]


def _append(text: str, rules: tuple[str, ...]) -> str:
    if not rules:
        return text
    end = "\r\n" if "\r\n" in text else "\n"
    gap = end if text and not text.endswith("\n") else ""
    heading = () if HEADING in text else (*(("",) if text else ()), HEADING)
    return text + gap + "".join(f"{line}{end}" for line in (*heading, *rules))


def _refused(facts: ContextFacts, body: str, rules: tuple[str, ...]) -> tuple[str, ...]:
    """Return the rules that leave out what the build needs and gets now."""
    if not rules:
        return ()
    text = _append(body, rules)
    changed = IgnoreFile(facts.ignore_file.path, parse_ignore_file(text.encode()))
    before = {needed.path for needed in find_needed(facts)}
    after = find_needed(inspect_context(facts.root, facts.dockerfile, ignore_file=changed))
    blamed = {needed.rule.text for needed in after if needed.path not in before and needed.rule is not None}
    return tuple(rule for rule in rules if rule in blamed)
