"""The summary of a build, as it stands on a terminal of 80 columns and in a file."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dockertools.build.explain import Explanation, Failure
from dockertools.build.history import BuildRecord
from dockertools.build.inside import inside_command
from dockertools.build.options import BuildOptions
from dockertools.build.result import Budget, BuildResult, CacheMiss, FailedBuild, StepResult
from dockertools.context import ContextSummary
from dockertools.image.facts import ImageFacts, LayerFacts
from dockertools.reports.build import print_build_summary
from dockertools.reports.build_failure import print_failure
from dockertools.reports.terminal import make_console

NOW = 1_000_000.0
LONG = "RUN apt-get update && apt-get install --yes --no-install-recommends libcairo2 libpq5 libpango-1.0-0 gettext"
IMAGE = ImageFacts(
    reference="shop:latest",
    id="sha256:95257aa97d8a84410ddfc36a8ab8e51222a481dd6f81f58ee35a46aefd0538bc",
    size_bytes=218_000_000,
    compressed_bytes=67_800_000,
    user="1000:1000",
    layers=(LayerFacts("(imported)", 153_000_000), LayerFacts(LONG, 50_000_000), LayerFacts("COPY . .", 15_000_000)),
)
PREVIOUS = BuildRecord(
    tag="shop:latest",
    id="sha256:1",
    target=None,
    size_bytes=220_500_000,
    compressed_bytes=None,
    seconds=95.0,
    finished_at=NOW - 7300,
    transferred_bytes=0,
)
RESULT = BuildResult(
    tag="shop:latest",
    image=IMAGE,
    steps=(StepResult("[2/3] " + LONG, True, 0.0), StepResult("[3/3] COPY . .", False, 0.1)),
    seconds=3.25,
    context=ContextSummary(files=1234, size=5_600_000),
    transferred_bytes=78_000,
    layer_lines=(None, 2, 3),
    cache_miss=CacheMiss("[3/3] COPY . .", 3, "files that it copies or mounts changed", ("shop/urls.py",)),
    previous=PREVIOUS,
    budget=Budget(250_000_000, ok=True),
)


def printed(result: BuildResult, *, width: int = 80, verbosity: int = 1) -> list[str]:
    """Return the lines of the summary, without what fills them up to the right edge."""
    stream = io.StringIO()
    console = make_console(stream)
    console.width = width
    print_build_summary(console, result, verbosity, NOW)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_the_summary_on_80_columns() -> None:
    assert printed(RESULT)[:-1] == [
        "",
        "image         shop:latest",
        "size          218 MB uncompressed, 67.8 MB compressed",
        "change        -2.50 MB since the last build",
        "budget        250 MB, 32.0 MB left",
        "user          1000:1000",
        "id            sha256:95257aa97d8a",
        "steps         2: 1 from the cache, 1 ran",
        "first to run  [3/3] COPY . . (line 3)",
        "              files that it copies or mounts changed: shop/urls.py",
        "context       1,234 files, 5.60 MB; 78.0 kB sent",
        "time          3.2 s (the last build, 2 h ago, took 1:35 min)",
        "",
        "   layer  line  made by",
        "  153 MB  base  (imported)",
        " 50.0 MB     2  RUN apt-get update && apt-get install --yes --no-install-recomm…",
        " 15.0 MB     3  COPY . .",
        "",
    ]
    assert printed(RESULT)[-1].endswith("--image shop:latest")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_of_the_summary_is_wider_than_the_terminal(width: int) -> None:
    miss = CacheMiss(f"[2/3] {LONG}", 2, "the instruction changed; it was `" + LONG * 3 + "`", ("a" * 300,))
    lines = printed(replace(RESULT, cache_miss=miss), width=width)
    assert max(len(line) for line in lines if not line.startswith("next")) <= width


def test_brackets_and_control_sequences_of_a_dockerfile_are_shown_as_text() -> None:
    layer = LayerFacts("RUN echo '[/bold][red]' \x1b[2J\x07 && true", 1_000)
    miss = CacheMiss("[2/2] RUN echo '[/bold]'", 2, "it was `[/red]`\x1b[2J", ("[/x].py",))
    result = replace(RESULT, image=replace(IMAGE, layers=(layer,), user="[/u]"), layer_lines=(2,), cache_miss=miss)
    text = "\n".join(printed(result))
    for words in ("RUN echo '[/bold][red]'", "it was `[/red]`: [/x].py", "[2/2] RUN echo '[/bold]' (line 2)", "[/u]"):
        assert words in text
    assert "\x1b" not in text


def test_an_image_over_budget_has_no_next_command() -> None:
    text = "\n".join(printed(replace(RESULT, budget=Budget(200_000_000, ok=False))))
    assert "200 MB, exceeded by 18.0 MB" in text
    assert "next" not in text


def test_all_layers_are_shown_on_request() -> None:
    many = tuple(LayerFacts(f"RUN echo {number}", number + 1) for number in range(20))
    result = replace(RESULT, image=replace(IMAGE, layers=many), layer_lines=())
    assert sum("RUN echo" in line for line in printed(result)) == 6
    assert sum("RUN echo" in line for line in printed(result, verbosity=2)) == 20


def test_what_went_elsewhere_has_no_size() -> None:
    lines = printed(replace(RESULT, image=None, budget=None, outputs=("type=oci,dest=shop.tar",)))
    assert lines[1] == "image         type=oci,dest=shop.tar"
    assert not any(line.startswith(("size", "id", "   layer", "next")) for line in lines)


def test_the_line_of_a_warning_is_said_once() -> None:
    lines = printed(replace(RESULT, warnings=(("StageNameCasing: not in lower case (line 4)", 4), ("no place", None))))
    assert "warning: line 4: StageNameCasing: not in lower case" in lines
    assert "warning: no place" in lines


def failure(step: str, **values: Any) -> Failure:
    return Failure(**{"step": step, "error": "x", "line": 2, "stage": None, "log": (), "explanation": None, **values})


def options(folder: Path, dockerfile: str, **values: Any) -> BuildOptions:
    (folder / "Dockerfile").write_text(dockerfile)
    return BuildOptions(context=folder, dockerfile=folder / "Dockerfile", project=folder, tag="shop:1", **values)


def test_a_failure_shows_its_place_without_credentials_and_markup(tmp_path: Path) -> None:
    stream = io.StringIO()
    text = "FROM x\nRUN pip install -i https://me:hunter2@example.com/ '[/bold]' \x1b[2J\n"
    error = 'process "/bin/sh -c pip install" did not complete successfully: exit code: 1'
    failed = failure("[2/2] RUN pip", log=("[/red]",), error=error, explanation=Explanation("a", "b", "c"))
    print_failure(make_console(stream), FailedBuild(failed, (), 1.0), options(tmp_path, text))
    shown = stream.getvalue()
    assert "  >    2  RUN pip install -i https://***@example.com/ '[/bold]'" in shown
    assert "  | [/red]" in shown
    assert "  the command ended with exit code: 1\n" in shown
    assert "\x1b" not in shown


def test_the_command_to_look_inside_has_the_build_arguments_that_may_be_shown(tmp_path: Path) -> None:
    arguments = (("PYTHON", "3.11 or so"), ("API_TOKEN", "hunter2"), ("FROM_OUTSIDE", None))
    command = inside_command(options(tmp_path, "", build_args=arguments), failure("[2/2] RUN x", stage="builder"))
    assert command is not None
    assert "--target builder --build-arg 'PYTHON=3.11 or so' --build-arg API_TOKEN --build-arg FROM_OUTSIDE" in command


@pytest.mark.parametrize("step", ["", "[2/3] FROM x", "[internal] load metadata for x"])
def test_there_is_nothing_to_look_into_where_no_instruction_ran(tmp_path: Path, step: str) -> None:
    assert inside_command(options(tmp_path, ""), failure(step)) is None
