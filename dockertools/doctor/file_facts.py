"""Walk the project's folder: who owns what, and which scripts would not run."""

from __future__ import annotations

import json
import os
import shlex
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dockertools.build.dockerfile import read_stages
from dockertools.context.dockerfile import Instruction

MOST_ENTRIES = 200_000
LARGEST_SCRIPT = 2**20
SKIPPED = frozenset({".git", "node_modules", ".venv", ".tox", ".nox", ".hg", ".svn"})
SHELL_SUFFIXES = frozenset({".sh", ".bash"})
_SCRIPT_SUFFIXES = SHELL_SUFFIXES | {"", ".py", ".pl", ".rb"}


@dataclass(frozen=True)
class Script:
    """A file that begins with `#!`, or a shell script; `crlf_line` is the first line that ends in CR LF, 0 if none."""

    path: str
    interpreter: str
    crlf_line: int
    is_executable: bool


@dataclass(frozen=True)
class Call:
    """A script of the project that the Dockerfile runs by its name; or makes runnable first."""

    path: str
    line: int
    instruction: str
    is_made_executable: bool


@dataclass(frozen=True)
class FileFacts:
    """`foreign` are paths of another owner than the project's folder, with its number; `user` is who asks."""

    owner: int
    group: int
    user: int
    foreign: tuple[tuple[str, int], ...]
    scripts: tuple[Script, ...]
    calls: tuple[Call, ...]
    has_mode_bits: bool
    is_cut: bool


def inspect_files(root: Path, dockerfile: Path) -> FileFacts:
    """Return what the folder holds; what cannot be read is passed over, and so are environments and `.git`."""
    home = root.stat()
    foreign: list[tuple[str, int]] = []
    scripts: list[Script] = []
    count = 0
    for count, entry in enumerate(_walk(root), 1):
        if count > MOST_ENTRIES:
            break
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        path = os.path.relpath(entry.path, root)
        if status.st_uid != home.st_uid:
            foreign.append((path, status.st_uid))
        if stat.S_ISREG(status.st_mode) and (script := _read_script(entry, status, path)):
            scripts.append(script)
    return FileFacts(
        owner=home.st_uid,
        group=home.st_gid,
        user=os.geteuid(),
        foreign=tuple(sorted(foreign)),
        scripts=tuple(sorted(scripts, key=lambda script: script.path)),
        calls=tuple(find_calls(_read(dockerfile), root)),
        has_mode_bits=os.name == "posix",
        is_cut=count > MOST_ENTRIES,
    )


def _walk(root: Path) -> Iterator[os.DirEntry[str]]:
    pending = [str(root)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    yield entry
                    if entry.is_dir(follow_symlinks=False) and not _is_skipped(entry):
                        pending.append(entry.path)
        except OSError:
            continue


def _is_skipped(entry: os.DirEntry[str]) -> bool:
    return entry.name in SKIPPED or Path(entry.path, "pyvenv.cfg").is_file()


def _read_script(entry: os.DirEntry[str], status: os.stat_result, path: str) -> Script | None:
    suffix = PurePosixPath(entry.name).suffix.lower()
    is_executable = bool(status.st_mode & 0o111)
    if status.st_size > LARGEST_SCRIPT or not (is_executable or suffix in _SCRIPT_SUFFIXES):
        return None
    try:
        content = Path(entry.path).read_bytes()
    except OSError:
        return None
    return read_script(content, path, is_executable=is_executable)


def read_script(content: bytes, path: str, *, is_executable: bool) -> Script | None:
    """Return the script that the content is, None for another file."""
    is_shell = PurePosixPath(path).suffix.lower() in SHELL_SUFFIXES
    if not content.startswith(b"#!") and not is_shell:
        return None
    first = content.split(b"\n", 1)[0]
    interpreter = first[2:].decode(errors="replace").strip() if first.startswith(b"#!") else ""
    before, found, _ = content.partition(b"\r\n")
    return Script(path, interpreter, before.count(b"\n") + 1 if found else 0, is_executable)


def find_calls(dockerfile: str, root: Path) -> Iterable[Call]:
    """Yield the project's scripts that ENTRYPOINT, CMD and RUN call by their path, as programs."""
    instructions = [item for stage in read_stages(dockerfile) for item in stage.instructions]
    for instruction in instructions:
        for word in _programs(instruction):
            path = _in_project(word, root)
            if path:
                chmod = any(_makes_executable(item, PurePosixPath(path).name) for item in instructions)
                yield Call(path, instruction.line, instruction.name, chmod)


def _programs(instruction: Instruction) -> Iterator[str]:
    """Yield the words of an instruction that name a program with a slash; `sh script` needs no run bit."""
    if instruction.name not in ("ENTRYPOINT", "CMD", "RUN"):
        return
    value = instruction.value
    if value.startswith("["):
        try:
            words = json.loads(value)
        except ValueError:
            return
        yield from (str(word) for word in words[:1] if "/" in str(word))
        return
    for command in value.replace("&&", ";").split(";"):
        try:
            first = [word for word in shlex.split(command) if not word.startswith("--")][:1]
        except ValueError:
            continue
        yield from (word for word in first if "/" in word)


def _in_project(word: str, root: Path) -> str | None:
    """Return the project's file that an absolute or relative path of the image ends in, the longest first."""
    parts = [part for part in PurePosixPath(word).parts if part not in ("/", ".")]
    for start in range(len(parts)):
        candidate = PurePosixPath(*parts[start:])
        if ".." not in candidate.parts and (root / candidate).is_file():
            return str(candidate)
    return None


def _makes_executable(instruction: Instruction, name: str) -> bool:
    return name in instruction.value and ("chmod" in instruction.value)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
