"""An image of the engine, and the stages that it was built of -> Evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from dockertools.build.dockerfile import Stage, read_stages
from dockertools.build.driver import Listener
from dockertools.build.options import BuildOptions
from dockertools.build.request import BuildRequest, make_build_options
from dockertools.build.temporary import temporary_image
from dockertools.checks.guest import FALLBACK
from dockertools.checks.image.throw_away import FOLDER, LABEL, copy_package, throw_away_container
from dockertools.checks.runtime.suites import Distribution, find_package
from dockertools.conf import Config
from dockertools.engine import connect, find_engine
from dockertools.errors import CouldNotRunError, DockertoolsError
from dockertools.files import read_text
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
from dockertools.process import run
from dockertools.project.facts import ProjectFacts
from dockertools.project.system_packages import name_in, read_table

if TYPE_CHECKING:
    from docker import DockerClient

BUILDER, RUNTIME = "builder", "runtime"
_BASE = "dockertools-base"
_SECONDS = 900.0
_START = (
    f"import sys; sys.path.insert(0, '{FOLDER}'); sys.path.append('{FOLDER}/{FALLBACK}'); "
    "from dockertools.learn.guest import main; main(*sys.argv[1:])"
)
_PYTHON = "python3"
_SPATIAL = ("postgis", "spatialite")
Watch = Callable[[str], AbstractContextManager[Listener]]
"""Shows the build of the stage that it is given."""


@dataclass(frozen=True)
class Learner:
    """What asking takes: the engine, the project, and where progress goes."""

    client: DockerClient
    config: Config
    facts: ProjectFacts
    watch: Watch
    tell: Callable[[str], None]
    stages: tuple[Stage, ...] = field(default=())


def collect_evidence(config: Config, facts: ProjectFacts, watch: Watch, tell: Callable[[str], None]) -> Evidence:
    """Return what the project's built image, and the stages of its Dockerfile, say.

    Raises DockertoolsError when no image was built, CouldNotRunError when no engine answers.
    """
    find_engine()
    client = connect()
    _require_image(client, config)
    options = make_build_options(config, BuildRequest())
    stages = read_stages(read_text(options.dockerfile) or "")
    learner = Learner(client, config, facts, watch, tell, stages)
    runtime = _ask_stage(learner, options, RUNTIME) or _ask_database(learner, config.image)
    named = [runtime.packages[name] for name in facts.packages.runtime if name in runtime.packages]
    environment = _ask_environment(learner, stems(named))
    base = _ask_base(learner, options)
    builder, repository = _ask_builder(learner, options, environment)
    return Evidence(
        environment=environment,
        runtime=runtime,
        base=frozenset(base.packages),
        builder=builder,
        repository=repository,
        opened_by=opened_by_table(environment.distributions, facts, runtime.suite),
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


def base_of(stages: tuple[Stage, ...], name: str | None) -> str:
    """Return the image, as FROM names it, that a stage, by default the last one, is made from in the end."""
    names = {stage.name.lower() for stage in stages if stage.name}
    bases = [stage.base for stage in stages if stage.name == name] if name else [stages[-1].base] if stages else []
    seen: set[str] = set()
    while bases and bases[-1].lower() in names - seen:
        seen.add(bases[-1].lower())
        bases += [stage.base for stage in stages if (stage.name or "").lower() == bases[-1].lower()][:1]
    return bases[-1] if bases else ""


def _require_image(client: DockerClient, config: Config) -> None:
    from docker.errors import ImageNotFound  # noqa: PLC0415  # comes with the extra [engine]

    from dockertools.engine import engine_errors  # noqa: PLC0415  # needs the same

    api: Any = client.api
    with engine_errors():
        try:
            api.inspect_image(config.image)
        except ImageNotFound as error:
            raise DockertoolsError(
                f"There is no image {config.image} to learn from.",
                hint="Build it with docker_build, then run this again.",
                code="no-image",
            ) from error


def _ask_stage(learner: Learner, options: BuildOptions, name: str) -> SystemFacts | None:
    """Return the package database of a stage; None where the Dockerfile has none of that name."""
    if not _has_stage(learner.stages, name):
        return None
    with temporary_image(learner.client, _stage_options(options, name), learner.watch(name)) as image:
        return _ask_database(learner, image)


def _ask_builder(
    learner: Learner, options: BuildOptions, environment: EnvironmentFacts
) -> tuple[SystemFacts, RepositoryFacts]:
    """Return what the builder has, and what its repositories have of what is missing there too."""
    target = next((name for name in (BUILDER, RUNTIME) if _has_stage(learner.stages, name)), None)
    if target is None:
        return SystemFacts(), RepositoryFacts(trouble="the Dockerfile has no stage `builder` to ask")
    with temporary_image(learner.client, _stage_options(options, target), learner.watch(target)) as image:
        builder = _ask_database(learner, image)
        return builder, _ask_repository(learner, image, builder, find_missing(environment))


def _ask_repository(learner: Learner, image: str, builder: SystemFacts, missing: Iterable[Need]) -> RepositoryFacts:
    left = [
        need.name
        for need in missing
        if not (builder.find_program(need.name) if need.how == STARTS else builder.find_library(need.name))
    ]
    if not left:
        return RepositoryFacts()
    learner.tell(f"Asking the repository of {builder.suite or 'the suite'} for {', '.join(left)}")
    distribution = Distribution("debian", builder.suite)
    guesses = {name: [package] for name in left if (package := find_package(name, distribution))}
    answer = _ask(image, "repository", {"wanted": left, "guesses": guesses}, ("--user=0", "--network=bridge"))
    return read_repository(answer)


def _ask_base(learner: Learner, options: BuildOptions) -> SystemFacts:
    """Return the package database of the image that the runtime stage is built on."""
    name = RUNTIME if _has_stage(learner.stages, RUNTIME) else None
    base = base_of(learner.stages, name)
    if not base or base == "scratch":
        return SystemFacts()
    text = f"{read_text(options.dockerfile)}\nFROM {base} AS {_BASE}\n"
    options = replace(_stage_options(options, _BASE), dockerfile_text=text)
    with temporary_image(learner.client, options, learner.watch("base")) as image:
        return _ask_database(learner, image)


def _ask_database(learner: Learner, image: str) -> SystemFacts:
    learner.tell(f"Reading the package database of {_short(image)}")
    return read_system(_ask(image, "database", {}, ("--user=0", "--network=none")))


def _ask_environment(learner: Learner, names: tuple[str, ...]) -> EnvironmentFacts:
    facts = learner.facts
    learner.tell(f"Reading what {learner.config.image} needs")
    question = {
        "features": " ".join(_features(facts)),
        "programs": facts.packages.programs,
        "stems": names,
    }
    answer = _ask(learner.config.image, "environment", question, ("--network=none",), python="python")
    return read_environment(answer)


def _features(facts: ProjectFacts) -> Iterator[str]:
    """Yield the dotted paths that tell which parts of Django are used."""
    yield from facts.settings.installed_apps or ()
    if any(database.engine in _SPATIAL for database in facts.settings.databases):
        yield "django.contrib.gis"


def _ask(
    image: str, action: str, question: Mapping[str, Any], options: tuple[str, ...], *, python: str = _PYTHON
) -> dict[str, Any]:
    """Return the answer of a probe in a container of the image, which is gone afterwards.

    Raises CouldNotRunError when there is none.
    """
    argv = (*options, f"--label={LABEL}=1", "--entrypoint", python, image, "-c", _START, action, json.dumps(question))
    with throw_away_container(argv) as name:
        copy_package(name)
        done = run(("docker", "start", "--attach", name), timeout=_SECONDS)
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if lines:
        answer: dict[str, Any] = json.loads(lines[-1].removeprefix(MARK))
        return answer
    said = " | ".join(line.strip() for line in done.stderr.splitlines()[-2:])
    raise CouldNotRunError(
        f"{_short(image)} could not be read from inside (exit code {done.returncode}): {said or 'no message'}",
        hint="It needs Python 3.11 or newer and, for what the application needs, Django on its PATH.",
        code="probe-failed",
    )


def _stage_options(options: BuildOptions, target: str) -> BuildOptions:
    tag = f"dockertools-learn/{target}:{uuid4().hex[:12]}"
    return replace(options, tag=tag, target=target, max_size=None, is_recorded=False)


def _has_stage(stages: Iterable[Stage], name: str) -> bool:
    return any((stage.name or "").lower() == name for stage in stages)


def _short(image: str) -> str:
    """Return what to call an image: a stage by its name."""
    parts = PurePosixPath(image.partition(":")[0]).parts
    return f"the stage {parts[1]}" if parts[0] == "dockertools-learn" else image
