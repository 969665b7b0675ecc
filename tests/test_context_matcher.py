"""The quick matcher against the reference's algorithm, written down plainly."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.context.ignore_file import Rule, parse_ignore_file
from dockertools.context.matcher import SENT, BrokenRuleError, Folder, Matcher
from tests.context_trees import random_paths, random_rules


def decide_plainly(rules: tuple[Rule, ...], path: str) -> bool:
    """Tell whether the path is left out; folders above it are asked first, and what matched them counts below."""
    matched = [False] * len(rules)
    is_out = False
    names = path.split("/")
    for depth in range(1, len(names) + 1):
        is_out = False
        for index, rule in enumerate(rules):
            if not matched[index] and rule.keeps == is_out:
                matched[index] = rule.compiled.matches("/".join(names[:depth]))
            if matched[index]:
                is_out = not rule.keeps
        is_folder = depth < len(names)
        if is_out and is_folder and cannot_come_back(rules, "/".join(names[:depth])):
            return True
    return is_out


def cannot_come_back(rules: tuple[Rule, ...], folder: str) -> bool:
    kept = [rule.pattern.removesuffix("/**").removesuffix("/*") for rule in rules if rule.keeps]
    return not any(set(path) & set("*[]?^\\") for path in kept) and not any(
        f"{path}/".startswith(f"{folder}/") for path in kept
    )


def decide_quickly(matcher: Matcher, path: str) -> bool:
    folder = matcher.top()
    names = path.split("/")
    for name in names[:-1]:
        decision, folder = matcher.enter(folder, name)
        if decision != SENT and matcher.is_skipped(folder.prefix):
            return True
    return matcher.judge(folder, names[-1]) != SENT


@given(st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_the_quick_way_and_the_plain_way_agree(seed: int) -> None:
    source = random.Random(seed)
    text = random_rules(source)
    rules = parse_ignore_file(text.encode())
    matcher = Matcher(rules)
    for path in random_paths(source, 30):
        assert decide_quickly(matcher, path) == decide_plainly(rules, path), (text, path)


def decide(text: str, *names: str) -> str:
    """Return the rule that leaves the path out, or nothing."""
    matcher = Matcher(parse_ignore_file(text.encode()))
    folder = matcher.top()
    for name in names[:-1]:
        _, folder = matcher.enter(folder, name)
    decision = matcher.judge(folder, names[-1])
    return "" if decision == SENT else matcher.rules[decision].text


def test_the_first_rule_that_matches_is_the_one() -> None:
    assert decide("**/*.py\n**/a.*\n", "x", "a.py") == "**/*.py"
    assert decide("**/a.*\n**/*.py\n", "x", "a.py") == "**/a.*"


def test_a_folder_s_rule_counts_for_all_below_until_one_brings_it_back() -> None:
    text = "docs\n!docs/*.md\ndocs/secret.md\n"
    assert decide(text, "docs", "a.txt") == "docs"
    assert decide(text, "docs", "a.md") == ""
    assert decide(text, "docs", "secret.md") == "docs/secret.md"


def test_a_rule_that_was_not_asked_about_a_folder_does_not_count_below() -> None:
    assert decide("a/b\n!a\n", "a", "b") == "a/b"  # `!a` had nothing to bring back when `a` was asked about


def enter(text: str, *names: str) -> tuple[Matcher, Folder]:
    matcher = Matcher(parse_ignore_file(text.encode()))
    folder = matcher.top()
    for name in names:
        _, folder = matcher.enter(folder, name)
    return matcher, folder


def test_a_file_can_be_listed_and_then_refused() -> None:
    matcher, folder = enter("*\n!a/b/c.txt\n**/b\n", "a", "b")
    assert matcher.judge(folder, "c.txt") == SENT
    assert folder.opens_differently
    assert matcher.is_empty_on_arrival(folder, "c.txt")


def test_with_two_sorts_of_rules_in_a_row_it_cannot() -> None:
    _, folder = enter("*\n!a/b/c.txt\n", "a", "b")
    assert not folder.opens_differently


@pytest.mark.parametrize(
    ("text", "prefix", "skipped"),
    [
        ("a\n", "a/", True),
        ("a\n!a/b\n", "a/", False),
        ("a\n!a/b\n", "a/c/", True),
        ("a\n!a/b/**\n", "a/", False),
        ("a\n!ab\n", "a/", True),
        ("a\n!**/b\n", "a/", False),
        ("b/x\n!b/*/**\n", "b/x/", True),  # both endings go, and `b/` does not reach into `b/x/`
    ],
)
def test_a_folder_is_skipped_when_no_rule_reaches_into_it(text: str, prefix: str, skipped: bool) -> None:
    assert Matcher(parse_ignore_file(text.encode())).is_skipped(prefix) is skipped


def test_a_broken_rule_is_an_error_once_it_is_needed() -> None:
    text = "a\n[z-a]\n"
    assert decide(text, "a") == "a"
    with pytest.raises(BrokenRuleError) as caught:
        decide(text, "b")
    assert caught.value.rule.line == 2
