"""Fixtures that all tests share."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockertools.engine import Engine, find_engine
from dockertools.errors import CouldNotRunError
from tests.docker import docker_build, skip_or_fail, temporary_tag

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Take SIGINT as usual: a shell that runs tests in the background ignores it, and all they start would."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def engine() -> Engine:
    """A real Docker engine. `make test` starts one and sets REQUIRE_ENGINE: then its absence is a failure."""
    try:
        return find_engine()
    except CouldNotRunError as error:
        skip_or_fail(f'{error} Run `scripts/engine up` and eval "$(scripts/engine env)" first.')


@pytest.fixture(scope="session")
def production_image(engine: Engine) -> Iterator[str]:
    """Return the name of the service's production image, built by `docker_build` and removed at the end."""
    with temporary_tag() as tag:
        docker_build(ROOT, "--tag", tag)
        yield tag
