"""What is wrong with the image of `tests/audit_images.py`, and which finding of which tool is one of it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SENSITIVE = r"DL3064|SecretsUsedInArgOrEnv|CKV_SECRET_\d+|.*(?:Secret|Token|Key|Auth|Entropy).*"
"""Kinds of findings that say: here is a secret. Which one is left to the tool."""
IN_URL = "Basic Auth.*|CKV_SECRET_4"
"""Of them, those that say: here is a URL with a password."""
REMARKS = {
    "DL3066": "not a number; nothing of root",
}


@dataclass(frozen=True)
class Finding:
    """What a tool said: its code, a path in the image or `Dockerfile`, and the line, or the message, it is about."""

    code: str
    place: str
    text: str


@dataclass(frozen=True)
class Fault:
    """A fault, the check that is there for it, and how a finding of it is recognised.

    `check` is the id of ours, `ours` a pattern of its message; `codes` is a pattern of other tools' codes (a whole
    one), `at` of the place and the line they point to.
    """

    title: str
    check: str
    ours: str = ""
    codes: str = "(?!)"
    at: str = ""


@dataclass(frozen=True)
class Scan:
    """What a tool found, and which layers it did not come to the end of in its time."""

    tool: str
    findings: tuple[Finding, ...]
    unfinished: tuple[str, ...] = ()


FAULTS = (
    Fault("`USER toor`, a name whose uid is 0", "I101", "toor", r"DL3002|DL3066|CKV_DOCKER_[38]", "USER toor"),
    Fault("make is installed", "I201", "make"),
    Fault("a -dev package is installed", "I202", "x11proto-dev"),
    Fault("apt's lists stay in the layer", "I203", "/var/lib/apt/lists", "DL3009", "apt-get"),
    Fault("pip and setuptools stay", "I204", "setuptools.*pip"),
    Fault(
        "`ENV DJANGO_SECRET_KEY=...`", "I301", "DJANGO_SECRET_KEY", f"(?!{IN_URL}$)(?:{SENSITIVE})", "DJANGO_SECRET_KEY"
    ),
    Fault("`ENV DATABASE_URL` with a password", "I301", "DATABASE_URL", IN_URL, "DATABASE_URL"),
    Fault("a token given as build argument", "I302", "PIP_TOKEN", SENSITIVE, "ARG PIP_TOKEN"),
    Fault("a GitHub token in a RUN", "I302", "in a command of RUN", SENSITIVE, "RUN curl"),
    Fault(
        "`.env.production`, deleted in a later layer",
        "I303",
        r"\.env\.production.*hidden",
        ".*",
        r"^/app/\.env\.production",
    ),
    Fault("`id_ed25519`, deleted in a later layer", "I303", "id_ed25519.*hidden", ".*", "^/app/deploy/id_ed25519"),
    Fault("a GitHub token in a file that is deleted later", "I304", r"notes\.txt.*hidden", ".*", r"^/app/notes\.txt"),
    Fault("a private key under `tests/`", "I304", r"server\.pem", ".*", r"^/app/tests/server\.pem"),
    Fault('`SECRET_KEY = "..."` in a settings module', "I304", r"keys/settings\.py", ".*", r"^/app/keys/settings\.py"),
    Fault("a URL with a password in an .ini", "I304", r"database\.ini", ".*", r"^/app/conf/database\.ini"),
    Fault("an API key in a .json", "I304", r"service\.json", ".*", r"^/app/conf/service\.json"),
    Fault("`.git` is in the image", "I401", r"\.git"),
    Fault("the project's tests are in the image", "I402", "/app/tests"),
    Fault("a setuid program of its own", "I403", "/app/tool"),
    Fault("a file that everybody may write", "I404", r"/app/settings\.py"),
    Fault("no HEALTHCHECK", "I501", "no HEALTHCHECK", "DL3057|CKV_DOCKER_2"),
    Fault("CMD in shell form", "I502", "CMD in shell form", "DL3025|JSONArgsRecommended", "CMD"),
    Fault("an entry point that never calls exec", "I503", "never calls exec", ".*", r"^/app/entrypoint\.sh: "),
    Fault("EXPOSE 22", "I504", "EXPOSE 22", r"CKV_DOCKER_1|DL3011", "EXPOSE 22"),
    Fault("the base's label says `python:latest`", "I601", "python:latest", "DL3007|CKV_DOCKER_7"),
    Fault("a distribution without support", "I602", "support ended"),
    Fault("no OCI labels", "I603", "no label", r"DL304[89]|DL305\d"),
    Fault("2 MB deleted by a later layer", "I701", r"blob\.bin"),
    Fault("a package that nothing needs", "I702", "tree"),
    Fault("an object whose library is nowhere", "I703", r"libgone\.so\.1"),
)
OURS = "docker_check"


def render_table(scans: Sequence[Scan]) -> list[str]:
    """Return the table of faults, a column for each tool."""
    names = [scan.tool for scan in scans]
    rows = [[fault.title, *(told(scan, fault) for scan in scans)] for fault in FAULTS]
    totals = [f"**{sum(bool(recognise(scan, fault)) for fault in FAULTS)} of {len(FAULTS)}**" for scan in scans]
    rows.append(["**found**", *totals])
    return [_row(["Fault", *names]), "|---" * (len(names) + 1) + "|", *map(_row, rows)]


def recognise(scan: Scan, fault: Fault) -> tuple[Finding, ...]:
    """Return the findings of a tool that are of this fault."""
    if scan.tool == OURS:
        mine = (finding for finding in scan.findings if finding.code == fault.check)
        return tuple(finding for finding in mine if re.search(fault.ours, finding.text))
    return tuple(
        finding
        for finding in scan.findings
        if re.fullmatch(fault.codes, finding.code) and re.search(fault.at, f"{finding.place}: {finding.text}")
    )


def told(scan: Scan, fault: Fault) -> str:
    """Return a tool's cell: its codes for the fault, or a dash, or that it did not come to its end."""
    found = recognise(scan, fault)
    if not found:
        return "-" if not scan.unfinished else "- (not finished)"
    codes = sorted({finding.code for finding in found})
    remarks = [f"{code}: {REMARKS[code]}" if code in REMARKS else code for code in codes]
    # A copy of the Dockerfile in the image is luck: it names what the image's configuration holds.
    copied = all(finding.place == "/app/Dockerfile" for finding in found) and scan.tool != OURS
    return ", ".join(remarks) + (", as the Dockerfile was copied" if copied else "")


