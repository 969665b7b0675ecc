"""What is known about a project. Paths are relative to its root, with `/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class ManifestKind(Enum):
    """Who wrote the list of requirements, and so who reads it best."""

    REQUIREMENTS = "requirements.txt"
    UV = "uv.lock"
    POETRY = "poetry.lock"
    PDM = "pdm.lock"
    PIPENV = "Pipfile.lock"
    PYLOCK = "pylock.toml"
    PYPROJECT = "pyproject.toml"
    SETUP = "setup.py"


class Source(Enum):
    """Where a requirement comes from."""

    INDEX = "index"
    REPOSITORY = "repository"
    FOLDER = "folder"
    URL = "url"


@dataclass(frozen=True)
class Note:
    """What the project leaves open or says unreadably, and what was assumed instead."""

    message: str
    path: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message}" if place else self.message


@dataclass(frozen=True)
class Requirement:
    """A distribution that is installed; `name` is normalized, `version` None where it is not pinned."""

    name: str
    extras: tuple[str, ...] = ()
    version: str | None = None
    source: Source = Source.INDEX
    from_source: bool = False
    """Whether no wheel is used: the manifest forbids them (`--no-binary`), or lists none that fits."""
    is_compiled: bool = False
    """Whether it is `from_source` and holds machine code, as its wheels for other versions or systems show."""
    has_musl_wheel: bool | None = None
    """Whether one of its wheels is for Alpine's C library; None where the manifest does not name them."""


@dataclass(frozen=True)
class ManifestFacts:
    """The list of requirements and the files it is read from, the first one being the one to install from."""

    kind: ManifestKind
    files: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    has_everything: bool
    """Whether it names what its requirements require too."""
    has_hashes: bool
    has_markers: bool = True
    """Whether a lock of PDM's says what is for which system, without which PDM cannot export it."""
    is_workspace: bool = False
    """Whether a lock of uv's is that of a workspace without a project of its own."""
    utf16_files: tuple[str, ...] = ()
    local_paths: tuple[str, ...] = ()
    """Folders of the project that are requirements themselves."""
    installs_project: bool = False
    """Whether the project itself has to be installed, because its code cannot be found otherwise."""
    documents: tuple[str, ...] = ()
    """README and licence that are read when the project is installed."""
    options: tuple[str, ...] = ()
    """What the installer must be told besides, such as `--prerelease=allow`."""

    @property
    def folder(self) -> str:
        """The folder of the list, `.` for the root."""
        return self.files[0].rpartition("/")[0] or "."

    @property
    def names(self) -> frozenset[str]:
        """The normalized names of all requirements."""
        return frozenset(requirement.name for requirement in self.requirements)

    @property
    def compiled(self) -> tuple[str, ...]:
        """Name and version of what has to be compiled for want of a wheel."""
        return tuple(f"{item.name} {item.version}" for item in self.requirements if item.is_compiled)

    @property
    def uses_repositories(self) -> bool:
        """Whether something is fetched with git."""
        return any(requirement.source is Source.REPOSITORY for requirement in self.requirements)


@dataclass(frozen=True)
class EnvironmentVariable:
    """A variable that the settings read.

    `kind` is `text`, `bool`, `int`, `folder`, `database`, `cache`, `email` or `url`.
    """

    name: str
    is_required: bool
    kind: str
    path: str
    line: int


@dataclass(frozen=True)
class DatabaseFacts:
    """One entry of DATABASES.

    `engine` is `postgresql`, `postgis`, `mysql`, `sqlite`, `spatialite` or `oracle`, else the backend's dotted name.
    `variables` maps NAME, USER, PASSWORD, HOST, PORT or URL to the environment variable that it is read from.
    """

    alias: str
    engine: str
    variables: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    host: str | None = None


@dataclass(frozen=True)
class UrlFacts:
    """A URL that the settings take from a variable, or hold, such as `redis://localhost:6379/0`."""

    setting: str
    scheme: str
    variable: str | None
    default: str | None


@dataclass(frozen=True)
class SettingsFacts:
    """What Django's settings say; `is_live` when they were loaded, else they were read from their syntax trees."""

    module: str | None
    path: str | None
    is_live: bool
    installed_apps: tuple[str, ...] | None
    middleware: tuple[str, ...]
    databases: tuple[DatabaseFacts, ...]
    urls: tuple[UrlFacts, ...]
    languages: tuple[str, ...] | None
    """Codes such as `pt-br`; None when every language that Django knows may be asked for."""
    static_root: str | None
    media_root: str | None
    wsgi_application: str | None
    asgi_application: str | None
    root_urlconf: str | None
    has_beat_schedule: bool
    variables: tuple[EnvironmentVariable, ...]
    logs_gunicorn: bool = False
    """Whether LOGGING names gunicorn's loggers, so that its lines are to take the same form."""
    read_files: tuple[str, ...] = ()
    """Texts, such as a changelog, that the settings name and probably read."""

    def has_app(self, name: str) -> bool:
        """Whether the app is installed, by its package or by a configuration class in it."""
        return any(app == name or app.startswith(f"{name}.apps.") for app in self.installed_apps or ())


@dataclass(frozen=True)
class ServerFacts:
    """What answers requests: `argv` is PID 1 of the container."""

    name: str
    interface: str
    application: str
    is_added: bool
    """Whether the project does not require it, so that the image installs it besides."""


@dataclass(frozen=True)
class WorkerFacts:
    """A process beside the server, such as a Celery worker."""

    name: str
    argv: tuple[str, ...]
    module: str | None = None
    """The module that it imports, where it is no management command."""


@dataclass(frozen=True)
class FrontEndFacts:
    """A package.json with a build; `folder` is `.` for the root."""

    folder: str
    manager: str
    lock_file: str | None
    node_version: str
    reads_templates: bool
    """Whether its build looks at files outside its folder, as Tailwind does."""
    has_workspaces: bool = False
    """Whether packages are listed in more than this folder, so that all of it is needed to install them."""


@dataclass(frozen=True)
class PythonFacts:
    """The interpreter of the image; `origin` says where the version was found."""

    version: str
    suite: str
    base_image: str
    origin: str
    older: tuple[str, ...] = ()
    """Other versions that the project allows, the newest first; none where it names one."""
    system: str = ""
    """What the image is of, where that is not the suite."""


@dataclass(frozen=True)
class SystemPackages:
    """What Debian's packages add: to build the requirements, to run them, and the programs these bring."""

    build: tuple[str, ...]
    runtime: tuple[str, ...]
    programs: tuple[str, ...]
    reasons: Mapping[str, tuple[str, ...]]
    """From a runtime package to what needs it."""


@dataclass(frozen=True)
class ProjectFacts:
    """Everything that the files are made from."""

    name: str
    manage: str | None
    """`manage.py`, or where it lies, such as `src/manage.py`."""
    manifest: ManifestFacts
    settings: SettingsFacts
    python: PythonFacts
    server: ServerFacts
    workers: tuple[WorkerFacts, ...]
    packages: SystemPackages
    front_end: FrontEndFacts | None
    documents: tuple[str, ...]
    """Texts that are read although they look like documentation: by the installation, or by the settings."""
    needed_files: tuple[str, ...]
    """Files that the image cannot do without, whatever they are called."""
    notes: tuple[Note, ...]

    @property
    def code_folder(self) -> str:
        """The folder of manage.py, `.` for the root."""
        return self.manage.rpartition("/")[0] or "." if self.manage else "."
