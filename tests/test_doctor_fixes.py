"""What the doctor can put right."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dockertools.checks.results import CheckResult, Status
from dockertools.conf import Config
from dockertools.doctor.file_facts import Call, inspect_files
from dockertools.doctor.fixes import apply_fix, find_fixes
from tests.doctor_facts import (
    FILES,
    SOUND,
    judge,
    only,
)


def result(check_id: str, code: str, **evidence: Any) -> CheckResult:
    return CheckResult(
        id=f"dockertools.{check_id}",
        group="files",
        title="t",
        status=Status.FAIL,
        message="m",
        hint="h",
        evidence={"code": code, **evidence},
    )


def test_line_ends_and_run_bits_are_put_right(tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_bytes(b"#!/bin/sh\r\necho\r\n")
    script.chmod(0o640)
    files = replace(
        inspect_files(tmp_path, tmp_path / "Dockerfile"), calls=(Call("run.sh", 1, "CMD", is_made_executable=False),)
    )
    facts = replace(SOUND, config=Config(root=tmp_path, image="shop"), files=files)
    fixes = find_fixes(
        [result("D401", "crlf-script", path="run.sh"), result("D402", "not-executable", path="run.sh")], facts
    )
    assert [fix.preview for fix in fixes] == ["CR LF becomes LF, from line 1 on", "mode 0640 -> 0750"]
    assert script.read_bytes().count(b"\r") == 2, "nothing happens before it is asked for"
    assert all(apply_fix(fix).applied for fix in fixes)
    assert script.read_bytes() == b"#!/bin/sh\necho\n"
    assert script.stat().st_mode & 0o777 == 0o750


def test_a_name_that_is_not_utf_8_can_be_shown_and_put_right(tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"\xff.sh")  # noqa: PTH118  # bytes
    with open(path, "wb") as stream:  # noqa: PTH123  # as above
        stream.write(b"echo\r\n")
    files = inspect_files(tmp_path, tmp_path / "Dockerfile")
    facts = replace(SOUND, config=Config(root=tmp_path, image="shop"), files=files)
    outcome = only(judge("D401", files=files))
    outcome.message.encode()
    assert outcome.evidence["path"] == "\ufffd.sh"
    (fix,) = find_fixes([result("D401", "crlf-script", path="\ufffd.sh")], facts)
    assert apply_fix(fix).applied
    with open(path, "rb") as stream:  # noqa: PTH123  # as above
        assert stream.read() == b"echo\n"


def test_a_fix_that_cannot_be_done_says_why(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    files = replace(FILES, calls=(Call("run.sh", 1, "CMD", is_made_executable=False),))
    facts = replace(SOUND, config=Config(root=tmp_path, image="shop"), files=files)
    (fix,) = find_fixes([result("D402", "not-executable", path="run.sh")], facts)
    (tmp_path / "run.sh").unlink()
    assert "No such file" in apply_fix(fix).problem


def test_the_folder_of_a_mount_is_made_inside_the_project_alone(tmp_path: Path) -> None:
    facts = replace(SOUND, config=Config(root=tmp_path, image="shop"))
    inside, outside = tmp_path / "media/new", tmp_path.parent / "elsewhere"
    found = [result("D502", "mount-source-missing", source=str(path)) for path in (inside, outside)]
    (fix,) = find_fixes(found, facts)
    assert apply_fix(fix).applied
    assert inside.is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_of_root_are_given_to_the_owner_of_the_project(tmp_path: Path) -> None:
    os.chown(tmp_path, 1000, 1000)
    (tmp_path / "link").symlink_to("/etc/passwd")
    files = inspect_files(tmp_path, tmp_path / "Dockerfile")
    facts = replace(SOUND, config=Config(root=tmp_path, image="shop"), files=files)
    (fix,) = find_fixes([result("D403", "root-owned")], facts)
    assert apply_fix(fix).applied
    assert (tmp_path / "link").lstat().st_uid == 1000
    assert Path("/etc/passwd").stat().st_uid == 0
    assert not inspect_files(tmp_path, tmp_path / "Dockerfile").foreign


def test_what_passes_needs_no_fix() -> None:
    assert find_fixes([replace(result("D401", "crlf-script"), status=Status.SKIP)], SOUND) == ()
    assert find_fixes([result("D102", "engine-denied")], SOUND) == ()
