"""`docker_context` as its user meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import resources
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.core.management import CommandError, call_command

from dockertools.files import mark
from tests.context_trees import write_tree

FILES = {
    "manage.py": "x" * 10,
    ".env": "SECRET=1",
    "app/models.py": "x" * 20,
    "media/cv.pdf": "x" * 300,
    "requirements.txt": "django",
    "Dockerfile": "FROM x\nCOPY requirements.txt /\nCOPY . /app\n",
    ".dockerignore": "media\n*.txt\nmodels.pi\n",
}
SCHEMA = json.loads(resources.files("dockertools").joinpath("schemas", "context.json").read_text())


@pytest.fixture
def project(tmp_path: Path, settings: Any) -> Path:
    root = write_tree(tmp_path / "shop", FILES)
    settings.DOCKERTOOLS = {"ROOT": str(root)}
    return root


def context(*arguments: str) -> tuple[int, str]:
    """Run the command and return its exit code and what it printed."""
    output = StringIO()
    try:
        call_command("docker_context", *arguments, stdout=output, stderr=StringIO())
    except SystemExit as end:
        return int(end.code or 0), output.getvalue()
    except CommandError as error:
        return error.returncode, output.getvalue() + str(error)
    return 0, output.getvalue()


def document(*arguments: str, expect: int = 0) -> dict[str, Any]:
    code, text = context("--format", "json", *arguments)
    assert code == expect
    found: dict[str, Any] = json.loads(text.partition("\n}\n")[0] + "\n}")
    jsonschema.validate(found, SCHEMA)
    assert found["exit_code"] == expect
    return found


@pytest.mark.usefixtures("project")
def test_the_report_says_what_is_sent_and_what_is_wrong() -> None:
    code, text = context()
    assert code == 0
    assert "before      7 files" in text
    assert "after       5 files" in text
    assert "rules       .dockerignore, 3 rules" in text
    assert "fail  .env" in text
    assert "fail  requirements.txt" in text
    assert "left out by line 2, `*.txt`" in text
    assert "1 of 3 rules have no effect here: 3:models.pi" in text
    assert "\n**/.env\n" in text


def test_the_document_has_the_keys_of_the_interface(project: Path) -> None:
    found = document()
    assert (found["files"], found["excluded_files"], found["excluded_bytes"]) == (5, 2, 306)
    assert found["ignore_file"] == str(project / ".dockerignore")
    assert found["rules"][0] == {"line": 1, "pattern": "media", "files": 1, "bytes": 300, "unused": False}
    assert found["largest"][0] == {"path": "Dockerfile", "bytes": len(FILES["Dockerfile"])}
    assert [(risk["path"], risk["rule"]) for risk in found["risks"]] == [(".env", "**/.env")]
    assert [(item["path"], item["rule"]["line"]) for item in found["needed"]] == [("requirements.txt", 2)]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 0),
        (("--check",), 1),
        (("--fail-level", "warn"), 1),
        (("--max-size", "1MB"), 0),
        (("--max-size", "50"), 1),
        (("--max-size", "plenty"), 2),
        (("-0",), 2),
        (("--force",), 2),
        (("--service", "web", "--file", "x"), 2),
        (("--file", "missing"), 1),
        (("--context", "/missing"), 1),
    ],
)
def test_exit_codes(arguments: tuple[str, ...], code: int) -> None:
    assert context(*arguments)[0] == code


def test_a_clean_context_passes_the_strictest_check(project: Path) -> None:
    (project / ".dockerignore").write_text("media\n.env\n")
    assert context("--check", "--fail-level", "warn")[0] == 0


def test_a_silenced_finding_does_not_fail_the_check(project: Path, settings: Any) -> None:
    (project / ".dockerignore").write_text("media\n")
    assert context("--check")[0] == 1
    settings.DOCKERTOOLS |= {"SILENCED": {"context.env-file": "a demo's"}}
    assert context("--check")[0] == 0
    assert document()["risks"][0]["silenced"] == "a demo's"


@pytest.mark.usefixtures("project")
def test_the_budget_is_in_the_document() -> None:
    assert document("--max-size", "50", expect=1)["budget"] == {"limit_bytes": 50, "ok": False}


@pytest.mark.usefixtures("project")
def test_why_names_the_rule() -> None:
    _, text = context("--why", "media/cv.pdf")
    assert "media/cv.pdf is left out\n  `media` (line 1) leaves out media/" in text
    why = document("--why", "requirements.txt")["why"]
    assert (why["sent"], why["rule"]) == (False, {"line": 2, "pattern": "*.txt"})
    assert context("--why", "/etc/passwd")[0] == 2


@pytest.mark.usefixtures("project")
def test_list_prints_the_largest_first() -> None:
    paths = ["Dockerfile", ".dockerignore", "app/models.py", "manage.py", ".env"]
    assert context("--list")[1] == "".join(f"{path}\n" for path in paths)
    assert context("--list", "-0")[1] == "".join(f"{path}\0" for path in paths)
    assert document("--list")["paths"] == paths


def test_names_that_are_not_utf_8_are_listed_byte_for_byte(project: Path) -> None:
    (project / ".dockerignore").write_text("*\n!caf*\n")
    Path(os.fsdecode(os.fsencode(project) + b"/caf\xe9\n")).touch()
    argv = (sys.executable, "-m", "dockertools", "context", "--project", str(project), "--list", "-0")
    done = subprocess.run(argv, capture_output=True, check=True, cwd=Path(__file__).parent.parent)
    assert done.stdout == b"caf\xe9\n\0"
    assert "caf\\xe9\\n" in context()[1]
    assert document("--list")["paths"] == ["caf\\xe9\\n"]


def test_fix_shows_a_diff_of_a_file_that_is_not_ours(project: Path) -> None:
    code, text = context("--fix")
    assert code == 1
    assert "+**/.env" in text
    assert (project / ".dockerignore").read_text() == FILES[".dockerignore"]
    assert document("--fix", expect=1)["fix"]["written"] is False


def test_fix_adds_rules_to_a_file_that_is_ours(project: Path) -> None:
    (project / ".dockerignore").write_text(mark("media\n"))
    found = document("--fix")
    assert found["fix"]["rules"] == ["**/.env"]
    assert found["before"]["files"] == found["files"] + 1
    assert context("--fix") == (0, f"{project / '.dockerignore'}: nothing to add\n")


def test_a_rule_that_buildkit_refuses_is_an_error_with_its_line(project: Path) -> None:
    (project / ".dockerignore").write_text("media\n[a-\n")
    code, text = context()
    assert code == 1
    assert ".dockerignore, line 2: BuildKit refuses the rule `[a-`" in text
    assert document(expect=1)["error"]["code"] == "ignore-file"


def test_a_context_above_with_a_dockerfile_outside(project: Path) -> None:
    outside = write_tree(
        project.parent / "docker", {"web.Dockerfile": "FROM x\n", "web.Dockerfile.dockerignore": "shop\n"}
    )
    found = document("--context", str(project.parent), "--file", str(outside / "web.Dockerfile"))
    assert found["ignore_file"] == str(outside / "web.Dockerfile.dockerignore")
    assert {entry["path"] for entry in found["folders"]} == {"docker/"}


@pytest.mark.usefixtures("engine")
@pytest.mark.engine
def test_a_service_of_compose_says_what_is_built(project: Path) -> None:
    service = {"context": "app", "dockerfile": "../Dockerfile"}
    services = {
        "web": {"build": service, "profiles": ["all"]},
        "inline": {"build": {"context": ".", "dockerfile_inline": "FROM x"}},
        "db": {"image": "postgres"},
        "far": {"build": "https://example.com/x.git"},
    }
    (project / "compose.yaml").write_text(json.dumps({"services": services}))
    found = document("--service", "web")
    assert (found["context"], found["files"]) == (str(project / "app"), 1)
    assert found["dockerfile"] == str(project / "Dockerfile")
    assert document("--service", "inline")["dockerfile"] is None
    assert "has no `build:`" in context("--service", "db")[1]
    assert "no folder of this machine" in context("--service", "far")[1]
    code, text = context("--service", "wbe")
    assert code == 2
    assert "The services are: db, far, inline, web." in text
    (project / "compose.yaml").write_text("services: [")
    assert document("--service", "web", expect=1)["error"]["code"] == "yaml-broken"
