"""Lists of packages are written into settings and pyproject.toml, and every other byte stays as it was."""

from __future__ import annotations

import ast
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.learn.pyproject_edit import edit_pyproject
from dockertools.learn.settings_edit import NotEditableError, edit_settings

KEY = "RUNTIME_PACKAGES"


def edit(text: str, *names: str) -> str:
    return edit_settings(text, {KEY: names})


@pytest.mark.parametrize(
    ("before", "names", "after"),
    [
        ('["..."]', ("...", "b"), '["...", "b"]'),
        ("['...']", ("...", "b"), "['...', 'b']"),
        ("[]", ("b",), '["b"]'),
        ("()", ("b",), '("b",)'),
        ('("a",)', ("a", "b"), '("a", "b",)'),
        ('["a", "b", "c"]', ("a", "c"), '["a", "c"]'),
        ('["a", "b", "c"]', ("a", "b"), '["a", "b"]'),
        ('["a", "b"]', ("b", "d"), '["b", "d"]'),
        ('["a"]', (), "[]"),
        (
            '[\n        "a",  # why\n        "b",\n    ]',
            ("a", "b", "c"),
            '[\n        "a",  # why\n        "b",\n        "c",\n    ]',
        ),
        (
            '[\n        "a",  # why\n        "b"  # too\n    ]',
            ("a", "b", "c"),
            '[\n        "a",  # why\n        "b",  # too\n        "c"\n    ]',
        ),
        ('[\n\t\t"a",\n\t\t"b",  # gone\n\t]', ("a", "c", "d"), '[\n\t\t"a",\n\t\t"c",\n\t\t"d",\n\t]'),
        ('["a"  # of a\n    ]', ("a", "b"), '["a", "b"  # of a\n    ]'),
        ('[("a")]', ("a", "b"), '["a", "b"]'),
        ('["a" "b"]', ("ab", "c"), '["a" "b", "c"]'),
        ('["...", "b"]', ("b", "a"), '["b", "a"]'),
    ],
)
def test_only_the_items_change(before: str, names: tuple[str, ...], after: str) -> None:
    frame = '# äöü\nX = "é"; DOCKERTOOLS = {{"IMAGE": "ü", "RUNTIME_PACKAGES": {}, "PORT": 1}}  # end\nY = 2\n'
    assert edit(frame.format(before), *names) == frame.format(after)


def test_a_key_is_added_behind_the_others() -> None:
    text = 'DOCKERTOOLS: dict[str, object] = {\n\t"IMAGE": "shop",  # ours\n}\n'
    assert edit(text, "...", "b") == (
        'DOCKERTOOLS: dict[str, object] = {\n\t"IMAGE": "shop",  # ours\n\t"RUNTIME_PACKAGES": ["...", "b"],\n}\n'
    )
    assert edit("DOCKERTOOLS = {}\n", "b") == 'DOCKERTOOLS = {"RUNTIME_PACKAGES": ["b"]}\n'
    assert edit("DOCKERTOOLS = {'PORT': 1}\n", "b") == 'DOCKERTOOLS = {\'PORT\': 1, "RUNTIME_PACKAGES": ["b"]}\n'


@pytest.mark.parametrize("text", ["", "A = 1", "A = 1\r\nB = 2\r\n", "\ufeffA = 1\n", "# DOCKERTOOLS is not set\n"])
def test_the_dictionary_is_added_at_the_end(text: str) -> None:
    edited = edit(text, "...", "b")
    assert edited.startswith(text)
    assert edited.count("\n") == edited.count("\r\n") or "\r" not in text
    assert ast.literal_eval(ast.parse(edited.lstrip("\ufeff")).body[-1].value) == {KEY: ["...", "b"]}  # type: ignore[attr-defined]


def test_line_ends_and_the_byte_order_mark_stay() -> None:
    text = '\ufeffA = 1\r\nDOCKERTOOLS = {\r\n    "RUNTIME_PACKAGES": [\r\n        "a",  # é\r\n    ],\r\n}\r\n'
    assert edit(text, "a", "b") == text.replace("# é\r\n", '# é\r\n        "b",\r\n')
    assert edit(text.replace("\r\n", "\r"), "a", "b").count("\r") >= text.count("\r\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("DOCKERTOOLS = dict(PORT=1)\n", "is not a plain dictionary"),
        ("DOCKERTOOLS = {**COMMON}\n", "is not a plain dictionary"),
        ('DOCKERTOOLS = {"RUNTIME_PACKAGES": COMMON + ["a"]}\n', "is not a plain list of texts"),
        ('DOCKERTOOLS = {"RUNTIME_PACKAGES": ["a", NAME]}\n', "is not a plain list of texts"),
        ('DOCKERTOOLS = {"RUNTIME_PACKAGES": ["a"], "RUNTIME_PACKAGES": ["b"]}\n', "each there once"),
        ("DOCKERTOOLS = {NAME: 1}\n", "plain texts"),
        ('DOCKERTOOLS = {}\nDOCKERTOOLS["RUNTIME_PACKAGES"] = ["a"]\n', "is not assigned once, and left alone"),
        ("if DEBUG:\n    DOCKERTOOLS = {}\n", "is not assigned once"),
        ("DOCKERTOOLS = {}\nDOCKERTOOLS = {}\n", "is not assigned once"),
        ("from shared import DOCKERTOOLS\n", "is not assigned once"),
        ("DOCKERTOOLS = {\n", "is not valid Python"),
        ("A = '\0'\n", "is not valid Python"),
    ],
)
def test_what_is_not_written_plainly_is_left_alone(text: str, words: str) -> None:
    with pytest.raises(NotEditableError, match=words):
        edit(text, "b")


