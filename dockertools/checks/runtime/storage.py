"""Group `storage`: static files are complete, and there is room to write where it is needed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage, StaticFilesStorage, staticfiles_storage
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, default_storage

from dockertools.checks.context import CheckContext
from dockertools.checks.registry import register_check
from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.checks.runtime.gunicorn_config import inspect_gunicorn
from dockertools.sizes import format_size

GROUP = "storage"
SHOWN = 3
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # the name that the kernel's documentation gives it
LEAST_BYTES = 2 * 10**6
LEAST_FILES = 50
TIGHT = 0.05
"""A twentieth free is when filesystems begin to slow down and ext4's reserve for root is reached."""
SHARED_MEMORY_BYTES = 10**6

_COLLECT = "Run `python manage.py collectstatic --noinput` while the image is built, after the code was copied."


@dataclass(frozen=True)
class RoomFacts:
    """A filesystem's room for a user without privileges; `files` are None where it has no fixed number of inodes."""

    folder: str
    free_bytes: int
    bytes: int
    free_files: int | None
    files: int | None


@register_check(
    "dockertools.C501",
    group=GROUP,
    title="static files",
    timeout=60,
    codes={
        "manifest-missing": "The manifest with the hashed names is not there, so every page that links a file fails.",
        "manifest-incomplete": "The manifest lacks files of the code, or names files that are not there.",
        "static-root-empty": "STATIC_ROOT holds nothing: collectstatic did not run.",
        "static-storage-broken": "The storage cannot be made: its class, STATIC_ROOT or the manifest is broken.",
        "no-static-files": "Skipped: static files are not collected on this disk.",
    },
)
def check_static_files(context: CheckContext) -> Iterator[Outcome]:
    """Compare STATIC_ROOT with its manifest, and the manifest with what the apps bring."""
    storage = staticfiles_storage
    if "django.contrib.staticfiles" not in settings.INSTALLED_APPS:
        yield skipped("no-static-files", "static files are not collected")
    elif error := _why_broken(storage):
        hint = f"Correct STORAGES['staticfiles'] and STATIC_ROOT. {_COLLECT}"
        yield failed("static-storage-broken", f"the storage of static files cannot be made: {error}", hint)
    elif not isinstance(storage, StaticFilesStorage):
        yield skipped("no-static-files", "static files are not collected on this disk")
    elif isinstance(storage, ManifestStaticFilesStorage):
        yield judge_manifest(storage)
    elif not settings.STATIC_ROOT:
        yield skipped("no-static-files", "STATIC_ROOT is not set")
    elif not _has_files(Path(settings.STATIC_ROOT)):
        yield failed("static-root-empty", f"{settings.STATIC_ROOT} holds no files", _COLLECT)
    else:
        yield passed(str(settings.STATIC_ROOT))


@register_check(
    "dockertools.C502",
    group=GROUP,
    title="media can be written",
    codes={
        "media-missing": "MEDIA_ROOT does not exist.",
        "media-storage-broken": "The storage of uploads cannot be made: its class is missing, or an option is wrong.",
        "media-not-writable": "The user may not write in MEDIA_ROOT, or the disk is full or read-only.",
        "no-media": "Skipped: uploads are not kept on this disk.",
    },
)
def check_media(context: CheckContext) -> Iterator[Outcome]:
    """Write a file in MEDIA_ROOT and remove it."""
    if error := _why_broken(default_storage):
        hint = "Correct STORAGES['default'], or pin the package that brings its class."
        yield failed("media-storage-broken", f"the storage of uploads cannot be made: {error}", hint)
        return
    if not settings.MEDIA_ROOT or not isinstance(default_storage, FileSystemStorage):
        yield skipped("no-media", "MEDIA_ROOT is not set, or uploads are kept elsewhere")
        return
    folder = Path(settings.MEDIA_ROOT)
    hint = f"Mount a volume at {folder} whose folder belongs to user {os.geteuid()}."
    if not folder.is_dir():
        yield failed("media-missing", f"{folder} does not exist", hint, path=str(folder))
    elif error := try_writing(folder):
        yield failed("media-not-writable", f"{folder} cannot be written: {error}", hint, path=str(folder))
    else:
        yield passed(str(folder), path=str(folder))


