from __future__ import annotations

from collections.abc import Iterator

from dockertools.image.tree import TreeNode
from tests.analysed import analyse
from tests.archives import Entry

SITE = "opt/venv/lib/python3.11/site-packages"
SHOP = (
    Entry(f"{SITE}/shop-1.dist-info/METADATA", b"Name: Shop\nVersion: 1\n"),
    Entry(f"{SITE}/shop-1.dist-info/RECORD", b"shop/a.py,,\nshop/b.py,,\n"),
    Entry(f"{SITE}/shop/a.py", b"x" * 900),
    Entry(f"{SITE}/shop/b.py", b"x" * 1000),
)


def nodes(tree: TreeNode) -> Iterator[TreeNode]:
    yield tree
    for child in tree.children:
        yield from nodes(child)


def packages_by_name(*layers: list[Entry]) -> dict[str, str]:
    return {node.name: node.package for layer in analyse(*layers).layers for node in nodes(layer.tree)}


def test_a_folder_and_its_files_go_by_the_package_that_they_are_of() -> None:
    found = packages_by_name([*SHOP, Entry(f"{SITE}/other.py", b"x" * 900)])
    assert (found["shop"], found["a.py"], found["other.py"], found[SITE]) == ("Shop 1", "Shop 1", "", "")


def test_a_folder_of_several_is_of_none_and_one_strange_file_takes_no_name_away() -> None:
    assert packages_by_name([*SHOP, Entry(f"{SITE}/shop/left.txt", b"x" * 100)])["shop"] == "Shop 1"
    assert packages_by_name([*SHOP, Entry(f"{SITE}/shop/large.txt", b"x" * 900)])["shop"] == ""
