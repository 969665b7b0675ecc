"""Which Python the project is for, from each usual place."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from dockertools.errors import DockertoolsError, UsageError
from dockertools.project.facts import Note, PythonFacts
from dockertools.project.locks import as_expected, read_json, read_toml

KNOWN_VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
DEFAULT_VERSION = "3.13"
"""Where the project leaves it open: the newest one for which nearly every distribution has wheels."""
OLDEST_ASSUMED = "3.10"
"""The oldest one that is taken where the project does not ask for it."""
SUITES = ("bookworm", "trixie")
DEFAULT_SUITE = "trixie"
_MINOR = re.compile(r"(?:python-?|cpython-?)?(?P<minor>3\.\d+)(?:\.\d+)?\b")
_PLAIN = re.compile(r"(?P<minor>3\.\d+)(?:\.(?:\d+|\*))?")
# The images of 3.8 ended before trixie came.
_LAST_SUITE = {"3.8": "bookworm"}


def find_python(
    root: Path,
    code_folder: str = ".",
    *,
    version: str | None = None,
    suite: str | None = None,
    base_image: str | None = None,
) -> tuple[PythonFacts, tuple[Note, ...]]:
    """Return the interpreter; `version`, `suite` and `base_image` are what the configuration asks for.

    Raises UsageError for a version or suite that there are no tables for.
    """
    chosen, origin, older, notes = _configured(version) if version else _search(root, code_folder)
    suite = suite or _suite_of(base_image) or _LAST_SUITE.get(chosen, DEFAULT_SUITE)
    if suite not in SUITES:
        raise UsageError(f"There is no table of packages for the suite {suite!r}.", hint=f"Known: {', '.join(SUITES)}.")
    # A base image holds the version that it holds.
    allowed = () if base_image else older
    return PythonFacts(chosen, suite, base_image or official_image(chosen, suite), origin, allowed), tuple(notes)


def official_image(version: str, suite: str) -> str:
    """Return the tag with the suite pinned: `slim` alone moves on to a new one."""
    return f"python:{version}-slim-{suite}"


def _configured(version: str) -> tuple[str, str, tuple[str, ...], list[Note]]:
    match = _PLAIN.fullmatch(version)
    if match is None:
        raise UsageError(f"{version!r} is not a version of Python.", hint="Write it like 3.13.")
    return match["minor"], "the configuration", (), []


def _suite_of(base_image: str | None) -> str | None:
    return next((suite for suite in SUITES if suite in (base_image or "")), None)


def _search(root: Path, code_folder: str) -> tuple[str, str, tuple[str, ...], list[Note]]:
    notes: list[Note] = []
    prefixes = [""] if code_folder == "." else ["", f"{code_folder}/"]
    places = [(f"{prefix}{name}", read) for prefix in prefixes for name, read in _PLACES]
    for name, read in places:
        path = root / name
        if not path.is_file():
            continue
        try:
            with as_expected(path):
                text = read(path)
        except DockertoolsError as error:
            notes.append(Note(f"is passed over: {error.message}", name))
            continue
        if text and (version := pick_version(text)):
            return version, name, _older(text, version), notes
        if text:
            notes.append(Note(f"{text!r} names no known version of Python", name))
    notes.append(Note(f"no file says which Python the project is for; {DEFAULT_VERSION} is assumed"))
    return DEFAULT_VERSION, "the default", _older(f">={OLDEST_ASSUMED}", DEFAULT_VERSION), notes


def _older(text: str, version: str) -> tuple[str, ...]:
    """Return the supported versions before this one that a range allows, the newest first."""
    minors = KNOWN_VERSIONS[KNOWN_VERSIONS.index(OLDEST_ASSUMED) :]
    before = minors[: minors.index(version)] if version in minors else ()
    return tuple(minor for minor in reversed(before) if minor in _fitting(text))


def pick_version(text: str) -> str | None:
    """Return the version of Python that a plain version or a range means, None where it is neither.

    Of a range it is the default one when that is in it, else the newest that is.
    """
    fitting = _fitting(text)
    return DEFAULT_VERSION if DEFAULT_VERSION in fitting else fitting[-1] if fitting else None


def _fitting(text: str) -> list[str]:
    if plain := _PLAIN.fullmatch(text.strip()):
        return [plain["minor"]]
    try:
        specifiers = SpecifierSet(_as_specifiers(text))
    except InvalidSpecifier:
        return []
    # Any micro version will do: `>=3.11.4` means 3.11 too.
    return [
        minor
        for minor in KNOWN_VERSIONS
        if any(specifiers.contains(Version(f"{minor}.{micro}")) for micro in (*range(30), 99))
    ]


def _as_specifiers(text: str) -> str:
    """Return Poetry's `^3.11` and `~3.11` as the standard writes them."""
    parts = []
    for part in re.split(r"\s*,\s*|\s+(?=[<>=!~^])", text.strip()):
        if part.startswith("^"):
            parts.append(f">={part[1:]},<4")
        elif part.startswith("~") and not part.startswith("~="):
            minor = _MINOR.match(part[1:])
            parts.append(f"=={minor['minor']}.*" if minor else part)
        elif part[:1].isdigit():
            parts.append(f"=={part}")
        else:
            parts.append(part)
    return ",".join(parts)


