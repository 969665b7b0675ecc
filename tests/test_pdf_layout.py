from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvimprover.document import parse_document
from cvimprover.pdf.layout import (
    BODY,
    BOTTOM,
    MARGIN,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    WIDTH,
    Bookmark,
    Box,
    Content,
    Item,
    Line,
    Style,
    Text,
    break_lines,
    lay_out,
)

RIGHT = MARGIN + WIDTH + 0.01
words = st.text("abWi/-.\u0301", min_size=1, max_size=30)


def measure(text: str, style: Style) -> float:
    """Every character is half as wide as its font is high; a combining mark has no width."""
    return sum(character != "\u0301" for character in text) * style.size / 2


def rows(lines: tuple[Line, ...]) -> list[str]:
    return [" ".join(word for _, word in line.words) for line in lines]


def lay(text: str, name: str = "Ada Lovelace", title: str = "", note: str = "") -> list[list[Item]]:
    return [list(page) for page in lay_out(Content(name, title, parse_document(text), note), measure)]


def texts(page: list[Item]) -> list[str]:
    """Return the lines of a page: its words, joined where they stand at the same height."""
    lines: dict[float, list[str]] = {}
    for item in page:
        if isinstance(item, Text):
            lines.setdefault(item.y, []).append(item.text)
    return [" ".join(line) for line in lines.values()]


def test_lines_are_broken_between_words() -> None:
    assert rows(break_lines("one two three four", BODY, 40, measure)) == ["one two", "three", "four"]


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("x" * 20, ["x" * 8, "x" * 8, "x" * 4]),
        ("https://example.org/cv", ["https://", "example.", "org/cv"]),
        ("abcdefg" + "h\u0301" * 3, ["abcdefg" + "h\u0301", "h\u0301h\u0301"]),
    ],
)
def test_a_word_that_is_too_wide_is_broken(word: str, pieces: list[str]) -> None:
    assert rows(break_lines(word, BODY, 40, measure)) == pieces


def test_all_lines_but_the_last_are_stretched_to_the_width() -> None:
    lines = break_lines("aaaa bbbb cc dddd eeee ff gg", BODY, 65, measure, justify=True)
    *stretched, last = [line.words[-1][0] + measure(line.words[-1][1], BODY) for line in lines]
    assert stretched == [pytest.approx(65)] * len(stretched)
    assert last < 65


def test_a_line_with_few_words_is_not_stretched() -> None:
    lines = break_lines("a b " + "c" * 30, BODY, 150, measure, justify=True)
    assert lines[0].words == ((0.0, "a"), (10.0, "b"))


@settings(deadline=None)
@given(text=st.lists(words, max_size=30).map(" ".join), width=st.floats(5, 200), justify=st.booleans())
def test_no_line_is_too_wide_and_no_character_is_lost(text: str, width: float, justify: bool) -> None:
    lines = break_lines(text, BODY, width, measure, justify=justify)
    assert "".join(word for line in lines for _, word in line.words) == text.replace(" ", "")
    for line in lines:
        for (x, word), (after, _) in pairwise(line.words):
            assert after >= x + measure(word, BODY)
        if line.words:
            x, word = line.words[-1]
            assert x + measure(word, BODY) <= width + 0.001


def test_the_first_page_bears_the_name_the_title_and_the_note() -> None:
    (page,) = lay("Python", title="Programmer", note="Something is missing")
    assert texts(page) == ["Ada Lovelace", "Programmer", "Something is missing", "Python", "Page 1 of 1"]
    assert any(isinstance(item, Box) and item.grey > 0.9 for item in page)


def test_a_name_that_the_text_begins_with_is_not_repeated() -> None:
    (page,) = lay("# Ada Lovelace\nProgrammer\nLondon\nAda Lovelace", title="programmer")
    assert texts(page)[:3] == ["Ada Lovelace", "programmer", "London"]
    assert texts(page)[3] == "Ada Lovelace"


def test_every_page_is_numbered_and_later_ones_bear_the_name() -> None:
    pages = lay("line\n" * 200)
    assert len(pages) == 5
    for number, page in enumerate(pages, 1):
        assert texts(page).count(f"Page {number} of 5") == 1
        assert texts(page).count("Ada Lovelace") == 1


def test_a_long_name_is_broken_on_the_first_page_and_cut_above_the_later_ones() -> None:
    first, second, *_ = lay("line\n" * 100, name="Ada " * 50)
    assert texts(first)[1].startswith("Ada Ada")
    assert any(text.endswith("…") for text in texts(second))


def test_a_heading_stays_with_what_follows() -> None:
    for count in range(40, 60):
        for page in lay("line\n" * count + "\n## Skills\nPython\nC\n"):
            if "Skills" in texts(page):
                assert "Python" in texts(page)


def test_the_last_line_of_a_paragraph_does_not_stand_alone_on_a_page() -> None:
    paragraph = " ".join(f"word{number:03}" for number in range(45))
    last_line = rows(break_lines(paragraph, BODY, WIDTH, measure))[-1]
    for count in range(40, 60):
        for page in lay("line\n" * count + "\n" + paragraph)[1:]:
            if last_line in texts(page):
                assert any(text.startswith("word") for text in texts(page) if text != last_line)


def test_headings_are_bookmarks_and_positions_are_bold() -> None:
    (page,) = lay("Experience\n\nEngineer, Acme, 2019 - 2021\n- Built it\n### Other\n")
    bookmarks = [(item.text, item.is_section) for item in page if isinstance(item, Bookmark)]
    bold = [item.text for item in page if isinstance(item, Text) and item.style.is_bold]
    assert bookmarks == [("Experience", True), ("Other", False)]
    assert bold == ["Ada", "Lovelace", "Experience", "Engineer,", "Acme,", "2019", "-", "2021", "Other"]


@settings(deadline=None, max_examples=60)
@given(
    text=st.lists(
        st.sampled_from(["## Heading", "Skills", "- bullet", "", "word " * 60, "x" * 500, "Engineer, 2019", "TITLE"]),
        max_size=60,
    ).map("\n".join),
    name=st.text("Ab ", max_size=200),
    note=st.text("note ", max_size=300),
)
def test_everything_stands_within_the_margins(text: str, name: str, note: str) -> None:
    for page in lay(text, name=name, note=note):
        for item in page:
            if isinstance(item, Text):
                assert MARGIN <= item.x <= item.x + measure(item.text, item.style) <= RIGHT
                assert 0 < item.y <= BOTTOM or item.text.startswith("Page ")
                assert item.y < PAGE_HEIGHT - 30
            elif isinstance(item, Box):
                assert item.x + item.width <= PAGE_WIDTH - MARGIN + 0.01
