from __future__ import annotations

import pytest

from dockertools.reports.report_lines import find_lines, is_same_instruction
from tests.analysed import analyse
from tests.archives import Entry

DOCKERFILE = """\
FROM python AS builder
RUN --mount=type=cache,target=/x \\
    pip install shop

FROM python
WORKDIR /app
COPY --link --from=builder /opt/venv /opt/venv
RUN cat <<EOF > a
EOF
COPY . $HOME
"""
MADE = ["WORKDIR /app", "COPY /opt/venv /opt/venv", "RUN cat <<EOF > a EOF", "COPY . /root"]


def lines(dockerfile: str, *made: str, target: str | None = None) -> tuple[int | None, ...]:
    layers = [[Entry(f"file{number}", b"x")] for number in range(len(made))]
    history = [f"{text} # buildkit" for text in made]
    return find_lines(analyse(*layers, instructions=history), dockerfile, target)


def test_each_layer_has_the_line_that_made_it_and_the_base_none() -> None:
    # The image's history ends with a USER that made no layer, so the Dockerfile has one too.
    assert lines(DOCKERFILE + "USER 1000\n", "base", *MADE) == (None, 6, 7, 8, 10)


def test_another_target_has_other_lines() -> None:
    dockerfile = DOCKERFILE.replace("\nFROM python\n", "\nUSER 1\nFROM python\n")
    assert lines(dockerfile, "base", "RUN pip install shop", target="builder") == (None, 2)


def test_a_line_that_was_changed_since_is_not_claimed() -> None:
    changed = DOCKERFILE.replace("/opt/venv /opt/venv", "/opt/venv /venv") + "USER 1000\n"
    assert lines(changed, "base", *MADE) == (None, 6, None, 8, 10)


def test_another_images_dockerfile_claims_nothing() -> None:
    assert lines("FROM x\nRUN a\nCMD b\n", "base", *MADE) == (None,) * 5
    assert lines("", "base") == (None,)


@pytest.mark.parametrize(
    ("written", "made", "same"),
    [
        ("RUN --mount=type=secret,id=a --network=none make", "RUN make", True),
        ("RUN make", "RUN make install", False),
        ("COPY --chown=1:1 a b", "COPY --chown=1:1 a b", True),
        ("COPY a b", "ADD a b", False),
        ('RUN ["make", "a"]', "RUN make a", True),
        ("copy a b", "COPY a b", True),
        ("COPY ${FROM}/a b", "COPY x/a b", True),
        ("", "", False),
    ],
)
def test_an_instruction_and_its_history_agree(written: str, made: str, same: bool) -> None:
    assert is_same_instruction(written, made) is same
