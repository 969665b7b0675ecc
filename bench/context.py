"""How long it takes to know what a build would send: ours, the Docker SDK's matcher, and BuildKit itself."""

from __future__ import annotations

import json
import re
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.machine import describe_machine
from dockertools.errors import CouldNotRunError
from dockertools.process import run

SIZES = (1_000, 10_000, 50_000, 200_000)
RULES = Path(__file__).with_name("django.dockerignore")
REPEATS = 3
_STEP = re.compile(r"^#(\d+) \[internal\] load build context$", re.MULTILINE)


@dataclass(frozen=True)
class Measured:
    """Seconds, files found to be sent, and the peak memory of the process in MB."""

    seconds: float
    files: int
    megabytes: float


def measure(say: Callable[[str], object]) -> str:
    """Return the section for docs/performance.md."""
    rows = []
    for size in SIZES:
        with tempfile.TemporaryDirectory(prefix="bench-context-") as folder:
            root = Path(folder)
            files = make_tree(root, size)
            say(f"{files} files")
            rows.append(_row(root, files, say))
    rules = sum(1 for line in RULES.read_text().splitlines() if line)
    return "\n".join(
        [
            "## Which files would be sent",
            "",
            f"A tree like a Django project's, {rules} rules of which one has `!`. Seconds: the median of {REPEATS}",
            "runs, a new process each, the interpreter's start not counted; of one run for the Docker SDK.",
            "",
            "- *summary*: files and bytes that would be sent, which is what `docker_build` reports",
            "- *facts*: what `docker_context` starts from: also each rule's share of what is left out",
            "- *findings*: all the rest that it reports; most of it is reading text files in search of tokens",
            "- *Docker SDK*: `docker.utils.build.exclude_paths`, which lists names only (`.dockerignore` always)",
            '- *BuildKit*: its step "load build context" in a second build, when there is nothing left to transfer',
            "",
            "| files | sent | summary | facts | findings | Docker SDK (its answer) | BuildKit | memory, facts |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"Measured on {describe_machine()}.",
            "",
        ]
    )


def make_tree(root: Path, count: int) -> int:
    """Write at least `count` small files as a Django project has them, and the rules; return how many there are."""
    written = 1
    for number in range((count + 49) // 50):
        package = f"app{number % 37}/package{number}"
        written += _write(root / package, [f"module{index}.py" for index in range(12)])
        written += _write(root / package / "__pycache__", [f"module{index}.cpython-311.pyc" for index in range(8)])
        written += _write(root / package / "static", [f"image{index}.png" for index in range(6)])
        written += _write(root / package / "templates", [f"page{index}.html" for index in range(4)])
        written += _write(root / f"node_modules/library{number}/dist", [f"file{index}.js" for index in range(10)])
        written += _write(root / f".git/objects/{number % 256:02x}", [f"{number:036x}{index}" for index in range(10)])
    (root / ".dockerignore").write_bytes(RULES.read_bytes())
    return written


def _write(folder: Path, names: list[str]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x = 1  # nothing to see\n" * 12)
    return len(names)


def _row(root: Path, files: int, say: Callable[[str], object]) -> str:
    summary, facts, findings = (
        _median(_OURS.format(function=function), root) for function in ("summary", "facts", "findings")
    )
    sdk = _python(_SDK, root)
    buildkit = _buildkit(root)
    say(f"  summary {summary.seconds:.2f}, facts {facts.seconds:.2f}, findings {findings.seconds:.2f}")
    say(f"  SDK {sdk.seconds:.1f}")
    cells = (
        f"{files:,}",
        f"{facts.files:,}",
        f"{summary.seconds:.2f}",
        f"{facts.seconds:.2f}",
        f"{findings.seconds:.2f}",
        f"{sdk.seconds:.1f} ({sdk.files:,})",
        f"{buildkit:.1f}" if buildkit is not None else "no engine",
        f"{facts.megabytes:.0f} MB",
    )
    return f"| {' | '.join(cells)} |"


def _median(code: str, root: Path) -> Measured:
    runs = [_python(code, root) for _ in range(REPEATS)]
    return Measured(statistics.median(found.seconds for found in runs), runs[0].files, runs[0].megabytes)


_COMMON = """
import json, resource, sys, time
from pathlib import Path
root = Path(sys.argv[1])
{imports}
begin = time.perf_counter()
files = {expression}
seconds = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
print(json.dumps([seconds, files, peak]))
"""
_OURS = _COMMON.format(
    imports="""
from dockertools.context import inspect_context, summarize_context
from dockertools.context.findings import find_all
def summary(): return summarize_context(root).files
def facts(): return inspect_context(root).files
def findings():
    found = inspect_context(root)
    find_all(found)
    return found.files
""",
    expression="{function}()",
)
_SDK = _COMMON.format(
    imports="from docker.utils.build import exclude_paths",
    expression=(
        "sum(1 for path in exclude_paths(str(root), (root / '.dockerignore').read_text().splitlines())"
        " if not (root / path).is_dir())"
    ),
)


def _python(code: str, root: Path) -> Measured:
    done = run((sys.executable, "-c", code, str(root)), timeout=1800)
    if done.returncode:
        raise CouldNotRunError(f"The measurement failed: {done.stderr}")
    return Measured(*json.loads(done.stdout))


def _buildkit(root: Path) -> float | None:
    """Return how long BuildKit took to find that nothing has changed since the build before."""
    dockerfile = "FROM scratch\nCOPY . /\n"
    argv = ("docker", "buildx", "build", "--progress=plain", "--output=type=cacheonly", "--file=-", str(root))
    seconds = []
    for _ in range(1 + REPEATS):
        done = run(argv, stdin=dockerfile, timeout=1800)
        step = _STEP.search(done.stderr)
        if done.returncode or not step:
            return None
        found = re.search(rf"^#{step[1]} DONE ([\d.]+)s$", done.stderr, re.MULTILINE)
        seconds.append(float(found[1]) if found else 0.0)
    return statistics.median(seconds[1:])
