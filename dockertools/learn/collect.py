"""An image of the engine, and the stages that it was built of -> Evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockertools.build.dockerfile import read_stages
from dockertools.build.driver import Listener
from dockertools.build.options import BuildOptions
from dockertools.build.request import BuildRequest, make_build_options
from dockertools.checks.image.throw_away import LABEL, copy_package, throw_away_container
from dockertools.checks.runtime.suites import Distribution, find_package
from dockertools.conf import Config
from dockertools.engine import connect, engine_errors, find_engine
from dockertools.errors import CouldNotRunError, DockertoolsError, UsageError
from dockertools.files import read_text
from dockertools.image.control import is_installed, read_stanzas
from dockertools.learn.facts import (
    STARTS,
    EnvironmentFacts,
    Need,
    RepositoryFacts,
    SystemFacts,
    read_environment,
    read_repository,
    read_system,
)
from dockertools.learn.guest import MARK
from dockertools.learn.proposal import Evidence, find_missing, stems
from dockertools.learn.stages import START, ask_stages, base_of, has_stage
from dockertools.process import run
from dockertools.project.facts import ProjectFacts
from dockertools.project.system_packages import name_in, read_table

if TYPE_CHECKING:
    from docker import DockerClient

BUILDER, RUNTIME = "builder", "runtime"
_SECONDS = 900.0
_SPATIAL = ("postgis", "spatialite")
Watch = Callable[[str], AbstractContextManager[Listener]]
"""Shows a build under the name that it is given."""


@dataclass(frozen=True)
class Systems:
    """The package databases of both stages, and the packages of the image that they are built on."""

    runtime: SystemFacts
    builder: SystemFacts
    base: frozenset[str]
    asked: str | None
    """The stage whose repositories are asked, None for the image itself."""


def collect_evidence(config: Config, facts: ProjectFacts, watch: Watch, tell: Callable[[str], None]) -> Evidence:
    """Return what the project's built image, and the stages of its Dockerfile, say.

    Raises DockertoolsError when no image was built, CouldNotRunError when no engine answers, UsageError for the variant
    alpine, which has no such database.
    """
    if config.variant == "alpine":
        raise UsageError(
            "--learn asks Debian's package database, and the variant alpine has none.",
            hint="Learn from --variant slim, then name what is missing by Alpine's names.",
        )
    find_engine()
    _require_image(connect(), config.image)
    options = make_build_options(config, BuildRequest())
    systems = _ask_systems(config.image, options, watch, tell)
    named = [systems.runtime.packages[name] for name in facts.packages.runtime if name in systems.runtime.packages]
    tell(f"Reading what {config.image} needs")
    environment = _ask_environment(config.image, facts, stems(named))
    return Evidence(
        environment=environment,
        runtime=systems.runtime,
        base=systems.base,
        builder=systems.builder,
        repository=_ask_repository(config.image, systems, options, watch, environment),
        opened_by=opened_by_table(environment.distributions, facts, systems.runtime.suite),
        has_whole_base=config.variant != "distroless",
    )


def opened_by_table(distributions: Iterable[str], facts: ProjectFacts, suite: str) -> dict[str, str]:
    """Return the packages of which the table knows that a distribution, or a part of Django, opens or reads them."""
    table = read_table()
    apps = [f"app:{app.removesuffix('.apps.GISConfig')}" for app in facts.settings.installed_apps or ()]
    engines = [f"engine:{database.engine}" for database in facts.settings.databases]
    installed = frozenset(distributions)
    found: dict[str, str] = {}
    for name in (*sorted(installed), *apps, *engines):
        row = table.get(name)
        if row and installed.isdisjoint(f"{name}-{extra}" for extra in row.unless):
            for package in (name_in(suite or facts.python.suite, item) for item in row.opens):
                found.setdefault(package, name.rpartition(":")[2])
    return found


def _require_image(client: DockerClient, reference: str) -> None:
    from docker.errors import ImageNotFound  # noqa: PLC0415  # comes with the extra [engine]

    api: Any = client.api
    with engine_errors():
        try:
            api.inspect_image(reference)
        except ImageNotFound as error:
            raise DockertoolsError(
                f"There is no image {reference} to learn from.",
                hint="Build it with docker_build, then run this again.",
                code="no-image",
            ) from error


def _ask_systems(image: str, options: BuildOptions, watch: Watch, tell: Callable[[str], None]) -> Systems:
    """Return what the stages have; an image without a stage `runtime` is asked itself."""
    stages = read_stages(read_text(options.dockerfile) or "")
    names = [name for name in (RUNTIME, BUILDER) if has_stage(stages, name)]
    base = base_of(stages, RUNTIME if RUNTIME in names else None)
    answers: dict[str, Any] = {}
    status = ""
    if names or base:
        questions: dict[str, Any] = {name: ("database", {}) for name in names}
        answers, status = ask_stages(options, questions, base, watch("the package databases"))
    found = {name: read_system(answer) for name, answer in answers.items()}
    if RUNTIME not in found:
        tell(f"Reading the package database of {image}")
        found[RUNTIME] = read_system(_ask(image, "database", {}, "--user=0"))
    return Systems(
        runtime=found[RUNTIME],
        builder=found.get(BUILDER, SystemFacts()),
        base=frozenset(fields["Package"] for fields in read_stanzas(status) if is_installed(fields)),
        asked=names[-1] if names else None,
    )


def _ask_repository(
    image: str, systems: Systems, options: BuildOptions, watch: Watch, environment: EnvironmentFacts
) -> RepositoryFacts:
    """Return what the suite has of that which is missing in the image and in the stages."""
    missing = find_missing(environment, systems.runtime)
    left = [need.name for need in missing if not _has(systems.runtime, need) and not _has(systems.builder, need)]
    if not left:
        return RepositoryFacts()
    distribution = Distribution("debian", systems.runtime.suite)
    guesses = {name: [package] for name in left if (package := find_package(name, distribution))}
    question = {"wanted": left, "guesses": guesses}
    if systems.asked is None:
        return read_repository(_ask(image, "repository", question, "--user=0", network="bridge"))
    what = watch(f"the repository for {', '.join(left)}")
    answers, _ = ask_stages(options, {systems.asked: ("repository", question)}, "", what)
    return read_repository(answers[systems.asked])


def _has(system: SystemFacts, need: Need) -> bool:
    found = system.find_program(need.name) if need.how == STARTS else system.find_library(need.name)
    return found is not None


def _ask_environment(image: str, facts: ProjectFacts, names: tuple[str, ...]) -> EnvironmentFacts:
    question = {"features": " ".join(_features(facts)), "programs": facts.packages.programs, "stems": names}
    return read_environment(_ask(image, "environment", question))


def _features(facts: ProjectFacts) -> Iterator[str]:
    """Yield the dotted paths that tell which parts of Django are used."""
    yield from facts.settings.installed_apps or ()
    if any(database.engine in _SPATIAL for database in facts.settings.databases):
        yield "django.contrib.gis"


def _ask(image: str, action: str, question: Mapping[str, Any], *options: str, network: str = "none") -> dict[str, Any]:
    """Return the answer of a probe in a container of the image, which is gone afterwards.

    Raises CouldNotRunError when there is none.
    """
    words = ("-c", START, action, json.dumps(question))
    argv = (f"--network={network}", f"--label={LABEL}=1", *options, "--entrypoint", "python", image, *words)
    with throw_away_container(argv) as container:
        copy_package(container.name)
        done = run(("docker", "start", "--attach", container.name), timeout=_SECONDS)
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if lines:
        answer: dict[str, Any] = json.loads(lines[-1].removeprefix(MARK))
        return answer
    said = " | ".join(line.strip() for line in done.stderr.splitlines()[-2:])
    raise CouldNotRunError(
        f"{image} could not be read from inside (exit code {done.returncode}): {said or 'no message'}",
        hint="It needs Python 3.11 or newer on its PATH, with Django.",
        code="probe-failed",
    )