def _first_line(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = (match["minor"] for line in lines if (match := _MINOR.fullmatch(line)))
    return next(found, lines[0] if lines else "")


def _tool_versions(path: Path) -> str:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["python"]:
            return next((match["minor"] for word in words[1:] if (match := _PLAIN.fullmatch(word))), "")
    return ""


def _mise(path: Path) -> str:
    value = read_toml(path).get("tools", {}).get("python", "")
    value = value[0] if isinstance(value, list) and value else value
    return str(value.get("version", "") if isinstance(value, dict) else value)


def _pipenv(path: Path) -> str:
    requires = read_json(path).get("_meta", {}).get("requires", {})
    return str(requires.get("python_full_version") or requires.get("python_version") or "")


def _pyproject(path: Path) -> str:
    data = read_toml(path)
    poetry = data.get("tool", {}).get("poetry", {}).get("dependencies", {}).get("python", "")
    return str(data.get("project", {}).get("requires-python", "") or poetry)


def _key(*names: str) -> Callable[[Path], str]:
    def read(path: Path) -> str:
        value: Any = read_toml(path)
        for name in names:
            value = value.get(name, {}) if isinstance(value, dict) else {}
        return value if isinstance(value, str) else ""

    return read


def _setup_cfg(path: Path) -> str:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8", errors="replace"))
    except configparser.Error as error:
        raise DockertoolsError(f"{path} cannot be read: {error}.") from error
    return parser.get("options", "python_requires", fallback="")


def _setup_py(path: Path) -> str:
    return next((str(value) for name, value in setup_arguments(path) if name == "python_requires"), "")


def setup_arguments(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the literal arguments of `setup(...)` in a setup.py.

    Raises DockertoolsError when it is not Python.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8", errors="replace"))
    except (SyntaxError, ValueError, RecursionError) as error:
        raise DockertoolsError(f"{path} cannot be read: {error}.") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "setup":
            for keyword in node.keywords:
                try:
                    yield keyword.arg or "", ast.literal_eval(keyword.value)
                except ValueError:
                    continue


_PLACES: tuple[tuple[str, Callable[[Path], str]], ...] = (
    (".python-version", _first_line),
    ("runtime.txt", _first_line),
    (".tool-versions", _tool_versions),
    ("mise.toml", _mise),
    (".mise.toml", _mise),
    ("Pipfile.lock", _pipenv),
    ("pyproject.toml", _pyproject),
    ("uv.lock", _key("requires-python")),
    ("poetry.lock", _key("metadata", "python-versions")),
    ("pdm.lock", _key("metadata", "requires_python")),
    ("pylock.toml", _key("requires-python")),
    ("setup.cfg", _setup_cfg),
    ("setup.py", _setup_py),
)
