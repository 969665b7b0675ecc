"""Two builds of one image: the same, or the first difference with its line and likely cause."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dockertools.build.diagnose import read_dockerfile
from dockertools.build.dockerfile import layer_lines
from dockertools.build.options import BuildOptions
from dockertools.errors import DockertoolsError
from dockertools.image.difference import Difference, find_difference
from dockertools.image.inspect import clean_instruction
from dockertools.tables import read_table


@dataclass(frozen=True)
class Finding:
    """A difference, where it comes from in the Dockerfile (None where that is not known), and its likely cause."""

    difference: Difference
    line: int | None
    cause: str
    fix: str


class NotReproducibleError(DockertoolsError):
    """Two builds gave two images; the tag is where it was."""

    code = "not-reproducible"

    def __init__(self, finding: Finding, digests: tuple[str, str]) -> None:
        difference = finding.difference
        super().__init__(f"Two builds gave two images: {describe(finding)}. {finding.cause}", hint=finding.fix)
        self.finding = finding
        self.difference = difference
        self.digests = digests


def describe(finding: Finding) -> str:
    """Return what differs, and where it comes from, in one sentence."""
    difference = finding.difference
    if difference.layer is None:
        what = f"{difference.kind} {difference.path}".rstrip()
        return f"the {what} is {difference.first!r} in one and {difference.second!r} in the other"
    name = f"/{difference.path}" if difference.path else "the layer"
    where = f", from line {finding.line} of the Dockerfile" if finding.line else f", in layer {difference.layer + 1}"
    values = f" ({difference.first}; {difference.second})" if difference.first or difference.second else ""
    return f"{name} differs in its {difference.kind}{values}{where}"


def require_same_image(first: Path, second: Path, digests: tuple[str, str], options: BuildOptions) -> None:
    """Compare the archives of two builds. Raises NotReproducibleError when they are not of one image."""
    if digests[0] == digests[1]:
        return
    difference = find_difference(first, second) or Difference("configuration", "digest", *digests)
    cause, fix = explain_difference(difference.kind, difference.path)
    raise NotReproducibleError(Finding(difference, _line(difference, options), cause, fix), digests)


def _line(difference: Difference, options: BuildOptions) -> int | None:
    if difference.place is None:
        return None
    history = tuple(map(clean_instruction, difference.history))
    return layer_lines(read_dockerfile(options), options.target, history)[difference.place]


def explain_difference(kind: str, path: str) -> tuple[str, str]:
    """Return the likely cause of a difference, and what to do."""
    for row in read_table("irreproducible")["cause"]:
        if kind in row.get("kinds", (kind,)) and re.fullmatch(row.get("pattern", ".*"), path, re.DOTALL):
            return row["cause"], row["fix"]
    return "", ""