@register_check(
    "dockertools.C503",
    group=GROUP,
    title="temporary files",
    needs_setup=False,
    codes={"temp-not-writable": "No folder for temporary files can be written; uploads over 2.5 MB need one."},
)
def check_temporary_files(context: CheckContext) -> Iterator[Outcome]:
    """Write a file where Python and Django put temporary ones."""
    hint = "Mount a tmpfs at /tmp (compose: `tmpfs: [/tmp]`), or set TMPDIR to a folder that can be written."
    try:
        folder = Path(settings.FILE_UPLOAD_TEMP_DIR or tempfile.gettempdir())
    except FileNotFoundError as error:
        yield failed("temp-not-writable", f"there is no folder for temporary files: {error.strerror}", hint)
        return
    if error_text := try_writing(folder):
        message = f"{folder} cannot be written: {error_text}"
        yield failed("temp-not-writable", message, hint, path=str(folder))
    else:
        yield passed(str(folder), path=str(folder))


@register_check(
    "dockertools.C504",
    group=GROUP,
    title="room on disk",
    needs_setup=False,
    codes={
        "disk-full": f"Less than {format_size(LEAST_BYTES)} are free.",
        "disk-tight": f"Less than {TIGHT:.0%} are free.",
        "inodes-full": f"Room for less than {LEAST_FILES} more files.",
        "inodes-tight": f"Less than {TIGHT:.0%} of the inodes are free.",
        "nothing-written": "Skipped: nothing is written on a disk.",
    },
)
def check_room(context: CheckContext) -> Iterator[Outcome]:
    """Ask for free bytes and inodes where files are written: media, temporary files, SQLite databases."""
    rooms = tuple(read_room(folder) for folder in _written_folders())
    findings = [outcome for room in rooms for outcome in judge_room(room)]
    yield from findings
    if not rooms:
        yield skipped("nothing-written", "nothing is written on a disk")
    elif not findings:
        text = ", ".join(f"{room.folder} {format_size(room.free_bytes)}" for room in rooms)
        yield passed(f"free: {text}", folders=[room.folder for room in rooms])


@register_check(
    "dockertools.C505",
    group=GROUP,
    title="shared memory",
    needs_setup=False,
    codes={
        "shm-missing": "There is no shared memory, and gunicorn's workers use it.",
        "shm-not-writable": "Shared memory cannot be written, and gunicorn's workers use it.",
        "shm-full": f"Less than {format_size(SHARED_MEMORY_BYTES)} are free in it.",
        "shm-unused": "Skipped: shared memory is missing or cannot be written, and gunicorn does not use it.",
    },
)
def check_shared_memory(context: CheckContext) -> Iterator[Outcome]:
    """Look at /dev/shm: gunicorn's heartbeat (`worker_tmp_dir`) and Python's multiprocessing need it."""
    folder = (inspect_gunicorn(context.root).worker_tmp_dir or "") if find_spec("gunicorn") else ""
    yield judge_shared_memory(SHARED_MEMORY, is_used=folder.startswith(str(SHARED_MEMORY)))


def judge_shared_memory(folder: Path, *, is_used: bool) -> Outcome:
    """Return the state of the folder; `is_used` is whether gunicorn's workers need it."""
    hint = "Let the engine mount it (compose: `shm_size`), or set another worker_tmp_dir."
    if not folder.is_dir():
        code, message = "shm-missing", f"{folder} is not there"
    elif error := try_writing(folder):
        code, message = "shm-not-writable", f"{folder} cannot be written: {error}"
    elif (room := read_room(folder)).free_bytes < SHARED_MEMORY_BYTES:
        return warned("shm-full", f"{format_size(room.free_bytes)} free in {folder}", hint)
    else:
        return passed(f"{format_size(room.free_bytes)} free")
    return failed(code, message, hint) if is_used else skipped("shm-unused", f"{message}; nothing is known to use it")


