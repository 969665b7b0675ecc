"""The Docker engine: is it there, which one, and a client for it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockertools.errors import CouldNotRunError, DockertoolsError
from dockertools.process import ProgramNotFoundError, run

if TYPE_CHECKING:
    from docker import DockerClient

# What the docker command says, the finding's code, and what to do.
_REFUSALS = (
    ("permission denied", "engine-denied", "Add yourself to the group `docker` and log in again, or run this as root."),
    ("context not found", "context-not-found", "`docker context ls` lists them; unset DOCKER_CONTEXT for the default."),
    (
        "Cannot connect to the Docker daemon",
        "engine-unreachable",
        "Start Docker, or set DOCKER_HOST to one that runs.",
    ),
)
_OTHERWISE = ("engine-unreachable", "`docker version` shows the same; start Docker, or set DOCKER_HOST.")


@dataclass(frozen=True)
class Engine:
    """The engine that answers."""

    version: str
    api_version: str
    platform: str


def find_engine() -> Engine:
    """Return the engine that the docker command talks to.

    Raises CouldNotRunError when the command is missing, or no engine answers, or it may not be used.
    """
    try:
        done = run(("docker", "version", "--format", "{{json .Server}}"), timeout=30)
    except ProgramNotFoundError as error:
        raise CouldNotRunError(
            "The `docker` command was not found.",
            hint="Install Docker (https://docs.docker.com/engine/install/), then run this again.",
            code="docker-not-found",
        ) from error
    server = _parse_server(done.stdout)
    if done.returncode or not server:
        raise _refused(done.stderr.strip())
    return Engine(server["Version"], server["ApiVersion"], f"{server['Os']}/{server['Arch']}")


def connect(timeout: int = 60) -> DockerClient:
    """Return a Docker SDK client for the engine that the docker command talks to; `timeout` is in seconds.

    The SDK knows DOCKER_HOST but not the command's contexts, so a context's address is asked for.
    Raises CouldNotRunError when the SDK is not installed or the engine does not answer.
    """
    try:
        import docker  # noqa: PLC0415  # the extra [engine]: absent from production images
        from docker.errors import DockerException  # noqa: PLC0415
    except ImportError as error:
        raise CouldNotRunError(
            "The Docker SDK for Python is not installed.",
            hint="pip install 'django-dockertools[engine]'",
            code="sdk-not-found",
        ) from error
    try:
        if "DOCKER_HOST" in os.environ:
            return docker.from_env(timeout=timeout)
        return docker.DockerClient(base_url=_endpoint(), use_ssh_client=True, timeout=timeout)
    except DockerException as error:
        raise CouldNotRunError(
            f"The engine does not answer: {error}", hint=_OTHERWISE[1], code=_OTHERWISE[0]
        ) from error


@contextlib.contextmanager
def engine_errors(doing: str = "The engine could not answer") -> Iterator[None]:
    """Turn the SDK's errors into ours; where there is a client, the SDK is loaded.

    Raises DockertoolsError when the engine refuses, CouldNotRunError when it is lost.
    """
    from docker.errors import APIError, DockerException  # noqa: PLC0415  # comes with the extra [engine]
    from requests import RequestException  # noqa: PLC0415  # the SDK's own requirement

    try:
        yield
    except APIError as error:
        raise DockertoolsError(f"{doing}: {error.explanation or error}", code="engine-refused") from error
    except (DockerException, RequestException) as error:
        raise CouldNotRunError(
            f"The engine was lost: {error}", hint="Check that it runs: `docker version`.", code="engine-lost"
        ) from error


def _endpoint() -> str:
    done = run(("docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"))
    return done.stdout.strip() or "unix:///var/run/docker.sock"


def _parse_server(text: str) -> dict[str, Any]:
    try:
        server = json.loads(text)
    except ValueError:
        return {}
    return server if isinstance(server, dict) else {}


def _refused(stderr: str) -> CouldNotRunError:
    for words, code, hint in _REFUSALS:
        if words in stderr:
            return CouldNotRunError(f"No Docker engine can be used: {stderr}", hint=hint, code=code)
    code, hint = _OTHERWISE
    return CouldNotRunError(f"No Docker engine answers: {stderr or 'no message'}", hint=hint, code=code)
