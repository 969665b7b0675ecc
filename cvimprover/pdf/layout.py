"""Where everything stands on the pages. All lengths are in points; y grows downwards, and is a baseline for text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from cvimprover.document import SECTION_LEVEL, Block, Kind

PAGE_WIDTH = 595.276  # A4
PAGE_HEIGHT = 841.89
MARGIN = 62.0
TOP = 72.0
BOTTOM = PAGE_HEIGHT - 68.0
WIDTH = PAGE_WIDTH - 2 * MARGIN
BULLET_INDENT = 14.0
NOTE_PADDING = 7.0
LONGEST_PIECE = 400  # characters of a broken word: none that are so many fit a line, unless they have no width
LEAST_FILL = 0.72  # of a line's width: a line with fewer words is not stretched
ENTRY_SECTIONS = frozenset({"education", "experience", "projects", "volunteering"})


@dataclass(frozen=True)
class Style:
    size: float
    leading: float
    is_bold: bool = False
    grey: float = 0.13


NAME = Style(22, 27, is_bold=True)
TITLE = Style(12, 17, grey=0.35)
SECTION = Style(12.5, 17, is_bold=True)
SUBHEADING = Style(10.5, 15, is_bold=True)
BODY = Style(10, 14.2)
STRONG = replace(BODY, is_bold=True)
SMALL = Style(8.5, 11.5, grey=0.35)

_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")

Measure = Callable[[str, Style], float]


@dataclass(frozen=True, slots=True)  # one for every word: without slots they need twice the memory
class Text:
    x: float
    y: float
    text: str
    style: Style


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle; `y` is its upper edge."""

    x: float
    y: float
    width: float
    height: float
    grey: float


@dataclass(frozen=True, slots=True)
class Bookmark:
    """An entry of the outline."""

    y: float
    text: str
    is_section: bool


Item = Text | Box | Bookmark


