"""Why the first step that was not cached ran, told from two real graphs and from small ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from dockertools.build.cache import Comparison, find_cache_miss, step_shapes
from dockertools.build.dockerfile import read_stages
from dockertools.build.events import StepEvent
from dockertools.build.history import BuildRecord, StepRecord
from dockertools.build.options import BuildOptions
from dockertools.build.progress import BuildProgress
from tests.streams import Player

DOCKERFILE = "FROM base\nARG VERSION\nRUN install $VERSION\nCOPY src /src\nENV A=b\nRUN compile\n"
OPTIONS = BuildOptions(context=Path("/p"), dockerfile=Path("/p/Dockerfile"), project=Path("/p"), tag="shop:latest")
NAMES = ("[1/4] FROM base@sha256:1", "[2/4] RUN install $VERSION", "[3/4] COPY src /src", "[4/4] RUN compile")


def build(
    *, ran: Iterable[int] = (), names: tuple[str, ...] = NAMES, ids: tuple[str, ...] = ("f", "i", "c", "r")
) -> BuildProgress:
    """Return a build in which the steps with these numbers (from 1) ran and all others came from the cache."""
    progress = BuildProgress()
    progress.apply(StepEvent("context", "[internal] load build context", started=0.0, completed=0.5))
    before: tuple[str, ...] = ()
    for number, (identity, name) in enumerate(zip(ids, names, strict=True), 1):
        inputs = (*before, "context") if "COPY" in name else before
        begin = float(number)
        progress.apply(StepEvent(identity, name, begin, begin + 1, cached=number not in set(ran), inputs=inputs))
        before = (identity,)
    return progress


def record(progress: BuildProgress, text: str = DOCKERFILE) -> BuildRecord:
    shapes = step_shapes(progress.steps, read_stages(text))
    steps = tuple(
        StepRecord(step.name, step.cached, 1.0, shapes[step.id])
        for step in progress.steps.values()
        if step.is_instruction or step.is_base
    )
    return BuildRecord("shop:latest", "sha256:1", None, 1, None, 5.0, 100.0, 0, (("VERSION", "1"),), steps)


def reason(progress: BuildProgress, previous: BuildRecord | None, text: str = DOCKERFILE, **options: object) -> str:
    build_options = replace(OPTIONS, build_args=(("VERSION", "1"),), **options)  # type: ignore[arg-type]
    miss = find_cache_miss(Comparison(progress, build_options, read_stages(text), previous), newer)
    assert miss is not None
    return f"{miss.line}: {miss.reason} {' '.join(miss.files)}".strip()


def newer(sources: Iterable[str], since: float) -> tuple[str, ...]:
    assert since == 95.0
    return tuple(f"{source}/views.py" for source in sources)


def test_nothing_ran_when_all_was_cached() -> None:
    assert find_cache_miss(Comparison(build(), OPTIONS, (), None), newer) is None


def test_the_first_build_has_nothing_to_compare_with() -> None:
    assert reason(build(ran=[2, 3, 4]), None) == "3: it is the first build of this image recorded here"


def test_no_cache_is_the_reason_whatever_came_before() -> None:
    assert "--no-cache" in reason(build(ran=[2]), record(build()), no_cache=True)


def test_files_of_copy_are_named() -> None:
    changed = build(ran=[3, 4], ids=("f", "i", "c2", "r2"))
    assert reason(changed, record(build())) == "4: files that it copies or mounts changed src/views.py"


def test_a_changed_instruction_is_shown_as_it_was() -> None:
    text = DOCKERFILE.replace("RUN compile", "RUN compile --fast")
    changed = build(ran=[4], names=(*NAMES[:3], "[4/4] RUN compile --fast"), ids=("f", "i", "c2", "r2"))
    assert reason(changed, record(build()), text) == "6: the instruction changed; it was `RUN compile`"


def test_a_new_instruction_is_said_to_be_new() -> None:
    names = (*NAMES, "[5/5] RUN more")
    changed = build(ran=[5], names=names, ids=("f", "i", "c", "r", "m"))
    assert reason(changed, record(build()), DOCKERFILE + "RUN more\n") == "7: the instruction is new"


def test_another_base_image_is_the_reason_for_what_stands_on_it() -> None:
    changed = build(ran=[2, 3, 4], names=("[1/4] FROM base@sha256:2", *NAMES[1:]), ids=("f2", "i2", "c2", "r2"))
    assert reason(changed, record(build())) == "3: its base image changed"


def test_a_build_argument_is_named_with_both_values() -> None:
    changed = build(ran=[2, 3, 4], ids=("f", "i2", "c2", "r2"))
    options = {"build_args": (("VERSION", "2"),)}
    miss = find_cache_miss(
        Comparison(changed, replace(OPTIONS, **options), read_stages(DOCKERFILE), record(build())),  # type: ignore[arg-type]
        newer,
    )
    assert miss is not None
    assert miss.reason == "the build argument VERSION changed from '1' to '2'"


def test_a_changed_environment_is_told_also_below_copied_files() -> None:
    text = DOCKERFILE.replace("ENV A=b", "ENV A=c")
    changed = build(ran=[4], ids=("f", "i", "c2", "r2"))
    assert "ARG, ENV, USER or SHELL" in reason(changed, record(build()), text)


def test_an_unchanged_step_has_lost_its_cache() -> None:
    assert "cache entry was gone" in reason(build(ran=[2, 3, 4]), record(build()))


def test_shapes_below_copied_files_are_the_same_in_every_build() -> None:
    first, second = build(), build(ids=("f", "i", "c2", "r2"))
    stages = read_stages(DOCKERFILE)
    assert list(step_shapes(first.steps, stages).values()) == list(step_shapes(second.steps, stages).values())


def test_a_graph_that_bites_its_tail_is_no_error() -> None:
    progress = BuildProgress()
    progress.apply(StepEvent("a", "[1/2] RUN a", 1.0, 2.0, inputs=("b",)))
    progress.apply(StepEvent("b", "[2/2] RUN b", 1.0, 2.0, inputs=("a",)))
    step_shapes(progress.steps, ())
    find_cache_miss(Comparison(progress, OPTIONS, (), None), newer)


def test_in_a_real_cold_build_a_step_without_uncached_inputs_is_first() -> None:
    miss = find_cache_miss(Comparison(Player("cold").play(lambda *_: None), OPTIONS, (), None), newer)
    assert miss is not None
    assert miss.step.startswith(("[stage-1 2/5] RUN printf", "[builder 2/4] RUN python"))


def test_a_real_cached_build_has_no_first_step() -> None:
    assert find_cache_miss(Comparison(Player("cached").play(lambda *_: None), OPTIONS, (), None), newer) is None
