"""Build a tiny image that asks, from inside, for what builds need: names, connections, certificates."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib import resources
from pathlib import Path
from typing import Any

from dockertools.build.dockerfile import read_stages
from dockertools.conf import Config
from dockertools.doctor.engine_facts import ask
from dockertools.doctor.requirement_facts import with_defaults
from dockertools.errors import DockertoolsError
from dockertools.project.python_version import find_python

PROBE_SECONDS = 180.0
_SCRIPT_FAILED = 'process "/bin/sh -c python='
"""A base without a shell, or without users; the build itself went as far as it could."""
_DOCKERFILE = """\
FROM {base} AS probe
USER 0
RUN --mount=type=bind,source=probe.py,target=/probe.py \\
    python="$(command -v python3 || command -v python)"; \\
    "$python" -I -X utf8 /probe.py > /probe.json || echo "{{}}" > /probe.json
FROM scratch
COPY --from=probe /probe.json /
"""


@dataclass(frozen=True)
class Source:
    """A place that packages come from, asked from inside a build; `failure` is `certificate`, `connection` or empty."""

    what: str
    host: str
    port: int
    proxy: str | None
    lookup_problem: str
    failure: str
    said: str
    status: int | None
    clock_error: float | None
    """The build's clock minus the server's, in seconds."""


@dataclass(frozen=True)
class BuildFacts:
    """`problem` says why the build could not ask; `name_servers` are this machine's, those on loopback left out."""

    base: str
    sources: tuple[Source, ...]
    problem: str = ""
    name_servers: tuple[str, ...] = ()
    shell_proxies: Mapping[str, str] | None = None


def inspect_build(config: Config, proxies: Mapping[str, str]) -> BuildFacts:
    """Build once, without cache and without leaving an image; `proxies` are the variables of this shell."""
    base = find_base(config)
    servers = tuple(_name_servers(Path("/etc/resolv.conf")))
    with tempfile.TemporaryDirectory(prefix="dockertools-") as name:
        folder = Path(name)
        text = resources.files("dockertools").joinpath("doctor", "probe_script.py").read_text(encoding="utf-8")
        (folder / "probe.py").write_text(text, encoding="utf-8")
        (folder / "Dockerfile").write_text(_DOCKERFILE.format(base=base), encoding="utf-8")
        argv = ("docker", "buildx", "build", "--no-cache", "--progress=plain", f"--output=type=local,dest={folder}/out")
        done = ask((*argv, name), timeout=PROBE_SECONDS)
        try:
            document = json.loads((folder / "out/probe.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            problem = find_problem(done.stderr)
            return BuildFacts(base, (), "" if _SCRIPT_FAILED in problem else problem, servers, proxies)
    return BuildFacts(base, tuple(read_sources(document)), "", servers, proxies)


def find_base(config: Config) -> str:
    """Return the image that the project's builds start from."""
    try:
        text = (config.root / config.dockerfile).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    stages = read_stages(text)
    names = {stage.name for stage in stages}
    bases = [with_defaults(stage.base, text) for stage in stages if stage.base not in (*names, "scratch")]
    python = [base for base in bases if "python" in base]
    if python or bases:
        return (python or bases)[0]
    try:
        return config.base_image or find_python(config.root, version=config.python_version)[0].base_image
    except DockertoolsError:
        return config.image


def find_problem(said: str) -> str:
    """Return the line in which BuildKit says why the build failed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR: ")]
    return (errors[-1].removeprefix("ERROR: ") if errors else lines[-1] if lines else "no message")[:600]


def read_sources(document: Mapping[str, Any]) -> Iterator[Source]:
    """Yield what the script in the build found."""
    now = float(document.get("time") or time.time())
    for item in document.get("sources") or ():
        yield Source(
            what=str(item.get("what", "")),
            host=str(item.get("host", "")),
            port=int(item.get("port") or 0),
            proxy=item.get("proxy"),
            lookup_problem=str(item.get("lookup") or ""),
            failure=str(item.get("failure") or ""),
            said=str(item.get("said") or ""),
            status=item.get("status"),
            clock_error=_clock_error(item.get("date"), now),
        )


def _clock_error(text: str | None, now: float) -> float | None:
    try:
        return now - parsedate_to_datetime(text or "").timestamp()
    except ValueError:
        return None


def _name_servers(path: Path) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for address in re.findall(r"^nameserver\s+(\S+)", text, re.MULTILINE):
        if not address.startswith("127.") and address != "::1":
            yield address


def shell_proxies(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the proxy variables of this shell, passwords taken out."""
    names = {"http_proxy", "https_proxy"}
    return {
        name: re.sub(r"(?<=://)[^/@]*@", "", value)
        for name, value in environment.items()
        if value and name.lower() in names
    }
