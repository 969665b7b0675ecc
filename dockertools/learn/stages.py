"""Ask the stages of a Dockerfile in a build of their own: nothing is exported but the answers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dockertools.build.dockerfile import Stage
from dockertools.build.driver import Listener, build_image
from dockertools.build.options import BuildOptions
from dockertools.build.request import extend_dockerfile
from dockertools.checks.guest import FALLBACK
from dockertools.checks.image.throw_away import FOLDER, packed_package

PACKAGE = "dockertools-package"
ANSWERS = "dockertools-answers"
BASE = "dockertools-base"
START = (
    f"import sys; sys.path.insert(0, '{FOLDER}'); sys.path.append('{FOLDER}/{FALLBACK}'); "
    "from dockertools.learn.guest import main; main(*sys.argv[1:])"
)
_LISTS = "--mount=type=tmpfs,target=/var/lib/apt/lists"
_ANSWER = "/dockertools-answer.json"


def ask_stages(
    options: BuildOptions,
    questions: Mapping[str, tuple[str, Mapping[str, Any]]],
    base: str,
    watch: AbstractContextManager[Listener],
) -> tuple[dict[str, Any], str]:
    """Return the answers by stage, and dpkg's status of the image `base`, empty for none.

    `questions` are an action of the guest and what it is given. Raises as `build_image` does.
    """
    with tempfile.TemporaryDirectory(prefix="dockertools-") as name, packed_package() as package:
        folder, output = Path(name), Path(name, "answers")
        extended = extend_dockerfile(options, render_stages(questions, base), folder)
        asking = ",".join(_name(stage) for stage in questions)
        extra = (*extended.extra, "--build-context", f"{PACKAGE}={package}")
        extra += (f"--no-cache-filter={asking}",) if asking else ()
        build = replace(
            extended,
            target=ANSWERS,
            outputs=(f"type=local,dest={output}",),
            extra=extra,
            max_size=None,
            is_recorded=False,
        )
        with watch as listener:
            build_image(build, listener)
        answers = {stage: json.loads((output / f"{stage}.json").read_text(encoding="utf-8")) for stage in questions}
        status = output / "status"
        return answers, status.read_text(encoding="utf-8", errors="replace") if status.is_file() else ""


def render_stages(questions: Mapping[str, tuple[str, Mapping[str, Any]]], base: str) -> str:
    """Return the stages that ask, and the one that holds nothing but the answers."""
    mount = f"--mount=type=bind,from={PACKAGE},target={FOLDER}"
    lines = []
    for stage, (action, question) in questions.items():
        argv = json.dumps(["python3", "-c", START, action, json.dumps(question), _ANSWER])
        lines += [f"FROM {stage} AS {_name(stage)}", "USER 0", f"RUN {mount} {_LISTS} {argv}", ""]
    if base:
        lines += [f"FROM {base} AS {BASE}", ""]
    lines += [f"FROM scratch AS {ANSWERS}"]
    lines += [f"COPY --from={_name(stage)} {_ANSWER} /{stage}.json" for stage in questions]
    lines += [f"COPY --from={BASE} /var/lib/dpkg/statu[s] /"] if base else []  # a pattern may find nothing
    return "\n".join(lines) + "\n"


def base_of(stages: tuple[Stage, ...], name: str | None) -> str:
    """Return the image, as FROM names it, that a stage, by default the last one, is made from in the end.

    Empty for a stage that is made from nothing, or that is not there.
    """
    named = {(stage.name or "").lower(): stage.base for stage in reversed(stages)}
    base = named.get(name.lower(), "") if name else (stages[-1].base if stages else "")
    seen: set[str] = set()
    while base.lower() in named and base.lower() not in seen:
        seen.add(base.lower())
        base = named[base.lower()]
    return "" if base == "scratch" else base


def has_stage(stages: Iterable[Stage], name: str) -> bool:
    """Tell whether the Dockerfile has a stage of that name, which Docker reads without regard to case."""
    return any((stage.name or "").lower() == name for stage in stages)


def _name(stage: str) -> str:
    return f"dockertools-ask-{stage}"
