"""The variant alpine: its base image, its names of packages, and what must be built for want of a wheel for musl."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dockertools.project.facts import ManifestFacts, Note, PythonFacts, SystemPackages
from dockertools.tables import read_table

RELEASE = "3.22"
"""The release of Alpine whose names of packages are in the table."""
UNTRIED = Note(
    "the variant alpine is not built where this is developed: no Alpine image can be had; build and check it"
)
_MOST_NAMES = 5


def on_alpine(python: PythonFacts, base_image: str | None) -> PythonFacts:
    """Return the interpreter in Alpine's image; the suite stays that of the services beside it."""
    return replace(
        python, base_image=base_image or f"python:{python.version}-alpine{RELEASE}", system=f"Alpine {RELEASE}"
    )


def with_musl_wheels(manifest: ManifestFacts) -> tuple[ManifestFacts, tuple[Note, ...]]:
    """Return the manifest with what has no wheel for musl as built from source, and what is to be said of it."""
    requirements = tuple(
        replace(item, from_source=True, is_compiled=True) if item.has_musl_wheel is False else item
        for item in manifest.requirements
    )
    built = [item.name for item in manifest.requirements if item.has_musl_wheel is False and not item.from_source]
    unknown = [item.name for item in manifest.requirements if item.has_musl_wheel is None]
    notes = [UNTRIED]
    if built:
        notes.append(Note(f"built from source, for there is no wheel for musl: {_named(built)}", manifest.files[0]))
    if unknown:
        notes.append(
            Note(
                f"does not tell which of its {len(unknown)} requirements have wheels for musl: what has none is built"
                " from source, and may want more of BUILD_PACKAGES and RUNTIME_PACKAGES",
                manifest.files[0],
            )
        )
    return replace(manifest, requirements=requirements), tuple(notes)


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}"


def translate(packages: SystemPackages, inferred: frozenset[str]) -> tuple[SystemPackages, tuple[Note, ...]]:
    """Return the packages by Alpine's names, and a note for each of the inferred ones that has no known one.

    What the configuration names and the table does not know is taken for a name of Alpine's.
    """
    names: dict[str, str] = {name: name for name in packages.build + packages.runtime if name not in inferred}
    names |= read_table("alpine_packages")
    reasons: dict[str, tuple[str, ...]] = {}
    for package, why in packages.reasons.items():
        if name := names.get(package):
            reasons[name] = tuple(sorted({*reasons.get(name, ()), *why}))
    notes = (
        Note(f"Debian's package {package} has no known counterpart in Alpine: name it in DOCKERTOOLS if there is one")
        for package in (*packages.build, *packages.runtime)
        if package not in names
    )
    translated = replace(
        packages,
        build=_unique(names.get(package, "") for package in packages.build),
        runtime=_unique(names.get(package, "") for package in packages.runtime),
        reasons=dict(sorted(reasons.items())),
    )
    return translated, tuple(notes)


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, names)))
