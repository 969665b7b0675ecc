"""docker_check as its user types it: options, exit codes, formats, checks of other apps."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.check_project import ROOT, SECRET, CheckProject, make_project

QUICK = ("--group", "environment")
GROUPS = ("packages", "libraries", "database", "cache", "storage", "server", "security", "environment")
OWN_CHECKS = f"""
from dockertools.checks import failed, passed, register_check, skipped, warned

def register(number, function, **options):
    codes = {{"lost": "It is lost."}}
    register_check(f"shop.C10{{number}}", group="shop", title=f"check {{number}}", codes=codes, **options)(function)

register(1, lambda context: [passed(str(context.root))])
register(2, lambda context: [failed("lost", "100% <lost>, said \\x1b[31m::it\\nin {SECRET}", "Find it.", count=2)])
register(3, lambda context: [warned("lost", "nearly lost", "Hold it.")])
register(4, lambda context: [skipped("lost", "nothing to lose")])
"""


@pytest.fixture
def project(tmp_path: Path) -> CheckProject:
    return make_project(tmp_path)


@pytest.fixture
def shop(project: CheckProject) -> CheckProject:
    """A project whose own app has a check for each status."""
    return with_checks(project, OWN_CHECKS)


def with_checks(project: CheckProject, source: str) -> CheckProject:
    project.write("shop/checks.py", source)
    project.write(
        "shop/apps.py",
        """
        from django.apps import AppConfig
        class ShopConfig(AppConfig):
            name = "shop"
            def ready(self):
                from shop import checks
        """,
    )
    return project


def with_check(project: CheckProject, body: str, options: str = "") -> CheckProject:
    return with_checks(
        project,
        "from dockertools.checks import register_check\n\n"
        f"@register_check('shop.C101', group='shop', title='own', codes={{}}{options})\n"
        f"def check(context):\n    {body}\n",
    )


def test_the_list_names_each_check_and_runs_none(shop: CheckProject) -> None:
    run = shop.run("--list")
    lines = [line.split() for line in run.stdout.splitlines()]
    assert (run.exit_code, lines[0][:2]) == (0, ["dockertools.C101", "packages"])
    assert lines[-1][:2] == ["shop.C104", "shop"]
    assert list(dict.fromkeys(line[1] for line in lines)) == [*GROUPS, "shop"]


def test_the_list_for_programs_is_the_same(shop: CheckProject) -> None:
    listed = [line.split()[0] for line in shop.run("--list").stdout.splitlines()]
    document = shop.check("--list").document
    assert [check["id"] for check in document["checks"]] == listed


def test_groups_are_chosen_and_left_out(shop: CheckProject) -> None:
    run = shop.check("--group", "shop", "--group", "environment", "--exclude-group", "shop")
    assert {result["group"] for result in run.document["results"]} == {"environment"}
    excluded = [word for group in GROUPS for word in ("--exclude-group", group)]
    assert {result["group"] for result in shop.check(*excluded).document["results"]} == {"shop"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--group", "enviroment"), "There is no group 'enviroment'.\nGroups: packages, libraries,"),
        (("--exclude-group", "shops"), "There is no group 'shops'."),
        ((*QUICK, "--exclude-group", "environment"), "leave no check"),
        (("--silence", "dockertools.C801"), "gives no reason"),
        (("--silence", "dockertools.C801= "), "gives no reason"),
        (("--silence", "dockertools.C8=small"), "there is no check 'dockertools.C8'.\nDid you mean"),
        (("--wait", "soon"), "--wait"),
        (("--wait", "-1"), "--wait"),
        (("--wait", "inf"), "--wait"),
        (("--fail-level", "pass"), "--fail-level"),
        (("--format", "yaml"), "--format"),
    ],
)
def test_what_cannot_be_is_a_mistake_of_usage(project: CheckProject, arguments: tuple[str, ...], message: str) -> None:
    run = project.run(*arguments)
    assert (run.exit_code, run.stdout) == (2, "")
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_a_mistake_of_usage_is_a_document_too(project: CheckProject) -> None:
    run = project.check("--group", "enviroment")
    assert (run.exit_code, run.document["error"]["code"]) == (2, "usage")


def test_a_silenced_check_is_skipped_with_its_reason(shop: CheckProject) -> None:
    run = shop.check("--group", "shop", "--silence", "shop.C102=found = again")
    results = {result["id"]: result for result in run.document["results"]}
    assert run.exit_code == 0
    assert (results["shop.C102"]["status"], results["shop.C102"]["evidence"]) == ("skip", {"code": "silenced"})
    assert results["shop.C102"]["message"] == "silenced: found = again"


@pytest.mark.parametrize(
    "settings",
    ["DOCKERTOOLS = {'SILENCED': {'shop.C102': 'found again'}}", "SILENCED_SYSTEM_CHECKS = ['shop.C102']"],
)
def test_settings_silence_too(shop: CheckProject, settings: str) -> None:
    shop.add_settings(settings)
    assert statuses(shop, "--group", "shop")["shop.C102"] == "skip"


def test_a_failure_ends_with_one(shop: CheckProject) -> None:
    run = shop.check("--group", "shop")
    assert run.exit_code == 1
    assert run.document["summary"] == {"pass": 1, "warn": 1, "fail": 1, "skip": 1}
    assert run.document["target"] == {"kind": "runtime", "name": "shop.settings"}


def test_a_warning_fails_when_it_is_told_to(shop: CheckProject) -> None:
    arguments = ("--group", "shop", "--silence", "shop.C102=found")
    assert shop.run(*arguments).exit_code == 0
    assert shop.run(*arguments, "--fail-level", "warn").exit_code == 1


def test_nothing_that_ran_is_no_pass(project: CheckProject) -> None:
    run = project.check("--group", "database")
    assert {result["status"] for result in run.document["results"]} == {"skip"}
    assert (run.exit_code, run.document["error"]["code"]) == (3, "all-skipped")


def test_the_text_is_grouped_with_evidence_and_the_next_step(shop: CheckProject) -> None:
    run = shop.run("--group", "shop", "--group", "environment")
    lines = run.stdout.splitlines()
    assert lines[0] == "environment"
    assert "shop" in lines
    (number,) = (number for number, line in enumerate(lines) if line.startswith("  FAIL"))
    assert "\x1b" not in run.stdout
    assert lines[number + 1].strip() == "lost: count=2"
    assert lines[number + 2].strip() == "next: Find it."
    assert "1 warned, 1 failed" in lines[-1]


def test_less_is_said_when_less_is_wanted(shop: CheckProject) -> None:
    lines = shop.run("--group", "shop", "--verbosity", "0").stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("   ")] == [
        "FAIL",
        "WARN",
    ]


def test_colours_are_only_for_who_wants_them(shop: CheckProject) -> None:
    assert "\x1b[" in shop.run("--group", "shop", env={"FORCE_COLOR": "1"}).stdout
    assert "\x1b[" not in shop.run("--group", "shop", env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).stdout


def test_junit_holds_the_findings(shop: CheckProject) -> None:
    run = shop.run("--group", "shop", "--format", "junit")
    root = ET.fromstring(run.stdout)  # noqa: S314  # written by the command a moment ago
    assert run.exit_code == 1
    assert {key: root.attrib[key] for key in ("tests", "failures", "skipped")} == {
        "tests": "4", "failures": "1", "skipped": "1",
    }  # fmt: skip
    (failure,) = root.iter("failure")
    assert failure.get("type") == "lost"
    assert "100% <lost>" in str(failure.get("message"))
    assert "Find it." in str(failure.text)
    assert [case.get("name") for case in root.iter("testcase")] == [f"check {number}" for number in range(1, 5)]
    assert [suite.get("name") for suite in root.iter("testsuite")] == ["shop"]


def test_a_warning_is_a_failure_of_junit_when_it_is_told_to(shop: CheckProject) -> None:
    run = shop.run("--group", "shop", "--format", "junit", "--fail-level", "warn")
    root = ET.fromstring(run.stdout)  # noqa: S314  # written by the command a moment ago
    assert len(list(root.iter("failure"))) == 2


def test_sarif_holds_the_findings(shop: CheckProject) -> None:
    run = shop.run("--group", "shop", "--format", "sarif", "--silence", "shop.C101=not now")
    log = json.loads(run.stdout)
    (sarif,) = log["runs"]
    assert (log["version"], run.exit_code, sarif["invocations"][0]["exitCode"]) == ("2.1.0", 1, 1)
    results = {result["ruleId"]: result for result in sarif["results"]}
    rules = sarif["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == rule_id for rule_id, result in results.items())
    assert {rule_id: (result["kind"], result["level"]) for rule_id, result in results.items()} == {
        "shop.C101": ("notApplicable", "none"),
        "shop.C102": ("fail", "error"),
        "shop.C103": ("fail", "warning"),
        "shop.C104": ("notApplicable", "none"),
    }
    assert results["shop.C101"]["suppressions"] == [{"kind": "external", "justification": "silenced: not now"}]
    assert results["shop.C102"]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "manage.py"


def test_github_is_told_each_finding_on_a_line(shop: CheckProject) -> None:
    lines = shop.run("--group", "shop", "--format", "github").stdout.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::error", "::warning", "::notice"]
    assert lines[0].startswith("::error title=shop.C102 check 2::100%25 <lost>")
    assert "%0AFind" not in lines[0]
    assert "%0ANext: Find it. [lost]" in lines[0]
    assert lines[2].endswith("::1 passed, 1 warned, 1 failed, 1 skipped")


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
@pytest.mark.parametrize("output_format", ["text", "json", "junit", "sarif", "github"])
def test_a_name_that_is_no_text_ends_no_report(shop: CheckProject, output_format: str, encoding: str) -> None:
    name = os.fsdecode(b"caf\xc3\xa9 \xff")
    arguments = ("--group", "shop", "--silence", f"shop.C102={name}", "--format", output_format)
    run = shop.run(*arguments, env={"PYTHONIOENCODING": encoding})
    assert (run.exit_code, run.stderr) == (0, "")
    if output_format in ("json", "sarif"):
        assert "café" in str(json.loads(run.stdout))
    if output_format == "junit":
        root = ET.fromstring(run.stdout)  # noqa: S314  # written by the command a moment ago
        assert next(root.iter("skipped")).get("message") == "silenced: café �"


def test_what_cannot_be_written_is_no_pass(project: CheckProject) -> None:
    command = (str(project.python), "manage.py", "docker_check", *QUICK, "--format", "json")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, cwd=project.folder, env=project.environment(), stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, b"Traceback" in done.stderr) == (3, False)
    assert b"No space left" in done.stderr


@pytest.mark.parametrize("output_format", ["text", "json", "junit", "sarif", "github"])
def test_no_format_shows_a_secret(shop: CheckProject, output_format: str) -> None:
    run = shop.run("--group", "shop", "--format", output_format)
    assert SECRET not in run.stdout + run.stderr
    assert "********" in run.stdout


def test_a_check_of_another_app_is_given_the_project(shop: CheckProject) -> None:
    (result,) = (result for result in shop.check("--group", "shop").document["results"] if result["id"] == "shop.C101")
    assert (result["status"], result["message"], result["title"]) == ("pass", str(shop.folder), "check 1")


@pytest.mark.parametrize(
    ("body", "code", "exit_code"),
    [
        ("import time; time.sleep(60)", "timed-out", 1),
        ("import os; os.abort()", "crashed", 1),
        ("raise SystemExit(0)", "exited", 1),
        ("import os; os._exit(0)", "exited", 1),
        ("return 1 / 0", "fault", 3),
        ("return []", "fault", 3),
        ("return None", "fault", 3),
    ],
)
def test_a_check_that_does_not_answer_is_no_pass(project: CheckProject, body: str, code: str, exit_code: int) -> None:
    run = with_check(project, body, ", timeout=0.5").check("--group", "shop")
    (result,) = run.document["results"]
    assert (result["status"], result["evidence"]["code"], run.exit_code) == ("fail", code, exit_code)


def test_a_faulty_check_keeps_the_others_results(shop: CheckProject) -> None:
    project = with_checks(shop, OWN_CHECKS + "\nregister(5, lambda context: 1 / 0)\n")
    run = project.check("--group", "shop")
    assert (run.exit_code, run.document["error"]["code"], len(run.document["results"])) == (3, "check-fault", 5)
    text = project.run("--group", "shop")
    assert (text.exit_code, "shop.C105 is at fault" in text.stderr) == (3, True)


@pytest.mark.parametrize("output_format", ["text", "json", "junit", "sarif", "github"])
def test_a_fault_of_the_command_is_no_pass(project: CheckProject, output_format: str) -> None:
    project.add_settings(
        "import dockertools.checks.runner as r\ndef broken(): raise KeyError('x')\nr.find_secrets = broken"
    )
    run = project.run(*QUICK, "--format", output_format)
    assert run.exit_code == 3
    assert "docker_check itself is at fault: KeyError" in run.stderr


@pytest.mark.parametrize("check_id", ["shop", "Shop.C101", "shop.101", "shop.C1"])
def test_a_malformed_id_is_refused(project: CheckProject, check_id: str) -> None:
    registration = f"register_check({check_id!r}, group='shop', title='', codes={{}})"
    with_checks(project, f"from dockertools.checks import register_check\n{registration}\n")
    run = project.check(*QUICK)
    assert (run.exit_code, run.codes("C101")) == (1, {"setup-failed"})
    assert f"'{check_id}' is not the id of a check" in run.result("C101")["message"]


def test_a_group_of_an_app_that_does_not_load_says_so(project: CheckProject) -> None:
    run = with_checks(project, "import no_such_module").run("--group", "shop")
    assert run.exit_code == 2
    assert "There is no group 'shop'" in run.stderr
    assert "no_such_module" in run.stderr


def test_apps_that_do_not_load_leave_the_checks_that_need_none(project: CheckProject) -> None:
    project.write("shop/models.py", "import no_such_module")
    run = project.check("--group", "packages", "--group", "security", "--silence", "dockertools.C705=slow")
    assert run.exit_code == 1
    assert "Traceback" not in run.stderr
    assert run.codes("C709") == {"setup-failed"}
    assert run.status("C706") == "pass"
    assert "no_such_module" in run.stdout


def test_without_the_project_there_is_nothing_to_check(project: CheckProject) -> None:
    argv = (sys.executable, "-m", "dockertools", "check", "--project", str(project.folder))
    done = subprocess.run(argv, cwd=ROOT, env=project.environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "docker_check needs the project" in done.stderr
    assert "python manage.py docker_check" in done.stderr


def test_the_list_needs_no_project(tmp_path: Path) -> None:
    argv = (sys.executable, "-m", "dockertools", "check", "--project", str(tmp_path), "--list")
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[0]) == (0, "dockertools.C101")


def test_only_django_packaging_and_pyelftools_are_needed(project: CheckProject) -> None:
    project.write(
        "before.py",
        "import sys\nfor name in ('rich', 'docker', 'gunicorn', 'redis', 'psycopg'): sys.modules[name] = None\n",
    )
    manage = project.folder / "manage.py"
    manage.write_text(f"import before\n{manage.read_text()}")
    run = project.check(
        "--exclude-group", "packages", "--exclude-group", "libraries", "--silence", "dockertools.C705=slow"
    )
    assert run.exit_code == 1, run.stderr
    assert not {
        result["id"] for result in run.document["results"] if result["evidence"]["code"] in ("fault", "crashed")
    }


def statuses(project: CheckProject, *arguments: str) -> dict[str, Any]:
    return {result["id"]: result["status"] for result in project.check(*arguments).document["results"]}
