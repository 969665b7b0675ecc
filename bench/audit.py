"""How long the audit of a large image takes, against `docker save` of the same one."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.machine import describe_machine
from dockertools.errors import CouldNotRunError
from dockertools.process import run

TAG = "dockertools-bench/audit:latest"
REPEATS = 3
DOCKERFILE = """\
FROM python:3.11-slim-bookworm
RUN pip install --no-cache-dir --root-user-action=ignore Django numpy scipy pandas pyarrow
WORKDIR /app
COPY . .
USER 1000:1000
CMD ["python", "manage.py"]
"""
_AUDIT = """
import json, resource, sys, time
from pathlib import Path
from dockertools.checks.image import load_image_checks
from dockertools.checks.image.collect import audit_image
from dockertools.checks.outside import run_outside
from dockertools.conf import make_config
from dockertools.engine import connect
begin = time.perf_counter()
files = 0
def tell(progress):
    global files
    files = progress.files
facts = audit_image(connect(), sys.argv[1], make_config({}), tell)
results = run_outside(load_image_checks(), facts, {}, lambda event: None)
seconds = time.perf_counter() - begin
print(json.dumps([seconds, files, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000]))
"""


@dataclass(frozen=True)
class AuditRun:
    """Seconds of `docker save` and of the audit after it, entries of layers, and the audit's peak memory in MB."""

    save_seconds: float
    seconds: float
    files: int
    megabytes: float

    @property
    def ratio(self) -> float:
        """The audit's time in times of `docker save`."""
        return self.seconds / self.save_seconds


def measure(say: Callable[[str], object]) -> str:
    """Return the section for docs/performance.md."""
    with tempfile.TemporaryDirectory(prefix="bench-audit-") as name:
        folder = Path(name)
        (folder / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
        (folder / "manage.py").write_text("import django\n", encoding="utf-8")
        _require(("docker", "buildx", "build", "--load", "--tag", TAG, name))
        try:
            runs = [_measure_once(folder / "image.tar", say) for _ in range(REPEATS)]
            size = _size()
        finally:
            run(("docker", "image", "rm", "--force", TAG), timeout=300)
    return render_section(runs, size, os.getloadavg()[1])


def render_section(runs: list[AuditRun], size: int, load: float) -> str:
    """Return the section for these runs of an image of `size` bytes, at this load average of the machine."""
    saves, audits = [item.save_seconds for item in runs], [item.seconds for item in runs]
    peak = max(item.megabytes for item in runs)
    ratio = statistics.median(item.ratio for item in runs)
    return "\n".join(
        [
            "## Audit of an image",
            "",
            "`docker_check --image` from outside, on an image with Django, NumPy, SciPy, pandas, pyarrow:",
            f"{size / 1e6:.0f} MB, {runs[0].files:,} entries in its layers.",
            f"`docker save` to a file and the audit take turns, {len(runs)} times; medians, the range in brackets.",
            "",
            "| | seconds |",
            "|---|---|",
            f"| `docker save` | {_told(saves)} |",
            f"| audit | {_told(audits)} |",
            "",
            f"The audit takes **{ratio:.2f}** times as long (the median of the pairs), and {peak:.0f} MB of memory.",
            "",
            f"Measured on {describe_machine()}, at a load average of {load:.0f} for all of them.",
            "",
        ]
    )


def _told(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})"


def _measure_once(target: Path, say: Callable[[str], object]) -> AuditRun:
    begin = time.perf_counter()
    _require(("docker", "save", "--output", str(target), TAG))
    save_seconds = time.perf_counter() - begin
    target.unlink()
    seconds, files, megabytes = json.loads(_require((sys.executable, "-c", _AUDIT, TAG)))
    found = AuditRun(save_seconds, seconds, files, megabytes)
    say(f"  save {save_seconds:.1f}, audit {seconds:.1f}, {found.ratio:.2f} times")
    return found


def _size() -> int:
    text = _require(("docker", "history", "--format", "{{.Size}}", "--human=false", TAG))
    return sum(int(line) for line in text.split())


def _require(argv: tuple[str, ...]) -> str:
    done = run(argv, timeout=1800)
    if done.returncode:
        raise CouldNotRunError(f"The measurement failed: {done.stderr}")
    return done.stdout
