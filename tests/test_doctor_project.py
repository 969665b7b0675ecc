"""The doctor's checks of files and services."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.checks.results import Status
from dockertools.compose.config import Mount
from dockertools.context.ignore_file import Rule
from dockertools.doctor.facts import HostFacts, find_mount
from dockertools.doctor.file_facts import Call, Script, find_calls, inspect_files, read_script
from dockertools.doctor.service_facts import (
    BindFacts,
    HiddenFiles,
    ImageUse,
    ServiceFacts,
    read_dockerfile,
    read_image,
)
from tests.doctor_facts import (
    CODE,
    ENGINE,
    FILES,
    INFO,
    WEB,
    judge,
    only,
)

IDS = ("D401", "D402", "D403", "D501", "D502", "D503", "D504", "D505", "D601", "D602")
WINDOWS_DRIVE = HostFacts("Linux", is_wsl=True, mountinfo="80 22 0:40 / /srv rw - 9p C: rw\n")
SHELL = Script("entrypoint.sh", "/bin/sh", 1, is_executable=True)


@pytest.mark.parametrize("check_id", IDS)
def test_nothing_is_wrong_where_nothing_is(check_id: str) -> None:
    assert only(judge(check_id)).status is Status.PASS


# --- files ---


def test_scripts_with_the_line_ends_of_windows() -> None:
    scripts = (SHELL, Script("manage.py", "/usr/bin/env python", 1, is_executable=True), replace(SHELL, crlf_line=0))
    shell, python = judge("D401", files=replace(FILES, scripts=scripts))
    assert (shell.status, shell.evidence["code"], shell.evidence["line"]) == (Status.FAIL, "crlf-script", 1)
    assert "sed -i" in shell.hint
    assert python.status is Status.WARN, "python manage.py does not read the first line"


def test_many_scripts_are_not_listed_one_by_one() -> None:
    scripts = tuple(replace(SHELL, path=f"{number:02}.sh") for number in range(25))
    outcomes = judge("D401", files=replace(FILES, scripts=scripts))
    assert len(outcomes) == 11
    assert len(outcomes[-1].evidence["paths"]) == 15


def test_a_script_without_its_run_bit_that_the_dockerfile_runs() -> None:
    call = Call("entrypoint.sh", 9, "ENTRYPOINT", is_made_executable=False)
    broken = replace(FILES, scripts=(replace(SHELL, is_executable=False),), calls=(call,))
    outcome = only(judge("D402", files=broken))
    assert (outcome.evidence["code"], outcome.evidence["line"]) == ("not-executable", 9)
    assert "git update-index --chmod=+x entrypoint.sh" in outcome.hint
    made = replace(broken, calls=(replace(call, is_made_executable=True),))
    assert only(judge("D402", files=made)).status is Status.PASS
    assert only(judge("D402", files=broken, host=WINDOWS_DRIVE)).evidence["code"] == "no-mode-bits"


def test_files_of_root_and_of_others() -> None:
    files = replace(FILES, foreign=(("app/migrations/0001.py", 0), ("media", 0), ("media/a b.png", 0), ("pg", 999)))
    root, other = judge("D403", files=files)
    assert (root.evidence["code"], root.evidence["count"]) == ("root-owned", 3)
    assert "sudo chown -R 1000:1000 app/migrations/0001.py media" in root.hint
    assert (other.evidence["code"], other.evidence["owner"]) == ("foreign-owned", 999)
    assert only(judge("D403", files=replace(FILES, owner=0))).evidence["code"] == "project-of-root"
    assert only(judge("D403", files=replace(FILES, owner=0, user=0))).status is Status.PASS


@pytest.mark.parametrize(
    ("content", "path", "line"),
    [
        (b"#!/bin/sh\r\nexec x\r\n", "a", 1),
        (b"#!/bin/sh\necho 1\necho 2\r\n", "a", 3),
        (b"echo\r\n", "a.sh", 1),
        (b"#!/bin/sh\n", "a", 0),
        (b"", "a.sh", 0),
    ],
)
def test_the_first_line_with_crlf_is_found(content: bytes, path: str, line: int) -> None:
    script = read_script(content, path, is_executable=False)
    assert script is not None
    assert script.crlf_line == line


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_content_is_a_script_or_none(content: bytes) -> None:
    script = read_script(content, "notes.txt", is_executable=True)
    assert (script is not None) == content.startswith(b"#!")
    assert script is None or bool(script.crlf_line) == (b"\r\n" in content)


def test_scripts_that_the_dockerfile_calls_are_found_in_the_project(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    for name in ("docker/start.sh", "entry point", "migrate"):
        (tmp_path / name).write_text("#!/bin/sh\n")
    text = (
        "FROM a AS one\nRUN --mount=type=cache,target=/x ./migrate && /usr/bin/true\nRUN chmod +x docker/start.sh\n"
        'FROM one\nENTRYPOINT ["/app/docker/start.sh"]\nCMD ["./entry point", "docker/start.sh"]\n'
        "CMD sh ./migrate\nCMD [broken\nENTRYPOINT ../../etc/passwd\n"
    )
    calls = [(call.path, call.line, call.is_made_executable) for call in find_calls(text, tmp_path)]
    assert calls == [("migrate", 2, False), ("docker/start.sh", 5, True), ("entry point", 6, False)]


def test_the_project_is_walked_without_environments(tmp_path: Path) -> None:
    for name in ("run.sh", "env/bin/x.sh", ".git/hooks/y.sh", "node_modules/z.sh"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"#!/bin/sh\r\n")
    (tmp_path / "env/pyvenv.cfg").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    facts = inspect_files(tmp_path, tmp_path / "Dockerfile")
    assert [script.path for script in facts.scripts] == ["run.sh"]
    assert (facts.owner, facts.foreign, facts.is_cut) == (os.getuid(), (), False)


# --- services ---


def bound(uid: int | None, owner: int | None, mode: int = 0o755, **changes: Any) -> ServiceFacts:
    """Return a service of user `uid` that mounts a folder of `owner`."""
    service = replace(
        WEB, image=ImageUse("image shop", str(uid), uid), binds=(BindFacts(CODE, owner, mode),), **changes
    )
    return ServiceFacts((service,))


@pytest.mark.parametrize(
    ("uid", "owner", "mode", "code"),
    [
        (1000, None, 0, "mount-source-missing"),
        (0, 1000, 0o755, "root-writes-mount"),
        (1000, 1001, 0o755, "mount-not-writable"),
        (1000, 1001, 0o777, "ok"),
        (None, 1001, 0o755, "ok"),
    ],
)
def test_the_containers_user_and_the_owner_of_what_it_mounts(
    uid: int | None, owner: int | None, mode: int, code: str
) -> None:
    outcome = only(judge("D502", services=bound(uid, owner, mode)))
    assert outcome.evidence["code"] == code
    assert code == "ok" or ("docker_mode dev" in outcome.hint or "mkdir -p" in outcome.hint)


@pytest.mark.parametrize(
    ("source", "target", "code"),
    [
        ("/srv/shop/nginx.conf", "/etc/nginx/nginx.conf", "mount-file-missing"),
        ("/run/user/1000/docker.sock", "/var/run/docker.sock", "mount-file-missing"),
        ("/srv/shop/conf.d", "/etc/nginx/conf.d", "mount-source-missing"),
        ("/srv/shop/.cache", "/root/.cache", "mount-source-missing"),
        ("/srv/shop.example", "/srv/shop", "mount-source-missing"),
    ],
)
def test_where_a_file_is_mounted_no_folder_is_advised(source: str, target: str, code: str) -> None:
    bind = BindFacts(replace(CODE, source=source, target=target), None, 0)
    outcome = only(judge("D502", services=ServiceFacts((replace(WEB, binds=(bind,)),))))
    assert outcome.evidence["code"] == code
    assert outcome.hint.startswith("mkdir -p" if code == "mount-source-missing" else "ls -l /")


def test_owners_do_not_matter_where_the_engine_maps_them_or_nobody_writes() -> None:
    desktop = replace(ENGINE, info=replace(INFO, system="Docker Desktop"))
    assert only(judge("D502", services=bound(1000, 1001), engine=desktop)).status is Status.PASS
    read_only = replace(CODE, read_only=True)
    services = ServiceFacts((replace(WEB, binds=(BindFacts(read_only, 1001, 0o755),)),))
    assert only(judge("D502", services=services)).status is Status.PASS
    assert only(judge("D502", services=bound(0, 999, is_built=False))).status is Status.PASS


def test_an_environment_below_a_mount_is_hidden_or_replaced() -> None:
    image = ImageUse("the Dockerfile", "1000", 1000, ("/app/.venv",))
    hidden = ServiceFacts((replace(WEB, image=image),))
    assert only(judge("D503", services=hidden)).evidence["code"] == "environment-shadowed"
    there = replace(WEB, image=image, binds=(BindFacts(CODE, 1000, 0o755, frozenset({".venv"})),))
    outcome = only(judge("D503", services=ServiceFacts((there,))))
    assert outcome.evidence["code"] == "environment-replaced"
    assert 'Add "/app/.venv" to the volumes of web' in outcome.hint
    volume = Mount("volume", None, "/app/.venv")
    kept = replace(WEB, image=image, mounts=(CODE, volume))
    assert only(judge("D503", services=ServiceFacts((kept,)))).status is Status.PASS


def test_code_that_the_ignore_file_hides_from_watch() -> None:
    item = HiddenFiles(
        ".", "/srv/shop/.dockerignore", Rule(7, "tests", "tests"), ("tests/test_a.py", "tests/test_b.py")
    )
    web = replace(WEB, hidden=(item,), is_watched=True)
    outcome = only(judge("D504", services=ServiceFacts((web, replace(web, name="worker")))))
    assert (outcome.evidence["code"], outcome.evidence["line"], outcome.evidence["files"]) == ("watch-hidden", 7, 2)
    assert outcome.evidence["services"] == ["web", "worker"]
    assert "docker_context --why tests/test_a.py" in outcome.hint


@pytest.mark.parametrize(
    ("host", "code"),
    [
        (WINDOWS_DRIVE, "windows-drive"),
        (HostFacts("Linux", False, "80 22 0:40 / /srv rw - nfs4 server:/x rw\n"), "network-drive"),
        (HostFacts("Darwin", False, ""), "shared-into-vm"),
        (HostFacts("Linux", False, "80 22 0:40 / /srv rw - virtiofs share rw\n"), "shared-into-vm"),
    ],
)
def test_mounts_that_are_slow_come_with_the_watch_alternative(host: HostFacts, code: str) -> None:
    outcome = only(judge("D505", host=host))
    assert outcome.evidence["code"] == code
    assert "docker_mode dev --sync watch" in outcome.hint
    assert only(judge("D505", host=host, services=ServiceFacts((replace(WEB, binds=()),)))).status is Status.PASS


def test_an_engine_elsewhere_mounts_its_own_folders() -> None:
    engine = replace(ENGINE, endpoint="ssh://server", info=replace(INFO, is_here=False))
    assert only(judge("D505", engine=engine)).evidence["code"] == "engine-elsewhere"


def test_the_file_system_is_that_of_the_nearest_mount_point() -> None:
    mountinfo = (
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
        "80 22 0:40 / /mnt/c rw - 9p C: rw\n"
        "81 22 0:41 / /mnt/my\\040disk rw shared:2 - nfs4 server:/x rw\n"
        "nonsense\n"
    )
    assert find_mount(Path("/mnt/c/Users/ann/shop"), mountinfo) == ("/mnt/c", "9p")
    assert find_mount(Path("/mnt/my disk/shop"), mountinfo) == ("/mnt/my disk", "nfs4")
    assert find_mount(Path("/mnt/cc/shop"), mountinfo) == ("/", "ext4")
    assert find_mount(Path("/srv"), "") == ("", "")


@pytest.mark.parametrize(
    ("services", "first", "others"),
    [
        (ServiceFacts((), is_compose=False), "no-compose-file", "no-compose-file"),
        (ServiceFacts((), "Compose cannot read it", "Correct it"), "compose-broken", "compose-unreadable"),
    ],
)
def test_without_a_compose_project_there_is_nothing_to_judge(services: ServiceFacts, first: str, others: str) -> None:
    assert only(judge("D501", services=services)).evidence["code"] == first
    for check_id in ("D502", "D503", "D504", "D505"):
        assert only(judge(check_id, services=services)).evidence["code"] == others


@pytest.mark.parametrize(
    ("text", "uid", "environments"),
    [
        ("FROM a\nRUN useradd --uid 1000 app\nUSER app\n", 1000, ()),
        ("FROM a\nUSER app:app\n", None, ()),
        ("FROM a\nWORKDIR /app\nRUN uv sync --frozen\n", 0, ("/app/.venv",)),
        ("FROM a\nENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH\n", 0, ("/opt/venv",)),
        (
            "FROM a\nWORKDIR /srv\nWORKDIR app\nRUN python -m venv .venv && .venv/bin/pip install x\n",
            0,
            ("/srv/app/.venv",),
        ),
        ("", None, ()),
    ],
)
def test_user_and_environments_are_read_from_the_dockerfile(
    text: str, uid: int | None, environments: tuple[str, ...]
) -> None:
    use = read_dockerfile(text, None)
    assert (use.uid, use.environments) == (uid, environments)


def test_user_and_environments_are_read_from_the_image() -> None:
    document = {"User": "app", "Env": ["VIRTUAL_ENV=/app/.venv", "PATH=/app/.venv/bin:/usr/bin"]}
    use = read_image(document, "shop:latest", "RUN adduser -u ${UID:-1001} app\n")
    assert (use.origin, use.uid, use.environments) == ("image shop:latest", 1001, ("/app/.venv",))
    assert read_image({}, "shop", "").uid == 0
