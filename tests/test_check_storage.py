import shutil
import subprocess
from pathlib import Path

import pytest

from dockertools.checks.results import Status
from dockertools.checks.runtime.storage import RoomFacts, judge_room, judge_shared_memory
from tests.check_project import CheckProject, CheckRun, make_project

UNWRITABLE = "/proc/sys"  # not even by root
STATIC = (
    "INSTALLED_APPS += ['django.contrib.staticfiles']\nSTATIC_URL = 'static/'\nSTATIC_ROOT = BASE_DIR / 'collected'\n"
)
MANIFEST = (
    STATIC + "STORAGES = {'default': {'BACKEND': 'django.core.files.storage.FileSystemStorage'}, 'staticfiles':"
    " {'BACKEND': 'django.contrib.staticfiles.storage.ManifestStaticFilesStorage'}}\n"
)


@pytest.fixture
def project(tmp_path: Path) -> CheckProject:
    project = make_project(tmp_path)
    project.write("shop/static/shop.css", "body { color: black }")
    return project


def check(project: CheckProject, settings: str) -> CheckRun:
    project.add_settings(settings)
    return project.check("--group", "storage")


def collect(project: CheckProject) -> Path:
    argv = (str(project.python), "manage.py", "collectstatic", "--noinput")
    subprocess.run(argv, cwd=project.folder, env=project.environment(), check=True, stdout=subprocess.DEVNULL)
    return project.folder / "collected"


def test_collected_files_pass(project: CheckProject) -> None:
    project.add_settings(STATIC)
    collect(project)
    assert check(project, "").status("C501") == "pass"


def test_a_complete_manifest_passes(project: CheckProject) -> None:
    project.add_settings(MANIFEST)
    collect(project)
    result = check(project, "").result("C501")
    assert (result["status"], result["evidence"]["files"]) == ("pass", 1)


def test_files_that_were_not_collected(project: CheckProject) -> None:
    assert check(project, STATIC).codes("C501") == {"static-root-empty"}


def test_a_manifest_that_is_not_there(project: CheckProject) -> None:
    assert check(project, MANIFEST).codes("C501") == {"manifest-missing"}


def test_a_manifest_that_does_not_fit_the_files(project: CheckProject) -> None:
    project.add_settings(MANIFEST)
    collected = collect(project)
    next(collected.glob("shop.*.css")).unlink()
    project.write("shop/static/late.css", "")
    result = check(project, "").result("C501")
    assert result["evidence"]["code"] == "manifest-incomplete"
    assert (result["evidence"]["gone"], result["evidence"]["unlisted"]) == (["shop.css"], ["late.css"])


def test_a_manifest_that_is_cut_off(project: CheckProject) -> None:
    project.add_settings(MANIFEST)
    manifest = collect(project) / "staticfiles.json"
    manifest.write_text(manifest.read_text()[:20])
    run = check(project, "")
    assert (run.exit_code, run.codes("C501")) == (1, {"static-storage-broken"})


@pytest.mark.parametrize("settings", [MANIFEST + "STATIC_ROOT = None", MANIFEST.replace("Manifest", "Manifold")])
def test_a_storage_that_cannot_be_made(project: CheckProject, settings: str) -> None:
    run = check(project, settings)
    assert (run.exit_code, run.codes("C501")) == (1, {"static-storage-broken"})


@pytest.mark.parametrize("settings", ["", STATIC + "STATIC_ROOT = None"])
def test_static_files_that_nobody_collects(project: CheckProject, settings: str) -> None:
    assert check(project, settings).codes("C501") == {"no-static-files"}


def test_media_can_be_written_and_nothing_is_left(project: CheckProject) -> None:
    (project.folder / "media").mkdir()
    assert check(project, "MEDIA_ROOT = BASE_DIR / 'media'").status("C502") == "pass"
    assert not list((project.folder / "media").iterdir())


def test_a_media_folder_that_is_not_there(project: CheckProject) -> None:
    assert check(project, "MEDIA_ROOT = BASE_DIR / 'media'").codes("C502") == {"media-missing"}


def test_a_media_folder_that_cannot_be_written(project: CheckProject) -> None:
    assert check(project, f"MEDIA_ROOT = {UNWRITABLE!r}").codes("C502") == {"media-not-writable"}


def test_uploads_that_are_kept_in_memory(project: CheckProject) -> None:
    memory = "{'default': {'BACKEND': 'django.core.files.storage.InMemoryStorage'}}"
    assert check(project, f"MEDIA_ROOT = BASE_DIR\nSTORAGES = {memory}").codes("C502") == {"no-media"}


