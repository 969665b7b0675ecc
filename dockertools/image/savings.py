"""What a next step would save: ranked, each with the setting or the line that does it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dockertools.image.catalog import KINDS, Catalog, key_to_path
from dockertools.image.files import FileKind
from dockertools.image.layers import METADATA, REMOVED, Waste
from dockertools.image.system_packages import SystemPackage
from dockertools.tables import read_table

SMALLEST = 100_000
"""Bytes below which a saving is not worth a line."""
_HOW_TO_AVOID = {
    REMOVED: "remove it in the RUN that brings it, or build it in another stage and copy the result",
    METADATA: "set owner and mode where the files come in: COPY --chown=... --chmod=...",
}
_WRITE_ONCE = "write it once: join the two steps, or change it before it is copied"


@dataclass(frozen=True)
class Saving:
    """Bytes (uncompressed) that a next step would save.

    `how` names the setting or the line; `place` is the layer whose instruction is to be changed, where it is one.
    """

    id: str
    bytes: int
    files: int
    what: str
    how: str
    place: int | None = None


@dataclass(frozen=True)
class _Rule:
    id: str
    pattern: re.Pattern[str]
    what: str
    how: str


def find_savings(
    catalog: Catalog,
    *,
    base_layers: int,
    languages: Sequence[str],
    waste: Sequence[Waste],
    packages: Sequence[SystemPackage],
    instructions: Sequence[str],
) -> tuple[Saving, ...]:
    """Return what can be saved above the first `base_layers` layers, the most first."""
    found = [
        *_by_rules(catalog, base_layers, _read_rules(languages)),
        *_unstripped(catalog, base_layers),
        *_unneeded(packages, base_layers),
        *_wasted(waste, base_layers, instructions),
    ]
    return tuple(sorted((saving for saving in found if saving.bytes >= SMALLEST), key=lambda saving: -saving.bytes))


def _read_rules(languages: Sequence[str]) -> tuple[_Rule, ...]:
    kept = "|".join(re.escape(language.replace("-", "_").partition("_")[0]) for language in {*languages, "en"})
    return tuple(
        _Rule(rule["id"], re.compile(rule["pattern"].replace("{languages}", f"({kept})")), rule["what"], rule["how"])
        for rule in read_table("savings")["rule"]
    )


def _by_rules(catalog: Catalog, base_layers: int, rules: Sequence[_Rule]) -> Iterator[Saving]:
    files: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    rows = catalog.db.execute(
        "SELECT key, stored FROM files WHERE hidden_by IS NULL AND kind = ? AND place >= ?",
        (KINDS.index(FileKind.FILE), base_layers),
    )
    for key, stored in rows:
        rule = _first_match(rules, key_to_path(key))
        if rule:
            files[rule.id] += 1
            total[rule.id] += stored
    for rule in rules:
        yield Saving(rule.id, total[rule.id], files[rule.id], rule.what, rule.how)


def _first_match(rules: Iterable[_Rule], path: str) -> _Rule | None:
    return next((rule for rule in rules if rule.pattern.fullmatch(path)), None)


def _unstripped(catalog: Catalog, base_layers: int) -> Iterator[Saving]:
    files, total = catalog.db.execute(
        "SELECT count(*), coalesce(sum(strippable), 0) FROM objects JOIN places USING (blob)"
        " JOIN files USING (key, place) WHERE hidden_by IS NULL AND strippable > 0 AND place >= ?",
        (base_layers,),
    ).fetchone()
    yield Saving(
        "unstripped",
        total,
        files,
        "symbols and debugging data in shared objects",
        "RUN find /opt/venv -name '*.so*' -exec strip --strip-unneeded {} + in the builder stage",
    )


def _unneeded(packages: Sequence[SystemPackage], base_layers: int) -> Iterator[Saving]:
    unneeded = [package for package in packages if not package.needed_by and package.place >= base_layers]
    names = [package.name for package in unneeded]
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    yield Saving(
        "unneeded-packages",
        sum(package.size_bytes for package in unneeded),
        len(unneeded),
        f"system packages that no package, library or program was found to need: {shown}",
        'leave them out of DOCKERTOOLS["RUNTIME_PACKAGES"] (or the apt-get install), then run `docker_check --image`',
    )


def _wasted(waste: Sequence[Waste], base_layers: int, instructions: Sequence[str]) -> Iterator[Saving]:
    """Yield what layers hide of layers that the project makes itself; a base's content cannot be avoided so."""
    for item in waste:
        if item.stored_in >= base_layers:
            line = instructions[item.hidden_by] or f"layer {item.hidden_by + 1}"
            yield Saving(
                "wasted",
                item.bytes,
                item.files,
                f"{item.how} by a later layer: /{item.largest}" + (" and others" if item.files > 1 else ""),
                f"`{line[:80]}`: {_HOW_TO_AVOID.get(item.how, _WRITE_ONCE)}",
                item.hidden_by,
            )
