"""Draw a CV with cairo. The only module that imports it, and only when a PDF is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from typing import Any

from cvimprover.document import Block
from cvimprover.pdf.layout import PAGE_HEIGHT, PAGE_WIDTH, Bookmark, Box, Content, Item, Measure, Style, Text, lay_out
from cvimprover.pdf.scripts import make_readable

FONT = "DejaVu Sans"
FONT_PACKAGE = "fonts-dejavu-core"
NEEDED_GLYPHS = "AΩЖ"

# Threads would not draw faster side by side, and a worker's memory is meant for the pages of one PDF.
_drawing = Lock()


class PdfUnavailableError(Exception):
    """No PDF can be drawn here: cairo or the font is missing."""


@dataclass(frozen=True)
class Drawn:
    """A PDF, its pages, and the names of the scripts that it leaves out, sorted."""

    pdf: bytes
    pages: int
    left_out: tuple[str, ...]


def draw_pdf(content: Content, *, created: datetime) -> Drawn:
    """Return the PDF; the same content and time give the same bytes. Raises PdfUnavailableError."""
    cairo = _load_cairo()
    has_glyph = _make_has_glyph(cairo)
    if not all(has_glyph(character) for character in NEEDED_GLYPHS):
        raise PdfUnavailableError(f"The font {FONT} is not installed: it is in Debian's {FONT_PACKAGE}.")
    readable, left_out = _make_content_readable(content, has_glyph)
    with _drawing:
        pages = lay_out(readable, _make_measure(cairo))
        return Drawn(_draw(cairo, pages, readable, created), len(pages), left_out)


def _load_cairo() -> Any:
    _have_font_cache()
    try:
        import cairo  # noqa: PLC0415  (a host that cannot build pycairo runs all else)
    except ImportError as error:
        raise PdfUnavailableError(f"cairo cannot be loaded ({error}): install pycairo and libcairo2.") from error
    return cairo


@cache
def _have_font_cache() -> None:
    """Give fontconfig a folder for its cache where the user has no home, as in a container: else it complains."""
    home = Path(os.environ.get("HOME") or "/")
    if "XDG_CACHE_HOME" not in os.environ and not os.access(home, os.W_OK):
        with suppress(OSError):  # nothing is writable: the fonts are found all the same
            os.environ["XDG_CACHE_HOME"] = mkdtemp(prefix="cvimprover-fonts-")


def _make_content_readable(content: Content, has_glyph: Callable[[str], bool]) -> tuple[Content, tuple[str, ...]]:
    left_out: set[str] = set()

    def read(text: str) -> str:
        readable = make_readable(text, has_glyph)
        left_out.update(readable.left_out)
        return readable.text

    blocks: tuple[Block, ...] = tuple(replace(block, text=read(block.text)) for block in content.blocks)
    readable = Content(read(content.name), read(content.title), blocks)
    names = tuple(sorted(left_out))
    return replace(readable, note=_note(names)), names


def _note(names: tuple[str, ...]) -> str:
    if not names:
        return ""
    return (
        f"This PDF shows Latin, Greek and Cyrillic text only. Left out: {', '.join(names)}. "
        "A name in [brackets] stands where it was."
    )


def _draw(cairo: Any, pages: tuple[tuple[Item, ...], ...], content: Content, created: datetime) -> bytes:
    buffer = BytesIO()
    with cairo.PDFSurface(buffer, PAGE_WIDTH, PAGE_HEIGHT) as surface:
        stamp = created.isoformat(timespec="seconds")
        for key, value in (
            (cairo.PDF_METADATA_TITLE, f"CV of {content.name}"),
            (cairo.PDF_METADATA_AUTHOR, content.name),
            (cairo.PDF_METADATA_CREATOR, "CVImprover"),
            (cairo.PDF_METADATA_CREATE_DATE, stamp),
            (cairo.PDF_METADATA_MOD_DATE, stamp),
        ):
            surface.set_metadata(key, value)
        context = cairo.Context(surface)
        context.set_font_options(_font_options(cairo))
        section = cairo.PDF_OUTLINE_ROOT
        for number, items in enumerate(pages, 1):
            for item in items:
                if isinstance(item, Bookmark):
                    parent = cairo.PDF_OUTLINE_ROOT if item.is_section else section
                    entry = surface.add_outline(parent, item.text, f"page={number} pos=[0 {item.y:.1f}]", 0)
                    section = entry if item.is_section else section
                else:
                    _draw_item(cairo, context, item)
            context.show_page()
    return buffer.getvalue()


def _draw_item(cairo: Any, context: Any, item: Text | Box) -> None:
    if isinstance(item, Box):
        context.set_source_rgb(item.grey, item.grey, item.grey)
        context.rectangle(item.x, item.y, item.width, item.height)
        context.fill()
        return
    grey = item.style.grey
    context.set_source_rgb(grey, grey, grey)
    context.set_scaled_font(_scaled_font(cairo, item.style))
    context.move_to(item.x, item.y)
    context.show_text(item.text)


def _make_measure(cairo: Any) -> Measure:
    @cache
    def measure(text: str, style: Style) -> float:
        return float(_scaled_font(cairo, style).text_extents(text).x_advance)

    return measure


def _make_has_glyph(cairo: Any) -> Callable[[str], bool]:
    fonts = [_scaled_font(cairo, Style(10, 12, is_bold=is_bold)) for is_bold in (False, True)]

    @cache
    def has_glyph(character: str) -> bool:
        # Index 0 is the font's box for what it does not have.
        return all(font.text_to_glyphs(0, 0, character, False)[0].index != 0 for font in fonts)

    return has_glyph


@cache
def _scaled_font(cairo: Any, style: Style) -> Any:
    weight = cairo.FONT_WEIGHT_BOLD if style.is_bold else cairo.FONT_WEIGHT_NORMAL
    face = cairo.ToyFontFace(FONT, cairo.FONT_SLANT_NORMAL, weight)
    size = cairo.Matrix(xx=style.size, yy=style.size)
    return cairo.ScaledFont(face, size, cairo.Matrix(), _font_options(cairo))


def _font_options(cairo: Any) -> Any:
    """Return options that leave every length as the font has it: a PDF has no pixels to fit."""
    options = cairo.FontOptions()
    options.set_hint_style(cairo.HINT_STYLE_NONE)
    options.set_hint_metrics(cairo.HINT_METRICS_OFF)
    return options