def judge_manifest(storage: ManifestStaticFilesStorage) -> Outcome:
    """Return whether the manifest is there, and complete in both directions."""
    path = Path(storage.path(storage.manifest_name))
    if storage.read_manifest() is None:
        return failed("manifest-missing", f"{path} does not exist", _COLLECT, path=str(path))
    hashed = storage.hashed_files
    gone = sorted(name for name, target in hashed.items() if not storage.exists(target))
    unlisted = sorted(name for name in find_static_names() if storage.hash_key(storage.clean_name(name)) not in hashed)
    if gone or unlisted:
        wrong = [*(f"{name} (file is gone)" for name in gone), *(f"{name} (not in it)" for name in unlisted)]
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        message = f"{path}: {', '.join(wrong[:SHOWN])}{more}"
        return failed("manifest-incomplete", message, _COLLECT, path=str(path), gone=gone, unlisted=unlisted)
    return passed(f"{len(hashed)} files in {path}", path=str(path), files=len(hashed))


def find_static_names() -> set[str]:
    """Return the names of the files that collectstatic would collect."""
    ignored = list(_ignored_patterns())
    names = set()
    for finder in get_finders():
        for name, storage in finder.list(ignored):
            prefix = getattr(storage, "prefix", None)
            names.add(os.path.normpath(os.path.join(prefix, name) if prefix else name))  # noqa: PTH118  # URL names
    return names


def try_writing(folder: Path) -> str:
    """Return why no file can be made in the folder, or an empty text; the file is gone afterwards."""
    try:
        with tempfile.TemporaryFile(dir=folder) as stream:
            stream.write(b"dockertools")
            stream.flush()
    except OSError as error:
        return str(error.strerror)
    return ""


def read_room(folder: Path) -> RoomFacts:
    """Return the room on the folder's filesystem."""
    facts = os.statvfs(folder)
    has_inodes = facts.f_files > 0
    return RoomFacts(
        str(folder),
        facts.f_bavail * facts.f_frsize,
        facts.f_blocks * facts.f_frsize,
        facts.f_favail if has_inodes else None,
        facts.f_files if has_inodes else None,
    )


def judge_room(room: RoomFacts) -> Iterator[Outcome]:
    """Yield what is wrong with the room."""
    hint = f"Make room on the disk of {room.folder}, or give it a larger one (compose: the size of a tmpfs)."
    evidence = {"path": room.folder, "free_bytes": room.free_bytes, "free_files": room.free_files}
    message = f"{format_size(room.free_bytes)} of {format_size(room.bytes)} are free at {room.folder}"
    if not room.bytes:
        pass  # network filesystems may not tell
    elif room.free_bytes < LEAST_BYTES:
        yield failed("disk-full", message, hint, **evidence)
    elif room.free_bytes < TIGHT * room.bytes:
        yield warned("disk-tight", message, hint, **evidence)
    if room.free_files is None or room.files is None:
        return
    message = f"{room.free_files} of {room.files} inodes are free at {room.folder}"
    if room.free_files < LEAST_FILES:
        yield failed("inodes-full", message, hint, **evidence)
    elif room.free_files < TIGHT * room.files:
        yield warned("inodes-tight", message, hint, **evidence)


def _written_folders() -> Iterable[Path]:
    folders = [Path(settings.MEDIA_ROOT)] if settings.MEDIA_ROOT else []
    try:
        folders.append(Path(settings.FILE_UPLOAD_TEMP_DIR or tempfile.gettempdir()))
    except FileNotFoundError:
        folders.append(Path("/"))
    for values in settings.DATABASES.values():
        name = str(values.get("NAME", ""))
        if "sqlite" in values.get("ENGINE", "") and ":memory:" not in name and "mode=memory" not in name:
            folders.append(Path(name).parent)
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def _ignored_patterns() -> Iterator[str]:
    config = apps.get_app_config("staticfiles")
    yield from getattr(config, "ignore_patterns", ())


def _why_broken(storage: object) -> str:
    """Return why Django cannot make the storage, or an empty text; it does so at the first use."""
    try:
        isinstance(storage, StaticFilesStorage)
    except (ImproperlyConfigured, ImportError, LookupError, TypeError, ValueError) as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return ""


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())