def test_a_storage_of_uploads_that_is_not_installed(project: CheckProject) -> None:
    missing = "{'default': {'BACKEND': 'storages_that_are_missing.S3Storage'}}"
    run = check(project, f"MEDIA_ROOT = BASE_DIR\nSTORAGES = {missing}")
    assert (run.exit_code, run.codes("C502")) == (1, {"media-storage-broken"})


def test_temporary_files_can_be_written(project: CheckProject) -> None:
    result = check(project, "FILE_UPLOAD_TEMP_DIR = BASE_DIR").result("C503")
    assert (result["status"], result["evidence"]["path"]) == ("pass", str(project.folder))


@pytest.mark.parametrize("folder", [UNWRITABLE, "/no/such/folder"])
def test_temporary_files_that_cannot_be_written(project: CheckProject, folder: str) -> None:
    assert check(project, f"FILE_UPLOAD_TEMP_DIR = {folder!r}").codes("C503") == {"temp-not-writable"}


def test_room_is_looked_for_where_files_are_written(project: CheckProject) -> None:
    database = "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'data/db'}}"
    (project.folder / "data").mkdir()
    result = check(project, f"MEDIA_ROOT = BASE_DIR\n{database}").result("C504")
    assert result["status"] == "pass"
    assert {str(project.folder), str(project.folder / "data")} <= set(result["evidence"]["folders"])


def test_a_file_system_that_tells_no_size_is_not_full(project: CheckProject) -> None:
    assert check(project, f"MEDIA_ROOT = {UNWRITABLE!r}").status("C504") == "pass"


@pytest.mark.parametrize(
    ("options", "fill", "codes"),
    [
        ("size=1M", "", {"disk-full"}),
        ("size=64M", "head -c 62M /dev/zero > media/file", {"disk-tight"}),
        ("size=4M,nr_inodes=20", "", {"inodes-full"}),
        ("size=8M,nr_inodes=1500", "for i in $(seq 1440); do : > media/$i; done", {"inodes-tight"}),
    ],
)
def test_a_small_disk(project: CheckProject, options: str, fill: str, codes: set[str]) -> None:
    (project.folder / "media").mkdir()
    mounting = with_own_mounts(project, f"mount -t tmpfs -o {options} tmpfs media\n{fill}")
    assert check(mounting, "MEDIA_ROOT = BASE_DIR / 'media'").codes("C504") == codes


@pytest.mark.parametrize(
    ("mount", "settings", "code"),
    [
        ("mount -t tmpfs -o size=8k tmpfs /dev/shm", "", "shm-full"),
        ("mount -t tmpfs -o ro tmpfs /dev/shm", "", "shm-unused"),
        ("mount -t tmpfs -o ro tmpfs /dev/shm", "/dev/shm", "shm-not-writable"),
        ("mount -t tmpfs tmpfs /dev", "/dev/shm", "shm-missing"),
    ],
)
def test_shared_memory_that_is_of_no_use(project: CheckProject, mount: str, settings: str, code: str) -> None:
    project.write("gunicorn.conf.py", f"worker_tmp_dir = {settings!r}" if settings else "")
    keep = "for n in null zero urandom; do cp -a /dev/$n nodes-$n; done"
    back = "for n in null zero urandom; do [ -e /dev/$n ] || cp -a nodes-$n /dev/$n; done"
    mounting = with_own_mounts(project, f"{keep}\n{mount}\n{back}")
    assert check(mounting, "").codes("C505") == {code}


def test_shared_memory_in_order(tmp_path: Path) -> None:
    assert judge_shared_memory(tmp_path, is_used=True).status is Status.PASS


def test_room_is_judged_by_bytes_and_by_inodes() -> None:
    full = RoomFacts("/media", free_bytes=0, bytes=10**9, free_files=0, files=1000)
    assert [outcome.evidence["code"] for outcome in judge_room(full)] == ["disk-full", "inodes-full"]
    without_inodes = RoomFacts("/media", free_bytes=10**9, bytes=10**9, free_files=None, files=None)
    assert not list(judge_room(without_inodes))


def with_own_mounts(project: CheckProject, script: str) -> CheckProject:
    """Return the project with an interpreter that starts among mounts of its own, which end with it."""
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run((unshare, "-m", "true"), capture_output=True, check=False).returncode:
        pytest.skip("mounts of one's own need the privilege to mount")
    lines = f'#!/bin/sh\nexec {unshare} -m /bin/sh -e -c \'{script}\nexec {project.python} "$@"\' python "$@"\n'
    wrapper = project.write("python-with-mounts", lines)
    wrapper.chmod(0o755)
    return CheckProject(project.folder, wrapper)
