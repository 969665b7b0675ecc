"""Which files a mode stands for in this project: told by the setting, recognised, or the base with our overlay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dockertools.compose.classify import classify_project
from dockertools.compose.config import read_compose_config, read_compose_source
from dockertools.compose.families import (
    OVERRIDE,
    Candidate,
    Family,
    ModeFiles,
    choose_candidate,
    configured_files,
    find_family,
    generated_name,
    is_generated,
)
from dockertools.compose.judge import is_development, production_faults
from dockertools.compose.state import CurrentFiles
from dockertools.conf import Config
from dockertools.errors import DockertoolsError

Ask = Callable[[str, Sequence[str]], str]
_NOT_COMPARED = frozenset(
    {
        "volumes",
        "ports",
        "expose",
        "command",
        "develop",
        "stdin_open",
        "tty",
        "container_name",
        "restart",
        "healthcheck",
    }
    | {"depends_on", "links", "profiles", "networks", "entrypoint", "user", "labels", "env_file", "image", "build"}
)


def find_mode(config: Config, mode: str, current: CurrentFiles, ask: Ask | None) -> ModeFiles:
    """Return the files of the mode.

    Raises DockertoolsError when there are no compose files, when it is not clear which they are and `ask` is None, and
    when the project's own files for production are none.
    """
    configured = configured_files(config, mode)
    if configured is not None:
        _require_production(config, configured)
        return configured
    family = find_family(config.root, None if current.is_from_environment else current.files)
    candidates = family.of(mode)
    if not family.base:
        return _without_base(config, family, mode, ask)
    neutral = _neutral_override(config, family) if mode == "dev" else ()
    candidates = tuple(candidate for candidate in candidates if candidate.path not in neutral)
    if not candidates:
        base = (*family.base, *neutral)
        name = generated_name(family.base, mode)
        return ModeFiles(mode, (*base, name), "the base with an overlay of ours", name)
    found = _with_candidate(config, family, choose_candidate(candidates, ask))
    _require_production(config, found)
    return found


def current_mode(config: Config, current: CurrentFiles) -> tuple[str, str]:
    """Return the mode in force, `unknown` if it is none, and how that is known."""
    if current.files is None:
        return "unknown", "COMPOSE_FILE is not set in .env; compose takes its default files"
    for mode, names in config.modes.items():
        if tuple(names) == current.files:
            return mode, f"{current.origin} names the files of DOCKERTOOLS['MODES'][{mode!r}]"
    named = ":".join(current.files)
    for name in current.files:
        for mode in ("dev", "prod"):
            if f".{mode}." in name and is_generated(config.root, name):
                return mode, f"{current.origin} is {named}"
    family = find_family(config.root, current.files)
    modes = {candidate.mode for candidate in family.candidates if candidate.path in current.files}
    if len(modes) == 1:
        return modes.pop(), f"{current.origin} is {named}"
    return "unknown", f"{current.origin} is {named}, which is neither mode's"


def _without_base(config: Config, family: Family, mode: str, ask: Ask | None) -> ModeFiles:
    """Return a file that is whole by itself, as `local.yml` and `production.yml`."""
    candidates = family.of(mode)
    if candidates:
        chosen = choose_candidate(candidates, ask)
        found = ModeFiles(mode, (chosen.path,), f"{chosen.path} is whole by itself")
        _require_production(config, found)
        return found
    if not family.candidates:
        raise DockertoolsError(
            f"There is no compose file in {config.root.name}/.",
            hint="`docker_init` writes one; or name yours in DOCKERTOOLS['MODES'].",
            code="compose-file-missing",
        )
    base = (choose_candidate(family.candidates, ask).path,)
    name = generated_name(base, mode)
    return ModeFiles(mode, (*base, name), f"{base[0]} is the only compose file", name)


def _neutral_override(config: Config, family: Family) -> tuple[str, ...]:
    """Return the override file where it is no development of its own: it then goes below our overlay."""
    override = next((candidate for candidate in family.of("dev") if candidate.word == OVERRIDE), None)
    if override is None:
        return ()
    return () if _is_dev(config, (*family.base, override.path)) else (override.path,)


def _is_dev(config: Config, files: Sequence[str]) -> bool:
    facts = read_compose_config(config.root, files)
    root = (config.root / files[0]).parent
    return is_development(classify_project(facts, None, root=root, image=config.image, service=config.service))


def _with_candidate(config: Config, family: Family, candidate: Candidate) -> ModeFiles:
    """Return the base with the project's own file on top, or that file alone where it is whole by itself."""
    together = (*family.base, candidate.path)
    on_top = ModeFiles(candidate.mode, together, f"{candidate.path} goes on top of {', '.join(family.base)}")
    if candidate.word == OVERRIDE:
        return on_top
    alone = ModeFiles(candidate.mode, (candidate.path,), f"{candidate.path} is whole by itself")
    try:
        own = read_compose_source(config.root, [candidate.path])
    except DockertoolsError:
        return on_top
    if not all(service.get("build") or service.get("image") for service in own.values()):
        return on_top
    if _restates(own, read_compose_source(config.root, family.base)):
        return alone
    is_better = candidate.mode == "prod" and bool(_faults(config, together)) and not _faults(config, alone.files)
    return alone if is_better else on_top


def _restates(own: Mapping[str, Mapping[str, Any]], base: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether the file says again all that the base says, apart from what a mode changes."""
    return set(base) <= set(own) and all(set(values) - _NOT_COMPARED <= set(own[name]) for name, values in base.items())


def _faults(config: Config, files: Sequence[str]) -> list[str]:
    facts = read_compose_config(config.root, files)
    root = (config.root / files[0]).parent
    return production_faults(classify_project(facts, None, root=root, image=config.image, service=config.service))


def _require_production(config: Config, found: ModeFiles) -> None:
    """Refuse files for production that run this folder's code, or a server for development."""
    if found.mode != "prod":
        return
    faults = _faults(config, found.files)
    if faults:
        raise DockertoolsError(
            f"{', '.join(found.files)} are the project's own files for production, and are none:\n"
            + "\n".join(f"  - {fault}" for fault in faults),
            hint="Nothing was changed. Correct these files, or name others in DOCKERTOOLS['MODES'].",
            code="mode-refused",
            details={"refused": faults},
        )
