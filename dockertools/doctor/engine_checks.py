"""The docker command, the engine it leads to, and the plugins."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import InvalidVersion, Version

from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.doctor.base import doctor_check, no_engine
from dockertools.doctor.facts import DoctorFacts

OLDEST_ENGINE = "23.0"
"""The first that builds with BuildKit unasked: https://docs.docker.com/engine/release-notes/23.0/"""
OLDEST_BUILDX = "0.13"
"""The first with `--progress=rawjson`: https://github.com/docker/buildx/releases/tag/v0.13.0"""
OLDEST_COMPOSE = "2.24.4"
"""The first with `!reset` and `!override` as an overlay needs them: https://docs.docker.com/reference/compose-file/merge/"""
_INSTALL = "https://docs.docker.com/engine/install/"
_OFF = frozenset({"0", "false", "off", "no"})


@doctor_check("D101", "engine", "docker command", {"docker-not-found": "There is no program `docker` on PATH."})
def check_command(facts: DoctorFacts) -> Iterator[Outcome]:
    """Look for the docker command."""
    if facts.engine.command:
        yield passed(facts.engine.command)
    else:
        hint = f"Install Docker ({_INSTALL}), or add its folder to PATH; then: docker version"
        yield failed("docker-not-found", "there is no program `docker` on PATH", hint)


@doctor_check(
    "D102",
    "engine",
    "engine answers",
    {
        "engine-denied": "The engine's socket may not be used by this user.",
        "engine-unreachable": "No engine answers where the docker command looks for it.",
        "context-not-found": "The context that is chosen does not exist.",
        "docker-not-found": "Skipped: there is no docker command to ask with.",
    },
)
def check_engine(facts: DoctorFacts) -> Iterator[Outcome]:
    """Ask the engine for its version, at the address that the docker command uses."""
    engine = facts.engine
    where = {"endpoint": engine.endpoint, "context": engine.context}
    if engine.refusal is None:
        yield passed(f"{engine.version} at {engine.endpoint}", **where)
    elif engine.command is None:
        yield skipped("docker-not-found", "there is no docker command; see dockertools.D101")
    else:
        yield failed(
            engine.refusal.code, _first_line(engine.refusal.message), _next_step(facts), **where, **_socket(facts)
        )


def _next_step(facts: DoctorFacts) -> str:
    refusal, socket = facts.engine.refusal, facts.engine.socket
    code = refusal.code if refusal else ""
    if code == "engine-denied" and socket and socket.group not in ("root", *socket.groups):
        return f"sudo usermod -aG {socket.group} {socket.user}   (then log in again, or: newgrp {socket.group})"
    if code == "engine-denied" and socket:
        return f"Run this as {socket.owner}: the socket is {socket.mode} {socket.owner}:{socket.group}"
    if code == "context-not-found":
        return "docker context ls   (then: docker context use NAME, or unset DOCKER_CONTEXT)"
    if code == "engine-unreachable" and "DOCKER_HOST" in facts.engine.variables:
        return f"unset DOCKER_HOST   (or start the engine at {facts.engine.endpoint})"
    if code == "engine-unreachable":
        return "sudo systemctl start docker   (or start Docker Desktop); then: docker version"
    return refusal.hint if refusal else ""


def _socket(facts: DoctorFacts) -> dict[str, str]:
    socket = facts.engine.socket
    if socket is None:
        return {}
    return {
        "socket": f"{socket.mode} {socket.owner}:{socket.group}",
        "user": socket.user,
        "groups": " ".join(socket.groups),
    }


@doctor_check(
    "D103",
    "engine",
    "context",
    {"context-overridden": "DOCKER_HOST leads elsewhere than the context that was chosen with `docker context use`."},
)
def check_context(facts: DoctorFacts) -> Iterator[Outcome]:
    """Compare the context that was chosen with the variables that override it."""
    engine = facts.engine
    chosen = engine.chosen_context
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        value = engine.variables.get(name)
        if value and chosen and chosen not in ("default", value):
            yield warned(
                "context-overridden",
                f"{name} is {value}, so the chosen context {chosen} is not used",
                f"unset {name}   (to use the context), or: docker context use default",
                variable=name,
                chosen=chosen,
            )
            return
    yield passed(engine.context or "default")


@doctor_check(
    "D104",
    "engine",
    "engine's version",
    {"engine-too-old": f"The engine is older than {OLDEST_ENGINE}.", "no-engine": "Skipped: no engine answers."},
)
def check_engine_version(facts: DoctorFacts) -> Iterator[Outcome]:
    """Compare the engine's version with what the commands need."""
    if facts.engine.version is None:
        yield no_engine(facts)
        return
    yield _judge_version("engine", facts.engine.version, OLDEST_ENGINE, f"Update the engine: {_INSTALL}")


