"""Which compose files a mode stands for: the project's own where it has some, else the base with our overlay."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dockertools.conf import COMPOSE_FILE_NAMES, Config
from dockertools.errors import DockertoolsError
from dockertools.files import Ownership, ownership, read_text

MODES = ("dev", "prod")
OVERRIDE = "override"
WORDS = {
    "dev": (OVERRIDE, "dev", "devel", "develop", "development", "local", "debug"),
    "prod": ("prod", "production", "live", "release", "deploy"),
}
FOLDERS = (".", "docker", "compose", ".docker", "deploy", "deployment", "infra", "ops", "config")
"""Where a project keeps its compose files, seen from its root."""
_SUFFIXES = (".yml", ".yaml")
_NAME = re.compile(
    r"(?:(?P<prefix>docker-compose|compose)[._-])?(?P<word>[a-z]+)(?:[._-](?P<suffix>docker-compose|compose))?",
    re.IGNORECASE,
)
_SERVICES = re.compile(r"^services\s*:", re.MULTILINE)


@dataclass(frozen=True)
class Candidate:
    """A compose file of the project's own, by its name made for a mode."""

    path: str
    mode: str
    word: str


@dataclass(frozen=True)
class Family:
    """The compose files of a project, relative to its root: the base below the modes, and what it has for them."""

    base: tuple[str, ...]
    candidates: tuple[Candidate, ...] = ()

    def of(self, mode: str) -> tuple[Candidate, ...]:
        """Return the candidates for a mode."""
        return tuple(candidate for candidate in self.candidates if candidate.mode == mode)


@dataclass(frozen=True)
class ModeFiles:
    """What a mode loads; `generated` is the file among them that we write, `reason` says how they were found."""

    mode: str
    files: tuple[str, ...]
    reason: str
    generated: str | None = None

    @property
    def base(self) -> tuple[str, ...]:
        """The files below the one that we write."""
        return tuple(name for name in self.files if name != self.generated)


def find_family(root: Path, current: Sequence[str] | None) -> Family:
    """Return the base files and the candidates; `current` are the files that COMPOSE_FILE names now.

    Raises DockertoolsError when there is no base file, or more than one.
    """
    folders = (str(PurePosixPath(current[0]).parent),) if current else FOLDERS
    candidates = tuple(candidate for folder in folders for candidate in _candidates(root, folder))
    if current:
        known = {candidate.path for candidate in candidates}
        base = tuple(name for name in current if name not in known and not is_generated(root, name))
        if base:
            return Family(base, candidates)
    default = _default(root, candidates)
    if default is not None:
        folder = PurePosixPath(default).parent
        return Family((default,), tuple(entry for entry in candidates if PurePosixPath(entry.path).parent == folder))
    return Family((), candidates)


def compose_root(root: Path) -> Path:
    """Return the folder that compose runs in: this one, else as compose has it the nearest above with its file."""
    if (root / ".env").is_file() and "COMPOSE_FILE" in (root / ".env").read_text(encoding="utf-8", errors="replace"):
        return root
    if any(_named(root, folder) for folder in FOLDERS) or any(_candidates(root, ".")):
        return root
    return next((folder for folder in root.resolve().parents if _named(folder, ".")), root)


def generated_name(base: Sequence[str], mode: str) -> str:
    """Return the name of our overlay, after the first base file: `docker-compose.dev.yml`, `compose.prod.yaml`."""
    path = PurePosixPath(base[0])
    return str(path.with_name(f"{path.stem}.{mode}{path.suffix or '.yml'}"))


def is_generated(root: Path, name: str) -> bool:
    """Return whether we wrote the file, edited since or not."""
    return read_ownership(root / name) in (Ownership.OURS, Ownership.EDITED)


def read_ownership(path: Path) -> Ownership:
    """Return whose file it is; one that cannot be read as text is the user's."""
    try:
        return ownership(read_text(path))
    except DockertoolsError:
        return Ownership.THEIRS


def configured_files(config: Config, mode: str) -> ModeFiles | None:
    """Return the files that the setting MODES names, or None.

    Raises DockertoolsError when one of them is not there.
    """
    names = config.modes.get(mode)
    if names is None:
        return None
    missing = [name for name in names if not (config.root / name).is_file()]
    if missing:
        raise DockertoolsError(
            f"DOCKERTOOLS['MODES'][{mode!r}] names {', '.join(missing)}, which is not in {config.root.name}/.",
            hint="Correct the setting; its names are relative to the project's root.",
            code="compose-file-missing",
        )
    return ModeFiles(mode, tuple(names), "named by DOCKERTOOLS['MODES']")


def choose_candidate(candidates: Sequence[Candidate], ask: Callable[[str, Sequence[str]], str] | None) -> Candidate:
    """Return the one to use; with several, `ask` says which.

    Raises DockertoolsError when nobody can be asked.
    """
    if len(candidates) == 1:
        return candidates[0]
    names = [candidate.path for candidate in candidates]
    mode = candidates[0].mode
    if ask is None:
        raise DockertoolsError(
            f"More than one file could be the one for {mode}: {', '.join(names)}.",
            hint=f'Say which in the setting: DOCKERTOOLS["MODES"] = {{"{mode}": [files in order]}}.',
            code="mode-ambiguous",
        )
    answer = ask(f"Which file is the one for {mode}?", names)
    return candidates[names.index(answer)]


def _default(root: Path, candidates: Sequence[Candidate]) -> str | None:
    """Return the file that compose finds by itself, in the root or in the one folder that has such a file."""
    here = _named(root, ".")
    if len(here) > 1:
        raise DockertoolsError(
            f"There are several compose files: {' and '.join(here)}. Compose takes {here[0]} alone.",
            hint="Remove or rename the others, or name yours in DOCKERTOOLS['MODES'].",
            code="two-compose-files",
        )
    if here:
        return here[0]
    if any("/" not in candidate.path for candidate in candidates):
        return None
    below = [name for folder in FOLDERS[1:] for name in _named(root, folder)]
    if len(below) > 1:
        raise DockertoolsError(
            f"There are several compose files: {' and '.join(below)}.",
            hint="Name the right ones in DOCKERTOOLS['MODES'].",
            code="two-compose-files",
        )
    return below[0] if below else None


def _named(root: Path, folder: str) -> list[str]:
    return [str(PurePosixPath(folder, name)) for name in COMPOSE_FILE_NAMES if (root / folder / name).is_file()]


def _candidates(root: Path, folder: str) -> Iterator[Candidate]:
    try:
        names = sorted(path.name for path in (root / folder).iterdir() if path.suffix in _SUFFIXES and path.is_file())
    except OSError:
        return
    for name in names:
        path = str(PurePosixPath(folder, name))
        match = _NAME.fullmatch(PurePosixPath(name).stem)
        if match is None or is_generated(root, path):
            continue
        is_compose = bool(match["prefix"] or match["suffix"]) or _looks_like_compose(root / path)
        for mode, words in WORDS.items():
            word = match["word"].lower()
            if word in words and is_compose and (word != OVERRIDE or match["prefix"]):
                yield Candidate(path, mode, word)


def _looks_like_compose(path: Path) -> bool:
    return bool(_SERVICES.search(path.read_text(encoding="utf-8", errors="replace")))