def left_over(scan: Scan) -> tuple[Finding, ...]:
    """Return the findings that are of none of the faults."""
    known = {finding for fault in FAULTS for finding in recognise(scan, fault)}
    return tuple(finding for finding in scan.findings if finding not in known)


def summarise(findings: Iterable[Finding]) -> str:
    """Return how many findings of which kind are where, by the first two folders."""
    found = list(findings)
    if not found:
        return "nothing"
    kinds = _count(finding.code for finding in found)
    places = _count(_folder(finding.place) for finding in found)
    return f"{len(found):,}: {kinds}; in {places}"


def render_list(scans: Iterable[Scan], chosen: Mapping[str, Iterable[Finding]]) -> list[str]:
    """Return a line for each tool on these findings of it, with what it did not come to the end of."""
    lines = []
    for scan in scans:
        late = f"; not finished: {', '.join(scan.unfinished)}" if scan.unfinished else ""
        lines.append(f"- {scan.tool}: {summarise(chosen[scan.tool])}{late}")
    return lines


def _count(names: Iterable[str]) -> str:
    return ", ".join(f"{name} ({number:,})" for name, number in Counter(names).most_common())


def _folder(place: str) -> str:
    parts = place.split("/")
    return "/".join(parts[:3]) if len(parts) > 3 else place


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