NAMES = st.lists(st.sampled_from(["...", "liba1", "libb-2", "g++", "c.d"]), unique=True, max_size=5)
LAYOUTS = st.sampled_from(["[{}]", "[{},]", "[\n    {},\n]", "[\r\n\t{}  # c, d]\r\n]", "({},)", "[ {} ]"])


@given(NAMES.filter(bool), NAMES, LAYOUTS, st.sampled_from([", ", ",\n    ", ",  # é\n"]))
@settings(deadline=None, max_examples=200)
def test_any_change_says_what_was_asked_for_and_is_made_once(
    before: list[str], after: list[str], layout: str, between: str
) -> None:
    value = layout.format(between.join(f'"{name}"' for name in before))
    text = f'A = 1\nDOCKERTOOLS = {{"RUNTIME_PACKAGES": {value}, "B": ["x"]}}\nC = "é"  # end'
    edited = edit(text, *after)
    table = ast.literal_eval(ast.parse(edited).body[1].value)  # type: ignore[attr-defined]
    assert sorted(table[KEY]) == sorted(after)
    assert edited.startswith('A = 1\nDOCKERTOOLS = {"RUNTIME_PACKAGES": ')
    assert edited.endswith(', "B": ["x"]}\nC = "é"  # end')
    assert edit(edited, *table[KEY]) == edited
    toml = layout.format(between.join(f'"{name}"' for name in before)).replace("(", "[").replace(")", "]")
    written = f"[tool.dockertools]\nruntime_packages = {toml}\nport = 1 # é\n[tool.x]\n"
    changed = edit_pyproject(written, {KEY: after})
    assert sorted(tomllib.loads(changed)["tool"]["dockertools"]["runtime_packages"]) == sorted(after)
    assert changed.endswith("\nport = 1 # é\n[tool.x]\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '[tool.dockertools]\nruntime-packages = ["...", "b"]\n'),
        ("[project]\nname = 'x'", '[project]\nname = \'x\'\n\n[tool.dockertools]\nruntime-packages = ["...", "b"]\n'),
        ("[tool.dockertools] # t\nport = 1\n", '[tool.dockertools] # t\nruntime-packages = ["...", "b"]\nport = 1\n'),
        (
            "[ tool . 'dockertools' ]\r\nport = 1\r\n",
            '[ tool . \'dockertools\' ]\r\nruntime-packages = ["...", "b"]\r\nport = 1\r\n',
        ),
        (
            '[tool.dockertools]\nRUNTIME_PACKAGES = ["..."]\n[tool.x]\n',
            '[tool.dockertools]\nRUNTIME_PACKAGES = ["...", "b"]\n[tool.x]\n',
        ),
        (
            '[tool.dockertools]\nruntime-packages=[\n  "...", # all\n]\n',
            '[tool.dockertools]\nruntime-packages=[\n  "...", # all\n  "b",\n]\n',
        ),
        (
            "[tool.dockertools]\nruntime-packages = ['...', \"]\"]\n",
            "[tool.dockertools]\nruntime-packages = ['...', \"b\"]\n",
        ),
    ],
)
def test_the_table_of_pyproject_is_changed_in_its_place(before: str, after: str) -> None:
    assert edit_pyproject(before, {KEY: ("...", "b")}) == after


@pytest.mark.parametrize(
    "text",
    [
        "[tool]\ndockertools = { port = 1 }\n",
        "[tool]\ndockertools.port = 1\n",
        '[tool.x]\ntext = """\n[tool.dockertools]\n"""\n',
        "[[tool.dockertools]]\nport = 1\n",
        "tool = 1\n",
        "[tool.dockertools\n",
    ],
)
def test_a_table_that_is_not_plain_is_left_alone(text: str) -> None:
    with pytest.raises(NotEditableError):
        edit_pyproject(text, {KEY: ("b",)})
