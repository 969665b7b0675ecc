from pathlib import Path

from dockertools.context import inspect_context
from dockertools.context.fix import HEADING, Fix, apply_fix, make_fix, rules_against
from dockertools.context.risks import find_risks
from dockertools.files import Ownership, mark, ownership, unmark
from dockertools.rendering.files import RenderedFile
from dockertools.rendering.plan import plan_files, write_files
from tests.context_trees import write_tree


def plan(root: Path, dockerfile: Path | None = None) -> Fix:
    facts = inspect_context(root, dockerfile)
    return make_fix(facts, find_risks(facts))


def test_without_an_ignore_file_one_is_written_and_marked(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", [".env", "manage.py"])
    fix = plan(root)
    assert (fix.owner, fix.rules) == (Ownership.MISSING, ("**/.env",))
    assert apply_fix(fix)
    text = (root / ".dockerignore").read_text()
    assert ownership(text) is Ownership.OURS
    assert text.endswith(f"{HEADING}\n**/.env\n")
    assert find_risks(inspect_context(root)) == []


def test_our_own_file_is_added_to_and_stays_ours(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {".env": "x", "a.key": "x", ".dockerignore": mark("# rules\n**/.env\n")})
    assert apply_fix(plan(root))
    (root / "db.sqlite3").touch()
    assert apply_fix(plan(root))
    text = (root / ".dockerignore").read_text()
    assert ownership(text) is Ownership.OURS
    assert text.partition("\n")[2] == f"# rules\n**/.env\n\n{HEADING}\n**/*.key\n**/*.sqlite3\n"


def test_somebody_s_file_is_never_written_and_the_answer_is_a_diff(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {".env": "x", ".dockerignore": "media"})
    fix = plan(root)
    assert not apply_fix(fix, force=True)
    assert (root / ".dockerignore").read_text() == "media"
    assert "+**/.env\n" in fix.diff
    assert "Written by" not in fix.diff


def test_an_edited_file_is_kept_unless_forced_and_then_saved(tmp_path: Path) -> None:
    edited = mark("media\n") + "static\n"
    root = write_tree(tmp_path / "c", {".env": "x", ".dockerignore": edited})
    fix = plan(root)
    assert not apply_fix(fix)
    assert apply_fix(fix, force=True)
    assert (root / ".dockerignore.orig").read_text() == edited
    assert ownership((root / ".dockerignore").read_text()) is Ownership.OURS
    assert "static\n" in (root / ".dockerignore").read_text()


def test_the_dockerfile_s_own_ignore_file_is_the_one_to_change(tmp_path: Path) -> None:
    own = "web.Dockerfile.dockerignore"
    root = write_tree(tmp_path / "c", {".env": "x", "web.Dockerfile": "FROM x\n", own: mark("")})
    fix = plan(root, root / "web.Dockerfile")
    assert apply_fix(fix)
    assert fix.path == root / own


def test_line_ends_are_kept(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {".env": "x", ".dockerignore": b"media\r\n"})
    assert plan(root).new == f"media\r\n\r\n{HEADING}\r\n**/.env\r\n"


def test_a_rule_that_would_leave_out_what_the_build_needs_is_not_added(tmp_path: Path) -> None:
    files = {"Dockerfile": "FROM x\nCOPY tls/ca.pem /etc/\n", "tls/ca.pem": "x", ".env": "x"}
    root = write_tree(tmp_path / "c", files)
    fix = plan(root, root / "Dockerfile")
    assert (fix.rules, fix.refused) == (("**/.env",), ("**/*.pem",))


def test_what_needs_a_decision_is_not_added(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {"model.bin": b"x" * 10_000_001})
    risks = find_risks(inspect_context(root))
    assert rules_against(risks) == ("model.bin",)
    assert plan(root).rules == ()
    assert not apply_fix(plan(root))


def test_docker_init_keeps_the_rules_that_were_added(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {".env": "x", "odd.kdbx": "x", ".dockerignore": mark("media\n")})
    assert apply_fix(plan(root))
    (planned,) = plan_files(root, [RenderedFile(".dockerignore", "media\n")])
    assert planned.action == "unchanged"
    (planned,) = plan_files(root, [RenderedFile(".dockerignore", "**/.env\nmedia\n")])
    assert planned.action == "update"
    write_files(root, [planned])
    assert unmark((root / ".dockerignore").read_text()) == f"**/.env\nmedia\n\n{HEADING}\n**/*.kdbx\n"


def test_a_saved_file_does_not_replace_one_saved_before(tmp_path: Path) -> None:
    edited = mark("media\n") + "static\n"
    root = write_tree(tmp_path / "c", {".env": "x", ".dockerignore": edited, ".dockerignore.orig": "first\n"})
    assert apply_fix(plan(root), force=True)
    assert (root / ".dockerignore.orig").read_text() == "first\n"
    assert (root / ".dockerignore.orig.2").read_text() == edited
