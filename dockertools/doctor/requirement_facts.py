"""Ask a resolver whether the requirements fit together, and read which releases the images stand on."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from dockertools.build.dockerfile import read_stages
from dockertools.conf import Config
from dockertools.doctor.engine_facts import ask
from dockertools.errors import DockertoolsError
from dockertools.process import Completed
from dockertools.project.facts import ManifestKind
from dockertools.project.manifests import find_manifest
from dockertools.project.python_version import find_python
from dockertools.tables import read_table

RESOLVER_SECONDS = 180.0
_IMAGE = re.compile(r"^(?:[^/\s]+/)*(?P<name>[a-z0-9_.-]+)(?::(?P<tag>[\w.-]+))?(?:@\S+)?$", re.IGNORECASE)
_DECORATION = re.compile(r"^[\s\u00d7\u2570\u2500\u25b6\u2502>-]*(?:(?:error|cause):\s+)?")
"""What uv puts before a line, by its version."""
_PYTHON_TAG = re.compile(r"^(?P<version>3\.\d+)")
_ALPINE_TAG = re.compile(r"alpine(?P<version>\d+\.\d+)")


@dataclass(frozen=True)
class Resolution:
    """What a resolver said; `said` are its words where it failed, `manifest` the file that it read."""

    manifest: str
    resolver: str
    is_solved: bool
    said: str = ""
    problem: str = ""
    """Why no resolver could answer."""


@dataclass(frozen=True)
class Release:
    """A release that an image stands on; `end` is the last day of its support, None where the table has none."""

    name: str
    end: date | None
    where: str


@dataclass(frozen=True)
class RequirementFacts:
    """The resolver's answer, and the releases."""

    resolution: Resolution
    releases: tuple[Release, ...]


def inspect_requirements(config: Config) -> RequirementFacts:
    """Return the facts; nothing is installed, but the resolver asks the package index for what is required."""
    return RequirementFacts(resolve(config), tuple(find_releases(config)))


def resolve(config: Config) -> Resolution:
    """Return what a resolver says of the project's manifest."""
    try:
        manifest = find_manifest(config.root, config.manifest)
        version = find_python(config.root, version=config.python_version)[0].version
    except DockertoolsError as error:
        return Resolution("", "", is_solved=False, problem=error.message)
    path = config.root / manifest.path
    if manifest.kind not in (ManifestKind.REQUIREMENTS, ManifestKind.PYPROJECT):
        return Resolution(manifest.path, "its lock file", is_solved=True)
    for resolver, argv in _resolvers(path, version, manifest.kind):
        done = ask(argv, timeout=RESOLVER_SECONDS)
        if done.returncode == 0:
            return Resolution(manifest.path, resolver, is_solved=True)
        words = shorten(_with_cause(done))
        if words:
            return Resolution(manifest.path, resolver, is_solved=False, said=words)
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        return Resolution(
            manifest.path, resolver, is_solved=False, problem=lines[-1].strip() if lines else "no message"
        )
    return Resolution(manifest.path, "", is_solved=False, problem="neither uv nor pip is installed here")


def _resolvers(path: Path, version: str, kind: ManifestKind) -> Iterator[tuple[str, tuple[str, ...]]]:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv:
        yield "uv", (uv, "pip", "compile", "--quiet", "--no-header", "--python-version", version, str(path))
    pip = (sys.executable, "-m", "pip")
    if kind is ManifestKind.REQUIREMENTS and ask((*pip, "--version")).returncode == 0:
        options = ("--dry-run", "--ignore-installed", "--disable-pip-version-check", "--no-input")
        yield "pip", (*pip, "install", *options, "--requirement", str(path))


def _with_cause(done: Completed) -> str:
    """Return what was said, with the cause that pip writes to standard output put where it belongs."""
    _, found, cause = done.stdout.partition("The conflict is caused by:")
    return f"{done.stderr.partition('ERROR: ResolutionImpossible')[0]}\n{found}{cause}" if found else done.stderr


