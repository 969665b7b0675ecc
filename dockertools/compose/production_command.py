"""What runs in production: a production server in place of one for development, and no migration in each replica."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dockertools.compose import commands
from dockertools.compose.application import find_server
from dockertools.compose.classify import Member, Project, Role
from dockertools.compose.commands import DEVELOPMENT_SERVER, Words
from dockertools.compose.overlay import Case, Part, ServicePart
from dockertools.compose.shared_rules import RESET, escaped, source_value
from dockertools.compose.yaml_text import Entry

_WATCHER = re.compile(r"watchmedo\s+auto-restart\b.*?\s--\s+(?=\S)")
_NOT_FOR_TASKS = frozenset(
    {"command", "container_name", "deploy", "develop", "expose", "healthcheck", "hostname", "labels", "links", "ports"}
    | {"profiles", "restart", "scale", "stop_grace_period", "stdin_open", "tty", "volumes", "image", "build"}
)

_NOTHING: tuple[Any, ...] = (None, {}, [], {"default": None})
"""What compose writes out where nothing is said; the last is `networks`."""


def production_command(case: Case) -> Part:
    """Replace a development server, and take migrations out of what each replica runs."""
    member = case.member
    text = " ".join(member.argv)
    is_changed = commands.is_development_server(text) or commands.migrates(text)
    if member.source is None and is_changed:
        return Part(refused=("its command would have to be said again, and compose cannot show it with its variables",))
    part = _without_development(case, text)
    if not part.refused and _migrates_here(case):
        part = _without_migration(case, part)
    return part if part.refused else _without_debug(case, part)


def _without_debug(case: Case, part: Part) -> Part:
    """Switch debugging off where the command itself switches it on, which goes before the environment."""
    debug = case.application.debug
    if debug is None:
        return part
    pattern = re.compile(
        rf"\b{re.escape(debug.name)}=(?!{re.escape(debug.off)}(?:\s|$))(?:\$?[\w.${{}}:-]+|\"[^\"]*\"|'[^']*')"
    )
    entry = next((entry for entry in part.entries if entry.key == "command"), None)
    if entry is not None and entry.value is None:
        return part
    words = tuple(entry.value) if entry else _words(case, "command").items
    changed = tuple(pattern.sub(f"{debug.name}={debug.off}", word) for word in words)
    if changed == words:
        return part
    others = tuple(other for other in part.entries if other is not entry)
    comment = entry.comment if entry else ""
    told = (*part.changed, f"its command switches {debug.name} off")
    return replace(part, entries=(*others, Entry("command", list(changed), comment)), changed=told)


def migration_service(case: Case, part: Part) -> ServicePart | None:
    """Return the service that migrates once, in place of the server's command; None when there is one already."""
    if not _migrates_here(case) or existing_migration(case.project) or case.member.role is not Role.SERVER:
        return None
    source = case.member.source or {}
    values = {key: value for key, value in source.items() if key not in _NOT_FOR_TASKS and value not in _NOTHING}
    own = {entry.key: entry for entry in part.entries if entry.key not in _NOT_FOR_TASKS | {"depends_on"}}
    entries = [
        *_image_entries(source, part),
        Entry("command", list(_migration_words(case))),
        *(Entry(key, value) for key, value in values.items() if key not in own or isinstance(value, dict)),
        *(entry for entry in own.values() if entry.key not in values),
    ]
    entries = [_with_more(entry, own.get(entry.key)) for entry in entries]
    volumes = next((entry for entry in part.entries if entry.key == "volumes"), None)
    if volumes is None and source.get("volumes"):
        entries.append(Entry("volumes", source["volumes"]))
    elif volumes is not None and volumes.value:
        entries.append(Entry("volumes", volumes.value))
    entries += [Entry("healthcheck", {"disable": True}), Entry("restart", "no")]
    words = "applies migrations once, before the others start"
    return ServicePart(migration_name(case), Part(tuple(entries), (words,)), is_new=True)


def migration_name(case: Case) -> str:
    """Return the name of the service that migrates."""
    existing = existing_migration(case.project)
    if existing:
        return existing
    names = {member.name for member in case.project.members}
    servers = [member for member in case.project.members if member.role is Role.SERVER and _migrates(member)]
    return "migrate" if len(servers) < 2 and "migrate" not in names else f"{case.member.name}-migrate"