@doctor_check(
    "D105",
    "engine",
    "buildx",
    {
        "buildx-not-found": "The docker command has no buildx.",
        "buildx-too-old": f"buildx is older than {OLDEST_BUILDX}.",
        "docker-not-found": "Skipped: there is no docker command.",
    },
)
def check_buildx(facts: DoctorFacts) -> Iterator[Outcome]:
    """Ask buildx for its version, and compare it with what `docker_build` needs."""
    yield _judge_plugin(facts, "buildx", OLDEST_BUILDX, "docker-buildx-plugin")


@doctor_check(
    "D106",
    "engine",
    "compose",
    {
        "compose-not-found": "The docker command has no compose.",
        "compose-too-old": f"compose is older than {OLDEST_COMPOSE}.",
        "docker-not-found": "Skipped: there is no docker command.",
    },
)
def check_compose(facts: DoctorFacts) -> Iterator[Outcome]:
    """Ask compose for its version, and compare it with what `docker_mode` needs."""
    yield _judge_plugin(facts, "compose", OLDEST_COMPOSE, "docker-compose-plugin")


def _judge_plugin(facts: DoctorFacts, name: str, oldest: str, package: str) -> Outcome:
    plugin = facts.engine.buildx if name == "buildx" else facts.engine.compose
    if facts.engine.command is None:
        return skipped("docker-not-found", "there is no docker command; see dockertools.D101")
    install = f"sudo apt-get install {package}   (other systems: {_INSTALL})"
    if plugin.version is None:
        return failed(f"{name}-not-found", f"`docker {name}` does not work: {plugin.said}", install, said=plugin.said)
    return _judge_version(name, plugin.version, oldest, install)


def _judge_version(name: str, version: str, oldest: str, hint: str) -> Outcome:
    try:
        is_old = Version(version.partition("-")[0].partition("+")[0]) < Version(oldest)
    except InvalidVersion:  # a build of somebody's own
        return passed(f"{version}, of which the age is not known")
    if is_old:
        message = f"{version} is older than {oldest}, which the commands need"
        return failed(f"{name}-too-old", message, hint, version=version, oldest=oldest)
    return passed(f"{version}, at least {oldest} is needed", version=version)


@doctor_check(
    "D107",
    "engine",
    "BuildKit",
    {"buildkit-off": "DOCKER_BUILDKIT or the engine's configuration switches BuildKit off."},
)
def check_buildkit(facts: DoctorFacts) -> Iterator[Outcome]:
    """Look for what switches BuildKit off: the variable, and `features` in the engine's daemon.json."""
    value = facts.engine.variables.get("DOCKER_BUILDKIT", "")
    if value.lower() in _OFF:
        message = f"DOCKER_BUILDKIT is {value}: plain `docker build` and compose use the old builder"
        yield warned("buildkit-off", message, "unset DOCKER_BUILDKIT", variable="DOCKER_BUILDKIT")
        return
    for file in facts.client.daemons if facts.client else ():
        features = (file.document or {}).get("features")
        if isinstance(features, dict) and features.get("buildkit") is False:
            message = f"{file.path} switches BuildKit off"
            hint = f'Set "features": {{"buildkit": true}} in {file.path}, then: sudo systemctl restart docker'
            yield failed("buildkit-off", message, hint, path=str(file.path))
            return
    yield passed("on")


@doctor_check(
    "D108",
    "engine",
    "builder",
    {
        "builder-broken": "The current builder cannot be used.",
        "builder-keeps-images": "The current builder keeps its images to itself.",
        "no-engine": "Skipped: no engine answers.",
        "buildx-not-found": "Skipped: there is no buildx.",
    },
)
def check_builder(facts: DoctorFacts) -> Iterator[Outcome]:
    """Ask buildx for its current builder and the state of its nodes."""
    builder = facts.engine.builder
    if builder is None:
        yield no_engine(facts)
    elif facts.engine.buildx.version is None:
        yield skipped("buildx-not-found", "there is no buildx; see dockertools.D105")
    elif builder.problem:
        message = f"the builder {builder.name or '?'} cannot be used: {_first_line(builder.problem)}"
        hint = "docker buildx use default   (docker buildx ls shows them all)"
        yield failed("builder-broken", message, hint, builder=builder.name, status=builder.status)
    elif builder.driver not in ("docker", ""):
        message = f"{builder.name} ({builder.driver}) keeps images and cache outside the engine"
        hint = "docker_build loads the image itself; for plain builds add --load, or: docker buildx use default"
        yield warned("builder-keeps-images", message, hint, builder=builder.name, driver=builder.driver)
    else:
        yield passed(f"{builder.name}, {builder.status}")


@doctor_check(
    "D109",
    "engine",
    "Python packages",
    {"extra-not-installed": "Packages of the extra [engine] are not installed here."},
)
def check_extra(facts: DoctorFacts) -> Iterator[Outcome]:
    """Look for the Python packages that the commands which talk to the engine need."""
    missing = facts.engine.missing_packages
    if missing:
        message = f"{' and '.join(missing)} not installed: docker_build, docker_report and docker_prune need them"
        yield failed("extra-not-installed", message, "pip install 'django-dockertools[engine]'", missing=list(missing))
    else:
        yield passed("the extra [engine] is installed")


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no message"
