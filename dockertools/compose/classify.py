"""Which services are the project's own, what each one does, and which of its mounts are source code."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Any

from dockertools.compose import commands
from dockertools.compose.config import ComposeFacts, Mount, ServiceFacts
from dockertools.compose.folders import (
    CODE_NAMES,
    ENVIRONMENT_NAMES,
    NAMES,
    find_manage,
    holds_baked_files,
    holds_code,
    is_data_name,
)
from dockertools.compose.recipe import Recipe, read_recipe

STAGES = {
    "dev": ("development", "dev", "develop", "local", "debug"),
    "prod": ("production", "prod", "release", "runtime", "final", "deploy"),
}
_TEST_STAGES = ("test", "tests", "testing", "ci", "lint", "docs")
_STORES = re.compile(rf"(?:^|[/_-])(?:{'|'.join(NAMES['stores'])})\b")
_INFRASTRUCTURE = re.compile(rf"(?:^|[/_-])(?:{'|'.join(NAMES['infrastructure'])})\b")
_STORE_PORTS = frozenset({5432, 3306, 27017, 6379, 11211, 5672, 9200, 1433, 26257})
_NEVER_CODE = ("/dev", "/etc", "/proc", "/run", "/sys", "/var/run", "/var/lib")
_SCRIPT_LIMIT = 100_000


class Role(Enum):
    """What a service does."""

    SERVER = "server"
    WORKER = "worker"
    SCHEDULER = "scheduler"
    TASK = "task"
    STORE = "database or cache"
    OTHER = "other"


@dataclass(frozen=True)
class Member:
    """A service with what its image is made of; `source` is the service as its author wrote it.

    `code` and `shields` are positions in `facts.mounts`: source code, and volumes that hide a part of it.
    """

    facts: ServiceFacts
    source: Mapping[str, Any] | None
    is_project: bool
    role: Role
    recipe: Recipe | None
    builder: str | None
    """The service whose `build` makes the image, which can be another one."""
    code: tuple[int, ...] = ()
    shields: tuple[int, ...] = ()
    scripts: tuple[tuple[str, str], ...] = ()
    """Scripts that the command or the entrypoint runs, by their word, with their text."""

    @property
    def name(self) -> str:
        """The service's name."""
        return self.facts.name

    @property
    def is_python(self) -> bool:
        """Whether the application is the Django project (its front end, say, is not)."""
        if self.role in (Role.SERVER, Role.WORKER, Role.SCHEDULER, Role.TASK):
            return True
        text = " ".join(self.argv)
        return "python" in text or "manage.py" in text or bool(self.recipe and "python" in self.recipe.base)

    @property
    def entrypoint(self) -> tuple[str, ...]:
        """The entrypoint that runs, the image's own when the service has none."""
        if self.facts.entrypoint is not None:
            return self.facts.entrypoint
        return self.recipe.entrypoint if self.recipe else ()

    @property
    def command(self) -> tuple[str, ...]:
        """The command that runs; an entrypoint of the service takes the image's command away."""
        if self.facts.command is not None:
            return self.facts.command
        return self.recipe.command if self.recipe and self.facts.entrypoint is None else ()

    @property
    def argv(self) -> tuple[str, ...]:
        """Everything that runs."""
        return (*self.entrypoint, *self.command)

    @property
    def text(self) -> str:
        """What runs as one line, with the scripts that it calls."""
        return "\n".join((" ".join(self.argv), *(text for _, text in self.scripts)))

    @property
    def workdir(self) -> PurePosixPath:
        """The folder that the command runs in."""
        return PurePosixPath(self.facts.working_dir or (self.recipe.workdir if self.recipe else "/"))


@dataclass(frozen=True)
class Project:
    """All services of a compose project; `root` is the folder that paths in the compose files start from."""

    facts: ComposeFacts
    root: Path
    members: tuple[Member, ...]

    def member(self, name: str) -> Member:
        """Return the service called `name`."""
        return next(member for member in self.members if member.name == name)


