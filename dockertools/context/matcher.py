"""All rules of an ignore file against each entry of a folder, in the order BuildKit takes them.

BuildKit walks from the top and remembers for each folder which rules matched it. A rule that leaves out is only asked
while the path is still in, a rule that brings back only while it is out; a rule that matched a folder counts for all
below it. Neighbouring rules of one sort form a run, of which it matters only whether any matched.
Sources: `MatchesUsingParentResults` of moby/patternmatcher, `filterFS.Walk` of tonistiigi/fsutil.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from dockertools.context.ignore_file import Rule
from dockertools.context.patterns import PatternKind
from dockertools.context.shapes import NameKind, Shape, shapes_of

SENT = -1
"""Instead of the index of the rule that leaves a path out."""
_NONE = -1


class BrokenRuleError(Exception):
    """BuildKit takes `rule` in, and fails when it has to compare a path with it."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(f"line {rule.line}: {rule.text}")
        self.rule = rule


Finder = Callable[[str], int]
"""From a name to the index of the first rule of a run that matches it, or _NONE."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on the way: `prefix` is its path and a slash.

    `hits` holds for each run the rule that matched it or a folder above. `opens` is the same as BuildKit sees it when
    it opens a file: there every rule is asked about every folder above.
    """

    prefix: str
    hits: tuple[int, ...]
    opens: tuple[int, ...]
    finders: tuple[Finder, ...]

    @property
    def opens_differently(self) -> bool:
        """Tell whether a file here can be in the list of what is sent and yet be refused when it is opened."""
        return self.hits != self.opens


