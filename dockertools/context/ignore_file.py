"""Read a `.dockerignore` as BuildKit does.

Source of the rules: https://docs.docker.com/build/concepts/context/#dockerignore-files and
https://pkg.go.dev/github.com/moby/patternmatcher/ignorefile
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dockertools.context.go_regexp import BadPatternError
from dockertools.context.patterns import (
    BYTE_ORDER_MARK,
    Pattern,
    check_pattern,
    clean_path,
    compile_pattern,
    without_surrogates,
)
from dockertools.errors import DockertoolsError

IGNORE_FILE_NAME = ".dockerignore"
LONGEST_LINE = 2**16 - 1
"""Bytes; Go's `bufio.Scanner` gives up on more."""
# Unicode's White_Space, as Go's `strings.TrimSpace` has it; Python's `strip()` would also take \x1c to \x1f.
_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


class IgnoreFileError(DockertoolsError):
    """BuildKit refuses this ignore file."""

    code = "ignore-file"


@dataclass(frozen=True)
class Rule:
    """A line of an ignore file. `text` is the line, `pattern` what is compared, `keeps` whether it began with `!`."""

    line: int
    text: str
    pattern: str
    keeps: bool = False

    @cached_property
    def compiled(self) -> Pattern:
        """The pattern, ready to compare."""
        return compile_pattern(self.pattern)


@dataclass(frozen=True)
class IgnoreFile:
    """The rules in force; `path` is None when the context has no ignore file."""

    path: Path | None
    rules: tuple[Rule, ...]


def read_ignore_file(context: Path, dockerfile: Path | None) -> IgnoreFile:
    """Read the ignore file of a build; `dockerfile` is None for one that comes from standard input or compose.

    Raises IgnoreFileError when BuildKit refuses it.
    """
    path = find_ignore_file(context, dockerfile)
    if path is None:
        return IgnoreFile(None, ())
    return IgnoreFile(path, parse_ignore_file(path.read_bytes(), path.name))


def find_ignore_file(context: Path, dockerfile: Path | None) -> Path | None:
    """Return the one beside the Dockerfile that bears its name, even if empty, else the context's own.

    BuildKit treats one that it cannot read, or that is a link out of the context, as if it were not there.
    """
    candidates = [] if dockerfile is None else [dockerfile.with_name(f"{dockerfile.name}{IGNORE_FILE_NAME}")]
    for candidate in (*candidates, context / IGNORE_FILE_NAME):
        if _is_readable_within(candidate, candidate.parent):
            return candidate
    return None


def _is_readable_within(path: Path, folder: Path) -> bool:
    try:
        return (
            path.resolve(strict=True).is_relative_to(folder.resolve()) and path.is_file() and os.access(path, os.R_OK)
        )
    except OSError:
        return False


def parse_ignore_file(content: bytes, name: str = IGNORE_FILE_NAME) -> tuple[Rule, ...]:
    """Return the rules of an ignore file with the lines they stand in.

    Raises IgnoreFileError, with the line, for what BuildKit refuses.
    """
    rules = []
    text = content.decode("utf-8", "surrogateescape").removeprefix(BYTE_ORDER_MARK)
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LONGEST_LINE // 4 and len(line.encode("utf-8", "surrogateescape")) > LONGEST_LINE:
            raise IgnoreFileError(
                f"{name}, line {number}: longer than {LONGEST_LINE} bytes, which BuildKit does not read.",
                hint="Split it into several rules.",
            )
        if line.startswith("#"):
            continue
        try:
            rule = _parse_line(number, line.strip(_SPACE))
        except BadPatternError as error:
            raise _refusal(name, number, line.strip(_SPACE), str(error)) from error
        if rule is not None:
            rules.append(rule)
    return tuple(rules)


def broken_rule_error(ignore_file: IgnoreFile, rule: Rule) -> IgnoreFileError:
    """Return the error for a rule that BuildKit takes in, and cannot compile once it needs it."""
    name = ignore_file.path.name if ignore_file.path else IGNORE_FILE_NAME
    return _refusal(name, rule.line, rule.text, rule.compiled.text)


def _refusal(name: str, number: int, text: str, reason: str) -> IgnoreFileError:
    return IgnoreFileError(
        f"{name}, line {number}: BuildKit refuses the rule `{without_surrogates(text)}`: {reason}.",
        hint="Correct the rule; a backslash makes the next character an ordinary one.",
    )


def _parse_line(number: int, text: str) -> Rule | None:
    """Clean a line the way the reader of the file does, and then the way the matcher does once more.

    The second cleaning is what makes `/!x` bring back `x`, and `!../../x` leave out `x`.
    """
    keeps = text.startswith("!")
    pattern = text[1:].strip(_SPACE) if keeps else text
    if pattern:
        pattern = clean_path(pattern)
        pattern = pattern[1:] if len(pattern) > 1 and pattern[0] == "/" else pattern
    pattern = ("!" if keeps else "") + pattern
    pattern = pattern.strip(_SPACE)
    if not pattern:
        return None
    pattern = clean_path(pattern)
    if pattern == "!":
        raise BadPatternError("`!` brings back nothing")
    keeps = pattern.startswith("!")
    pattern = pattern.removeprefix("!")
    check_pattern(pattern)
    # On its way to the builder what is not UTF-8 becomes U+FFFD.
    return Rule(number, without_surrogates(text), without_surrogates(pattern), keeps)