def classify_project(
    facts: ComposeFacts,
    source: Mapping[str, Mapping[str, Any]] | None,
    *,
    root: Path,
    image: str = "",
    service: str | None = None,
    mode: str = "",
) -> Project:
    """Return the services with their roles and source mounts; Dockerfiles and mounted folders are read.

    `image` is what `docker_build` makes, `service` the one that is known to be the web service, `mode` the one
    whose stage of the Dockerfile is looked at in place of a service's own target.
    """
    reader = _Classifier(facts, root=root, image=image, service=service, mode=mode)
    members = tuple(
        reader.member(values, None if source is None else source.get(name)) for name, values in facts.services.items()
    )
    return Project(facts, root, members)


class _Classifier:
    def __init__(self, facts: ComposeFacts, *, root: Path, image: str, service: str | None, mode: str) -> None:
        self._facts = facts
        self._root = root
        self._image = image
        self._service = service
        self._mode = mode

    def member(self, values: ServiceFacts, source: Mapping[str, Any] | None) -> Member:
        builder = self._builder(values)
        recipe = read_service_recipe(builder, self._mode) if builder else None
        bare = Member(values, source, False, Role.OTHER, recipe, builder.name if builder else None)
        scripts = tuple(self._scripts(bare))
        with_scripts = Member(values, source, False, Role.OTHER, recipe, bare.builder, scripts=scripts)
        role = self._role(with_scripts)
        if role is Role.OTHER and self._ends(values.name):
            role = Role.TASK
        is_project = (
            bool(builder or self._is_own_image(values)) and role is not Role.STORE and not _is_infrastructure(recipe)
        )
        code = tuple(self._code(values, builder, recipe, is_python=role is not Role.OTHER or is_project))
        return Member(
            values, source, is_project, role, recipe, bare.builder, code, tuple(_shields(values, code)), scripts
        )

    def _builder(self, values: ServiceFacts) -> ServiceFacts | None:
        """Return who builds the image: the service itself, or another one with the same image name."""
        if values.build is not None:
            return values if values.build.is_local else None
        for other in self._facts.services.values():
            if other.build and other.build.is_local and values.image:
                own = other.image or f"{self._facts.name}-{other.name}"
                if with_tag(own) == with_tag(values.image):
                    return other
        return None

    def _ends(self, name: str) -> bool:
        """Return whether another service waits for this one to be done."""
        waits = (other.depends_on.get(name) for other in self._facts.services.values())
        return "service_completed_successfully" in waits

    def _is_own_image(self, values: ServiceFacts) -> bool:
        return bool(values.image and self._image) and with_tag(values.image or "") == with_tag(self._image)

    def _role(self, member: Member) -> Role:
        # The name of an image that is built here is the project's: `shop-redis` is no Redis.
        name = member.recipe.base if member.recipe else member.facts.image or ""
        text = member.text
        if commands.is_placeholder(text) and member.recipe:
            text = " ".join(member.recipe.command)
        if member.facts.name == self._service or commands.is_server(text):
            return Role.SERVER
        if _STORES.search(name.partition(":")[0]):
            return Role.STORE
        if not member.facts.build and any(port.target in _STORE_PORTS for port in member.facts.ports):
            return Role.STORE
        for role, is_that in (
            (Role.WORKER, commands.is_worker),
            (Role.SCHEDULER, commands.is_scheduler),
            (Role.TASK, commands.is_task),
        ):
            if is_that(text):
                return role
        return Role.OTHER

    def _scripts(self, member: Member) -> Iterator[tuple[str, str]]:
        """Yield the scripts among the words that are files of this machine."""
        for word in member.argv:
            if " " in word or not ("/" in word or word.endswith(".sh")):
                continue
            place = PurePosixPath(os.path.normpath(member.workdir / word))
            for path in self._host_paths(member, place):
                if path.is_file() and path.stat().st_size < _SCRIPT_LIMIT and path.suffix != ".py":
                    yield word, path.read_text(encoding="utf-8", errors="replace")
                    break

    def _host_paths(self, member: Member, place: PurePosixPath) -> Iterator[Path]:
        for mount in sorted(member.facts.mounts, key=lambda entry: -len(entry.target)):
            source = bind_source(mount, self._facts)
            if source and place.is_relative_to(mount.target):
                yield source / place.relative_to(mount.target)
        for entry in reversed(member.recipe.copied if member.recipe else ()):
            if place.is_relative_to(entry.destination):
                yield entry.source / place.relative_to(entry.destination)

    def _code(
        self, values: ServiceFacts, builder: ServiceFacts | None, recipe: Recipe | None, *, is_python: bool
    ) -> Iterator[int]:
        if not is_python:
            return
        contexts = [Path(builder.build.context)] if builder and builder.build else []
        manage = find_manage(self._root)
        roots = [*contexts, *([manage.parent] if manage else [])]
        for position, mount in enumerate(values.mounts):
            source = bind_source(mount, self._facts)
            if source is not None and is_code(source, PurePosixPath(mount.target), roots, recipe):
                yield position


