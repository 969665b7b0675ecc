"""What the compose project mounts and watches, and what its images run as."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from dockertools.build.dockerfile import chain_of, read_stages
from dockertools.compose.config import BuildFacts, ComposeFacts, Mount, read_compose_config
from dockertools.compose.config import ServiceFacts as ComposeService
from dockertools.conf import COMPOSE_FILE_NAMES, Config
from dockertools.context.ignore_file import IgnoreFile, Rule, read_ignore_file
from dockertools.context.matcher import SENT, BrokenRuleError, Matcher
from dockertools.context.walk import Entry, walk_context
from dockertools.doctor.engine_facts import ask
from dockertools.errors import DockertoolsError

CODE_SUFFIXES = frozenset({".py", ".html", ".css", ".js", ".ts", ".jinja", ".j2", ".po", ".sql"})
"""What a reload is wanted for; that byte code and editors' files are left out is what the ignore file is for."""
_SYNCS = frozenset({"sync", "sync+restart", "sync+exec"})
_USER_ID = re.compile(r"\b(?:useradd|adduser)\b[^&;|]*?(?:--uid|-u)[ =]+[\"']?(?:\$\{?\w*:?-?)?(?P<uid>\d+)")
_VENV = re.compile(r"(?:-m (?:venv|virtualenv)|\buv venv|\bvirtualenv)\s+(?:-\S+\s+)*(?P<path>/?[\w./-]+)")


@dataclass(frozen=True)
class ImageUse:
    """What a service's image says; `uid` is None where it is not known, `origin` where it was read."""

    origin: str
    user: str
    uid: int | None
    environments: tuple[str, ...] = ()


@dataclass(frozen=True)
class BindFacts:
    """A folder of this machine that a service mounts; `owner` is None where it is not there."""

    mount: Mount
    owner: int | None
    mode: int = 0
    holds: frozenset[str] = field(default_factory=frozenset)
    """Names in it."""


@dataclass(frozen=True)
class HiddenFiles:
    """Code below a watched path that a rule of the ignore file leaves out, so that changes to it do not arrive."""

    path: str
    ignore_file: str
    rule: Rule
    files: tuple[str, ...]


@dataclass(frozen=True)
class ServiceUse:
    """A service with what the doctor looks at."""

    name: str
    image: ImageUse
    binds: tuple[BindFacts, ...]
    mounts: tuple[Mount, ...]
    hidden: tuple[HiddenFiles, ...]
    is_watched: bool
    is_built: bool
    """Whether its image is built here, and is not that of a database or the like."""


@dataclass(frozen=True)
class ServiceFacts:
    """The services; `problem` says why compose cannot be asked, empty where there is nothing to ask about."""

    services: tuple[ServiceUse, ...]
    problem: str = ""
    hint: str = ""
    is_compose: bool = True


def inspect_services(config: Config) -> ServiceFacts:
    """Return what compose says of the project, in the mode that is switched on."""
    if not any((config.root / name).is_file() for name in COMPOSE_FILE_NAMES):
        return ServiceFacts((), is_compose=False)
    try:
        project = read_compose_config(config.root)
    except DockertoolsError as error:
        return ServiceFacts((), error.message, error.hint)
    return ServiceFacts(tuple(_service(project, service, config.image) for service in project.services.values()))


def _service(project: ComposeFacts, service: ComposeService, own_image: str) -> ServiceUse:
    rules = list((service.values.get("develop") or {}).get("watch") or ())
    return ServiceUse(
        name=service.name,
        image=_image(project, service),
        binds=tuple(_bind(mount) for mount in service.mounts if mount.kind == "bind"),
        mounts=service.mounts,
        hidden=tuple(_hidden(service.build, rules)) if service.build and service.build.is_local else (),
        is_watched=bool(rules),
        is_built=service.build is not None or service.image == own_image,
    )


def _bind(mount: Mount) -> BindFacts:
    source = Path(mount.source or "")
    try:
        status = source.stat()
        names = frozenset(path.name for path in source.iterdir()) if source.is_dir() else frozenset()
    except OSError:
        return BindFacts(mount, None)
    return BindFacts(mount, status.st_uid, status.st_mode & 0o7777, names)


def _image(project: ComposeFacts, service: ComposeService) -> ImageUse:
    """Ask the engine for the image, and read the Dockerfile where it has none."""
    name = service.image or f"{project.name}-{service.name}"
    done = ask(("docker", "image", "inspect", "--format", "{{json .Config}}", name))
    text = _dockerfile(service.build)
    user = str(service.values.get("user") or "")
    try:
        document = json.loads(done.stdout) if done.returncode == 0 else None
    except ValueError:
        document = None
    if isinstance(document, dict):
        use = read_image(document, name, text)
    else:
        use = read_dockerfile(text, service.build.target if service.build else None)
    return ImageUse(f"user: of {service.name}", user, _uid(user, text), use.environments) if user else use


