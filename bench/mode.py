"""How long a switch of the mode takes, beside the `docker compose config` calls that it cannot do without."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.machine import describe_machine
from dockertools.process import run

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 4
TARGET = 1.5
BASE = "docker-compose.yml"
_CONFIG = ("docker", "compose", "--profile", "*", "config", "--format", "json")
_SOURCE = ("--no-interpolate", "--no-path-resolution", "--no-env-resolution")
_KEPT = ("Dockerfile", BASE, "gunicorn.conf.py", "manage.py", "requirements.txt")


@dataclass(frozen=True)
class Round:
    """Seconds of one switch, and of the calls right after it."""

    whole: float
    inside: float
    calls: tuple[float, ...]


def measure(say: Callable[[str], object]) -> str:
    """Return the section for docs/performance.md."""
    with tempfile.TemporaryDirectory(prefix="bench-mode-") as folder:
        project = _copy(Path(folder, "service"))
        rounds = [_round(project, mode, say) for _ in range(REPEATS) for mode in ("dev", "prod")]
    calls = [sum(one.calls) for one in rounds]
    rows = (
        ("the calls, one after the other", calls),
        ("the switch, from plan to rename", [one.inside for one in rounds]),
        ("`manage.py docker_mode`, the start of Python and Django with it", [one.whole for one in rounds]),
    )
    return "\n".join(
        [
            "## Switching the mode",
            "",
            "cvimprover, to and fro. The calls: the base as compose fills it in, the base as it is written, the new",
            f"mode, checked before it counts. Medians of {len(rounds)} runs, each beside its own calls.",
            "",
            "| | seconds | times the calls |",
            "|---|---|---|",
            *(_row(title, seconds, calls) for title, seconds in rows),
            "",
            f"The aim is at most {TARGET}. The first two calls are made at the same time.",
            "",
            f"Measured on {describe_machine()}, with a load average of {os.getloadavg()[0]:.0f}.",
            "",
        ]
    )


def _row(title: str, seconds: Sequence[float], calls: Sequence[float]) -> str:
    ratio = statistics.median(one / call for one, call in zip(seconds, calls, strict=True))
    return f"| {title} | {statistics.median(seconds):.2f} | {ratio:.2f} |"


def _copy(target: Path) -> Path:
    """Copy what the switch reads of the service, with an `.env`."""
    target.mkdir()
    for name in _KEPT:
        shutil.copy2(ROOT / name, target / name)
    for name in ("cvimprover", "dockertools"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    (target / ".env").write_text("SECRET_KEY=for-the-measurement\nPOSTGRES_PASSWORD=for-the-measurement\n")
    return target


def _round(project: Path, mode: str, say: Callable[[str], object]) -> Round:
    whole, _ = _timed((sys.executable, "manage.py", "docker_mode", mode, "--noinput"), project)
    inside = _inside(project, "prod" if mode == "dev" else "dev")
    _timed((sys.executable, "manage.py", "docker_mode", mode, "--noinput"), project)
    overlay = f"docker-compose.{mode}.yml"
    calls = tuple(
        _timed((*_CONFIG, *options), project, os.pathsep.join(files))[0]
        for files, options in (((BASE,), ()), ((BASE,), _SOURCE), ((BASE, overlay), ()))
    )
    say(f"{mode}: {inside:.2f} s, {whole:.2f} s with the start, {sum(calls):.2f} s of calls")
    return Round(whole, inside, calls)


def _inside(project: Path, mode: str) -> float:
    """Return the seconds of a switch in a process that has started already."""
    script = (
        "import time, django; from django.core.management import call_command; django.setup(); "
        "from dockertools.management.commands import docker_mode; command = docker_mode.Command(); "
        f"start = time.perf_counter(); call_command(command, {mode!r}, '--noinput'); "
        "print('seconds', time.perf_counter() - start)"
    )
    _, printed = _timed((sys.executable, "-c", script), project)
    return float(printed.rpartition("seconds ")[2])


def _timed(argv: Sequence[str], folder: Path, files: str = "") -> tuple[float, str]:
    env = {"DJANGO_SETTINGS_MODULE": "cvimprover.settings", **({"COMPOSE_FILE": files} if files else {})}
    start = time.perf_counter()
    done = run(argv, cwd=folder, env=env)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr}")
    return seconds, done.stdout
