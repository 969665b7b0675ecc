"""The base images of the project: pulled where a registry answers, else made from Debian's packages."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.private_engine import rootfs
from scripts.private_engine.errors import COULD_NOT_RUN, EngineError
from scripts.private_engine.packages import STAND_IN_TOOLS, install_host_tools
from scripts.private_engine.processes import capture, run_logged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scripts.private_engine.engines import Engine
    from scripts.private_engine.layout import Layout
    from scripts.private_engine.machine import Machine

RECIPES = Path(__file__).parent / "recipes"
LABEL = "io.dockertools.stand-in"
DIGEST_LABEL = "io.dockertools.stand-in.recipe"
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
        arguments={"PYTHON": "3.11", "PYTHON_VERSION": "3.11.2", "WHEELS": "pip setuptools"},
    ),
    "python:3.13-slim-trixie": StandIn(
        recipe="python",
        base="debian:trixie-slim",
        arguments={"PYTHON": "3.13", "PYTHON_VERSION": "3.13.5", "WHEELS": "pip"},
    ),
    "postgres:15-bookworm": StandIn("", "postgres", "debian:bookworm-slim", {"PG_MAJOR": "15"}),
    "postgres:17-trixie": StandIn("", "postgres", "debian:trixie-slim", {"PG_MAJOR": "17"}),
    "postgis/postgis:17-3.5": StandIn("", "postgis", "postgres:17-trixie"),
    "mariadb:11.8": StandIn("", "mariadb", "debian:trixie-slim"),
    "node:20-trixie-slim": StandIn("", "node", "debian:trixie-slim"),
    "redis:7-bookworm": StandIn("", "redis", "debian:bookworm-slim"),
    "registry:2": StandIn("", "registry", "debian:bookworm-slim"),
}
DEFAULT_IMAGES = ("python:3.11-slim-bookworm", "postgres:15-bookworm")


@dataclass(frozen=True)
class Workshop:
    """Everything that making an image needs to know."""

    engine: Engine
    layout: Layout
    machine: Machine
    say: Callable[[str], None]

    def labels(self, name: str) -> dict[str, str] | None:
        """Return the labels of an image that the engine has, None where it has none of that name."""
        argv = ("docker", "image", "inspect", "--format", "{{json .Config.Labels}}", name)
        answer = capture(argv, environment=self.engine.environment, timeout=60)
        return None if answer.returncode else dict(json.loads(answer.stdout) or {})

    def docker(self, *arguments: str) -> None:
        run_logged(("docker", *arguments), self.layout.work_log, environment=self.engine.environment)


def ensure_images(workshop: Workshop, names: tuple[str, ...]) -> None:
    """Make sure that the engine has the named images: nothing is done for those that it has."""
    missing = [name for name in names if not is_usable(name, workshop.labels(name))]
    if not missing:
        return
    # Asked once: a network that swallows the question would make every image wait.
    complaint = ask_registry(workshop, missing[0])
    if complaint:
        workshop.say(f"No registry answers ({complaint}): stand-ins are made from Debian's packages")
    for name in missing:
        if complaint:
            make_stand_in(workshop, name)
        else:
            workshop.say(f"Pulling {name}")
            workshop.docker("pull", name)


def is_usable(name: str, labels: Mapping[str, str] | None) -> bool:
    """Tell whether an image can stay: a real one always, a stand-in if its recipe has not changed since."""
    if labels is None:
        return False
    return LABEL not in labels or name not in STAND_INS or labels.get(DIGEST_LABEL) == recipe_digest(name)


def ask_registry(workshop: Workshop, name: str) -> str:
    """Ask the registry for an image's manifest, without fetching it; return what is wrong, nothing if it answers."""
    argv = ("docker", "buildx", "imagetools", "inspect", name)
    answer = capture(argv, environment=workshop.engine.environment, timeout=REGISTRY_SECONDS)
    if not answer.returncode:
        return ""
    said = (answer.stderr or answer.stdout).strip().splitlines()
    return said[-1].removeprefix("ERROR: ") if said else f"exit code {answer.returncode}"


def find_stand_in(name: str) -> StandIn:
    """Return the row of the table; raise EngineError with the known names."""
    if name not in STAND_INS:
        raise EngineError(f"there is no stand-in for {name}", hint=f"Known are: {', '.join(STAND_INS)}.")
    return STAND_INS[name]


def recipe_digest(name: str) -> str:
    """Digest all that an image of the table is made from, its base's recipe included."""
    stand_in = find_stand_in(name)
    if stand_in.suite:
        return hashlib.sha256(f"{stand_in.suite} {rootfs.REVISION}".encode()).hexdigest()[:16]
    parts = [json.dumps(dict(stand_in.arguments), sort_keys=True).encode()]
    parts += [path.read_bytes() for path in sorted((RECIPES / stand_in.recipe).iterdir())]
    parts.append(recipe_digest(stand_in.base).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def make_stand_in(workshop: Workshop, name: str) -> None:
    """Make one image of the table; its tag appears only when it is complete."""
    stand_in = find_stand_in(name)
    if stand_in.suite:
        _import_debian(workshop, name, stand_in)
        return
    if not is_usable(stand_in.base, workshop.labels(stand_in.base)):
        make_stand_in(workshop, stand_in.base)
    workshop.say(f"Building the stand-in for {name}")
    workshop.docker(*build_arguments(name, stand_in))


def build_arguments(name: str, stand_in: StandIn) -> tuple[str, ...]:
    """Return docker's arguments that build a recipe."""
    arguments = {"BASE": stand_in.base, **stand_in.arguments}
    flags = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    flags += ["--label", f"{DIGEST_LABEL}={recipe_digest(name)}"]
    build = ("buildx", "build", "--builder", "default", "--load", "--progress", "plain", "--provenance", "false")
    return (*build, *flags, "--tag", name, str(RECIPES / stand_in.recipe))


def _import_debian(workshop: Workshop, name: str, stand_in: StandIn) -> None:
    if not workshop.machine.can_host_private_engine:
        raise EngineError(
            f"{name} cannot be pulled, and a stand-in can be made on Debian as root only",
            hint="Give this machine a way to an image registry, or load the image with `docker load`.",
            code=COULD_NOT_RUN,
        )
    install_host_tools(STAND_IN_TOOLS, workshop.layout.work_log, workshop.say)
    workshop.say(f"Making {name} with debootstrap (half a minute)")
    changes = ['CMD ["bash"]', f"LABEL {LABEL}=true", f"LABEL {DIGEST_LABEL}={recipe_digest(name)}"]
    changes += [f"ENV {variable}={value}" for variable, value in rootfs.base_environment().items()]
    flags = [word for change in changes for word in ("--change", change)]
    with rootfs.debian_tarball(workshop.layout, workshop.machine, stand_in.suite) as tarball:
        workshop.docker("import", *flags, str(tarball), name)
