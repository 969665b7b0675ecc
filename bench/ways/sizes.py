"""What an image weighs, whether it works, and what the application that runs in it opens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.ways.apps import PORT, App, SmokeError, fetch
from bench.ways.engine import BenchEngine
from bench.ways.parts import parts_of_history
from bench.ways.ways import Way
from dockertools.context import summarize_context
from dockertools.errors import CouldNotRunError

START_SECONDS = 300
_BETWEEN_LOOKS = 100
_WORKERS = "WEB_CONCURRENCY=2"


@dataclass(frozen=True)
class WayFacts:
    """A way's image and what is sent to build it, in bytes; `problem` is why it does not work."""

    name: str
    size_bytes: int = 0
    compressed_bytes: int = 0
    context_bytes: int = 0
    problem: str = ""
    parts: dict[str, int] = field(default_factory=dict)
    """Of ours alone: the bytes of each part."""


def weigh(
    engine: BenchEngine, app: App, way: Way, folder: Path, tag: str, on_built: Callable[[], object] = lambda: None
) -> WayFacts:
    """Build the image, say when that is done, and try it."""
    context = summarize_context(folder).size
    try:
        build(engine, app, way, folder, tag)
    except CouldNotRunError as error:
        return WayFacts(way.name, context_bytes=context, problem=last_line(str(error)))
    on_built()
    compressed = int(engine.call("docker", "image", "inspect", "--format", "{{.Size}}", tag))
    try:
        with running(engine, app, tag) as (container, url):
            app.smoke(engine, container, url)
        problem = ""
    except (SmokeError, CouldNotRunError) as error:
        problem = last_line(str(error))
    size, parts = sum(layer_sizes(engine, tag)), parts_of_history(_history(engine, tag)) if way.is_ours else {}
    return WayFacts(way.name, size, compressed, context, problem, parts)


def layer_sizes(engine: BenchEngine, image: str) -> list[int]:
    """Return the bytes of each layer as the engine counts them: on its disk."""
    return [int(json.loads(line)["Size"]) for line in _history(engine, image)]


def _history(engine: BenchEngine, image: str) -> list[str]:
    words = ("--human=false", "--no-trunc", "--format", "{{json .}}")
    return engine.call("docker", "history", *words, image).splitlines()


def build(engine: BenchEngine, app: App, way: Way, folder: Path, tag: str, *, bare: bool = False) -> None:
    """Run the way's command; raise CouldNotRunError when it fails."""
    engine.call(*way.command(app, folder, tag, bare=bare), cwd=folder)


def last_line(text: str) -> str:
    """Return the last line that names an error, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return ([line for line in lines if "rror" in line] or lines or ["no word of it"])[-1][:160]


def _is_running(engine: BenchEngine, container: str) -> bool:
    return engine.call("docker", "inspect", "--format", "{{.State.Running}}", container).strip() == "true"


@contextmanager
def running(
    engine: BenchEngine, app: App, tag: str, *options: str, command: tuple[str, ...] = (), wait: bool = True
) -> Iterator[tuple[str, str]]:
    """Start the service and wait for its page; yield the container and its address. Raises SmokeError."""
    words = [f"--env={word}" for word in (*app.environment, _WORKERS)]
    argv = ("docker", "run", "--detach", f"--publish={PORT}", *words, *options, tag, *command)
    container = engine.call(*argv).strip()
    try:
        address = engine.call("docker", "port", container, str(PORT)).splitlines()
        url = f"http://{engine.host}:{address[0].rpartition(':')[2]}" if address else ""
        if wait:
            wait_for(engine, container, f"{url}{app.page}")
        yield container, url
    finally:
        engine.call("docker", "rm", "--force", "--volumes", container)


def wait_for(engine: BenchEngine, container: str, url: str) -> float:
    """Return when the page was first answered with 200, in seconds since the epoch; raise SmokeError if it is not."""
    end = time.time() + START_SECONDS
    asked = 0
    while time.time() < end:
        if fetch(url)[0] == 200:
            return time.time()
        time.sleep(0.01)
        asked += 1
        if asked % _BETWEEN_LOOKS == 0 and not _is_running(engine, container):
            break
    raise SmokeError(
        engine.call("sh", "-c", f"docker logs {container} 2>&1").strip() or f"Error: {url} does not answer"
    )