def existing_migration(project: Project) -> str | None:
    """Return the service of the project that does nothing but migrate, or None."""
    tasks = (member for member in project.members if member.role is Role.TASK and not member.facts.profiles)
    return next((member.name for member in tasks if _migrates(member)), None)


def _without_development(case: Case, text: str) -> Part:
    member = case.member
    if _WATCHER.search(text) and member.role is not Role.SERVER:
        return _without_watcher(case)
    if not commands.is_development_server(text):
        return _check_scripts(member)
    key = "command" if commands.is_development_server(" ".join(member.command)) else "entrypoint"
    words = _words(case, key)
    if commands.is_foreign_development(text):
        return _foreign(case, text)
    if not DEVELOPMENT_SERVER.search(text):
        return Part((Entry(key, list(commands.without_reload(words))),), ("the server does not reload",))
    return _replaced(case, key, words)


def _replaced(case: Case, key: str, words: Words) -> Part:
    """Put a production server in the place of runserver, the image's own where it has one."""
    member = case.member
    image = _image_server(member)
    is_own = key == "command" and member.facts.command is not None and member.facts.entrypoint is None
    if image and is_own and _is_alone(words) and not _migrates(member):
        return Part(
            (Entry(key, None, "The image's own command is the production server.", RESET),),
            (f"the image's own command runs: {' '.join(image)}",),
        )
    argv = _in_place(image, words)
    if not argv:
        server = find_server(case.application, member, case.config)
        if server is None:
            return Part(refused=("it runs runserver, and no requirements file tells which production server to use",))
        if server.missing:
            reason = (
                f"it runs runserver, and no production server is installed: add {server.missing} to the requirements"
            )
            return Part(refused=(reason,))
        port = commands.port_of(member.text if member.source is None else " ".join(words.items)) or str(
            case.config.port
        )
        argv = tuple(word.replace("{port}", port) for word in server.argv)
    changed = commands.replace_server(words, DEVELOPMENT_SERVER, argv)
    if changed is None:
        return Part(refused=("it runs runserver in a way that cannot be replaced; write the command as a list",))
    return Part((Entry(key, list(changed)),), (f"{argv[0]} serves instead of runserver",))


def _foreign(case: Case, text: str) -> Part:
    """Leave a front end's development server to the image's own command, where that is another one."""
    member = case.member
    image = member.recipe.command if member.recipe else ()
    is_own = member.facts.command is not None and member.facts.entrypoint is None
    if is_own and image and not commands.is_development_server(" ".join(image)):
        return Part(
            (Entry("command", None, "The image's own command is the one for production.", RESET),),
            (f"the image's own command runs: {' '.join(image)}",),
        )
    reason = (
        f"it runs `{text}`, which is for development, and the image has no other command; "
        "give its Dockerfile a production stage, or the service the profile `dev`"
    )
    return Part(refused=(reason,))


def _check_scripts(member: Member) -> Part:
    """Notice a development server in a script, which an overlay cannot change."""
    for word, script in member.scripts:
        if not commands.is_development_server(script):
            continue
        if commands.PRODUCTION_SERVER.search(script):
            return Part(left=(f"{word} chooses the server itself; see that it takes the production one",))
        return Part(refused=(f'{word} starts a development server; let it run a production one, or `exec "$@"`',))
    return Part()


def _without_watcher(case: Case) -> Part:
    words = _words(case, "command")
    if words.script is not None:
        items: Sequence[str] = tuple(
            _WATCHER.sub("", item) if position == words.script else item for position, item in enumerate(words.items)
        )
    else:
        mark = words.items.index("--") + 1 if "--" in words.items else 0
        items = words.items[mark:]
    return Part((Entry("command", list(items)),), ("the watcher around its command is gone",))


