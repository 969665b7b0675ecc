"""The files of each layer as a tree to look at: what is too small to see is folded into its folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

from dockertools.image.catalog import KINDS, Catalog, key_to_path
from dockertools.image.files import FileKind
from dockertools.image.layers import LayerUse

SMALLEST_SHARE = 1 / 3000
"""Share of the image below which a file or folder is folded."""
PACKAGE_SHARE = 0.9
"""Share of a folder's bytes that is of one package, where the folder goes by the package's name."""
_FILES = """
    SELECT place, key, stored, hidden_by, (SELECT min(owner) FROM owners WHERE owners.key = files.key)
    FROM files WHERE kind = ? ORDER BY place, key, number
"""


@dataclass(frozen=True)
class TreeNode:
    """A folder, a file, or several small files together (then `name` is empty).

    `hidden_bytes` are those that later layers hide; `package` is what (nearly) all of it belongs to.
    """

    name: str
    bytes: int
    hidden_bytes: int
    files: int
    children: tuple[TreeNode, ...] = ()
    package: str = ""


@dataclass
class _Folder:
    name: str
    bytes: int = 0
    hidden_bytes: int = 0
    files: int = 0
    children: list[TreeNode] = field(default_factory=list)
    packages: Counter[str] = field(default_factory=Counter)

    def count(self, size: int, hidden: int, files: int) -> None:
        self.bytes += size
        self.hidden_bytes += hidden
        self.files += files

    @property
    def package(self) -> str:
        """The package that nearly all of it belongs to, if any does."""
        for package, size in self.packages.most_common(1):
            if size >= PACKAGE_SHARE * self.bytes:
                return package
        return ""


def make_trees(catalog: Catalog, uses: Sequence[LayerUse], packages: Mapping[str, str]) -> tuple[TreeNode, ...]:
    """Return the tree of each layer, its largest children first; `packages` has a name for each owner of files."""
    smallest = SMALLEST_SHARE * sum(use.bytes for use in uses)
    found = catalog.db.execute(_FILES, (KINDS.index(FileKind.FILE),))
    rows = ((*row, packages.get(owner, "")) for *row, owner in found)
    trees = {place: _make_tree(group, smallest) for place, group in groupby(rows, itemgetter(0))}
    return tuple(trees.get(place, TreeNode("", 0, 0, 0)) for place in range(len(uses)))


def _make_tree(rows: Iterator[Any], smallest: float) -> TreeNode:
    """Fold sorted rows: only the open folders, and what is large enough, are kept."""
    open_folders = [_Folder("")]
    for _place, key, stored, hidden_by, package in rows:
        *parents, name = key_to_path(key).split("/")
        depth = _common(open_folders, parents)
        while len(open_folders) > depth + 1:
            _close(open_folders, smallest)
        open_folders.extend(_Folder(parent) for parent in parents[depth:])
        hidden = 0 if hidden_by is None else stored
        open_folders[-1].count(stored, hidden, 1)
        open_folders[-1].packages[package] += stored
        if stored >= smallest:
            open_folders[-1].children.append(TreeNode(name, stored, hidden, 1, package=package))
    while len(open_folders) > 1:
        _close(open_folders, smallest)
    return _finish(open_folders[0])


def _common(open_folders: Sequence[_Folder], parents: Sequence[str]) -> int:
    depth = 0
    while depth < len(parents) and depth + 1 < len(open_folders) and open_folders[depth + 1].name == parents[depth]:
        depth += 1
    return depth


def _close(open_folders: list[_Folder], smallest: float) -> None:
    folder = open_folders.pop()
    open_folders[-1].count(folder.bytes, folder.hidden_bytes, folder.files)
    open_folders[-1].packages.update(folder.packages)
    if folder.bytes >= smallest:
        open_folders[-1].children.append(_finish(folder))


def _finish(folder: _Folder) -> TreeNode:
    children = sorted(folder.children, key=lambda child: -child.bytes)
    rest = TreeNode(
        "",
        folder.bytes - sum(child.bytes for child in children),
        folder.hidden_bytes - sum(child.hidden_bytes for child in children),
        folder.files - sum(child.files for child in children),
        package=folder.package,
    )
    if children and rest.bytes:
        children.append(rest)
    if len(children) == 1 and children[0].children:  # usr/lib/python3 is one step, where there is nothing beside it
        only = children[0]
        return replace(only, name=f"{folder.name}/{only.name}".lstrip("/"))
    return TreeNode(
        folder.name, folder.bytes, folder.hidden_bytes, folder.files, tuple(children), package=folder.package
    )
