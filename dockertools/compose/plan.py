"""What a switch will do: the files of the mode, our overlay where the project has none of its own, and .env."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from dockertools.compose import development, production
from dockertools.compose.application import inspect_application
from dockertools.compose.classify import Member, Project, Role, classify_project
from dockertools.compose.config import ComposeFacts, read_compose_config, read_compose_source
from dockertools.compose.env_file import GID, UID, edit_env
from dockertools.compose.families import ModeFiles, read_ownership
from dockertools.compose.overlay import Case, Overlay, Part, ServicePart, apply_rules, make_overlay
from dockertools.compose.production_command import migration_service
from dockertools.compose.profiles import is_off, profile_part
from dockertools.compose.recognise import Ask, find_mode
from dockertools.compose.shared_rules import ports_on_loopback
from dockertools.compose.state import CurrentFiles
from dockertools.compose.version import require_version
from dockertools.conf import Config
from dockertools.errors import DockertoolsError
from dockertools.files import Ownership, read_text, unified_diff

MARKED_EDITED = "was edited and is used as it is; --force writes it anew and saves yours as {path}.orig"


@dataclass(frozen=True)
class SwitchOptions:
    """How to switch: `sync` is `bind` or `watch`, `force` replaces an edited overlay, `ask` chooses among files."""

    sync: str = "bind"
    force: bool = False
    ask: Ask | None = None


@dataclass(frozen=True)
class Plan:
    """A switch that has not been made. `overlay` is None where the project's own files are used as they are.

    `base` is the project without the mode, as far as it was needed.
    """

    config: Config
    mode: str
    files: ModeFiles
    current: CurrentFiles
    env_text: str
    ids: tuple[int, int] | None
    overlay: Overlay | None = None
    overlay_text: str | None = None
    saves: bool = False
    """Whether the overlay that is there was edited and has to be saved first."""
    base: Project | None = None
    changed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def overlay_path(self) -> Path | None:
        """Where our overlay is, or will be."""
        return self.config.root / self.files.generated if self.files.generated else None

    @property
    def variables(self) -> dict[str, str]:
        """What .env will say to compose beside the files."""
        return {} if self.ids is None else {UID: str(self.ids[0]), GID: str(self.ids[1])}

    @property
    def writes_overlay(self) -> bool:
        """Whether the overlay on the disk is another one."""
        return self.overlay is not None and self.overlay.text != self.overlay_text

    @property
    def writes_env(self) -> bool:
        """Whether .env will be another one."""
        return self.env_text != (self.current.env_text or "")

    @property
    def diff(self) -> str:
        """Our overlay's change; of .env only our own lines are shown, by whoever asks for them."""
        if self.overlay is None or self.files.generated is None:
            return ""
        return unified_diff(self.files.generated, self.overlay_text or "", self.overlay.text)


def make_plan(config: Config, mode: str, current: CurrentFiles, options: SwitchOptions) -> Plan:
    """Return what switching to `mode` does; nothing is written.

    Raises DockertoolsError for what compose refuses, for a project that cannot run in the mode, and when it is not
    clear which files are the mode's and nobody can be asked.
    """
    files = find_mode(config, mode, current, options.ask)
    plan = Plan(config, mode, files, current, "", None)
    if files.generated is None:
        plan = replace(plan, changed=(f"{', '.join(files.files)}: used as the project has it ({files.reason})",))
    else:
        plan = _with_overlay(plan, options)
    uses_ids = plan.overlay is not None and f"${{{UID}" in plan.overlay.text
    ids = caller_ids() if mode == "dev" and (uses_ids or _names_ids(config.root, files)) else None
    text = edit_env(current.env_text or "", current.join(files.files), ids)
    return replace(plan, env_text=text, ids=ids)


def caller_ids(environment: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """Return the uid and gid of whoever asked, also through sudo."""
    if os.getuid() == 0 and environment.get("SUDO_UID", "").isdigit() and environment.get("SUDO_GID", "").isdigit():
        return int(environment["SUDO_UID"]), int(environment["SUDO_GID"])
    return os.getuid(), os.getgid()


def read_project(
    config: Config, files: Sequence[str] | None, *, mode: str = "", env: Mapping[str, str] | None = None
) -> Project:
    """Return the project that `files` make, classified, without its source."""
    facts = read_compose_config(config.root, files, env)
    return classify(config, facts, None, mode)


def classify(
    config: Config, facts: ComposeFacts, source: Mapping[str, Mapping[str, object]] | None, mode: str
) -> Project:
    """Return the services with their roles; paths start from the folder of the first file."""
    root = (config.root / facts.files[0]).parent if facts.files else config.root
    return classify_project(facts, source, root=root, image=config.image, service=config.service, mode=mode)


def _with_overlay(plan: Plan, options: SwitchOptions) -> Plan:
    path = plan.overlay_path
    text = read_text(path) if path else None
    is_edited = path is not None and read_ownership(path) is Ownership.EDITED
    if is_edited and not options.force:
        note = f"{plan.files.generated}: {MARKED_EDITED.format(path=plan.files.generated)}"
        return replace(plan, left=(note,), overlay_text=text)
    base = _read_base(plan.config, plan.files.base, plan.mode)
    overlay = render_overlay(base, plan, options.sync)
    return replace(
        plan,
        overlay=overlay,
        overlay_text=text,
        saves=is_edited,
        base=base,
        changed=overlay.changed,
        left=overlay.left,
    )


def _read_base(config: Config, files: Sequence[str], mode: str) -> Project:
    """Return the base project with its source. Compose is asked everything at once: each answer takes a while."""
    # The ids have no value yet where the base itself uses them.
    with ThreadPoolExecutor(3) as pool:
        version = pool.submit(require_version, config.root)
        facts = pool.submit(read_compose_config, config.root, files)
        source = pool.submit(_read_source, config.root, files)
        version.result()
        return classify(config, facts.result(), source.result(), mode)


def _read_source(root: Path, files: Sequence[str]) -> Mapping[str, Mapping[str, object]] | None:
    """Return the services as written; None where compose cannot show them, as with a variable for a number."""
    try:
        return read_compose_source(root, files)
    except DockertoolsError:
        return None


def render_overlay(base: Project, plan: Plan, sync: str) -> Overlay:
    """Return the overlay of a mode for a base project."""
    services: list[ServicePart] = []
    for member in base.members:
        services += _service_parts(member, base, plan, sync)
    return make_overlay(plan.mode, ", ".join(plan.files.base), services)


def _service_parts(member: Member, base: Project, plan: Plan, sync: str) -> list[ServicePart]:
    own = profile_part(member, plan.mode)
    if is_off(member, plan.mode):
        return [ServicePart(member.name, own)]
    case = Case(member, base, inspect_application(member, base.facts), plan.mode, plan.config, sync)
    part = own + apply_rules(case, _rules(member, plan.mode))
    parts = [ServicePart(member.name, part)]
    if plan.mode == "prod" and (migration := migration_service(case, part)):
        parts.append(migration)
    return parts


def _rules(member: Member, mode: str) -> tuple[Callable[[Case], Part], ...]:
    is_ours = member.is_project or bool(member.code)
    if mode == "dev":
        return development.RULES if is_ours else (ports_on_loopback,)
    if is_ours:
        return production.RULES
    return (production.store_ports,) if member.role is Role.STORE else ()


def _names_ids(root: Path, files: ModeFiles) -> bool:
    """Return whether one of the mode's files uses our variables: an overlay that was edited, or the project's own."""
    return any(
        UID in (root / name).read_text(encoding="utf-8", errors="replace")
        for name in files.files
        if (root / name).is_file()
    )
