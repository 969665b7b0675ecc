import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.context.dockerfile import Instruction, context_uses, read_instructions


def sources(text: str) -> list[str]:
    return [use.source for use in context_uses(text)]


def test_continued_lines_are_one_instruction_with_the_line_it_begins_in() -> None:
    text = "# syntax=x\nFROM a\n\nRUN one \\\n  # a comment\n\n  && two\nCMD x\n"
    assert list(read_instructions(text)) == [
        Instruction(2, "FROM", "a"),
        Instruction(4, "RUN", "one    && two"),
        Instruction(8, "CMD", "x"),
    ]


def test_the_escape_character_can_be_another() -> None:
    assert sources("# escape=`\nCOPY a `\n b /\n") == ["a", "b"]


def test_here_documents_are_no_instructions() -> None:
    assert sources("RUN <<EOF\nCOPY x /\nEOF\nCOPY a /\n") == ["a"]
    assert sources("COPY <<-'end' /x\nCOPY y /\nend\nCOPY a /\n") == ["a"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("COPY a b /app/", ["a", "b"]),
        ("copy --chown=1:1 --link a /app/", ["a"]),
        ('COPY ["a b", "c", "/app/"]', ["a b", "c"]),
        ('COPY "a b" /app/', ["a b"]),
        ("COPY --from=builder /opt/venv /opt/venv", []),
        ("COPY --chmod=755 --from=builder /x /x", []),
        ("COPY $FILE /", []),
        ("ADD https://example.com/x.tar /", []),
        ("ADD x.tar /", ["x.tar"]),
        ("RUN --mount=type=bind,source=requirements.txt,target=/r.txt pip install -r /r.txt", ["requirements.txt"]),
        ("RUN --mount=type=bind,target=/src make", ["."]),
        ("RUN --mount=type=bind,from=uv,source=/uv,target=/uv true", []),
        ("RUN --mount=type=cache,target=/root/.cache --network=none x", []),
        ("RUN echo --mount=type=bind,source=x", []),
        ("COPY [broken /", []),
        ("ENV COPY=a", []),
    ],
)
def test_what_comes_from_the_context(line: str, expected: list[str]) -> None:
    assert sources(f"FROM scratch\n{line}\n") == expected


@given(st.text(st.sampled_from("COPY RUN<E\\\n#\"'[]-=,ab$ "), max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_read(text: str) -> None:
    assert all(use.line <= text.count("\n") + 1 for use in context_uses(text))
