"""What can be put right without harm: shown first, done one by one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockertools.checks.results import CheckResult, Status
from dockertools.doctor.base import need, printable
from dockertools.doctor.facts import DoctorFacts
from dockertools.errors import DockertoolsError
from dockertools.files import free_name, unified_diff, write_atomically


@dataclass(frozen=True)
class Fix:
    """A change that answers a finding: `preview` shows it, `apply` does it or raises DockertoolsError or OSError."""

    check_id: str
    code: str
    title: str
    preview: str
    apply: Callable[[], None]


@dataclass(frozen=True)
class FixResult:
    """What came of a fix; `problem` is empty where it was done, or was not wanted."""

    fix: Fix
    applied: bool
    problem: str = ""


def find_fixes(results: Iterable[CheckResult], facts: DoctorFacts) -> tuple[Fix, ...]:
    """Return the fixes for the findings, one for each thing that changes."""
    fixes: dict[tuple[str, str], Fix] = {}
    for result in results:
        if result.status in (Status.WARN, Status.FAIL) and result.code in _FIXERS:
            for fix in _FIXERS[result.code](result, facts):
                fixes.setdefault((fix.code, fix.title), fix)
    return tuple(fixes.values())


def apply_fix(fix: Fix) -> FixResult:
    """Do it, and return what came of it."""
    try:
        fix.apply()
    except DockertoolsError as error:
        return FixResult(fix, applied=False, problem=error.message)
    except OSError as error:
        return FixResult(fix, applied=False, problem=f"{error.filename}: {error.strerror}")
    return FixResult(fix, applied=True)


def _paths(result: CheckResult) -> frozenset[str]:
    """Return the paths of a finding, as they are shown."""
    return frozenset(map(str, (result.evidence.get("path", ""), *(result.evidence.get("paths") or ()))))


def _write(path: Path, content: bytes) -> None:
    """Replace the file whole; root does not make it root's."""
    before = path.stat()
    write_atomically(path, content)
    if os.geteuid() == 0:
        os.chown(path, before.st_uid, before.st_gid)


def _fix_line_endings(result: CheckResult, facts: DoctorFacts) -> Iterator[Fix]:
    shown = _paths(result)
    for script in need(facts.files).scripts:
        path = facts.root / script.path
        if script.crlf_line and printable(script.path) in shown:

            def convert(path: Path = path) -> None:
                _write(path, path.read_bytes().replace(b"\r\n", b"\n"))

            preview = f"CR LF becomes LF, from line {script.crlf_line} on"
            yield Fix(result.id, result.code, f"Convert {printable(script.path)} to LF", preview, convert)


def _fix_run_bits(result: CheckResult, facts: DoctorFacts) -> Iterator[Fix]:
    for name in _paths(result) & {call.path for call in need(facts.files).calls}:
        path = facts.root / name
        before = path.stat().st_mode & 0o7777
        after = before | ((before & 0o444) >> 2)

        def change(path: Path = path, mode: int = after) -> None:
            path.chmod(mode)

        yield Fix(result.id, result.code, f"Make {name} executable", f"mode {before:04o} -> {after:04o}", change)


def _fix_owners(result: CheckResult, facts: DoctorFacts) -> Iterator[Fix]:
    files = need(facts.files)
    paths = [path for path, owner in files.foreign if owner == 0]
    if os.geteuid() != 0 or not paths:
        return

    def change() -> None:
        for path in paths:
            os.chown(facts.root / path, files.owner, files.group, follow_symlinks=False)

    shown = "\n".join(map(printable, paths[:20])) + (f"\n... and {len(paths) - 20} more" if len(paths) > 20 else "")
    yield Fix(result.id, result.code, f"Give {len(paths)} files to {files.owner}:{files.group}", shown, change)


def _fix_mount_source(result: CheckResult, facts: DoctorFacts) -> Iterator[Fix]:
    path = Path(str(result.evidence.get("source")))
    if not path.is_relative_to(facts.root):
        return
    home = facts.root.stat()

    def make() -> None:
        new = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(parents=True)
        if os.geteuid() == 0:
            for folder in new:
                os.chown(folder, home.st_uid, home.st_gid)

    yield Fix(result.id, result.code, f"Make the folder {path}", f"mkdir -p {path}", make)


def _fix_features(result: CheckResult, facts: DoctorFacts) -> Iterator[Fix]:
    path = need(facts.client).client.path
    yield _rewrite(result, path, f"Take the engine's `features` out of {path}", without_features)


def _fix_helper(result: CheckResult, facts: DoctorFacts) -> Iterator[Fix]:
    path = need(facts.client).client.path
    registry = str(result.evidence.get("registry") or "")
    helper = str(result.evidence.get("helper"))
    yield _rewrite(result, path, f"Take {helper} out of {path}", lambda document: without_helper(document, registry))


def without_features(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return config.json without what belongs into daemon.json; the client's own features stay."""
    changed = dict(document)
    features = changed.pop("features", None)
    if isinstance(features, dict):
        own = {key: value for key, value in features.items() if isinstance(value, str) and key != "buildkit"}
        changed |= {"features": own} if own else {}
    return changed


def without_helper(document: Mapping[str, Any], registry: str) -> dict[str, Any]:
    """Return config.json without the helper for a registry, or for all where it is empty."""
    changed = dict(document)
    if not registry:
        changed.pop("credsStore", None)
        return changed
    helpers = {name: helper for name, helper in document.get("credHelpers", {}).items() if name != registry}
    changed.pop("credHelpers", None)
    return changed | ({"credHelpers": helpers} if helpers else {})


def _rewrite(result: CheckResult, path: Path, title: str, change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Fix:
    """Return the fix that rewrites a JSON file; what it was before stays beside it as NAME.orig."""

    def apply() -> None:
        before = path.read_bytes()
        write_atomically(free_name(path.with_name(f"{path.name}.orig")), before)
        _write(path, _render(change(json.loads(before.decode("utf-8-sig")))).encode())

    before = path.read_text(encoding="utf-8-sig")
    after = _render(change(json.loads(before)))
    return Fix(result.id, result.code, title, unified_diff(path.name, _render(json.loads(before)), after), apply)


def _render(document: Mapping[str, Any]) -> str:
    """Return the document as the docker command writes its own file."""
    return json.dumps(document, indent="\t", ensure_ascii=False) + "\n"


_FIXERS: dict[str, Callable[[CheckResult, DoctorFacts], Iterator[Fix]]] = {
    "crlf-script": _fix_line_endings,
    "not-executable": _fix_run_bits,
    "root-owned": _fix_owners,
    "mount-source-missing": _fix_mount_source,
    "features-in-client-config": _fix_features,
    "helper-not-found": _fix_helper,
}
