"""A failing step and its log -> why, and what to do. Pure, but for the table `data/build_failures.toml`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from dockertools.build.dockerfile import Place, Stage
from dockertools.tables import read_table

_LINE = re.compile(r"^(?P<file>\S+):(?P<line>\d+)$")
_MISSING_PATH = re.compile(r'"(?P<path>/[^"]*)": not found')
_ERROR_PREFIX = re.compile(r"^ERROR: (?:failed to build: )?(?:failed to solve: )?")
_COMMAND = re.compile(r'^process ".*" did not complete successfully: ', re.DOTALL)
_CLOSE = 0.6
_FIRST_WORDS = re.compile(r"(?:depends on|user requested|you require|Cannot install) .*", re.MULTILINE)


@dataclass(frozen=True)
class Evidence:
    """What a failed build left behind.

    `error` is what BuildKit says, `log` the last lines that the failing step wrote, `plain` buildx's own last words.
    `place` is where the step stands, `stages` those of the Dockerfile. `neighbours` are the names in the context's
    folder where a missing file was looked for. `has_sbom` and `has_syntax` tell of `--sbom` and of a `# syntax=` line.
    """

    step: str = ""
    error: str = ""
    log: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    place: Place | None = None
    stages: tuple[Stage, ...] = ()
    neighbours: tuple[str, ...] = ()
    has_sbom: bool = False
    has_syntax: bool = False


@dataclass(frozen=True)
class Explanation:
    """A likely cause, named by `id`, and what to do about it."""

    id: str
    cause: str
    fix: str


@dataclass(frozen=True)
class Failure:
    """A failed step; `line` is that of the Dockerfile, `stage` the one it belongs to, None where unknown."""

    step: str
    error: str
    line: int | None
    stage: str | None
    log: tuple[str, ...]
    explanation: Explanation | None

    @property
    def brief_error(self) -> str:
        """The error without the command of the step, which BuildKit repeats in it."""
        return _COMMAND.sub("the command ended with ", self.error)


@dataclass(frozen=True)
class Cause:
    """A row of the table; the file says what each field means."""

    id: str
    look_in: str
    pattern: re.Pattern[str]
    cause: str
    fix: str
    package: str = ""
    needs: str = ""
    instruction: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Table:
    """The causes in the order in which they are tried, and Debian's packages by what is missing."""

    causes: tuple[Cause, ...]
    packages: Mapping[str, Mapping[str, str]]


@cache
def load_table() -> Table:
    """Read the table of causes."""
    document = read_table("build_failures")
    return Table(tuple(_cause(row) for row in document.pop("cause")), document)


def examine(evidence: Evidence) -> Failure:
    """Return the failure with its place in the Dockerfile, and its cause if it is a known one."""
    place = evidence.place
    return Failure(
        step=evidence.step,
        error=_summary(evidence),
        line=_reported_line(evidence.plain) or (place.instruction.line if place else None),
        stage=_stage_name(evidence),
        log=evidence.log,
        explanation=explain(evidence),
    )


def explain(evidence: Evidence) -> Explanation | None:
    """Return the first cause of the table that fits, or None."""
    error = "\n".join((evidence.error, *evidence.plain))
    log = "\n".join(evidence.log)
    texts = {"error": error, "log": log, "both": f"{error}\n{log}"}
    for cause in load_table().causes:
        match = cause.pattern.search(texts[cause.look_in])
        if match and _applies(cause, evidence):
            return _fill(cause, match, evidence)
    return None


def missing_path(error: str) -> str | None:
    """Return the path that BuildKit did not find in the context, without its leading slash."""
    match = _MISSING_PATH.search(error)
    return match["path"].lstrip("/") if match else None


def _cause(row: dict[str, str]) -> Cause:
    instruction = row.pop("instruction", None)
    return Cause(
        pattern=re.compile(row.pop("pattern"), re.MULTILINE),
        instruction=re.compile(instruction) if instruction else None,
        **row,
    )


def _applies(cause: Cause, evidence: Evidence) -> bool:
    words = evidence.place.instruction.value if evidence.place else evidence.step
    if cause.instruction and not cause.instruction.search(words):
        return False
    if cause.needs == "ignored":
        path = missing_path(evidence.error) or ""
        return path.rpartition("/")[2] in evidence.neighbours
    if cause.needs == "sbom":
        return evidence.has_sbom and not evidence.has_syntax
    if cause.needs == "no-update":
        return not re.search(r"apt(?:-get)? (?:\S+ )*update", words)
    return True


def _fill(cause: Cause, match: re.Match[str], evidence: Evidence) -> Explanation:
    groups = {name: (value or "").strip() for name, value in match.groupdict().items()}
    name = groups.get("name") or groups.get("other") or groups.get("third") or ""
    path = name.lstrip("/")
    line = _reported_line(evidence.plain) or (evidence.place.instruction.line if evidence.place else None)
    values = {
        **dict.fromkeys(("name", "other", "third", "fourth"), ""),
        **groups,
        "line": str(line or "?"),
        "path": path,
        "folder": name.rpartition("/")[0] or "/",
        "image": name or "the image",
        "stages": ", ".join(stage.name for stage in evidence.stages if stage.name) or "none with a name",
        "hint": _hint(groups.get("close"), path, evidence.neighbours),
        "package": _package(cause.package, name),
        "first": _first_words(evidence.log),
    }
    return Explanation(cause.id, _tidy(cause.cause.format_map(values)), _tidy(cause.fix.format_map(values)))


def _hint(close: str | None, path: str, neighbours: tuple[str, ...]) -> str:
    if close is None and path:
        close = next(iter(difflib.get_close_matches(path.rpartition("/")[2], neighbours, 1, _CLOSE)), None)
    return f" Did you mean {close}?" if close else ""


def _package(table: str, name: str) -> str:
    if not table:
        return ""
    known = load_table().packages[table].get(name)
    return known or f"the package that holds it (`apt-file search {name}` names it)"


def _first_words(log: tuple[str, ...]) -> str:
    match = _FIRST_WORDS.search("\n".join(log))
    return f"{match[0][:200].rstrip('.')}." if match else ""


def _tidy(text: str) -> str:
    return re.sub(r"  +", " ", text).strip()


def _reported_line(plain: tuple[str, ...]) -> int | None:
    """Return the line that buildx itself names: `Dockerfile:12` on a line of its own."""
    match = next((found for line in plain if (found := _LINE.match(line))), None)
    return int(match["line"]) if match else None


def _stage_name(evidence: Evidence) -> str | None:
    if evidence.place:
        return evidence.place.stage.name
    line = _reported_line(evidence.plain)
    if line is None:
        return None
    stage = next((stage for stage in reversed(evidence.stages) if stage.line <= line), None)
    return stage.name if stage else None


def _summary(evidence: Evidence) -> str:
    last_words = next((line for line in reversed(evidence.plain) if line.startswith("ERROR")), "")
    return evidence.error or _ERROR_PREFIX.sub("", last_words) or (evidence.plain[-1] if evidence.plain else "")
