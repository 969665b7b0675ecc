"""What each variant of the service's image costs: bytes, a change of code, and packages for scanners to look up."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.machine import describe_machine
from bench.ways.apps import APPS
from bench.ways.engine import call
from bench.ways.ways import OWN_ENVIRONMENT
from dockertools.process import run
from dockertools.sizes import format_size

REPORT = Path(__file__).parent.parent / "docs" / "variants.md"
REPEATS = 3
VARIANTS = {
    "slim": ("--variant", "slim"),
    "distroless": ("--variant", "distroless"),
    "slim, squashed": ("--variant", "slim", "--squash"),
    "distroless, squashed": ("--variant", "distroless", "--squash"),
}
CODE = "cvimprover/views.py"
_COMMAND = (sys.executable, "manage.py")


@dataclass(frozen=True)
class Measured:
    """A variant's image: bytes, seconds of rebuilds, bytes of the layers that these made, and numbers of packages."""

    name: str
    size_bytes: int
    compressed_bytes: int
    rebuild_seconds: tuple[float, ...]
    changed_bytes: int
    system_packages: int
    python_packages: int


def measure(say: Callable[[str], object]) -> str:
    """Return the section for docs/variants.md."""
    found = []
    for name, options in VARIANTS.items():
        found.append(_measure_variant(name, options))
        say(f"  {name}: {found[-1]}")
    return render_section(found)


def render_section(variants: Sequence[Measured]) -> str:
    """Return the table, a column for each variant."""
    rows: dict[str, Callable[[Measured], str]] = {
        "size, uncompressed": lambda item: format_size(item.size_bytes),
        "size, as a push sends it": lambda item: format_size(item.compressed_bytes),
        "a change of code, `docker_build` included": lambda item: f"{statistics.median(item.rebuild_seconds):.1f} s",
        "layers that it makes anew": lambda item: format_size(item.changed_bytes),
        "system packages, for scanners to look up": lambda item: str(item.system_packages),
        "Python packages": lambda item: str(item.python_packages),
    }
    return "\n".join(
        [
            f"| | {' | '.join(item.name for item in variants)} |",
            f"|---|{'---|' * len(variants)}",
            *(f"| {title} | {' | '.join(map(tell, variants))} |" for title, tell in rows.items()),
            "",
            f"The median of {len(variants[0].rebuild_seconds)} changes. Packages are those that `docker_report` finds.",
            f"Measured on {describe_machine()}.",
            "",
        ]
    )


def _measure_variant(name: str, options: Sequence[str]) -> Measured:
    app, tag = APPS["cvimprover"], f"dockertools-bench/variants:{uuid4().hex[:12]}"
    with tempfile.TemporaryDirectory(prefix="bench-variants-") as folder_name:
        folder = Path(folder_name)
        app.copy(folder)
        _call(folder, "docker_init", "--noinput", *options)
        try:
            before = _build(folder, tag)
            seconds = tuple(_rebuild(folder, tag, number) for number in range(REPEATS))
            report = json.loads(_call(folder, "docker_report", tag, "--format", "json"))
            layers = _layers(tag)
        finally:
            run(("docker", "image", "rm", "--force", tag), timeout=300)
    sizes = [layer["size_bytes"] for layer in report["layers"]]
    return Measured(
        name=name,
        size_bytes=report["image"]["size_bytes"],
        compressed_bytes=report["image"]["compressed_bytes"],
        rebuild_seconds=seconds,
        changed_bytes=sum(size for size, layer in zip(sizes, layers, strict=True) if layer not in before),
        system_packages=len(report["system_packages"]),
        python_packages=len(report["packages"]),
    )


def _build(folder: Path, tag: str) -> frozenset[str]:
    _call(folder, "docker_build", "--tag", tag, "--max-size", "10GB")
    return frozenset(_layers(tag))


def _rebuild(folder: Path, tag: str, number: int) -> float:
    with (folder / CODE).open("a", encoding="utf-8") as file:
        file.write(f"# {number}\n")
    begin = time.perf_counter()
    _build(folder, tag)
    return time.perf_counter() - begin


def _layers(tag: str) -> list[str]:
    layers: list[Any] = json.loads(call(("docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", tag)))
    return [str(layer) for layer in layers]


def _call(folder: Path, *words: str) -> str:
    return call((*_COMMAND, *words), env=OWN_ENVIRONMENT, cwd=folder)