class Matcher:
    """The rules of an ignore file, compiled."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        numbered = enumerate(self.rules)
        groups = groupby(numbered, lambda item: item[1].keeps)
        self._runs = tuple(_compile_run(keeps, tuple(group)) for keeps, group in groups)
        self._keeps = tuple(run.keeps for run in self._runs)
        self._kept_paths = _kept_paths(rule for rule in self.rules if rule.keeps)

    def top(self) -> Folder:
        """Return the context itself."""
        nothing = (_NONE,) * len(self._runs)
        return self._folder("", nothing, nothing)

    def judge(self, folder: Folder, name: str) -> int:
        """Return the index of the rule that leaves the entry out, or SENT.

        Raises BrokenRuleError where BuildKit would fail.
        """
        decision = SENT
        for keeps, hit, find in zip(self._keeps, folder.hits, folder.finders, strict=True):
            if keeps == (decision == SENT):
                continue
            found = hit if hit != _NONE else find(name)
            if found != _NONE:
                decision = SENT if keeps else found
        return decision

    def enter(self, folder: Folder, name: str) -> tuple[int, Folder]:
        """Return what `judge` does for a folder in `folder`, and that folder."""
        decision = SENT
        hits = []
        for keeps, hit, find in zip(self._keeps, folder.hits, folder.finders, strict=True):
            found = find(name) if hit == _NONE and keeps != (decision == SENT) else hit
            hits.append(found)
            if found != _NONE and keeps != (decision == SENT):
                decision = SENT if keeps else found
        return decision, self._folder(f"{folder.prefix}{name}/", tuple(hits), self._opens(folder, name, hits))

    def is_empty_on_arrival(self, folder: Folder, name: str) -> bool:
        """Tell whether BuildKit lists this file, and then refuses to open it, so that it arrives without content."""
        decision = SENT
        for keeps, hit, find in zip(self._keeps, folder.opens, folder.finders, strict=True):
            if keeps != (decision == SENT) and (hit != _NONE or find(name) != _NONE):
                decision = SENT if keeps else 0
        return decision != SENT

    def is_skipped(self, prefix: str) -> bool:
        """Tell whether BuildKit does not look into a folder that is left out.

        It does look when a rule with `!` names something below by a plain path, or when one has wildcards.
        """
        return self._kept_paths is not None and not any(path.startswith(prefix) for path in self._kept_paths)

    def _opens(self, folder: Folder, name: str, hits: Sequence[int]) -> tuple[int, ...]:
        if len(self._runs) < 3:  # left out, brought back, left out again: only then can it differ
            return tuple(hits)
        return tuple(
            opened if opened != _NONE else hit if hit != _NONE else find(name)
            for opened, hit, find in zip(folder.opens, hits, folder.finders, strict=True)
        )

    def _folder(self, prefix: str, hits: tuple[int, ...], opens: tuple[int, ...]) -> Folder:
        return Folder(prefix, hits, opens, tuple(run.finder(prefix) for run in self._runs))


def _kept_paths(rules: Iterable[Rule]) -> tuple[str, ...] | None:
    """Return the paths that rules with `!` name, a slash behind each, or None when one has wildcards.

    One `/**` and then one `/*` at the end do not count as wildcards.
    """
    paths = [rule.pattern.removesuffix("/**").removesuffix("/*") for rule in rules]
    return None if any(set(path) & set("*[]?^\\") for path in paths) else tuple(f"{path}/" for path in paths)


@dataclass(frozen=True)
class _Run:
    """Neighbouring rules of one sort, each with its index, sorted by what they ask about the folder."""

    keeps: bool
    rules: tuple[tuple[int, Rule], ...]
    is_broken: bool
    everywhere: list[tuple[int, Shape]]
    by_folder: dict[str, list[tuple[int, Shape]]]
    tested: list[tuple[int, Shape]]
    whole: list[tuple[int, Rule]]
    cache: dict[tuple[int, ...], Finder]

    def finder(self, prefix: str) -> Finder:
        """Return the finder for the entries of a folder."""
        slow = _slow_finder(self.rules, prefix)
        if self.is_broken or not prefix.isprintable():
            return slow
        here = self.by_folder.get(prefix, [])
        tested = [(index, shape) for index, shape in self.tested if shape.test and shape.test(prefix)]
        key = tuple(id(shape) for _, shape in (*here, *tested))
        fast = self.cache.get(key)
        if fast is None:
            fast = self.cache[key] = _fast_finder([*self.everywhere, *here, *tested])
        return _guarded(fast, slow, _slow_finder(self.whole, prefix) if self.whole else None)


def _compile_run(keeps: bool, rules: tuple[tuple[int, Rule], ...]) -> _Run:
    is_broken = any(rule.compiled.kind is PatternKind.BROKEN for _, rule in rules)
    run = _Run(keeps, rules, is_broken, [], {}, [], [], {})
    for index, rule in rules:
        shapes = shapes_of(rule.compiled)
        if shapes is None:
            run.whole.append((index, rule))
        for shape in shapes or ():
            if shape.folder is not None:
                run.by_folder.setdefault(shape.folder, []).append((index, shape))
            else:
                (run.tested if shape.test else run.everywhere).append((index, shape))
    return run


def _guarded(fast: Finder, slow: Finder, whole: Finder | None) -> Finder:
    """Use `slow` for names with control characters or lone surrogates, of which the shapes know nothing."""

    def find(name: str) -> int:
        if not name.isprintable():
            return slow(name)
        found = fast(name)
        if whole is None:
            return found
        other = whole(name)
        return other if found == _NONE or _NONE != other < found else found

    return find


def _slow_finder(rules: Sequence[tuple[int, Rule]], prefix: str) -> Finder:
    def find(name: str) -> int:
        path = prefix + name
        for index, rule in rules:
            if rule.compiled.kind is PatternKind.BROKEN:
                raise BrokenRuleError(rule)
            if rule.compiled.matches(path):
                return index
        return _NONE

    return find


def _fast_finder(shapes: Sequence[tuple[int, Shape]]) -> Finder:
    """Join the questions about a name: one for all texts it may equal, one for all it may end in, and so on."""
    equals: dict[str, int] = {}
    by_kind: dict[NameKind, list[tuple[str, int]]] = {kind: [] for kind in NameKind}
    for index, shape in sorted(shapes, key=lambda item: item[0]):
        by_kind[shape.name_kind].append((shape.name, index))
    for text, index in by_kind[NameKind.EQUALS]:
        equals.setdefault(text, index)
    first = _first_of(equals, by_kind)
    if by_kind[NameKind.ANY]:
        return first
    ends = tuple(text for text, _ in by_kind[NameKind.ENDS])
    starts = tuple(text for text, _ in by_kind[NameKind.STARTS])
    source = "|".join(f"(?:{text})" for text, _ in by_kind[NameKind.REGEXP])
    matches = re.compile(source, re.ASCII).fullmatch if source else None

    def find(name: str) -> int:
        if name in equals or name.endswith(ends) or name.startswith(starts) or (matches and matches(name)):
            return first(name)
        return _NONE

    return find


def _first_of(equals: dict[str, int], by_kind: dict[NameKind, list[tuple[str, int]]]) -> Finder:
    expressions = [(re.compile(text, re.ASCII), index) for text, index in by_kind[NameKind.REGEXP]]
    always = [index for _, index in by_kind[NameKind.ANY]]

    def find(name: str) -> int:
        found = [equals[name]] if name in equals else []
        found.extend(always)
        found.extend(index for text, index in by_kind[NameKind.ENDS] if name.endswith(text))
        found.extend(index for text, index in by_kind[NameKind.STARTS] if name.startswith(text))
        found.extend(index for expression, index in expressions if expression.fullmatch(name))
        return min(found, default=_NONE)

    return find
