import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.build.dockerfile import chain_of, environment_before, layer_lines, locate_step, read_stages

DOCKERFILE = """\
# syntax stays out
ARG BASE=python:3.11
FROM ${BASE} AS builder
RUN apt-get update \\
 && apt-get install gcc
COPY requirements.txt .
RUN <<EOF
echo one
COPY this is no instruction
EOF
WORKDIR /app

FROM python:3.11
ENV A=b
COPY --from=builder /a /b
RUN true

FROM builder AS last
USER 1000
ARG TOKEN
RUN echo $TOKEN
CMD ["x"]
"""
STAGES = read_stages(DOCKERFILE)


def test_stages_are_read_with_names_bases_and_lines() -> None:
    assert [(stage.name, stage.base, stage.line) for stage in STAGES] == [
        ("builder", "${BASE}", 3),
        (None, "python:3.11", 13),
        ("last", "builder", 18),
    ]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("[builder 1/5] FROM docker.io/library/python:3.11@sha256:abc", 3),
        ("[builder 2/5] RUN apt-get update  && apt-get install gcc", 4),
        ("[builder  3/15] COPY requirements.txt .", 6),
        ("[builder 4/5] RUN <<EOF (echo one...)", 7),
        ("[builder 5/5] WORKDIR /app", 11),
        ("[stage-1 2/3] COPY --from=builder /a /b", 15),
        ("[stage-1 2/3] LINK COPY --from=builder /a /b", 15),
        ("[linux/arm64 stage-1 3/3] RUN true", 16),
        ("[last 1/1] RUN echo $TOKEN", 21),
        ("[other 7/9] COPY requirements.txt .", 6),
        ("[ 3/61] RUN true", 16),
    ],
)
def test_a_step_is_found_in_the_dockerfile(name: str, line: int) -> None:
    place = locate_step(STAGES, name)
    assert place is not None
    assert place.instruction.line == line


@pytest.mark.parametrize(
    "name", ["", "exporting to image", "[internal] load build context", "[builder 9/9] RUN x", "[builder 3/5] RUN x"]
)
def test_what_is_not_there_is_not_guessed(name: str) -> None:
    assert locate_step(STAGES, name) is None


def test_a_single_stage_goes_without_a_name_or_by_its_number() -> None:
    stages = read_stages("FROM a\nRUN one\nRUN two\n")
    for name in ("[3/3] RUN two", "[stage-0 3/3] RUN two"):
        place = locate_step(stages, name)
        assert place is not None
        assert place.instruction.line == 3


def test_the_chain_of_a_target_begins_at_the_base_image() -> None:
    assert [item.line for item in chain_of(STAGES, "last")] == [4, 6, 7, 11, 19, 20, 21, 22]
    assert [item.line for item in chain_of(STAGES, "builder")] == [4, 6, 7, 11]
    assert chain_of(STAGES, None) == chain_of(STAGES, "LAST")
    assert chain_of((), None) == ()


def test_what_a_run_step_runs_in_comes_before_it() -> None:
    assert environment_before(STAGES, "[last 1/1] RUN echo $TOKEN") == ("USER 1000", "ARG TOKEN")
    assert environment_before(STAGES, "[stage-1 2/3] COPY --from=builder /a /b") == ()


def test_history_is_laid_beside_the_instructions_from_the_end() -> None:
    history = ("CMD python", "", "ENV A=b", "COPY /a /b", "RUN true")
    assert layer_lines(STAGES[:2], None, history) == (None, None, 14, 15, 16)


def test_a_history_that_does_not_fit_is_not_explained() -> None:
    assert layer_lines(STAGES[:2], None, ("ENV A=b", "RUN true")) == (None, None)
    assert layer_lines(STAGES[:2], None, ("ENV A=b", "RUN true", "RUN true")) == (None, None, None)


@settings(deadline=None, max_examples=80)
@given(st.text(max_size=200), st.text(max_size=60))
def test_no_text_is_an_error(text: str, name: str) -> None:
    stages = read_stages(text)
    locate_step(stages, name)
    chain_of(stages, None)


@settings(deadline=None, max_examples=80)
@given(st.lists(st.sampled_from(DOCKERFILE.splitlines()), max_size=30), st.text(max_size=20))
def test_no_order_of_instructions_is_an_error(lines: list[str], name: str) -> None:
    stages = read_stages("\n".join(lines))
    layer_lines(stages, name, ("RUN true",) * 3)
    locate_step(stages, "[builder 2/5] RUN true")
