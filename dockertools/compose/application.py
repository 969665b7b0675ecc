"""The Django project inside a service: its settings for each mode, its server, its health check. Read, never run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from dockertools.compose.classify import Member, bind_source
from dockertools.compose.config import ComposeFacts
from dockertools.compose.folders import default_settings_module, find_manage
from dockertools.conf import Config
from dockertools.errors import DockertoolsError

SETTINGS_VARIABLE = "DJANGO_SETTINGS_MODULE"
SETTINGS_WORDS = {
    "dev": ("local", "development", "dev", "develop", "debug"),
    "prod": ("production", "prod", "live", "release"),
}
_DEBUG_LINE = re.compile(r"^\s*DEBUG\s*(?::\s*\w+\s*)?=\s*(?P<value>.*(?:\n\s+.*)*)", re.MULTILINE)
_VARIABLE = re.compile(r"[\"'](?P<name>\w*DEBUG\w*)[\"']")
_COMPARED = re.compile(r"==\s*[\"'](?P<value>[^\"']*)[\"']|\bin\s*[\[({]\s*[\"'](?P<first>[^\"']*)[\"']")
_BARE_BOOL = re.compile(r"\bbool\(\s*os\.")
_HEALTH_MIDDLEWARE = "dockertools.middleware.HealthMiddleware"


@dataclass(frozen=True)
class DebugVariable:
    """The environment variable that DEBUG is read from, with the values for on and off."""

    name: str
    on: str = "1"
    off: str = "0"

    def value(self, mode: str) -> str:
        """Return the value for a mode."""
        return self.on if mode == "dev" else self.off


@dataclass(frozen=True)
class Server:
    """What answers requests in production; `missing` names a package that the image would need for it."""

    argv: tuple[str, ...]
    missing: str = ""


@dataclass(frozen=True)
class Application:
    """A Django project; `manage` is its manage.py on this machine, None when there is none."""

    manage: Path | None = None
    settings_module: str | None = None
    """The settings that are in force without the mode."""
    debug: DebugVariable | None = None
    has_health: bool = False

    @property
    def folder(self) -> Path | None:
        """The folder that the code is in."""
        return self.manage.parent if self.manage else None

    def settings_for(self, mode: str) -> str | None:
        """Return the settings module for the mode where it is another one than is in force; else None."""
        if self.settings_module is None or self.folder is None:
            return None
        other = "dev" if mode == "prod" else "prod"
        parent, _, name = self.settings_module.rpartition(".")
        for part in re.split(r"_", name):
            if part in SETTINGS_WORDS[other]:
                return self._sibling(parent, name, part, mode)
        return None

    def _sibling(self, parent: str, name: str, part: str, mode: str) -> str | None:
        words = name.split("_")
        for word in SETTINGS_WORDS[mode]:
            candidate = "_".join(word if entry == part else entry for entry in words)
            module = f"{parent}.{candidate}" if parent else candidate
            if self.folder and module_path(self.folder, module):
                return module
        return None


def inspect_application(member: Member, facts: ComposeFacts) -> Application:
    """Return what the service's Django project says; empty for a service without one."""
    manage = next((found for folder in _folders(member, facts) if (found := find_manage(folder))), None)
    if manage is None:
        return Application()
    module = _settings_in_force(member) or default_settings_module(manage)
    texts = list(_settings_texts(manage.parent, module)) if module else []
    return Application(manage, module, _find_debug(texts), any(_HEALTH_MIDDLEWARE in text for text in texts))


def find_server(application: Application, member: Member, config: Config) -> Server | None:
    """Return the production server that the project's requirements bring; None when nothing is known of it."""
    # Reading all of a project takes a while, and is needed only where the image does not start a server itself.
    from dockertools.project.inspect import inspect_project  # noqa: PLC0415

    root = Path(member.facts.build.context) if member.facts.build else config.root
    manage = application.manage if application.manage and application.manage.is_relative_to(root) else None
    wanted = replace(config, root=root, settings_module=application.settings_module)
    try:
        server = inspect_project(wanted, manage=manage).server
    except DockertoolsError:
        return None
    in_dockerfile = bool(member.recipe and re.search(rf"\b{server.name}\b", member.recipe.text))
    return Server(
        _server_argv(server.name, server.interface, server.application),
        server.name if server.is_added and not in_dockerfile else "",
    )


def _server_argv(name: str, interface: str, application: str) -> tuple[str, ...]:
    """Return the server's command, `{port}` to be filled in; an image that is not ours has no gunicorn.conf.py."""
    address = "0.0.0.0:{port}"
    recipes = {
        "gunicorn": ("gunicorn", "--bind", address, "--workers", "2", "--threads", "4"),
        "uvicorn": ("uvicorn", "--host", "0.0.0.0", "--port", "{port}"),  # noqa: S104  # in the container
        "daphne": ("daphne", "--bind", "0.0.0.0", "--port", "{port}"),  # noqa: S104  # in the container
        "granian": ("granian", "--interface", interface, "--host", "0.0.0.0", "--port", "{port}"),  # noqa: S104  # in the container
        "hypercorn": ("hypercorn", "--bind", address),
        "uwsgi": ("uwsgi", "--http-socket", address, "--master", "--need-app", "--die-on-term", "--module"),
        "waitress": ("waitress-serve", f"--listen={address}"),
    }
    return (*recipes[name], application)


def _folders(member: Member, facts: ComposeFacts) -> Iterator[Path]:
    """Yield where the code of the service is on this machine, the likeliest place first."""
    mounts = [bind_source(member.facts.mounts[position], facts) for position in member.code]
    yield from (folder for folder in mounts if folder and folder.is_dir())
    if member.recipe:
        for entry in member.recipe.copied:
            if entry.destination == member.workdir and entry.source.is_dir():
                yield entry.source
    if member.facts.build and member.facts.build.is_local:
        yield Path(member.facts.build.context)


def _settings_in_force(member: Member) -> str | None:
    if match := re.search(r"--settings[= ](?P<module>[\w.]+)", member.text):
        return match["module"]
    value = member.facts.environment.get(SETTINGS_VARIABLE)
    return value or (member.recipe.environment or {}).get(SETTINGS_VARIABLE) if member.recipe else value


def _settings_texts(folder: Path, module: str) -> Iterator[str]:
    """Yield the texts of the settings, and of those beside them in a package of settings."""
    path = module_path(folder, module)
    if path is None:
        return
    beside = sorted(path.parent.glob("*.py")) if "settings" in path.parent.name or path.name == "__init__.py" else []
    for file in dict.fromkeys((path, *beside)):
        yield file.read_text(encoding="utf-8", errors="replace")


def module_path(folder: Path, module: str) -> Path | None:
    """Return the file of a module in the folder of manage.py, or in `src` beside it; None when it is not there."""
    relative = PurePosixPath(*module.split("."))
    candidates = [
        base / path for base in (folder, folder / "src") for path in (f"{relative}.py", relative / "__init__.py")
    ]
    return next((path for path in candidates if path.is_file()), None)


def _find_debug(texts: list[str]) -> DebugVariable | None:
    for text in texts:
        for line in _DEBUG_LINE.finditer(text):
            value = line["value"]
            if (name := _VARIABLE.search(value)) is None:
                continue
            if compared := _COMPARED.search(value):
                on = compared["value"] or compared["first"] or "1"
                return DebugVariable(name["name"], on, "False" if on == "True" else "false" if on == "true" else "0")
            return DebugVariable(name["name"], off="" if _BARE_BOOL.search(value) else "0")
    return None
