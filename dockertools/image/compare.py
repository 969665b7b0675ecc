"""Two images -> what grew and what shrank: by layer, package and file."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dockertools.image.analysis import ImageAnalysis
from dockertools.image.catalog import KINDS, Catalog, key_to_path
from dockertools.image.facts import ImageFacts
from dockertools.image.files import FileKind

MOST_FILES = 50
_FINAL_FILES = "SELECT key, sum(size) FROM files WHERE hidden_by IS NULL AND kind = ? GROUP BY key ORDER BY key"


@dataclass(frozen=True)
class Change:
    """Bytes of one thing in the other image and in this one; None where it is not there."""

    name: str
    before: int | None
    after: int | None
    note: str = ""

    @property
    def bytes(self) -> int:
        """The growth, negative where it shrank."""
        return (self.after or 0) - (self.before or 0)


@dataclass(frozen=True)
class Comparison:
    """What differs from `other`; each list begins with the largest change."""

    other: ImageFacts
    bytes: int
    layers: tuple[Change, ...]
    packages: tuple[Change, ...]
    system_packages: tuple[Change, ...]
    files: tuple[Change, ...]


def compare_images(
    other: ImageAnalysis, other_catalog: Catalog, this: ImageAnalysis, this_catalog: Catalog
) -> Comparison:
    """Return what changed from `other` to `this`."""
    return Comparison(
        other=other.image,
        bytes=this.image.size_bytes - other.image.size_bytes,
        layers=_compare_layers(other, this),
        packages=_compare_packages(
            [(package.name, package.version, package.size_bytes) for package in other.python_packages],
            [(package.name, package.version, package.size_bytes) for package in this.python_packages],
        ),
        system_packages=_compare_packages(
            [(package.name, package.version, package.size_bytes) for package in other.system_packages],
            [(package.name, package.version, package.size_bytes) for package in this.system_packages],
        ),
        files=tuple(heapq.nlargest(MOST_FILES, _file_changes(other_catalog, this_catalog), key=_weight)),
    )


def _compare_layers(other: ImageAnalysis, this: ImageAnalysis) -> tuple[Change, ...]:
    """Compare layers by what made them; the second of two like instructions with the second."""
    before, after = (_numbered(analysis) for analysis in (other, this))
    names = dict.fromkeys((*after, *before))
    changes = (Change(name[0], before.get(name), after.get(name)) for name in names)
    return _ranked(changes)


def _numbered(analysis: ImageAnalysis) -> dict[tuple[str, int], int]:
    seen: Counter[str] = Counter()
    sizes = {}
    for layer in analysis.layers:
        sizes[layer.instruction, seen[layer.instruction]] = layer.size_bytes
        seen[layer.instruction] += 1
    return sizes


def _compare_packages(before: list[tuple[str, str, int]], after: list[tuple[str, str, int]]) -> tuple[Change, ...]:
    versions: dict[str, list[str]] = defaultdict(list)
    for name, version, _size in (*before, *after):
        if version not in versions[name]:
            versions[name].append(version)
    sizes = [_sum_by_name(packages) for packages in (before, after)]
    names = dict.fromkeys(name for name, _version, _size in (*after, *before))
    return _ranked(Change(name, sizes[0].get(name), sizes[1].get(name), " -> ".join(versions[name])) for name in names)


def _sum_by_name(packages: Iterable[tuple[str, str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for name, _version, size in packages:
        total[name] += size
    return total


def _file_changes(other: Catalog, this: Catalog) -> Iterator[Change]:
    """Walk both images' files side by side; they come sorted."""
    kind = (KINDS.index(FileKind.FILE),)
    before, after = other.db.execute(_FINAL_FILES, kind), this.db.execute(_FINAL_FILES, kind)
    left, right = before.fetchone(), after.fetchone()
    while left or right:
        if right is None or (left and left[0] < right[0]):
            yield Change(key_to_path(left[0]), left[1], None)
            left = before.fetchone()
        elif left is None or right[0] < left[0]:
            yield Change(key_to_path(right[0]), None, right[1])
            right = after.fetchone()
        else:
            if left[1] != right[1]:
                yield Change(key_to_path(left[0]), left[1], right[1])
            left, right = before.fetchone(), after.fetchone()


def _ranked(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return what changed, the largest first; a package of another version changed even at the same size."""
    return tuple(sorted((change for change in changes if change.bytes or "->" in change.note), key=_order))


def _order(change: Change) -> tuple[int, str]:
    return -abs(change.bytes), change.name


def _weight(change: Change) -> int:
    return abs(change.bytes)
