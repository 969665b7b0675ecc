"""What an image will hold, as far as its Dockerfile tells. The rules: https://docs.docker.com/reference/dockerfile/."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from dockertools.compose.folders import holds_code
from dockertools.context.dockerfile import Instruction, read_instructions

_VARIABLE = re.compile(r"\$(?:(?P<plain>\w+)|\{(?P<name>\w+)(?::?[-+](?P<default>[^}]*))?\})")
_BIND = re.compile(r"--mount=type=bind\S*.*\b(?:cp|rsync|install|mv)\b", re.DOTALL)
_CHOWN = re.compile(r"\bchown\s+(?:-\S+\s+)*(?P<owner>[\w$.{}-]+)(?::\S*)?\s+(?P<paths>[^&;|\\]+)")
_INSTALL = re.compile(r"\binstall\b(?P<options>[^&;|]*--(?:owner|directory)[^&;|]*|[^&;|]*\s-[do]\b[^&;|]*)")
_FROM = re.compile(r"^(?:--\S+\s+)*(?P<base>\S+)(?:\s+AS\s+(?P<name>\S+))?\s*$", re.IGNORECASE)
ROOT_FOLDER = PurePosixPath("/")
_ROOT = frozenset({"", "root", "0"})


@dataclass(frozen=True)
class Copied:
    """A file or folder of the context (absolute on the host) and where it is in the image."""

    source: Path
    destination: PurePosixPath


@dataclass(frozen=True)
class Stage:
    """A stage of a Dockerfile; `name` is None where FROM gives none."""

    name: str | None
    base: str
    instructions: tuple[Instruction, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """What the stage that is built makes of the context; `command` and `entrypoint` are as the engine runs them."""

    base: str = ""
    """The image that the first of its stages starts from."""
    stages: tuple[str, ...] = ()
    """The names of all stages of the Dockerfile in order, empty for one without a name."""
    copied: tuple[Copied, ...] = ()
    is_opaque: bool = False
    """Whether code may come in by a way that cannot be read here."""
    workdir: PurePosixPath = ROOT_FOLDER
    user: str = ""
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    has_healthcheck: bool = False
    owned: tuple[str, ...] = ()
    """Paths that are given to a user other than root: what the application may write to."""
    environment: Mapping[str, str] | None = None
    text: str = ""

    @property
    def is_root(self) -> bool:
        """Whether the image's own user is root."""
        return self.user.partition(":")[0] in _ROOT

    def holds(self, source: Path, place: PurePosixPath) -> bool:
        """Return whether the code that is in `source` on the host is at `place` in the image."""
        return any(_covers(entry, source, place) for entry in self.copied)

    def holds_code_below(self, place: PurePosixPath) -> bool:
        """Return whether code was copied to `place` or below it."""
        return any(entry.destination.is_relative_to(place) and _is_code(entry.source) for entry in self.copied)

    def place_of(self, source: Path) -> PurePosixPath | None:
        """Return where the folder `source` of the host is in the image, or None."""
        for entry in reversed(self.copied):
            if source.is_relative_to(entry.source):
                return entry.destination / source.relative_to(entry.source).as_posix()
        return None


def read_recipe(text: str, context: Path, target: str | None = None) -> Recipe:
    """Return what building `target` (by default the last stage) with `context` makes."""
    stages = _read_stages(text)
    names = tuple(stage.name or "" for stage in stages)
    reader = _Reader(stages, context, _global_arguments(text))
    recipe = reader.read(target)
    return replace(recipe, stages=names, text=text)


def _read_stages(text: str) -> tuple[Stage, ...]:
    stages: list[Stage] = []
    for instruction in read_instructions(text):
        if instruction.name == "FROM":
            match = _FROM.match(instruction.value)
            stages.append(Stage(match["name"], match["base"]) if match else Stage(None, instruction.value))
        elif stages:
            stages[-1] = replace(stages[-1], instructions=(*stages[-1].instructions, instruction))
    return tuple(stages)


