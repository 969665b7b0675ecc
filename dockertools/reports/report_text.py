"""A report as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.text import Text

from dockertools.image.analysis import AnalysedLayer, ImageAnalysis
from dockertools.image.limits import Verdict
from dockertools.reports.report_facts import Report
from dockertools.reports.report_tables import Cell, Paper, printable, some
from dockertools.reports.report_trends import print_comparison, print_history, print_usage
from dockertools.sizes import count_of, format_size

ROWS = 12
BAR_WIDTH = 10
_ALL = 2
_NOTICED = 10**6
"""Wasted bytes from which a layer is pointed at."""


def print_report(console: Console, report: Report, *, with_history: bool, verbosity: int = 1) -> None:
    """Print what was asked for; all rows of each table with verbosity 2, of the image only the head with 0."""
    paper = Paper(console, None if verbosity >= _ALL else ROWS)
    if report.analysis:
        _print_image(paper, report.analysis)
    if report.analysis and verbosity > 0:
        _print_layers(paper, report.analysis, report.lines)
        _print_waste(paper, report.analysis, report.lines)
        _print_packages(paper, report.analysis)
        _print_savings(paper, report.analysis, report.lines)
    if report.comparison:
        print_comparison(paper, report.comparison, report.compared_with)
    if with_history:
        print_history(paper, report.history)
    if report.usage:
        print_usage(paper, report.usage)
    if report.verdicts:
        _print_verdicts(paper, report.verdicts)


def _print_image(paper: Paper, analysis: ImageAnalysis) -> None:
    image = analysis.image
    base = [layer for layer in analysis.layers if layer.is_base]
    compressed = f", {format_size(image.compressed_bytes)} compressed" if image.compressed_bytes is not None else ""
    paper.lines(
        [
            ("image", Text(printable(image.reference), style="name")),
            ("id", image.id),
            ("size", Text(format_size(image.size_bytes), style="number").append(f" uncompressed{compressed}", "")),
            ("base", f"{format_size(sum(layer.size_bytes for layer in base))} in {count_of(len(base), 'layer')}"),
            ("user", image.user),
            (
                "efficiency",
                f"{analysis.efficiency:.1%} of the bytes are seen, {format_size(analysis.wasted_bytes)} are not",
            ),
        ],
        style="muted",
    )


def _print_layers(paper: Paper, analysis: ImageAnalysis, lines: Sequence[int | None]) -> None:
    largest = max((layer.size_bytes for layer in analysis.layers), default=0) or 1

    def rows() -> Iterator[Sequence[Cell]]:
        for layer, line in zip(analysis.layers, lines, strict=True):
            yield (
                format_size(layer.size_bytes),
                Text("█" * round(layer.size_bytes / largest * BAR_WIDTH), style="name"),
                f"{layer.use.files:,}",
                _loss(layer.use.wasted_bytes),
                _place(layer, line),
                layer.instruction or "(imported)",
            )

    paper.title("Layers")
    paper.table(("size", "", "files", "wastes", "line", "made by"), list(rows()), len(analysis.layers))


def _print_waste(paper: Paper, analysis: ImageAnalysis, lines: Sequence[int | None]) -> None:
    if not analysis.waste:
        return

    def rows() -> Iterator[Sequence[Cell]]:
        for item in analysis.waste:
            layer = analysis.layers[item.hidden_by]
            made_by = layer.instruction or f"layer {item.hidden_by + 1}"
            what = f"/{item.largest}" + (f" and {item.files - 1:,} more" if item.files > 1 else "")
            yield format_size(item.bytes), item.how, _place(layer, lines[item.hidden_by]), made_by[:34], what

    paper.title("Bytes that later layers hide, and the line to change")
    paper.table(("bytes", "how", "line", "made by", "hides"), rows(), len(analysis.waste))


def _print_packages(paper: Paper, analysis: ImageAnalysis) -> None:
    if analysis.python_packages:
        paper.title(f"Python packages, {_sum(package.size_bytes for package in analysis.python_packages)}")
        rows = (
            (
                format_size(package.size_bytes),
                package.name,
                package.version[:20],
                some(package.required_by) or "the project, or nothing",
            )
            for package in analysis.python_packages
        )
        paper.table(("size", "package", "version", "required by"), rows, len(analysis.python_packages))
    if analysis.system_packages:
        paper.title(f"System packages, {_sum(package.size_bytes for package in analysis.system_packages)}")
        rows = (
            (
                format_size(package.size_bytes),
                package.name,
                package.version[:20],
                some(package.needed_by) or "nothing that was found",
            )
            for package in analysis.system_packages
        )
        paper.table(("size", "package", "version", "needed by"), rows, len(analysis.system_packages))


def _print_savings(paper: Paper, analysis: ImageAnalysis, lines: Sequence[int | None]) -> None:
    if not analysis.savings:
        return
    paper.title("What a next step would save")
    rows = []
    for saving in analysis.savings:
        line = None if saving.place is None else lines[saving.place]
        words = Text(printable(saving.what))
        words.append(f"\n{f'line {line}: ' if line else ''}{printable(saving.how)}", style="muted")
        rows.append((format_size(saving.bytes), words))
    paper.lines(rows)


def _print_verdicts(paper: Paper, verdicts: Iterable[Verdict]) -> None:
    paper.title("Rules")
    for verdict in verdicts:
        mark, style = ("kept", "good") if verdict.ok else ("broken", "bad")
        line = Text(f"{mark:>8}  ", style=style).append(f"{verdict.rule}: {verdict.message}", style="default")
        paper.console.print(line, soft_wrap=True)


def _place(layer: AnalysedLayer, line: int | None) -> str:
    """Return the line of the Dockerfile, or that it is the base's; nothing where it is not known."""
    return str(line) if line else "base" if layer.is_base else ""


def _loss(count: int) -> Text:
    return Text(format_size(count) if count else "", style="bad" if count >= _NOTICED else "")


def _sum(sizes: Iterable[int]) -> str:
    return format_size(sum(sizes))