def read_service_recipe(service: ServiceFacts, mode: str = "") -> Recipe | None:
    """Return what the service's Dockerfile makes in the mode; None when it cannot be read."""
    build = service.build
    if build is None or not build.is_local:
        return None
    text = build.dockerfile_inline
    if text is None:
        try:
            text = build.dockerfile_path.read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            return None
    own = read_recipe(text, Path(build.context), build.target)
    stage = choose_stage(own.stages, build.target, mode)
    return own if stage == build.target else read_recipe(text, Path(build.context), stage)


def choose_stage(stages: tuple[str, ...], target: str | None, mode: str) -> str | None:
    """Return the stage that is built in the mode, None for the last one.

    Development takes the stage made for it where there is one; production leaves a stage that is development's.
    """
    if mode == "dev":
        return _stage_for(stages, "dev") or target
    last = stages[-1] if stages else ""
    if mode != "prod" or (target or last).lower() not in (*STAGES["dev"], *_TEST_STAGES):
        return target
    found = _stage_for(stages, "prod")
    return found if found or last.lower() not in (*STAGES["dev"], *_TEST_STAGES) else target


def _stage_for(stages: tuple[str, ...], mode: str) -> str | None:
    by_name = {name.lower(): name for name in stages}
    return next((by_name[name] for name in STAGES[mode] if name in by_name), None)


def bind_source(mount: Mount, facts: ComposeFacts) -> Path | None:
    """Return the host's folder or file behind a mount, also of a named volume that is a bind in disguise."""
    if mount.kind == "bind" and mount.source:
        return Path(os.path.realpath(mount.source))
    if mount.kind == "volume" and mount.source:
        options = facts.volumes.get(mount.source, {}).get("driver_opts") or {}
        if "bind" in str(options.get("o", "")).split(",") and options.get("device"):
            return Path(os.path.realpath(facts.folder / str(options["device"])))
    return None


def is_code(source: Path, target: PurePosixPath, roots: list[Path], recipe: Recipe | None) -> bool:
    """Return whether what is mounted is the project's code, or a part or a parent of it, and not data."""
    if any(Path(os.path.realpath(root)).is_relative_to(source) for root in roots):
        return True
    is_inside = any(source.is_relative_to(os.path.realpath(root)) for root in roots)
    if not is_inside and any(source.is_relative_to(folder) for folder in _NEVER_CODE):
        return False
    if source.is_file() or (not source.exists() and source.suffix):
        return source.suffix in (".py", ".sh") or source.name in ("entrypoint", "start")
    if is_data_name(source) and not (source / "__init__.py").exists():
        return False
    if holds_code(source):
        return True
    return is_inside and (source.name.lower() in CODE_NAMES or _is_baked(source, target, recipe))


def _is_baked(source: Path, target: PurePosixPath, recipe: Recipe | None) -> bool:
    """Return whether the image holds the folder at the same place: what is mounted only hides it."""
    return bool(recipe and recipe.holds(source, target)) and (not source.exists() or holds_baked_files(source))


def _shields(values: ServiceFacts, code: tuple[int, ...]) -> Iterator[int]:
    """Yield the volumes inside a code mount that keep the image's own environment visible."""
    targets = [PurePosixPath(values.mounts[position].target) for position in code]
    for position, mount in enumerate(values.mounts):
        place = PurePosixPath(mount.target)
        if mount.kind != "volume" or position in code or not any(place.is_relative_to(target) for target in targets):
            continue
        if place.name in ENVIRONMENT_NAMES or (mount.source is None and not is_data_name(Path(place.name))):
            yield position


def _is_infrastructure(recipe: Recipe | None) -> bool:
    return recipe is not None and bool(_INFRASTRUCTURE.search(recipe.base.partition(":")[0]))


def with_tag(image: str) -> str:
    """Return the image's name with the tag that a name without one stands for."""
    return image if ":" in image.rpartition("/")[2] or "@" in image else f"{image}:latest"
