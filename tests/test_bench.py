from pathlib import Path

from bench.__main__ import main, put_section
from bench.context import make_tree


def test_a_section_is_added_and_then_replaced() -> None:
    text = put_section("# Performance\n", "a", "one\n")
    assert put_section(text, "a", r"two \1" + "\n") == put_section("# Performance\n", "a", r"two \1" + "\n")
    assert put_section(text, "b", "two\n").count("<!-- bench") == 2


def test_a_case_that_does_not_exist_is_wrong_usage() -> None:
    assert main(["nothing"]) == 2


def test_the_tree_has_the_files_it_says(tmp_path: Path) -> None:
    count = make_tree(tmp_path, 90)
    assert count == sum(1 for path in tmp_path.rglob("*") if path.is_file()) == 101
