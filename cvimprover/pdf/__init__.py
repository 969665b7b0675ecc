"""Typeset PDFs of CVs. cairo is needed only when one is drawn."""

from cvimprover.pdf.drawing import Drawn, PdfUnavailableError, draw_pdf
from cvimprover.pdf.layout import Content

__all__ = ["Content", "Drawn", "PdfUnavailableError", "draw_pdf"]