class _Reader:
    """Walks a stage and those it is built on."""

    def __init__(self, stages: tuple[Stage, ...], context: Path, arguments: Mapping[str, str]) -> None:
        self._stages = stages
        self._context = context
        self._arguments = arguments

    def read(self, name: str | None) -> Recipe:
        """Return the recipe of the stage called `name`, of the last one without a name."""
        stage = self._stages[-1] if name is None and self._stages else self._find(name or "", len(self._stages))
        return Recipe(is_opaque=True) if stage is None else self._walk(stage)

    def _walk(self, stage: Stage) -> Recipe:
        position = self._stages.index(stage)
        base = self._find(_substitute(stage.base, self._arguments), position)
        recipe = (
            Recipe(_substitute(stage.base, self._arguments), is_opaque="onbuild" in stage.base)
            if base is None
            else self._walk(base)
        )
        variables = {**self._arguments, **(recipe.environment or {})}
        for instruction in stage.instructions:
            recipe = self._apply(recipe, instruction, variables, position)
        return replace(recipe, environment={**(recipe.environment or {})})

    def _apply(self, recipe: Recipe, instruction: Instruction, variables: dict[str, str], position: int) -> Recipe:
        text = instruction.value
        keyword = instruction.name
        if keyword in ("ENV", "ARG"):
            values = dict(_assignments(_substitute(text, variables)))
            variables.update(values)
            return replace(recipe, environment={**(recipe.environment or {}), **values}) if keyword == "ENV" else recipe
        if keyword == "WORKDIR":
            return replace(recipe, workdir=_normal(recipe.workdir / _substitute(text, variables)))
        if keyword in ("COPY", "ADD"):
            return self._copy(recipe, _substitute(text, variables), position)
        if keyword == "RUN":
            return _run(recipe, _substitute(text, variables))
        return _simple(recipe, instruction, variables)

    def _copy(self, recipe: Recipe, text: str, position: int) -> Recipe:
        options, sources, destination = _copy_words(text)
        if destination is None:
            return recipe
        place = recipe.workdir / destination
        stage = options.get("from")
        if stage is not None:
            base = self._find(stage, position)
            entries = () if base is None else tuple(_from_stage(self._walk(base), sources, place))
        else:
            entries = tuple(self._from_context(sources, place, destination))
        owner = options.get("chown", "").partition(":")[0]
        owned = recipe.owned if owner in _ROOT else (*recipe.owned, str(_normal(place)))
        return replace(recipe, copied=(*recipe.copied, *entries), owned=owned)

    def _from_context(self, sources: list[str], place: PurePosixPath, destination: str) -> Iterator[Copied]:
        for source in sources:
            if "://" in source or source.startswith(("<<", "git@")):
                continue
            path = Path(os.path.normpath(self._context / source.lstrip("/")))
            if any(mark in source for mark in "*?["):
                path = path.parent
                yield Copied(path, _normal(place))
            elif path.is_file() or (not path.exists() and path.suffix):
                to_folder = destination.endswith("/") or destination in (".", "..") or len(sources) > 1
                yield Copied(path, _normal(place / path.name if to_folder else place))
            else:
                yield Copied(path, _normal(place))

    def _find(self, name: str, before: int) -> Stage | None:
        for position, stage in enumerate(self._stages[:before]):
            if (stage.name or "").lower() == name.lower() or str(position) == name:
                return stage
        return None


def shell_words(text: str) -> tuple[str, ...]:
    """Return the argv of CMD or ENTRYPOINT in either form."""
    if text.startswith("["):
        try:
            return tuple(str(word) for word in json.loads(text))
        except ValueError:
            pass
    return ("/bin/sh", "-c", text) if text else ()


def _simple(recipe: Recipe, instruction: Instruction, variables: Mapping[str, str]) -> Recipe:
    text = instruction.value
    match instruction.name:
        case "USER":
            return replace(recipe, user=_substitute(text, variables))
        case "CMD":
            return replace(recipe, command=shell_words(text))
        case "ENTRYPOINT":  # https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact
            return replace(recipe, entrypoint=shell_words(text), command=())
        case "HEALTHCHECK":
            return replace(recipe, has_healthcheck=text.upper() != "NONE")
    return recipe


def _run(recipe: Recipe, text: str) -> Recipe:
    owned = list(recipe.owned)
    for match in _CHOWN.finditer(text):
        if match["owner"] not in _ROOT:
            owned += [word for word in match["paths"].split() if word.startswith("/")]
    for match in _INSTALL.finditer(text):
        owned += [word for word in match["options"].split() if word.startswith("/")]
    return replace(recipe, owned=tuple(dict.fromkeys(owned)), is_opaque=recipe.is_opaque or bool(_BIND.search(text)))


def _from_stage(recipe: Recipe, sources: list[str], place: PurePosixPath) -> Iterator[Copied]:
    for source in sources:
        origin = _normal(PurePosixPath("/") / source)
        for entry in recipe.copied:
            if entry.destination.is_relative_to(origin):
                yield Copied(entry.source, _normal(place / entry.destination.relative_to(origin)))
            elif origin.is_relative_to(entry.destination):
                yield Copied(entry.source / origin.relative_to(entry.destination), _normal(place))


def _covers(entry: Copied, source: Path, place: PurePosixPath) -> bool:
    if source.is_relative_to(entry.source):
        return _normal(entry.destination / source.relative_to(entry.source).as_posix()) == place
    if entry.source.is_relative_to(source) and _is_code(entry.source):
        return entry.destination == _normal(place / entry.source.relative_to(source).as_posix())
    return False


def _is_code(path: Path) -> bool:
    return path.suffix == ".py" if path.is_file() or path.suffix else not path.exists() or holds_code(path)


def _copy_words(text: str) -> tuple[dict[str, str], list[str], str | None]:
    options: dict[str, str] = {}
    while text.startswith("--"):
        word, _, text = text.partition(" ")
        key, _, value = word.removeprefix("--").partition("=")
        options[key] = value
        text = text.lstrip()
    words = list(shell_words(text)) if text.startswith("[") else _split(text)
    return (options, words[:-1], words[-1]) if len(words) > 1 else (options, [], None)


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    words = _split(text)
    if words and "=" not in words[0]:
        if len(words) > 1:  # ENV KEY the old way
            yield words[0], " ".join(words[1:])
        return
    for word in words:
        key, mark, value = word.partition("=")
        if mark:
            yield key, value


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _substitute(text: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match["plain"] or match["name"]
        found = variables.get(name)
        return found or match["default"] or ""

    return _VARIABLE.sub(value, text)


def _global_arguments(text: str) -> dict[str, str]:
    """Return the arguments that stand before the first FROM."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if re.match(r"\s*FROM\s", line, re.IGNORECASE):
            break
        if match := re.match(r"\s*ARG\s+(.*)", line, re.IGNORECASE):
            found.update(_assignments(match[1]))
    return found


def _normal(path: PurePosixPath) -> PurePosixPath:
    return PurePosixPath(os.path.normpath(path))
