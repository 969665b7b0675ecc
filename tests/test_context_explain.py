from pathlib import Path

import pytest

from dockertools.context import inspect_context
from dockertools.context.explain import explain_path, path_in_context
from dockertools.errors import UsageError
from tests.context_trees import write_tree

RULES = "docs\n!docs/index.md\nvendor\n**/*.pyc\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tree(
        tmp_path / "c", {".dockerignore": RULES, "docs/index.md": "x", "docs/a.md": "x", "vendor/a/b": "x"}
    )


@pytest.mark.parametrize(
    ("path", "sent", "rule", "at", "skipped"),
    [
        ("manage.py", True, "", "manage.py", False),
        ("docs/a.md", False, "docs", "docs", False),
        ("docs/index.md", True, "!docs/index.md", "docs/index.md", False),
        ("vendor/a/b", False, "vendor", "vendor", True),
        ("app/x.pyc", False, "**/*.pyc", "app/x.pyc", False),
        ("./docs//a.md", False, "docs", "docs", False),
    ],
)
def test_the_rule_that_decides_is_named(root: Path, path: str, sent: bool, rule: str, at: str, skipped: bool) -> None:
    verdict = explain_path(inspect_context(root), path)
    assert (verdict.is_sent, verdict.rule.text if verdict.rule else "") == (sent, rule)
    assert (verdict.at, verdict.skipped) == (at, skipped)


def test_all_rules_that_match_are_listed_asked_or_not(root: Path) -> None:
    verdict = explain_path(inspect_context(root), "vendor/x.pyc")
    assert [(match.rule.line, match.path) for match in verdict.matches] == [(3, "vendor"), (4, "vendor/x.pyc")]
    assert not verdict.exists


def test_explaining_and_walking_agree_on_every_file(root: Path) -> None:
    facts = inspect_context(root)
    sent = {path for path, _ in facts.sent}
    for path in root.rglob("*"):
        if path.is_file():
            name = path.relative_to(root).as_posix()
            assert explain_path(facts, name).is_sent == (name in sent)


def test_a_path_can_be_given_from_where_one_stands(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "docs")
    assert path_in_context(root, "docs/a.md") == "docs/a.md"
    assert path_in_context(root, "a.md") == "docs/a.md"
    assert path_in_context(root, "../vendor/a/b") == "vendor/a/b"
    assert path_in_context(root, str(root / "vendor")) == "vendor"


def test_a_path_outside_the_context_is_wrong_usage(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not inside the context"):
        path_in_context(root, str(tmp_path / "elsewhere"))
