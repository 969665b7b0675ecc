from pathlib import Path

from dockertools.context import inspect_context
from dockertools.context.suggestions import suggest_rules, unused_rules
from tests.context_trees import write_tree


def suggestions(tmp_path: Path, rules: str, *paths: str) -> list[tuple[str, str]]:
    root = write_tree(tmp_path / "c", {**dict.fromkeys(paths, "x"), ".dockerignore": rules})
    facts = inspect_context(root)
    return [(item.rule.text, item.instead) for item in suggest_rules(facts, unused_rules(facts))]


def test_rules_without_effect_are_named(tmp_path: Path) -> None:
    rules = "*.pyc\na.pyc\nmedia\ndocs/*\n!docs/a.md\n!docs/b.md\n!docs\n"
    root = write_tree(tmp_path / "c", {"a.pyc": "x", "docs/a.md": "x", "docs/c.md": "x", ".dockerignore": rules})
    assert [rule.text for rule in unused_rules(inspect_context(root))] == ["a.pyc", "media", "!docs/b.md"]


def test_one_letter_wrong(tmp_path: Path) -> None:
    rules = "node_module\n**/fixtrues\n.Venv\nsite\n"
    found = suggestions(tmp_path, rules, "node_modules/a.js", "app/fixtures/a.json", ".venv/x", "sites/a")
    assert found == [
        ("node_module", "node_modules"),
        ("**/fixtrues", "**/fixtures"),
        (".Venv", ".venv"),
        ("site", "sites"),
    ]


def test_a_name_that_exists_is_no_mistake(tmp_path: Path) -> None:
    assert suggestions(tmp_path, "test\n", "tests/a.py", "app/test/b.py") == []


def test_short_names_are_not_guessed_at(tmp_path: Path) -> None:
    assert suggestions(tmp_path, "env\nENV\nlogs\n", "enw/a", "logo/b") == []


def test_a_rule_for_a_sort_of_file_that_matches_at_the_top_only(tmp_path: Path) -> None:
    found = suggestions(
        tmp_path, "*.pyc\n__pycache__\nbuild\n/*.log\n", "a.pyc", "b/c.pyc", "b/__pycache__/x", "b/build/x", "b/a.log"
    )
    assert found == [("*.pyc", "**/*.pyc"), ("__pycache__", "**/__pycache__")]


def test_a_comment_behind_a_rule(tmp_path: Path) -> None:
    assert suggestions(tmp_path, "media # uploads\n", "media/a.png") == [("media # uploads", "media")]