@dataclass(frozen=True)
class Content:
    """What is to be set; every text drawable."""

    name: str
    title: str
    blocks: tuple[Block, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """The words of a line, each with its distance from the line's beginning."""

    words: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines that belong together, and how they stand."""

    lines: tuple[Line, ...]
    style: Style
    before: float = 0.0
    indent: float = 0.0
    has_bullet: bool = False
    has_rule: bool = False
    has_shade: bool = False
    keeps_next: bool = False
    bookmark: str = ""

    @property
    def height(self) -> float:
        return len(self.lines) * self.style.leading + 2 * NOTE_PADDING * self.has_shade


@dataclass
class _Sheet:
    """The pages so far, and how far the last one is filled."""

    pages: list[list[Item]] = field(default_factory=lambda: [[]])
    y: float = TOP

    @property
    def is_fresh(self) -> bool:
        return self.y == TOP

    def turn(self) -> None:
        self.pages.append([])
        self.y = TOP


def lay_out(content: Content, measure: Measure) -> tuple[tuple[Item, ...], ...]:
    """Return the items of every page."""
    chunks = list(_chunks(content, measure))
    sheet = _Sheet()
    for chunk, after in zip(chunks, (*chunks[1:], None), strict=True):
        _place(chunk, after, sheet)
    total = len(sheet.pages)
    return tuple(
        (*items, *_furniture(content.name, number, total, measure)) for number, items in enumerate(sheet.pages, 1)
    )


def break_lines(text: str, style: Style, width: float, measure: Measure, *, justify: bool = False) -> tuple[Line, ...]:
    """Return a text's lines, none wider than `width`; a word that is wider is broken."""
    space = measure(" ", style)
    rows: list[list[tuple[str, float]]] = [[]]
    used = 0.0
    for word, length in _fitting_words(text, style, width, measure):
        if rows[-1] and used + space + length > width:
            rows.append([])
        used = length + (used + space if rows[-1] else 0.0)
        rows[-1].append((word, length))
    last = len(rows) - 1
    return tuple(_set_line(row, width if justify and number < last else 0.0, space) for number, row in enumerate(rows))


def _fitting_words(text: str, style: Style, width: float, measure: Measure) -> Iterator[tuple[str, float]]:
    for word in text.split():
        rest = word
        while len(rest) > LONGEST_PIECE or (measure(rest, style) > width and len(rest) > 1):
            cut = _place_to_break(rest, _longest_fit(rest, style, width, measure))
            yield rest[:cut], measure(rest[:cut], style)
            rest = rest[cut:]
        yield rest, measure(rest, style)


def _longest_fit(word: str, style: Style, width: float, measure: Measure) -> int:
    """Return how many characters fit, at least one and at most LONGEST_PIECE."""
    fits, fails = 1, min(len(word), LONGEST_PIECE) + 1
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if measure(word[:middle], style) <= width:
            fits = middle
        else:
            fails = middle
    return fits


def _place_to_break(word: str, most: int) -> int:
    """Return where to break a word, at `most` or before: after punctuation, and never before a combining mark."""
    for place in range(most, most // 2, -1):
        if word[place - 1] in "/-_.@&=?":
            return place
    for place in range(most, most // 2, -1):
        if not unicodedata.combining(word[place : place + 1] or " "):
            return place
    return most


def _set_line(row: list[tuple[str, float]], width: float, space: float) -> Line:
    natural = sum(length for _, length in row) + space * (len(row) - 1)
    if len(row) > 1 and natural >= width * LEAST_FILL:
        space += max(0.0, width - natural) / (len(row) - 1)
    x = 0.0
    words = []
    for word, length in row:
        words.append((x, word))
        x += length + space
    return Line(tuple(words))


def _chunks(content: Content, measure: Measure) -> Iterator[Chunk]:
    yield Chunk(break_lines(content.name, NAME, WIDTH, measure), NAME)
    if content.title:
        yield Chunk(break_lines(content.title, TITLE, WIDTH, measure), TITLE)
    if content.note:
        lines = break_lines(content.note, SMALL, WIDTH - 2 * NOTE_PADDING, measure)
        yield Chunk(lines, SMALL, before=8, indent=NOTE_PADDING, has_shade=True)
    previous: Block | None = None
    for block in _without_repetition(content):
        yield _chunk(block, previous, measure)
        previous = block


def _without_repetition(content: Content) -> Iterable[Block]:
    """Drop the name and title at the head of the text: they stand above it already."""
    shown = {content.name.casefold(), content.title.casefold()}
    head = next((place for place, block in enumerate(content.blocks) if block.text.casefold() not in shown), None)
    return content.blocks[min(2, len(content.blocks) if head is None else head) :]


def _chunk(block: Block, previous: Block | None, measure: Measure) -> Chunk:
    follows_heading = previous is not None and previous.kind is Kind.HEADING
    if block.kind is Kind.HEADING:
        is_section = block.level <= SECTION_LEVEL
        style = SECTION if is_section else SUBHEADING
        lines = break_lines(block.text, style, WIDTH, measure)
        before = 13.0 if is_section else 7.0 - 5.0 * follows_heading
        return Chunk(lines, style, before, has_rule=is_section, keeps_next=True, bookmark=block.text)
    if block.kind is Kind.BULLET:
        lines = break_lines(block.text, BODY, WIDTH - BULLET_INDENT, measure)
        return Chunk(lines, BODY, before=1.5, indent=BULLET_INDENT, has_bullet=True)
    if _names_entry(block):
        before = 1.0 if follows_heading else 6.0
        return Chunk(break_lines(block.text, STRONG, WIDTH, measure), STRONG, before, keeps_next=True)
    stands_apart = block.is_apart or (previous is not None and previous.kind is Kind.BULLET)
    before = 5.0 if stands_apart and not follows_heading else 0.0
    return Chunk(break_lines(block.text, BODY, WIDTH, measure, justify=True), BODY, before)


def _names_entry(block: Block) -> bool:
    """Tell whether a paragraph names a position: a short line with a year, in a section of positions."""
    return block.section in ENTRY_SECTIONS and len(block.text) <= 120 and _YEAR.search(block.text) is not None


def _place(chunk: Chunk, after: Chunk | None, sheet: _Sheet) -> None:
    needed = chunk.before + min(2, len(chunk.lines)) * chunk.style.leading
    if chunk.keeps_next and after:
        needed = chunk.before + chunk.height + after.before + min(2, len(after.lines)) * after.style.leading
    if not sheet.is_fresh:
        if sheet.y + needed > BOTTOM:
            sheet.turn()
        else:
            sheet.y += chunk.before
    if chunk.has_shade:
        sheet.pages[-1].append(Box(MARGIN, sheet.y, WIDTH, chunk.height, grey=0.94))
        sheet.y += NOTE_PADDING
    if chunk.bookmark:
        sheet.pages[-1].append(Bookmark(sheet.y, chunk.bookmark, chunk.has_rule))
    _place_lines(chunk, sheet)
    if chunk.has_rule:
        sheet.pages[-1].append(Box(MARGIN, sheet.y - 1.0, WIDTH, 0.6, grey=0.6))
        sheet.y += 4.0
    if chunk.has_shade:
        sheet.y += 2 * NOTE_PADDING


def _place_lines(chunk: Chunk, sheet: _Sheet) -> None:
    left = len(chunk.lines)
    for number, line in enumerate(chunk.lines):
        fits = sheet.y + chunk.style.leading <= BOTTOM
        # The last line never stands alone on a page: the one before it goes along.
        is_widow = left == 2 and number > 1 and sheet.y + 2 * chunk.style.leading > BOTTOM
        if not sheet.is_fresh and (not fits or is_widow):
            sheet.turn()
        baseline = sheet.y + chunk.style.leading * 0.76
        if chunk.has_bullet and number == 0:
            sheet.pages[-1].append(Text(MARGIN + 3.0, baseline, "•", chunk.style))
        sheet.pages[-1].extend(Text(MARGIN + chunk.indent + x, baseline, word, chunk.style) for x, word in line.words)
        sheet.y += chunk.style.leading
        left -= 1


def _furniture(name: str, number: int, total: int, measure: Measure) -> Iterator[Item]:
    """Yield the page number, and from the second page on the name above."""
    label = f"Page {number} of {total}"
    yield Text(PAGE_WIDTH - MARGIN - measure(label, SMALL), PAGE_HEIGHT - 38, label, SMALL)
    if number > 1:
        yield Text(MARGIN, 44, _shorten(name, measure), SMALL)
        yield Box(MARGIN, 52, WIDTH, 0.4, grey=0.75)


def _shorten(name: str, measure: Measure) -> str:
    if measure(name, SMALL) <= WIDTH:
        return name
    return name[: _longest_fit(name, SMALL, WIDTH - 10, measure)] + "…"
