"""Scripts and owners in the project's folder."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator

from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.doctor.base import MOST_FINDINGS, doctor_check, need, printable
from dockertools.doctor.facts import DoctorFacts
from dockertools.doctor.file_facts import Call, Script
from dockertools.sizes import count_of

ROOT = 0


@doctor_check(
    "D401",
    "files",
    "line endings",
    {"crlf-script": "A script has the line ends of Windows: its interpreter is not found."},
)
def check_line_endings(facts: DoctorFacts) -> Iterator[Outcome]:
    """Look for CR LF in scripts with a `#!` line and in shell scripts."""
    scripts = need(facts.files).scripts
    broken = [script for script in scripts if script.crlf_line]
    for script in broken[:MOST_FINDINGS]:
        # `python manage.py` does not read the first line, so a script of Python's is run in spite of it as a rule.
        judge = warned if "python" in script.interpreter else failed
        yield judge(
            "crlf-script",
            _crlf_message(script),
            _crlf_hint(printable(script.path), facts),
            path=printable(script.path),
            line=script.crlf_line,
        )
    if rest := [printable(script.path) for script in broken[MOST_FINDINGS:]]:
        yield failed("crlf-script", f"{len(rest)} more scripts have CR LF", facts.fix, paths=rest)
    if not broken:
        yield passed(f"{count_of(len(scripts), 'script')}, none with CR LF")


def _crlf_message(script: Script) -> str:
    what = (
        f"`{script.interpreter}` is not found" if script.crlf_line == 1 and script.interpreter else "commands get a CR"
    )
    return f"{printable(script.path)}, line {script.crlf_line} ends in CR LF: {what}"


def _crlf_hint(path: str, facts: DoctorFacts) -> str:
    return f"{facts.fix}, or: sed -i 's/\\r$//' {shlex.quote(path)}   (and `*.sh text eol=lf` in .gitattributes)"


@doctor_check(
    "D402",
    "files",
    "run bits",
    {
        "not-executable": "A script that the Dockerfile runs as a program has no run bit.",
        "no-mode-bits": "Skipped: this file system has no run bits.",
    },
)
def check_run_bits(facts: DoctorFacts) -> Iterator[Outcome]:
    """Look for the run bit of the scripts that ENTRYPOINT, CMD and RUN call by their path."""
    files = need(facts.files)
    if not files.has_mode_bits or (facts.host.is_wsl and facts.host.file_system(facts.root) in ("9p", "drvfs")):
        yield skipped("no-mode-bits", "this file system has no run bits; the image gets what git says")
        return
    runnable = {script.path for script in files.scripts if script.is_executable}
    broken = {call.path: call for call in files.calls if call.path not in runnable and not call.is_made_executable}
    for call in broken.values():
        yield failed(
            "not-executable", _call_message(call), _call_hint(call.path, facts), path=call.path, line=call.line
        )
    if not broken:
        called = sorted({call.path for call in files.calls})
        yield passed(f"{', '.join(called) or 'the Dockerfile calls no script of the project'}")


def _call_message(call: Call) -> str:
    return f"{call.path} has no run bit, and line {call.line} of the Dockerfile runs it ({call.instruction})"


def _call_hint(path: str, facts: DoctorFacts) -> str:
    quoted = shlex.quote(path)
    return f"{facts.fix}, or: chmod +x {quoted}   (and: git update-index --chmod=+x {quoted})"


@doctor_check(
    "D403",
    "files",
    "owners",
    {
        "root-owned": "Files in the project belong to root: a container that ran as root made them.",
        "foreign-owned": "Files in the project belong to another user than the folder.",
        "project-of-root": "The project's folder belongs to root, and you are not root.",
    },
)
def check_owners(facts: DoctorFacts) -> Iterator[Outcome]:
    """Compare the owner of each file with that of the project's folder."""
    files = need(facts.files)
    of_root = [printable(path) for path, owner in files.foreign if owner == ROOT]
    others = Counter(owner for _, owner in files.foreign if owner != ROOT)
    if files.owner == ROOT and files.user != ROOT:
        hint = f'sudo chown -R "$(id -u):$(id -g)" {shlex.quote(str(facts.root))}'
        yield failed("project-of-root", f"{facts.root} belongs to root", hint, path=str(facts.root))
    if of_root:
        message = f"{count_of(len(of_root), 'file')} of root, and the project is of uid {files.owner}: {_some(of_root)}"
        hint = f"sudo chown -R {files.owner}:{files.group} {_folders(of_root)}   (or, as root, --fix)"
        yield failed("root-owned", message, hint, count=len(of_root), paths=of_root[:MOST_FINDINGS])
    for owner, count in others.items():
        paths = [printable(path) for path, found in files.foreign if found == owner]
        message = f"{count_of(count, 'file')} of uid {owner}, and the project is of uid {files.owner}: {_some(paths)}"
        hint = f"sudo chown -R {files.owner}:{files.group} {_folders(paths)}   (unless a container is to keep them)"
        yield warned("foreign-owned", message, hint, count=count, owner=owner, paths=paths[:MOST_FINDINGS])
    if not files.foreign and (files.owner != ROOT or files.user == ROOT):
        note = " (of the first 200000)" if files.is_cut else ""
        yield passed(f"all files belong to uid {files.owner}{note}")


def _some(paths: list[str]) -> str:
    return ", ".join(paths[:3]) + (", ..." if len(paths) > 3 else "")


def _folders(paths: Iterable[str]) -> str:
    """Return the uppermost of the paths, quoted for a shell."""
    top: list[str] = []
    for path in sorted(paths):
        if not any(path.startswith(f"{known}/") for known in top):
            top.append(path)
    return " ".join(shlex.quote(path) for path in top[:5]) + (" ..." if len(top) > 5 else "")
