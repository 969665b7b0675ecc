"""A report as one HTML file that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from django.template import Context, Engine, Template

from dockertools import __version__
from dockertools.build.history import BuildRecord
from dockertools.image.analysis import ImageAnalysis
from dockertools.image.tree import TreeNode
from dockertools.reports.html_tables import make_tables
from dockertools.reports.report_facts import Report
from dockertools.reports.report_tables import printable, signed
from dockertools.sizes import count_of, format_size

DEEPEST = 60
"""Folders below which the map does not go: what a browser and a person can follow."""


def render_html(report: Report, analysis: ImageAnalysis, written: datetime | None = None) -> str:
    """Return the page for an image; `written` is now unless it is given.

    Scripts and styles are named by their hashes in the page's own policy, so that no name of a file in the image can
    become one, and nothing can be loaded: https://www.w3.org/TR/CSP3/
    """
    style, script = _read("report.css"), _read("d3.js") + _read("report.js")
    policy = f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; base-uri 'none'"
    builds = _builds(report.history, analysis.image.reference)
    context = {
        "policy": f"{policy}; form-action 'none'",
        "style": style,
        "script": script,
        "licence": _read("d3.js").partition("/*!\n")[2].partition("\n*/")[0],
        "version": __version__,
        "written": f"{(written or datetime.now(UTC)).astimezone():%Y-%m-%d %H:%M}",
        "image": {
            "reference": printable(analysis.image.reference),
            "short_id": analysis.image.id.removeprefix("sha256:")[:12],
        },
        "cards": _cards(report, analysis),
        "rules": [_rule(verdict.rule, verdict.message, ok=verdict.ok) for verdict in report.verdicts],
        "savings": _savings(report, analysis),
        "tables": make_tables(report, analysis, builds),
        "data": _data(report, analysis, builds),
    }
    return _template().render(Context(context, use_l10n=False))


@functools.cache
def _read(name: str) -> str:
    return resources.files("dockertools").joinpath("reports", "page", name).read_text(encoding="utf-8")


@functools.cache
def _template() -> Template:
    return Engine().from_string(_read("report.html"))


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _cards(report: Report, analysis: ImageAnalysis) -> list[dict[str, str]]:
    image = analysis.image
    base = [layer for layer in analysis.layers if layer.is_base]
    broken = {verdict.rule: not verdict.ok for verdict in report.verdicts}
    cards = [
        _card("Size", format_size(image.size_bytes), "uncompressed", is_broken=broken.get("max-size")),
        _card("Layers", str(len(analysis.layers)), f"base: {count_of(len(base), 'layer')}, {_total(base)}"),
        _card(
            "Efficiency",
            f"{analysis.efficiency:.1%}",
            f"{format_size(analysis.wasted_bytes)} are never seen",
            is_broken=broken.get("min-efficiency"),
        ),
        _card("Could be saved", format_size(sum(saving.bytes for saving in analysis.savings)), "at most, see below"),
        _card("Runs as", printable(image.user), ""),
    ]
    if image.compressed_bytes is not None:
        cards.insert(1, _card("Compressed", format_size(image.compressed_bytes), "what a push sends"))
    if report.comparison:
        note = f"against {printable(report.compared_with)}"
        is_broken = broken.get("max-growth")
        cards.insert(1, _card("Change", signed(report.comparison.bytes), note, is_broken=is_broken))
    return cards


def _card(name: str, value: str, note: str, *, is_broken: bool | None = None) -> dict[str, str]:
    tone = "" if is_broken is None else "bad" if is_broken else "good"
    return {"name": name, "value": value, "note": note, "tone": tone}


def _total(items: Iterable[Any]) -> str:
    return format_size(sum(item.size_bytes for item in items))


def _rule(name: str, message: str, *, ok: bool) -> dict[str, str]:
    return {"name": name, "message": message, "word": "kept" if ok else "broken", "tone": "good" if ok else "bad"}


def _savings(report: Report, analysis: ImageAnalysis) -> list[dict[str, Any]]:
    return [
        {
            "bytes": format_size(saving.bytes),
            "what": printable(saving.what),
            "how": printable(saving.how),
            "line": None if saving.place is None else report.lines[saving.place],
        }
        for saving in analysis.savings
    ]


def _builds(history: tuple[BuildRecord, ...], reference: str) -> tuple[BuildRecord, ...]:
    """Return the builds of this image, of the stage that was built last."""
    same = [record for record in history if record.tag in (reference, f"{reference}:latest")]
    return tuple(record for record in same if record.target == same[-1].target)


def _data(report: Report, analysis: ImageAnalysis, builds: tuple[BuildRecord, ...]) -> dict[str, Any]:
    layers = []
    for place, (layer, line) in enumerate(zip(analysis.layers, report.lines, strict=True)):
        words = printable(layer.instruction) or "(imported)"
        short = f"line {line}" if line else f"layer {place + 1}"
        layers.append(
            {
                "title": f"{short}: {words[:160]}",
                "short": short,
                "base": layer.is_base,
                "tree": _node(layer.tree),
            }
        )
    return {
        "title": printable(analysis.image.reference),
        "layers": layers,
        "builds": [
            {"finished": _date(record), "size": record.size_bytes, "seconds": record.seconds} for record in builds
        ],
    }


def _node(node: TreeNode, depth: int = 0, package: str = "") -> list[Any]:
    """Return what the page reads: name, bytes, hidden bytes, files, children or 0, and the package if it is another."""
    children = [_node(child, depth + 1, node.package) for child in node.children] if depth < DEEPEST else []
    row = [printable(node.name), node.bytes, node.hidden_bytes, node.files]
    if node.package != package:
        return [*row, children or 0, printable(node.package)]
    return [*row, *([children] if children else [])]


def _date(record: BuildRecord) -> str:
    return f"{datetime.fromtimestamp(record.finished_at, UTC).astimezone():%Y-%m-%d %H:%M}"
