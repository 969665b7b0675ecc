"""The base images of the project: pulled where a registry answers, else made from Debian's packages."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from private_engine.errors import COULD_NOT_RUN, FAILED, EngineError
from private_engine.packages import STAND_IN_TOOLS, install_host_tools
from private_engine.processes import capture, run_logged
from private_engine.rootfs import debian_tarball

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from private_engine.engines import Engine
    from private_engine.layout import Layout
    from private_engine.machine import Machine

RECIPES = Path(__file__).parent / "recipes"
LABEL = "io.dockertools.stand-in"
REGISTRY_SECONDS = 20


@dataclass(frozen=True)
class StandIn:
    """How to make one image: a Debian suite by itself, or a recipe's Dockerfile on another image of the table."""

    suite: str = ""
    recipe: str = ""
    base: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)


# The versions are those of the suite: a stable suite of Debian keeps them.
STAND_INS: dict[str, StandIn] = {
    "debian:bookworm-slim": StandIn(suite="bookworm"),
    "debian:trixie-slim": StandIn(suite="trixie"),
    "python:3.11-slim-bookworm": StandIn(
        recipe="python",
        base="debian:bookworm-slim",
        arguments={"PYTHON": "3.11", "PYTHON_VERSION": "3.11.2"},
    ),
    "python:3.13-slim-trixie": StandIn(
        recipe="python",
        base="debian:trixie-slim",
        arguments={"PYTHON": "3.13", "PYTHON_VERSION": "3.13.5"},
    ),
    "postgres:15-bookworm": StandIn(recipe="postgres", base="debian:bookworm-slim", arguments={"PG_MAJOR": "15"}),
}
DEFAULT_IMAGES = ("python:3.11-slim-bookworm", "postgres:15-bookworm")


@dataclass(frozen=True)
class Workshop:
    """Everything that making an image needs to know."""

    engine: Engine
    layout: Layout
    machine: Machine
    say: Callable[[str], None]

    def has(self, name: str) -> bool:
        argv = ("docker", "image", "inspect", "--format", "{{.Id}}", name)
        return capture(argv, environment=self.engine.environment, timeout=60).returncode == 0

    def docker(self, *arguments: str) -> None:
        run_logged(("docker", *arguments), self.layout.work_log, environment=self.engine.environment)


def ensure_images(workshop: Workshop, names: tuple[str, ...]) -> None:
    """Make sure that the engine has the named images: nothing is done for those that it has."""
    for name in names:
        if workshop.has(name):
            continue
        if registry_answers(workshop, name):
            workshop.say(f"Pulling {name}")
            workshop.docker("pull", name)
        else:
            workshop.say(f"No registry answers for {name}: making a stand-in from Debian's packages")
            make_stand_in(workshop, name)


def registry_answers(workshop: Workshop, name: str) -> bool:
    """Ask the registry for the image's manifest, without fetching the image."""
    argv = ("docker", "buildx", "imagetools", "inspect", name)
    return capture(argv, environment=workshop.engine.environment, timeout=REGISTRY_SECONDS).returncode == 0


def make_stand_in(workshop: Workshop, name: str) -> None:
    """Make one image of the table; its tag appears only when it is complete."""
    stand_in = find_stand_in(name)
    if not workshop.machine.can_host_private_engine:
        raise EngineError(
            f"{name} cannot be pulled, and a stand-in can be made on Debian as root only",
            hint="Give this machine a way to an image registry, or load the image with `docker load`.",
            code=COULD_NOT_RUN,
        )
    if stand_in.suite:
        _import_debian(workshop, name, stand_in)
        return
    if not workshop.has(stand_in.base):
        make_stand_in(workshop, stand_in.base)
    workshop.say(f"Building the stand-in for {name}")
    workshop.docker(*build_arguments(name, stand_in))


def find_stand_in(name: str) -> StandIn:
    """Return the row of the table; raise EngineError with the known names."""
    if name not in STAND_INS:
        raise EngineError(f"there is no stand-in for {name}", hint=f"Known are: {', '.join(STAND_INS)}.", code=FAILED)
    return STAND_INS[name]


def build_arguments(name: str, stand_in: StandIn) -> tuple[str, ...]:
    """Return docker's arguments that build a recipe."""
    arguments = {"BASE": stand_in.base, **stand_in.arguments}
    flags = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    build = ("buildx", "build", "--builder", "default", "--load", "--progress", "plain", "--provenance", "false")
    return (*build, *flags, "--tag", name, str(RECIPES / stand_in.recipe))


def _import_debian(workshop: Workshop, name: str, stand_in: StandIn) -> None:
    install_host_tools(STAND_IN_TOOLS, workshop.layout.work_log, workshop.say)
    workshop.say(f"Making {name} with debootstrap (half a minute)")
    changes = ('CMD ["bash"]', f"LABEL {LABEL}=true")
    flags = [word for change in changes for word in ("--change", change)]
    with debian_tarball(workshop.layout, workshop.machine, stand_in.suite) as tarball:
        workshop.docker("import", *flags, str(tarball), name)
