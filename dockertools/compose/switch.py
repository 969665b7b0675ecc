"""Make a planned switch: all of it, or nothing.

Both files are written beside those they replace, compose reads the new mode, then they are renamed: the overlay first,
which nothing names yet, and .env last, the point where it counts.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dockertools.compose.classify import Project
from dockertools.compose.config import compose_environment
from dockertools.compose.env_file import encode
from dockertools.compose.judge import lost_mounts, overlay_faults, production_faults
from dockertools.compose.plan import Plan, read_project
from dockertools.compose.state import ENV_NAME
from dockertools.errors import DockertoolsError
from dockertools.files import free_name, stage_beside

STAGED = "dockertools-"


@dataclass(frozen=True)
class _Staged:
    """A file that is written and waits for its name."""

    temporary: Path
    target: Path


@contextlib.contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Let one switch in a folder wait for the other; the lock ends with the process, however that ends.

    Raises DockertoolsError when the folder cannot be opened.
    """
    try:
        handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise DockertoolsError(f"{root} cannot be opened: {error.strerror}.", code="folder-denied") from error
    try:
        with contextlib.suppress(OSError):  # a file system without locks: renames are still whole
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def try_plan(plan: Plan) -> Project:
    """Return what compose makes of the planned mode, without touching the project's folder.

    Raises DockertoolsError when compose refuses it, or it is not what the mode means.
    """
    with tempfile.TemporaryDirectory(prefix=STAGED) as folder:
        beside = Path(folder, "overlay.yml")
        if plan.overlay is not None:
            beside.write_text(plan.overlay.text, encoding="utf-8")
        return _read_new(plan, beside)


def make_switch(plan: Plan) -> Project:
    """Write the mode's files and return what compose makes of them.

    To be called within `one_at_a_time`. Raises DockertoolsError; then nothing was changed.
    """
    remove_leftovers(plan)
    staged: list[_Staged] = []
    try:
        overlay = _stage_overlay(plan, staged)
        _stage_env(plan, staged)
        project = _read_new(plan, overlay)
        _commit(plan, staged)
    except OSError as error:
        where = error.filename or plan.config.root
        raise DockertoolsError(
            f"{where} cannot be written: {error.strerror}.",
            hint="The mode is as it was. Check the folder's owner and the free space, then run it again.",
            code="not-written",
        ) from error
    finally:
        for file in staged:
            with contextlib.suppress(OSError):
                file.temporary.unlink(missing_ok=True)
    return project


def remove_leftovers(plan: Plan) -> None:
    """Remove what a switch that was killed left beside the files; .env's copy holds what .env holds."""
    targets = [path.resolve() for path in (plan.config.root / ENV_NAME, plan.overlay_path) if path]
    for target in targets:
        for path in target.parent.glob(f"{_prefix(target)}*"):
            with contextlib.suppress(OSError):
                path.unlink()


def _prefix(target: Path) -> str:
    """Return how staged files are called: as ignore files know `.env.*` too."""
    return f"{target.name if target.name.startswith('.') else f'.{target.name}'}.{STAGED}"


def _stage_overlay(plan: Plan, staged: list[_Staged]) -> Path | None:
    if plan.overlay is None or plan.overlay_path is None:
        return None
    if not plan.writes_overlay:
        return plan.overlay_path
    target = plan.overlay_path.resolve()
    staged.append(_Staged(stage_beside(target, plan.overlay.text.encode(), _prefix(target)), target))
    return staged[-1].temporary


def _stage_env(plan: Plan, staged: list[_Staged]) -> None:
    if plan.writes_env:
        target = (plan.config.root / ENV_NAME).resolve()
        staged.append(_Staged(stage_beside(target, encode(plan.env_text), _prefix(target)), target))


def _commit(plan: Plan, staged: list[_Staged]) -> None:
    """Give the files their names, .env's last; each rename is on the disk before the next."""
    if plan.saves and plan.overlay_path is not None:
        saved = free_name(plan.overlay_path.with_name(f"{plan.overlay_path.name}.orig"))
        os.link(plan.overlay_path.resolve(), saved)
    for file in staged:
        file.temporary.replace(file.target)
        _sync_folder(file.target.parent)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems cannot
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _read_new(plan: Plan, overlay: Path | None) -> Project:
    """Return the project in the new mode, our overlay taken from where it is staged; check that it is what is meant."""
    root = plan.config.root
    names = list(plan.files.files)
    if plan.overlay is not None and overlay is not None:
        names[names.index(plan.files.generated or "")] = os.path.relpath(overlay, root.resolve())
    try:
        project = read_project(plan.config, names, mode="", env=plan.variables)
    except DockertoolsError as error:
        if overlay is not None:
            error.message = error.message.replace(os.path.relpath(overlay, root.resolve()), plan.files.generated or "")
        raise
    faults = production_faults(project) if plan.mode == "prod" else []
    if plan.overlay is not None and plan.base is not None:
        before = {member.name: member.facts.values for member in plan.base.members}
        after = {member.name: member.facts.values for member in project.members}
        faults += overlay_faults(before, after, plan.overlay) + lost_mounts(plan.base, project)
    if faults:
        raise DockertoolsError(
            f"What compose makes of the files is not {plan.mode}:\n" + "\n".join(f"  - {fault}" for fault in faults),
            hint="Nothing was changed. Name the files of each mode in DOCKERTOOLS['MODES'] to decide yourself.",
            code="mode-refused",
            details={"refused": faults},
        )
    return project


def compose_variables(plan: Plan) -> dict[str, str]:
    """Return what makes compose run the planned mode, also where the environment still holds the old one."""
    return compose_environment(plan.files.files, plan.variables)
