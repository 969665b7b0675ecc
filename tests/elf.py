"""ELF files made by the compiler, with just the library needs and paths that a test is about."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.services import require_program


def compile_library(
    target: Path,
    *,
    soname: str | None = None,
    needs: Sequence[Path] = (),
    rpath: str = "",
    runpath: str = "",
    options: Sequence[str] = (),
) -> Path:
    """Make a shared library that needs those of the paths `needs`, by their sonames."""
    compiler = require_program("cc")
    tag = "disable" if rpath else "enable"
    paths = [f"-Wl,-rpath,{rpath or runpath}", f"-Wl,--{tag}-new-dtags"] if rpath or runpath else []
    name = [f"-Wl,-soname,{soname}"] if soname else []
    target.parent.mkdir(parents=True, exist_ok=True)
    source = target.with_suffix(".c")
    source.write_text(f"int answer_of_{abs(hash(target.name))}(void) {{ return 42; }}\n")
    argv = [compiler, "-shared", "-fPIC", "-o", target, source, *name, *paths, "-Wl,--no-as-needed", *needs, *options]
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False)
    source.unlink()
    assert done.returncode == 0, done.stderr
    return target
