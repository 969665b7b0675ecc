"""A report as a part of the JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from dockertools.build.history import BuildRecord
from dockertools.image.analysis import ImageAnalysis
from dockertools.image.compare import Change, Comparison
from dockertools.reports.report_facts import Report, Usage

NOTHING: dict[str, Any] = {
    "image": None,
    "layers": [],
    "packages": [],
    "system_packages": [],
    "waste": [],
    "wasted_bytes": None,
    "efficiency": None,
    "savings": [],
}


def report_payload(report: Report) -> dict[str, Any]:
    """Return the report's part of the JSON document."""
    return {
        **(_analysis(report.analysis, report.lines) if report.analysis else NOTHING),
        "comparison": _comparison(report.comparison, report.compared_with) if report.comparison else None,
        "history": [history_entry(record) for record in report.history],
        "usage": _usage(report.usage) if report.usage else None,
        "rules": [{"rule": verdict.rule, "ok": verdict.ok, "message": verdict.message} for verdict in report.verdicts],
    }


def history_entry(record: BuildRecord) -> dict[str, Any]:
    """Return a build of the record."""
    return {
        "finished_at": datetime.fromtimestamp(record.finished_at, UTC).isoformat(timespec="seconds"),
        "reference": record.tag,
        "target": record.target,
        "id": record.id,
        "size_bytes": record.size_bytes,
        "compressed_bytes": record.compressed_bytes,
        "seconds": round(record.seconds, 3),
        "steps": len(record.steps),
        "cached_steps": sum(step.cached for step in record.steps),
    }


def _analysis(analysis: ImageAnalysis, lines: Sequence[int | None]) -> dict[str, Any]:
    image = analysis.image
    layers = [
        {
            "instruction": clean(layer.instruction),
            "line": line,
            "size_bytes": layer.size_bytes,
            "compressed_bytes": layer.compressed_bytes,
            "files": layer.use.files,
            "file_bytes": layer.use.bytes,
            "hidden_bytes": layer.use.hidden_bytes,
            "wasted_bytes": layer.use.wasted_bytes,
            "is_base": layer.is_base,
        }
        for layer, line in zip(analysis.layers, lines, strict=True)
    ]
    return {
        "image": {
            "reference": image.reference,
            "id": image.id,
            "size_bytes": image.size_bytes,
            "compressed_bytes": image.compressed_bytes,
            "user": image.user,
            "layers": [{"instruction": layer["instruction"], "size_bytes": layer["size_bytes"]} for layer in layers],
        },
        "layers": layers,
        "packages": [
            {
                "name": package.name,
                "version": package.version,
                "size_bytes": package.size_bytes,
                "files": package.files,
                "required_by": list(package.required_by),
            }
            for package in analysis.python_packages
        ],
        "system_packages": [
            {
                "name": package.name,
                "version": package.version,
                "size_bytes": package.size_bytes,
                "needed_by": [clean(reason) for reason in package.needed_by],
                "layer": package.place,
                "automatic": package.is_automatic,
            }
            for package in analysis.system_packages
        ],
        **_losses(analysis, lines),
    }


def _losses(analysis: ImageAnalysis, lines: Sequence[int | None]) -> dict[str, Any]:
    return {
        "waste": [
            {
                "bytes": item.bytes,
                "files": item.files,
                "how": item.how,
                "stored_in": item.stored_in,
                "hidden_by": item.hidden_by,
                "line": lines[item.hidden_by],
                "largest": clean(item.largest),
            }
            for item in analysis.waste
        ],
        "wasted_bytes": analysis.wasted_bytes,
        "efficiency": round(analysis.efficiency, 4),
        "savings": [
            {
                "id": saving.id,
                "bytes": saving.bytes,
                "files": saving.files,
                "what": clean(saving.what),
                "how": clean(saving.how),
                "line": None if saving.place is None else lines[saving.place],
            }
            for saving in analysis.savings
        ],
    }


def _comparison(comparison: Comparison, title: str) -> dict[str, Any]:
    return {
        "with": title,
        "reference": comparison.other.reference,
        "size_bytes": comparison.other.size_bytes,
        "compressed_bytes": comparison.other.compressed_bytes,
        "bytes": comparison.bytes,
        "layers": _changes(comparison.layers),
        "packages": _changes(comparison.packages),
        "system_packages": _changes(comparison.system_packages),
        "files": _changes(comparison.files),
    }


def _changes(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [
        {
            "name": clean(change.name),
            "before_bytes": change.before,
            "after_bytes": change.after,
            "bytes": change.bytes,
            "note": change.note,
        }
        for change in changes
    ]


def _usage(usage: Usage) -> dict[str, Any]:
    belongings = usage.belongings
    return {
        "project": belongings.project,
        "images": [{"id": image.id, "names": list(image.names), "bytes": image.bytes} for image in belongings.images],
        "containers": [
            {"name": item.name, "service": item.service, "bytes": item.bytes, "running": item.is_running}
            for item in belongings.containers
        ],
        "volumes": [{"name": volume.name, "bytes": volume.bytes} for volume in belongings.volumes],
        "build_cache": {
            "bytes": belongings.cache.bytes,
            "reclaimable_bytes": belongings.cache.reclaimable_bytes,
            "records": belongings.cache.records,
        },
        "services": [
            {
                "service": load.service,
                "container": load.container,
                "cpu": round(load.cpu, 4),
                "cpu_limit": load.cpu_limit,
                "memory_bytes": load.memory_bytes,
                "memory_limit": load.memory_limit,
                "processes": load.processes,
                "processes_limit": load.processes_limit,
            }
            for load in usage.loads
        ],
    }


def clean(text: str) -> str:
    """Return text that can be written as UTF-8: the bytes of a path need not be any."""
    return text.encode(errors="surrogateescape").decode(errors="replace")