def _without_migration(case: Case, part: Part) -> Part:
    """Take the migration out of the command; what follows waits for the service that does it."""
    entry = next((entry for entry in part.entries if entry.key == "command"), None)
    words = Words(tuple(entry.value), _words(case, "command").script) if entry else _words(case, "command")
    changed = commands.without_migration(words.items, words.script)
    others = tuple(other for other in part.entries if other is not entry)
    name = migration_name(case)
    why = f"Migrations run once, in {name}: two replicas that migrate at the same time race."
    waits = Entry("depends_on", (Entry(name, {"condition": "service_completed_successfully"}),))
    return replace(
        part,
        entries=(*others, Entry("command", list(changed), why), waits),
        changed=(*part.changed, f"migrations run once, in {name}", *_not_made(words)),
    )


def _not_made(words: Words) -> tuple[str, ...]:
    return ("no migrations are made",) if "makemigrations" in words.items[words.script or 0] else ()


def _migrates_here(case: Case) -> bool:
    """Return whether the command itself migrates and there is, or will be, a service to do it instead."""
    member = case.member
    if member.role not in (Role.SERVER, Role.WORKER, Role.SCHEDULER) or _words(case, "command").script is None:
        return False
    if not commands.migrates(" ".join(member.command)):
        return False
    servers = [other for other in case.project.members if other.role is Role.SERVER and _migrates(other)]
    return bool(existing_migration(case.project) or servers)


def _migrates(member: Member) -> bool:
    return commands.migrates(" ".join(member.command))


def _migration_words(case: Case) -> tuple[str, ...]:
    words = _words(case, "command")
    script = words.items[words.script or 0]
    steps = commands.migration_steps(script)
    # Making migrations is a developer's work, and writes into the code.
    step = next((step for step in steps if commands.migrates(step)), "")
    step = re.sub(r"\s*(?:&&|\|\||;|\n)\s*$", "", step).strip()
    return (*words.items[: words.script], step, *words.items[(words.script or 0) + 1 :])


def _image_entries(source: Any, part: Part) -> list[Entry]:
    own = {entry.key: entry for entry in part.entries}
    entries = []
    if source.get("build"):
        build = dict(source["build"])
        for entry in own["build"].value if "build" in own else ():
            build[entry.key] = entry.value
        entries.append(Entry("build", {key: value for key, value in build.items() if value is not None}))
    if "image" in own or source.get("image"):
        entries.append(Entry("image", own["image"].value if "image" in own else source["image"]))
    return entries


def _with_more(entry: Entry, more: Entry | None) -> Entry:
    """Return a mapping together with what the overlay of the server puts into it."""
    if more is None or not isinstance(entry.value, dict):
        return entry
    added = {item.key: item.value for item in more.value} if isinstance(more.value, tuple) else dict(more.value)
    return replace(entry, value={**entry.value, **added})


def _words(case: Case, key: str) -> Words:
    """Return the command or the entrypoint as its author wrote it, the image's own when the service has none."""
    member = case.member
    own = source_value(member, key)
    if own is None:
        own = list(escaped(member.command if key == "command" else member.entrypoint))
    entrypoint = () if key == "entrypoint" else member.entrypoint
    return commands.read_words(own, entrypoint)


def _in_place(argv: tuple[str, ...], words: Words) -> tuple[str, ...]:
    """Return the image's command so that it can stand among `words`, in a list or in a shell's script."""
    if words.script is None or not argv:
        return escaped(argv)
    is_shell = len(argv) == 3 and argv[:2] == ("/bin/sh", "-c")
    return escaped((argv[2],) if is_shell else tuple(shlex.quote(word) for word in argv))


def _is_alone(words: Words) -> bool:
    """Return whether nothing runs before or after the development server."""
    text = words.items[words.script] if words.script is not None else " ".join(words.items)
    match = DEVELOPMENT_SERVER.match(text.strip())
    return match is not None and not text.strip()[match.end() :].strip()


def _image_server(member: Member) -> tuple[str, ...]:
    """Return the image's own command where it is a production server."""
    command = member.recipe.command if member.recipe else ()
    text = " ".join(command)
    is_production = bool(commands.PRODUCTION_SERVER.search(text)) and not commands.is_development_server(text)
    if not is_production:
        return ()
    wanted, own = commands.port_of(" ".join(member.command)), commands.port_of(text)
    return () if wanted and own and wanted != own else command