def shorten(said: str) -> str:
    """Return a resolver's own words about a conflict, without what it adds; empty where there is none.

    uv explains after "No solution found"; pip in "Cannot install ... because", in the block "The conflict is
    caused by", and in "No matching distribution".
    """
    lines = [_DECORATION.sub("", line).strip() for line in said.splitlines()]
    for number, line in enumerate(lines):
        if "No solution found" in line or line.startswith("Because"):
            kept = [text for text in lines[number:] if text and not text.startswith(("hint:", "help:"))]
            return re.sub(r"(?<=dependencies) (?=Because)", ": ", " ".join(kept))
        if "Cannot install" in line or "ResolutionImpossible" in line:
            return _pip_conflict(lines[number:])
        if "No matching distribution" in line or "Could not find a version that satisfies" in line:
            return line.removeprefix("ERROR: ").split("(from versions:")[0].strip()
    return ""


def _pip_conflict(lines: Iterable[str]) -> str:
    kept: list[str] = []
    for line in lines:
        if line.startswith(("To fix this", "Additionally, some packages", "ERROR: ResolutionImpossible")):
            break
        if line:
            kept.append(line.removeprefix("ERROR: "))
    return " ".join(kept)


def find_releases(config: Config) -> Iterator[Release]:
    """Yield the releases that the Dockerfile's images and the configuration name; each once."""
    seen: set[str] = set()
    for image, where in _images(config):
        for name, version in releases_of(image):
            if f"{name} {version}" not in seen:
                seen.add(f"{name} {version}")
                yield Release(_title(name, version), support_ends().get(name, {}).get(version), where)


def _images(config: Config) -> Iterator[tuple[str, str]]:
    dockerfile = config.root / config.dockerfile
    try:
        text = dockerfile.read_text(encoding="utf-8", errors="replace")
    except OSError:
        with_default = find_python(config.root, version=config.python_version, suite=config.suite)[0]
        yield config.base_image or with_default.base_image, "the configuration"
        return
    stages = read_stages(text)
    names = {stage.name for stage in stages}
    for stage in stages:
        if stage.base not in names:
            yield with_defaults(stage.base, text), f"{config.dockerfile}, line {stage.line}"


def with_defaults(image: str, text: str) -> str:
    """Return the image with the defaults of the ARGs before the first FROM filled in."""
    defaults = dict(re.findall(r"^ARG\s+(\w+)=\"?([^\"\s]+)", text, re.MULTILINE | re.IGNORECASE))
    return re.sub(
        r"\$\{?(\w+)(?::-([^}]*))?\}?", lambda match: str(defaults.get(match[1], match[2] or match[0])), image
    )


def releases_of(image: str) -> Iterator[tuple[str, str]]:
    """Yield the releases that an image's name tells: (`python`, `3.8`), (`debian`, `10`)."""
    match = _IMAGE.match(image)
    if match is None:
        return
    name, tag = match["name"].lower(), (match["tag"] or "").lower()
    if name == "python" and (python := _PYTHON_TAG.match(tag)):
        yield "python", python["version"]
    if alpine := _ALPINE_TAG.search(tag):
        yield "alpine", alpine["version"]
    for distribution, codenames in _codenames().items():
        plain = re.match(r"^\d+(?:\.\d+)?", tag)
        if name == distribution and plain:
            yield distribution, plain[0].partition(".")[0] if distribution == "debian" else plain[0]
        for word in re.split(r"[-.]", tag):
            if word in codenames:
                yield distribution, codenames[word]


def _title(name: str, version: str) -> str:
    codename = next((word for word, number in _codenames().get(name, {}).items() if number == version), "")
    return f"{name.capitalize()} {version}{f' ({codename})' if codename else ''}"


@cache
def support_ends() -> Mapping[str, Mapping[str, date]]:
    """Return the last day of support by distribution (or `python`) and version."""
    return read_table("end_of_life")


@cache
def _codenames() -> Mapping[str, Mapping[str, str]]:
    return read_table("codenames")
