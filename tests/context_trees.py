"""Folders and rules for the tests of contexts: written, and generated with a seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from pathlib import Path

from dockertools.context.ignore_file import IgnoreFileError, parse_ignore_file
from dockertools.context.patterns import PatternKind

NAMES = ("a", "b", "ab", "A", ".a", "a.b", "x.txt", "y.py", "a b", "é", "[x]", "a*b", "^", "-", "a\\b", "]", "q\nr",
         "1", "_", "!", "#h", "{a}", "a$", "abc", "aab", "☺", " a")  # fmt: skip
GLOBS = ("*", "**", "a", "b", "a*", "*.txt", "*a", "?", ".a", "ab", "**a", "a**", "*b*", "[ab]", "x.txt")
PIECES = ("*", "**", "?", "a", "b", "ab", ".a", "x", "txt", ".", "[a-b]", "[^a]", "[!a]", "\\*", "\\a", "\\[", "/", "/",
          "[[:alpha:]]", "[\\d]", "\\d", "[a*]", "[?]", "[**]", "]", "^", "-", " ", "é", "☺", "[^é]", "py", "\\w",
          "\\b", "{", "}", "{2}", "{1,2}", "[ab]{2}", "|", "+", "(", "$", "[\\]x]", "\\Q", "\\E", "\\x61", "\\pL",
          "#", "!", "[[x]", "[a-é]", "[^\\n]", "\\.", "\\61", "\\141")  # fmt: skip
HEADS = ("/", "./", " ", "//", "../", "/../", "\t")
TAILS = ("/", "/.", " ", "/..", "/**", "/*")


def write_tree(root: Path, files: Mapping[str, str | bytes] | Iterable[str]) -> Path:
    """Write files below `root`, which need not exist; names without content get two bytes."""
    contents = files if isinstance(files, Mapping) else dict.fromkeys(files, "xx")
    root.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def random_paths(source: random.Random, count: int = 70) -> list[str]:
    """Return paths with awkward names, none of which is a folder of another."""
    paths = {"/".join(source.choices(NAMES, k=source.choice((1, 1, 2, 2, 3, 3, 4)))) for _ in range(count)}
    return sorted(path for path in paths if not any(other.startswith(f"{path}/") for other in paths))


def random_rules(source: random.Random) -> str:
    """Return an ignore file that BuildKit takes."""
    lines = [source.choice(("*", "**", "a", "**/a"))] if source.random() < 0.2 else []
    count = source.choice((1, 2, 3, 4, 6, 9))
    while len(lines) < count:
        line = random_rule(source)
        if is_accepted(line):
            lines.append(line)
    return "\n".join(lines)


def random_rule(source: random.Random) -> str:
    """Return a rule that BuildKit may refuse."""
    sort = source.random()
    if sort < 0.25:
        rule = "/".join(source.choices(NAMES, k=source.choice((1, 1, 2, 3))))
    elif sort < 0.5:
        rule = "/".join(source.choices(GLOBS, k=source.choice((1, 2, 2, 3))))
    else:
        rule = "".join(source.choices(PIECES, k=source.choice((1, 2, 3, 4, 5))))
    head = source.choice(HEADS) if source.random() < 0.15 else ""
    tail = source.choice(TAILS) if source.random() < 0.1 else ""
    return f"{'!' if source.random() < 0.3 else ''}{head}{rule}{tail}"


def is_accepted(line: str) -> bool:
    """Tell whether we think that BuildKit takes the rule."""
    try:
        rules = parse_ignore_file(line.encode())
    except IgnoreFileError:
        return False
    return all(rule.compiled.kind is not PatternKind.BROKEN for rule in rules)
