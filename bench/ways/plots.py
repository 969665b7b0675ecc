"""Plots of the ways as SVG, the same bytes for the same numbers."""

from __future__ import annotations

import statistics
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.ways.report import AppResults
from bench.ways.ways import WAYS

_OTHER, _OURS, _LIMIT = "#9aa5b1", "#1f6f43", "#c2410c"
_KINDS = (("cold", "cold build"), ("code", "code change"), ("added", "dependency added"), ("upgraded", "changed"))


def write_plots(name: str, results: AppResults, folder: Path) -> tuple[Path, ...]:
    """Write the sizes, and the seconds where there are any; return the files."""
    written = [_write(_sizes(name, results), folder / f"ways-{name}-size.svg")]
    if results.times:
        written.append(_write(_seconds(name, results), folder / f"ways-{name}-seconds.svg"))
    return tuple(written)


def _write(figure: Figure, path: Path) -> Path:
    # Without a salt of its own and with a date, each run would write other bytes.
    with mpl.rc_context({"svg.hashsalt": path.stem, "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None, "Creator": None})
    return path


def _sizes(name: str, results: AppResults) -> Figure:
    ways = [way for way in WAYS if way.name in results.facts and results.facts[way.name].size_bytes]
    figure = Figure(figsize=(8, 0.5 * len(ways) + 1.2), layout="constrained")
    axes = figure.subplots()
    for row, way in enumerate(ways):
        facts = results.facts[way.name]
        color = _OURS if way.is_ours else _OTHER
        axes.barh(row, facts.size_bytes / 1e6, color=color, alpha=0.45)
        axes.barh(row, facts.compressed_bytes / 1e6, color=color, height=0.4)
        note = " does not work" if facts.problem else ""
        axes.text(facts.size_bytes / 1e6, row, f" {facts.size_bytes / 1e6:.0f} MB{note}", va="center", fontsize=9)
    if results.limit_bytes:
        axes.axvline(results.limit_bytes / 1e6, color=_LIMIT, linestyle="--")
    axes.set_yticks(range(len(ways)), [way.title for way in ways])
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.set_xlabel("MB; dark: compressed; dashed: the files that the application opens")
    axes.set_title(f"{name}: size of the image")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _seconds(name: str, results: AppResults) -> Figure:
    ways = [way for way in WAYS if way.name in results.times and results.times[way.name].cold]
    figure = Figure(figsize=(10, 0.45 * len(ways) + 1.2), layout="constrained")
    for number, (panel, (kind, title)) in enumerate(zip(figure.subplots(1, len(_KINDS)), _KINDS, strict=True)):
        for row, way in enumerate(ways):
            values = getattr(results.times[way.name], kind)
            if not values:
                continue
            middle = statistics.median(values)
            around = [[middle - min(values)], [max(values) - middle]]
            panel.barh(row, middle, xerr=around, color=_OURS if way.is_ours else _OTHER, ecolor="#444444", capsize=2)
        panel.set_yticks(range(len(ways)), [way.title for way in ways] if number == 0 else [""] * len(ways))
        panel.invert_yaxis()
        panel.set_title(title, fontsize=10)
        panel.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("seconds: median and range", fontsize=9)
    figure.suptitle(f"{name}: seconds of a build")
    return figure
