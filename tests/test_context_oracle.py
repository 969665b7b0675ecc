"""BuildKit itself as the judge: what it sends is what we say it sends."""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

import pytest

from dockertools.context import inspect_context
from dockertools.context.ignore_file import IgnoreFileError
from tests.context_oracle import DOCKERFILE, BuildRefusedError, what_buildkit_sends, what_one_build_sends, what_we_say
from tests.context_trees import is_accepted, random_paths, random_rule, random_rules, write_tree

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

PATHS = ("manage.py", "README.md", "a/b/c.txt", "a/b/d.txt", "a/x.pyc", "docs/index.md", "docs/m/deep.md", ".env",
         "b/x/y", "node_modules/q/index.js", "conf/.env.local", "A.txt", "a.txt", "[x]", "a*b", "2026/11",
         "x.{js,ts}", "é.txt")  # fmt: skip
RULES = (
    "",
    "**/*.pyc\nnode_modules\n**/.env*\n",
    "*\n!manage.py\n",
    "*\n!docs\ndocs/m\n",
    "docs\n!docs/*.md\n",
    "docs\n!**/*.md\n",
    "*\n!a/b/c.txt\n**/b\n",  # c.txt arrives empty
    "a/b\n!a\n",
    "b/x\n!b/*/**\n",
    "\ufeffREADME.md\r\n  # a\r\n\ufeff.env\r\n",
    "/manage.py\n./docs/../a\n//b\n/!a*\n",
    "!../../README.md\n",
    "a.TXT\nA.txt\n[!a]*\n",
    "[^a]*\n",
    "\\[x]\na\\*b\n\\d*\n",
    "*.{js,ts}\n[0-9]{4}\n",
    "a*|md\n",
    "../docs\n./\n/\n",
    "**/m/**\n",
    "docs/**/*.md\n**b\n",
    "?.txt\n",
)


def test_buildkit_sends_what_we_say(tmp_path: Path) -> None:
    contexts = [
        write_tree(tmp_path / f"context{number}", {**dict.fromkeys(PATHS, "xx"), ".dockerignore": rules})
        for number, rules in enumerate(RULES)
    ]
    for sent, context, rules in zip(what_buildkit_sends(contexts, tmp_path / "s"), contexts, RULES, strict=True):
        assert what_we_say(context) == sent, rules


def compare_random_cases(folder: Path, seed: int, count: int) -> None:
    source = random.Random(seed)
    trees = [dict.fromkeys(random_paths(source), "xx") for _ in range(count // 10)]
    contexts = []
    for number in range(count):
        files = {**trees[number // 10], ".dockerignore": random_rules(source)}
        contexts.append(write_tree(folder / f"context{number}", files))
    for sent, context in zip(what_buildkit_sends(contexts, folder / "scratch"), contexts, strict=True):
        assert what_we_say(context) == sent, (context / ".dockerignore").read_text()


def test_generated_rules_mean_the_same_to_both(tmp_path: Path) -> None:
    compare_random_cases(tmp_path, seed=20261125, count=40)


@pytest.mark.matrix
@pytest.mark.parametrize("seed", range(10))
def test_thousands_of_generated_cases_mean_the_same_to_both(tmp_path: Path, seed: int) -> None:
    compare_random_cases(tmp_path, seed, count=100)


def is_refused_by_us(context: Path) -> bool:
    try:
        inspect_context(context)
    except IgnoreFileError:
        return True
    return False


def is_refused_by_buildkit(context: Path, scratch: Path) -> bool:
    try:
        what_one_build_sends(context, scratch)
    except BuildRefusedError:
        return True
    return False


@pytest.mark.parametrize("rule", ["[a-", "!", "/!", "a\\", "[]a]", "[z-a]", "*{2}", "\\q*", "a" * 65536])
def test_buildkit_refuses_what_we_refuse(tmp_path: Path, rule: str) -> None:
    context = write_tree(tmp_path / "context", {"Dockerfile": DOCKERFILE, ".dockerignore": f"b\n{rule}\n"})
    assert is_refused_by_us(context)
    assert is_refused_by_buildkit(context, tmp_path)


@pytest.mark.matrix
def test_both_refuse_the_same_generated_rules(tmp_path: Path) -> None:
    source = random.Random(6)
    context = write_tree(tmp_path / "context", {"Dockerfile": DOCKERFILE, "a": "xx"})
    doubtful = [random_rule(source) + source.choice(("", "[", "\\", "{2}")) for _ in range(500)]
    for rule in [rule for rule in doubtful if not is_accepted(rule)][:60] + doubtful[:20]:
        (context / ".dockerignore").write_text(rule)
        assert is_refused_by_us(context) == is_refused_by_buildkit(context, tmp_path), rule


def test_the_ignore_file_of_the_dockerfile_wins_wherever_it_lies(tmp_path: Path) -> None:
    context = write_tree(tmp_path / "context", {"a": "xx", "b": "xx", ".dockerignore": "a\n"})
    outside = write_tree(tmp_path / "docker", {"web.Dockerfile": DOCKERFILE, "web.Dockerfile.dockerignore": "b\n"})
    dockerfile = outside / "web.Dockerfile"
    sent = what_one_build_sends(context, tmp_path, f"--file={dockerfile}")
    assert what_we_say(context, dockerfile) == sent
    assert set(sent) == {"a", ".dockerignore"}
    dockerfile.with_name("web.Dockerfile.dockerignore").write_text("")
    assert what_we_say(context, dockerfile) == what_one_build_sends(context, tmp_path, f"--file={dockerfile}")


def test_links_hard_links_pipes_and_sockets_arrive_as_we_say(tmp_path: Path) -> None:
    context = write_tree(tmp_path / "c", {"Dockerfile": DOCKERFILE, "one": "abc"})
    os.link(context / "one", context / "two")
    os.mkfifo(context / "pipe")
    (context / "out").symlink_to("/etc/hostname")
    (context / "in").symlink_to("one")
    with socket.socket(socket.AF_UNIX) as listener:
        before = Path.cwd()
        os.chdir(context)  # a socket's path is short
        try:
            listener.bind("socket")
        finally:
            os.chdir(before)
        assert what_we_say(context) == what_one_build_sends(context, tmp_path)


def test_a_name_that_is_not_utf_8_fails_the_build(tmp_path: Path) -> None:
    context = write_tree(tmp_path / "c", {"Dockerfile": DOCKERFILE})
    Path(os.fsdecode(os.fsencode(context) + b"/caf\xe9")).touch()
    assert [oddity.code for oddity in inspect_context(context).oddities] == ["not-utf-8"]
    with pytest.raises(BuildRefusedError, match="invalid UTF-8"):
        what_one_build_sends(context, tmp_path)
