"""Record BuildKit's event streams: `python -m tests.record_streams`, with an engine; writes tests/data/streams/.

The streams are what `docker buildx build --progress=rawjson` writes to standard error, bit by bit, with the seconds
at which each line came: `{"at": 0.12, "line": "..."}`. Digests and times are the real ones of that run.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

STREAMS = Path(__file__).parent / "data" / "streams"
RESOLVER = re.compile(r" on [\d.]+:53:")
"""The address of a name server says something of the machine that recorded."""
BASE = "FROM python:3.11-slim-bookworm"
BUILD = (
    f"{BASE} AS builder\n"
    "RUN python -c \"import time; [print('step', n, flush=True) or time.sleep(0.4) for n in range(5)]\"\n"
    "COPY requirements.txt .\n"
    "RUN --mount=type=cache,target=/root/.cache sh -c 'echo compiling; sleep 1; echo done'\n"
    f"{BASE}\n"
    "RUN printf '\\033[31mred\\033[0m\\033]0;title\\007 and \\033[2J cleared\\n'; sleep 1\n"
    "WORKDIR /app\n"
    "COPY --from=builder /etc/hostname /app/\n"
    "COPY . .\n"
)
MANY = f"{BASE}\n" + "".join(f"RUN echo {number}\n" for number in range(60))


@dataclass(frozen=True)
class Recording:
    """A build to record; it is interrupted at the line with `cancel_at`, `warm` builds it once before."""

    dockerfile: str
    arguments: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    warm: bool = False
    cancel_at: bytes = b""


RECORDINGS = {
    "cold": Recording(BUILD, ("--no-cache",), {"requirements.txt": "x" * 500_000}),
    "cached": Recording(BUILD, (), {"requirements.txt": "x" * 500_000}, warm=True),
    "many-steps": Recording(MANY, ("--no-cache",)),
    "failing-step": Recording(f"{BASE}\nRUN echo working && echo 'no such thing' >&2 && exit 3\n", ("--no-cache",)),
    "failing-neighbour": Recording(
        f"{BASE} AS a\nRUN echo a && sleep 5\n{BASE} AS b\nRUN sleep 1; exit 2\n{BASE}\n"
        "COPY --from=a /etc/hostname /a\nCOPY --from=b /etc/hostname /b\n",
        ("--no-cache",),
    ),
    "failing-copy": Recording(f"{BASE}\nCOPY nothere .\n"),
    "failing-pull": Recording("FROM registry.invalid/base:1\nRUN true\n", ("--pull",)),
    "parse-error": Recording(f"{BASE}\nRUNN true\n"),
    "cancelled": Recording(f"{BASE}\nRUN echo begun && sleep 30\n", ("--no-cache",), cancel_at=b"YmVndW4K"),
    "two-platforms": Recording("FROM scratch\nCOPY . /\n", ("--platform=linux/amd64,linux/arm64",), {"file": "x"}),
    "secret": Recording(
        f"{BASE}\nRUN --mount=type=secret,id=token cat /run/secrets/token\n",
        ("--no-cache", "--secret=id=token,env=RECORDED_TOKEN"),
    ),
    "warnings": Recording(f"{BASE} as base\nCMD python\n"),
}


def main(names: list[str]) -> None:
    """Record the named builds, all by default."""
    STREAMS.mkdir(parents=True, exist_ok=True)
    for name in names or RECORDINGS:
        with tempfile.TemporaryDirectory() as folder:
            lines = list(record(RECORDINGS[name], Path(folder)))
        (STREAMS / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        print(f"{name}: {len(lines)} lines")


def record(recording: Recording, folder: Path) -> Iterator[str]:
    """Build, and yield each line of the stream with its time."""
    (folder / "Dockerfile").write_text(recording.dockerfile)
    for name, content in recording.files.items():
        (folder / name).write_text(content)
    argv: tuple[str, ...] = ("docker", "buildx", "build", "--progress=rawjson", "--load", "--provenance=false")
    argv = (*argv, *recording.arguments, str(folder))
    environment = {**os.environ, "RECORDED_TOKEN": "hunter2-of-the-recording"}
    if recording.warm:
        subprocess.run(argv, env=environment, capture_output=True, check=True)
    begin = time.monotonic()
    process = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with process:
        for line in process.stderr or ():
            at = round(time.monotonic() - begin, 3)
            text = RESOLVER.sub(" on 127.0.0.53:53:", line.decode(errors="replace").rstrip("\n"))
            yield json.dumps({"at": at, "line": text}) + "\n"
            if recording.cancel_at and recording.cancel_at in line:
                process.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main(sys.argv[1:])