def _dockerfile(build: BuildFacts | None) -> str:
    if build is None:
        return ""
    if build.dockerfile_inline is not None:
        return build.dockerfile_inline
    try:
        return build.dockerfile_path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def read_image(document: Mapping[str, Any], name: str, dockerfile: str) -> ImageUse:
    """Return what an image's configuration says; a user's number may stand in the Dockerfile alone."""
    user = str(document.get("User") or "root")
    variables = dict(str(entry).partition("=")[::2] for entry in document.get("Env") or ())
    return ImageUse(f"image {name}", user, _uid(user, dockerfile), tuple(_environments(variables, "", "/")))


def read_dockerfile(text: str, target: str | None) -> ImageUse:
    """Return what the Dockerfile's stage would make."""
    user, folder = "", "/"
    variables: dict[str, str] = {}
    commands: list[str] = []
    for instruction in chain_of(read_stages(text), target):
        if instruction.name == "USER":
            user = instruction.value
        elif instruction.name == "WORKDIR":
            folder = str(PurePosixPath(folder) / instruction.value)
        elif instruction.name == "ENV":
            variables.update(re.findall(r"(\w+)=\"?([^\s\"]+)", instruction.value))
        elif instruction.name == "RUN":
            commands.append(instruction.value)
    found = tuple(_environments(variables, " && ".join(commands), folder))
    return (
        ImageUse("the Dockerfile", user or "root", _uid(user or "root", text), found)
        if text
        else ImageUse("", "", None)
    )


def _environments(variables: Mapping[str, str], commands: str, folder: str) -> Iterator[str]:
    """Yield the folders of virtual environments that variables and commands name."""
    found = [variables.get("VIRTUAL_ENV", ""), variables.get("UV_PROJECT_ENVIRONMENT", "")]
    found += [word.removesuffix("/bin") for word in variables.get("PATH", "").split(":") if "venv" in word]
    found += [match["path"] for match in _VENV.finditer(commands)]
    if "uv sync" in commands and not variables.get("UV_PROJECT_ENVIRONMENT"):
        found.append(".venv")
    yield from dict.fromkeys(str(PurePosixPath(folder) / path) for path in found if path)


def _uid(user: str, dockerfile: str) -> int | None:
    name = user.partition(":")[0]
    if name.isdecimal():
        return int(name)
    if name in ("root", ""):
        return 0
    match = _USER_ID.search(dockerfile)
    return int(match["uid"]) if match else None


def _hidden(build: BuildFacts, rules: Iterable[Mapping[str, Any]]) -> Iterator[HiddenFiles]:
    """Yield what the ignore file hides of the paths that are synced."""
    context = Path(build.context)
    watched = [rule for rule in rules if rule.get("action") in _SYNCS and _path(rule).is_relative_to(context)]
    if not watched:
        return
    ignore_file, left_out = _left_out(context, build.dockerfile_path)
    for watch in watched:
        prefix = _path(watch).relative_to(context).as_posix()
        by_rule: dict[int, list[str]] = {}
        for entry in left_out:
            inside = _below(entry.path, prefix)
            if inside and not _is_of_no_interest(entry.path) and not _is_ignored(inside, watch.get("ignore") or ()):
                by_rule.setdefault(entry.rule, []).append(entry.path)
        for rule, files in sorted(by_rule.items()):
            yield HiddenFiles(prefix, str(ignore_file.path), ignore_file.rules[rule], tuple(sorted(files)))


def _path(rule: Mapping[str, Any]) -> Path:
    return Path(str(rule.get("path", "")))


def _below(path: str, prefix: str) -> str:
    """Return the path relative to a folder of the context; empty where it is not in it."""
    if prefix == ".":
        return path
    return path.removeprefix(f"{prefix}/") if path.startswith(f"{prefix}/") else ""


def _is_ignored(path: str, patterns: Iterable[str]) -> bool:
    """Tell whether the watch rule itself leaves the path out, by a pattern for it or a folder above."""
    pure = PurePosixPath(path)
    names = [str(pure), *(str(parent) for parent in pure.parents)]
    return any(fnmatch(name, pattern.strip("/").removeprefix("**/")) for pattern in patterns for name in names)


def _left_out(context: Path, dockerfile: Path) -> tuple[IgnoreFile, tuple[Entry, ...]]:
    """Return the code that the ignore file leaves out; docker_context tells where it cannot be read."""
    try:
        ignore_file = read_ignore_file(context, dockerfile)
        entries = tuple(
            entry
            for entry in walk_context(context, Matcher(ignore_file.rules))
            if entry.rule != SENT and PurePosixPath(entry.path).suffix in CODE_SUFFIXES
        )
    except (DockertoolsError, BrokenRuleError):
        return IgnoreFile(None, ()), ()
    return ignore_file, entries


def _is_of_no_interest(path: str) -> bool:
    """Tell whether a file is in a folder that nobody edits by hand."""
    parts = path.split("/")
    return any(part in ("node_modules", "site-packages", "__pycache__") or part.startswith(".") for part in parts)
