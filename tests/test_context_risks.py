import subprocess
from pathlib import Path

import pytest

from dockertools.context import inspect_context
from dockertools.context.ignore_file import parse_ignore_file
from dockertools.context.risks import Risk, exact_rule, find_risks
from tests.context_trees import write_tree

AWS_KEY = "AKIA" + "Q3EGRVZ5BNKWXY7T"
PRIVATE_KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA" * 3


def risks(root: Path, **silenced: str) -> dict[str, Risk]:
    return {risk.path: risk for risk in find_risks(inspect_context(root), silenced)}


@pytest.mark.parametrize(
    ("path", "code", "rule"),
    [
        (".env", "env-file", "**/.env"),
        ("conf/.env.production", "env-file", "**/.env.*"),
        ("prod.env", "env-file", "**/*.env"),
        ("deploy/id_rsa", "private-key", "**/id_rsa"),
        ("tls/site.key", "private-key", "**/*.key"),
        ("tls/site.crt", "certificate", "**/*.crt"),
        (".netrc", "credentials", "**/.netrc"),
        ("gcp/service-account-prod.json", "credentials", "**/service-account*.json"),
        ("backup/shop.sql.gz", "database", "**/*.sql.gz"),
        ("db.sqlite3", "database", "**/*.sqlite3"),
        ("dump-2026.sql", "sql-file", "**/dump*.sql"),
        ("app/x.pyc", "cache", "**/*.py[co]"),
        (".DS_Store", "editor", "**/.DS_Store"),
        ("log/debug.log.1", "log-file", "**/*.log.[0-9]*"),
    ],
)
def test_a_file_is_known_by_its_name(tmp_path: Path, path: str, code: str, rule: str) -> None:
    root = write_tree(tmp_path / "c", {path: "x", "manage.py": "x"})
    assert {(risk.path, risk.code, risk.rule) for risk in risks(root).values()} == {(path, code, rule)}


def test_the_rule_given_leaves_the_risk_out(tmp_path: Path) -> None:
    names = {".env": "x", "app/.env.local": "x", "node_modules/a/b.js": "x", ".git/HEAD": "x", "x.key": "x"}
    root = write_tree(tmp_path / "c", names)
    found = risks(root)
    (root / ".dockerignore").write_text("".join(f"{risk.rule}\n" for risk in found.values()))
    assert found
    assert risks(root) == {}


def test_examples_of_environment_files_may_stay(tmp_path: Path) -> None:
    assert risks(write_tree(tmp_path / "c", [".env.example", "conf/.env.sample"])) == {}


def test_a_folder_is_one_risk_with_all_its_files(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {"web/node_modules/a/x.js": "xx", "web/node_modules/b/.env": "xxx"})
    (risk,) = risks(root).values()
    assert (risk.path, risk.files, risk.size, risk.level) == ("web/node_modules/", 2, 5, "warn")


def test_a_virtual_environment_is_known_whatever_its_name(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", ["my*env/pyvenv.cfg", "my*env/lib/site.py", "manage.py"])
    (risk,) = risks(root).values()
    assert (risk.path, risk.code, risk.rule, risk.files) == ("my*env/", "virtual-environment", "my\\*env", 2)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f"KEY = '{AWS_KEY}'", "holds an AWS access key"),
        (PRIVATE_KEY, "holds a private key"),
        ("token: ghp_" + "a1B2" * 9, "holds a GitHub token"),
        ("xoxb-" + "1234567890-abcdefghijkl", "holds a Slack token"),
        ("sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", "holds a live Stripe key"),
        ("sk-ant-" + "api03-" + "x" * 40, "holds an API key of a language model"),
    ],
)
def test_a_secret_is_known_by_its_content(tmp_path: Path, content: str, reason: str) -> None:
    root = write_tree(tmp_path / "c", {"settings.py": content})
    (risk,) = risks(root).values()
    assert (risk.level, risk.reason, risk.rule) == ("fail", reason, "settings.py")


def test_a_private_key_among_the_certificates_is_told_as_one(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {"tls/site.pem": PRIVATE_KEY, "tls/ca.pem": "-----BEGIN CERTIFICATE-----\nMII"})
    assert {(risk.path, risk.code, risk.level) for risk in risks(root).values()} == {
        ("tls/site.pem", "private-key-content", "fail"),
        ("tls/ca.pem", "certificate", "warn"),
    }


@pytest.mark.parametrize("content", ["AKIAIOSFODNN7EXAMPLE", "-----BEGIN PRIVATE KEY-----", "ghp_short"])
def test_what_only_looks_like_a_secret_is_none(tmp_path: Path, content: str) -> None:
    assert risks(write_tree(tmp_path / "c", {"a.py": content})) == {}


def test_a_large_file_is_a_risk(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {"model.bin": b"x" * 10_000_001})
    (risk,) = risks(root).values()
    assert (risk.code, risk.size) == ("large-file", 10_000_001)


def test_what_git_does_not_track_is_a_risk_whole_folders_as_one(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", ["manage.py", "new.py", "export/a.csv", "export/b/c.csv", ".dockerignore"])
    (root / ".dockerignore").write_text(".git\n")
    for arguments in (["init", "-q"], ["add", "manage.py", ".dockerignore"]):
        subprocess.run(["git", *arguments], cwd=root, check=True)
    assert {(risk.path, risk.code, risk.files) for risk in risks(root).values()} == {
        ("new.py", "untracked", 1),
        ("export/", "untracked", 2),
    }


def test_a_risk_can_be_silenced_by_code_and_path(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", ["tests/server.key", "tls/server.key"])
    found = risks(root, **{"context.private-key:tests/*": "a test's own key"})
    assert found["tests/server.key"].silenced == "a test's own key"
    assert not found["tls/server.key"].silenced
    assert all(risk.silenced for risk in risks(root, **{"context.private-key": "x"}).values())


def test_the_gravest_come_first(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {"a.log": "x" * 100, "z.key": "x", "y.key": "xx"})
    assert list(risks(root)) == ["y.key", "z.key", "a.log"]


@pytest.mark.parametrize("path", ["a", "#a", "!a", "a*b", "[x]{2}", "a?|b", "a\\b", " a", "a/b ", "a\nb"])
def test_an_exact_rule_matches_the_path_and_no_other(path: str) -> None:
    (rule,) = parse_ignore_file(exact_rule(path).encode())
    assert rule.compiled.matches(path)
    assert not rule.compiled.matches(f"{path}x")
    assert not rule.keeps
