import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvimprover.document import Kind, parse_document, section_of

CV = """# Ada Lovelace
ada@example.org

PROFILE
Wrote the first program that was ever meant for a machine, and
explained what such machines could do.

Experience:

### Acme
Engineer
2019 - 2021
- Built a compiler that is used
  by four teams
* Cut costs
1. Numbered

Skills & Tools
Python
"""


def test_a_cv_is_read_as_headings_paragraphs_and_bullets() -> None:
    assert [(block.kind.value, block.line, block.section, block.text) for block in parse_document(CV)] == [
        ("heading", 1, "", "Ada Lovelace"),
        ("paragraph", 2, "", "ada@example.org"),
        ("heading", 4, "summary", "PROFILE"),
        (
            "paragraph",
            5,
            "summary",
            "Wrote the first program that was ever meant for a machine, and explained what such machines could do.",
        ),
        ("heading", 8, "experience", "Experience"),
        ("heading", 10, "experience", "Acme"),
        ("paragraph", 11, "experience", "Engineer"),
        ("paragraph", 12, "experience", "2019 - 2021"),
        ("bullet", 13, "experience", "Built a compiler that is used by four teams"),
        ("bullet", 15, "experience", "Cut costs"),
        ("bullet", 16, "experience", "Numbered"),
        ("heading", 18, "skills", "Skills & Tools"),
        ("paragraph", 19, "skills", "Python"),
    ]


def test_a_shouted_line_is_a_heading_within_its_section() -> None:
    blocks = parse_document("Experience\n\nACME CORPORATION\n- Built\n\nCALL 0123\nAB\n")
    assert [(block.text, block.kind, block.section) for block in blocks[1:]] == [
        ("ACME CORPORATION", Kind.HEADING, "experience"),
        ("Built", Kind.BULLET, "experience"),
        ("CALL 0123", Kind.HEADING, "experience"),
        ("AB", Kind.PARAGRAPH, "experience"),
    ]


def test_an_unknown_heading_of_a_sections_level_ends_the_section() -> None:
    blocks = parse_document("## Experience\n## My garden\nRoses")
    assert [block.section for block in blocks] == ["experience", "", ""]


@pytest.mark.parametrize("heading", ["Work Experience", "EMPLOYMENT HISTORY:", " experience "])
def test_sections_have_several_names(heading: str) -> None:
    assert section_of(heading) == "experience"


@settings(deadline=None)
@given(text=st.text(max_size=300) | st.text("#-•1. \naA:\t", max_size=100))
def test_no_word_is_lost_and_lines_are_those_of_the_text(text: str) -> None:
    lines = text.split("\n")
    blocks = parse_document(text)
    assert [block.line for block in blocks] == sorted({block.line for block in blocks})
    for block in blocks:
        first = lines[block.line - 1]
        assert block.text.split()
        assert " ".join(first.split()).rstrip(":").endswith(block.text.split()[-1].rstrip(":")) or len(
            block.text
        ) > len(first.strip()), block
    kept = "".join("".join(block.text.split()) for block in blocks)
    letters = [character for character in text if character.isalpha()]
    assert [character for character in kept if character.isalpha()] == letters
