"""What an audit knows of an image: its configuration, and what is noteworthy in the files of its layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from dockertools.image.layers import Waste
from dockertools.image.packages import PythonPackage
from dockertools.image.system_packages import SystemPackage


@dataclass(frozen=True)
class ImageConfig:
    """How containers of the image start; `healthcheck` is None where the image has none.

    https://github.com/opencontainers/image-spec/blob/main/config.md
    """

    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    healthcheck: tuple[str, ...] | None = None
    ports: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""

    @property
    def argv(self) -> tuple[str, ...]:
        """What becomes PID 1."""
        return (*self.entrypoint, *self.command)


@dataclass(frozen=True)
class Where:
    """The layer that holds something, counted from 0, and the one that hides it again, if any."""

    layer: int
    hidden_by: int | None = None


@dataclass(frozen=True)
class SecretFile:
    """A file whose content or name is that of a secret; `package` is the installed distribution it came with."""

    path: str
    code: str
    reason: str
    where: Where
    package: str = ""


@dataclass(frozen=True)
class ContentGroup:
    """Files of one sort below one folder (or the file itself): how many, and their bytes."""

    code: str
    path: str
    where: Where
    files: int
    bytes: int


@dataclass(frozen=True)
class ModeFile:
    """A file or folder of the final image whose mode is noteworthy."""

    path: str
    mode: int
    layer: int


@dataclass(frozen=True)
class MissingLibrary:
    """A library that no folder of the image holds, and an object that needs it."""

    name: str
    needed_by: str


@dataclass(frozen=True)
class Release:
    """A distribution as /etc/os-release names it, such as `debian` `12`."""

    id: str
    version: str
    name: str


@dataclass(frozen=True)
class Base:
    """The image that this one is made from: its name, and what told it."""

    name: str
    source: str


@dataclass(frozen=True)
class Inside:
    """What the checks in the container would find to run with: paths in the image, empty where there is none."""

    python: str = ""
    shell: str = ""
    has_django: bool = False
    has_dockertools: bool = False
    manage: str = ""


@dataclass(frozen=True, kw_only=True)
class AuditFacts:
    """An image with all its layers looked at; `layers` are their instructions, the first `base_layers` the base's.

    `history` has the instructions that made no layer too, as they were recorded. `accounts` are user ids by name.
    """

    reference: str
    config: ImageConfig
    layers: tuple[str, ...] = ()
    base_layers: int = 1
    base: Base | None = None
    history: tuple[str, ...] = ()
    secrets: tuple[SecretFile, ...] = ()
    contents: tuple[ContentGroup, ...] = ()
    setuid: tuple[ModeFile, ...] = ()
    world_writable: tuple[ModeFile, ...] = ()
    programs: tuple[str, ...] = ()
    accounts: Mapping[str, int] = field(default_factory=dict)
    release: Release | None = None
    pythons: tuple[str, ...] = ()
    python_packages: tuple[PythonPackage, ...] = ()
    system_packages: tuple[SystemPackage, ...] = ()
    waste: tuple[Waste, ...] = ()
    missing_libraries: tuple[MissingLibrary, ...] = ()
    scripts: Mapping[str, str] = field(default_factory=dict, repr=False)
    inside: Inside = Inside()
    today: date = field(default_factory=lambda: datetime.now(UTC).date())

    def layer(self, place: int) -> str:
        """Return a layer's number and what made it, for people."""
        text = self.layers[place] if place < len(self.layers) else ""
        return f"layer {place + 1} of {len(self.layers)}" + (f", {text.split()[0]}" if text.split() else "")
