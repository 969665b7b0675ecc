"""Judges a switch by what `docker compose config` says before and after it. Nothing of dockertools is used here.

A judge returns what is wrong, in words; nothing wrong is an empty list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.compose_model import (
    Model,
    Service,
    builds_of,
    holds,
    host_mounts,
    image_of,
    is_loopback,
    part_of,
    resolved,
    seen_at,
    services_of,
    target_of,
    with_build,
    without,
)

DEVELOPMENT = re.compile(r"\brunserver(?:_plus)?\b|\s--reload\b")
PRODUCTION = re.compile(r"\b(?:gunicorn|uvicorn|daphne|hypercorn|granian|uwsgi|waitress-serve)\b")
MODE_VARIABLES = frozenset(
    {"DJANGO_SETTINGS_MODULE", "DJANGO_DEBUG", "DEBUG", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "HOME"}
    | {"COMPOSE_FILE", "DOCKERTOOLS_UID", "DOCKERTOOLS_GID"}  # where .env is handed on to a container
)
BOTH_MODES = frozenset({"build", "image", "command", "develop", "entrypoint", "environment", "ports", "volumes"})
PROD_KEYS = BOTH_MODES | {
    "cap_drop", "deploy", "depends_on", "healthcheck", "init", "logging", "mem_limit", "pids_limit", "read_only",
    "restart", "security_opt", "stop_grace_period", "tmpfs",
}  # fmt: skip
DEV_KEYS = BOTH_MODES | {
    "depends_on", "healthcheck", "init", "read_only", "restart", "stop_grace_period", "tmpfs", "user",
}  # fmt: skip
OWN_WORDS = ("healthcheck", "logging", "mem_limit", "pids_limit", "stop_grace_period")
"""What stays as the author said it where he said it."""
ADDITIVE = ("cap_drop", "security_opt", "tmpfs")
SKIPPED = frozenset({".venv", "venv", "node_modules", ".git", "__pycache__"})


@dataclass(frozen=True)
class Intent:
    """What is known of a project by whoever wrote it; mounts are given by the container's path."""

    root: Path
    built: frozenset[str] = frozenset()
    servers: frozenset[str] = frozenset()
    stores: frozenset[str] = frozenset()
    tasks: frozenset[str] = frozenset()
    keeps: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """All that the built services still mount in production; in development, what they mount besides the source."""
    source: Mapping[str, tuple[Path, str]] = field(default_factory=dict)
    """In development: the host's folder that a service sees at a place."""
    active: frozenset[str] | None = None
    """The services that are on without a profile, where the modes are about profiles."""
    runs_image: frozenset[str] = frozenset()
    """Services other than Django's whose development command gives way to the image's own."""
    names_entrypoint: frozenset[str] = frozenset()
    """Services whose image has an entrypoint that no production server can follow."""
    unwatched: Mapping[str, str] = field(default_factory=dict)
    """What a service runs once the watcher around its command is gone."""
    environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unchanged: Mapping[str, frozenset[str]] = field(default_factory=dict)
    still_runs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    never_runs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    variables: frozenset[str] = MODE_VARIABLES
    image_serves: bool = True
    is_hardened: bool = True
    user: str | None = None


def judge_prod(before: Model, after: Model, intent: Intent) -> list[str]:
    """Return what is wrong with the switch to production."""
    return [
        *_outside(before, after, intent, PROD_KEYS, {"ports"}, set()),
        *_added_services(before, after, intent),
        *judge_mounts(after, intent),
        *_each(before, after, intent.built, lambda name, old, new: _kept_mounts(name, old, new, intent)),
        *_each(before, after, intent.built, _own_words),
        *_each(before, after, intent.built, lambda name, old, new: _prod_command(name, old, new, intent)),
        *_migrations(before, after),
        *_loopback(after, intent.stores),
        *(_hardening(after, intent) if intent.is_hardened else ()),
        *_targets(after, intent),
        *_environment(after, intent),
        *_images(before, after, intent),
        *_active(after, intent),
    ]


def judge_dev(before: Model, after: Model, intent: Intent) -> list[str]:
    """Return what is wrong with the switch to development."""
    return [
        *_outside(before, after, intent, DEV_KEYS, {"ports"}, {"ports"}),
        *(f"{name}: a service that was not there" for name in sorted(services_of(after).keys() - services_of(before))),
        *_each(before, after, intent.built, lambda name, old, new: _dev_mounts(name, old, new, intent)),
        *_sources(after, intent),
        *_each(before, after, intent.servers, lambda name, _, new: _dev_command(name, new, intent)),
        *_loopback(after, intent.stores | intent.built),
        *_targets(after, intent),
        *_environment(after, intent),
        *_images(before, after, intent),
        *_active(after, intent),
    ]


def judge_mounts(after: Model, intent: Intent) -> list[str]:
    """Return each mount of source code in the built services, whatever its spelling."""
    roots = [
        intent.root,
        *(Path(services_of(after)[name]["build"]["context"]) for name in with_build(after, intent.built)),
    ]
    return [
        f"{name}: {host} is still mounted at {target}"
        for name in sorted(intent.built)
        for host, target in host_mounts(after, name)
        if _holds_root(host, roots) or (target not in intent.keeps.get(name, ()) and _is_source(host, roots))
    ]


def _outside(
    before: Model, after: Model, intent: Intent, built: frozenset[str], stores: set[str], others: set[str]
) -> Iterator[str]:
    """Yield each change outside of the paths that the mode is about."""
    for key in sorted(before.keys() | after.keys()):
        if key not in ("services", "volumes") and before.get(key) != after.get(key):
            yield f"{key}: {before.get(key)} became {after.get(key)}"
    yield from _volumes(before, after)
    for name, old in sorted(services_of(before).items()):
        new = services_of(after).get(name)
        if new is None:
            yield f"{name}: the service is gone"
            continue
        allowed = built if name in intent.built else stores if name in intent.stores else others
        allowed = (allowed | (set() if intent.active is None else {"profiles"})) - intent.unchanged.get(
            name, frozenset()
        )
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) == new.get(key):
                continue
            if key not in allowed:
                yield f"{name}.{key}: {old.get(key)} became {new.get(key)}"
            yield from (f"{name}.{words}" for words in _inside(key, old.get(key), new.get(key), intent))


def _inside(key: str, old: Any, new: Any, intent: Intent) -> Iterator[str]:
    """Yield what may not change inside of a key that may."""
    if key == "build":
        # None is left where another service builds the same image: see `_images`.
        if new is not None and without(old, "target") != without(new, "target"):
            yield f"build: {old} became {new}"
    elif key == "environment":
        changed = {name for name in {**(old or {}), **(new or {})} if part_of(old, name) != part_of(new, name)}
        yield from (f"environment.{name} changed" for name in sorted(changed - intent.variables))
    elif key == "ports":
        if _places(old) != _places(new):
            yield f"ports: {old} became {new}"
        yield from _opened(old, new)
    elif key == "deploy":
        if not holds(new or {}, old or {}):
            yield f"deploy: {old} became {new}"
    elif key == "depends_on":
        yield from (f"depends_on: {name} is gone" for name in (old or {}) if (new or {}).get(name) != old[name])
    elif key in ADDITIVE:
        yield from (f"{key}: {word} is gone" for word in old or () if word not in (new or ()))


def _opened(old: Any, new: Any) -> Iterator[str]:
    """Yield each port that can be reached from more addresses than before."""
    for port in new or ():
        before = [entry for entry in old or () if without(entry, "host_ip") == without(port, "host_ip")]
        if not is_loopback(port) and all(entry.get("host_ip") != port.get("host_ip") for entry in before):
            yield f"ports: {port} is reached from elsewhere than before"


def _volumes(before: Model, after: Model) -> Iterator[str]:
    """Yield what is wrong with the named volumes; compose leaves out those that nothing uses."""
    used = {mount.get("source") for values in services_of(after).values() for mount in values.get("volumes") or ()}
    for name, options in (before.get("volumes") or {}).items():
        if name in used and (after.get("volumes") or {}).get(name) != options:
            yield f"volumes.{name}: {options} became {(after.get('volumes') or {}).get(name)}"


def _added_services(before: Model, after: Model, intent: Intent) -> Iterator[str]:
    images = {image_of(after, name) for name in intent.built if name in services_of(after)}
    builds = [services_of(after)[name].get("build") for name in with_build(after, intent.built)]
    for name in sorted(services_of(after).keys() - services_of(before).keys()):
        values = services_of(after)[name]
        is_ours = image_of(after, name) in images or values.get("build") in builds
        if "migrate" not in _text(values) or not is_ours:
            yield f"{name}: a service that was not there"
        for host, target in host_mounts(after, name):
            if _is_source(host, [intent.root]):
                yield f"{name}: {host} is mounted at {target}"


def _kept_mounts(name: str, old: Service, new: Service, intent: Intent) -> Iterator[str]:
    expected = intent.keeps.get(name, frozenset())
    left = {target_of(mount): mount for mount in new.get("volumes") or ()}
    for mount in old.get("volumes") or ():
        if target_of(mount) in expected and not _is_same(mount, left.get(target_of(mount))):
            yield f"{name}: {mount} must stay, and it is {left.get(target_of(mount))}"
    yield from (f"{name}: {left[target]} must not be mounted" for target in sorted(left.keys() - expected))


def _is_same(mount: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    """Return whether two mounts are one; options that are empty say nothing, and a final slash neither."""
    one, two = ({key: value for key, value in (entry or {}).items() if value} for entry in (mount, other))
    return {**one, "target": target_of(mount)} == {**two, "target": target_of(other)} if other else False


def _own_words(name: str, old: Service, new: Service) -> Iterator[str]:
    for key in OWN_WORDS:
        if old.get(key) is not None and new.get(key) != old[key]:
            yield f"{name}.{key}: {old[key]} is what its author wrote, and it became {new.get(key)}"


def _prod_command(name: str, old: Service, new: Service, intent: Intent) -> Iterator[str]:
    text = _text(new)
    if name in intent.runs_image:
        if text:
            yield f"{name}: runs {text!r} in place of the image's own command"
        return
    if name not in intent.servers:
        if text != (expected := intent.unwatched.get(name, _text(old))):
            yield f"{name}: runs {text!r} in place of {expected!r}"
        return
    if name in intent.names_entrypoint and not new.get("entrypoint"):
        yield f"{name}: {text!r} is handed to the image's entrypoint"
    if DEVELOPMENT.search(text):
        yield f"{name}: runs a development server: {text!r}"
    if text and not PRODUCTION.search(text):
        yield f"{name}: {text!r} starts no production server"
    if not text and not intent.image_serves:
        yield f"{name}: runs nothing of its own, and the image serves nothing"
    yield from (f"{name}: {text!r} has {words!r}" for words in intent.never_runs.get(name, ()) if words in text)
    yield from (f"{name}: {text!r} lost {words!r}" for words in intent.still_runs.get(name, ()) if words not in text)


def _migrations(before: Model, after: Model) -> Iterator[str]:
    migrating = [name for name, values in services_of(after).items() if re.search(r"\bmigrate\b", _text(values))]
    yield from (f"{name}: each replica migrates" for name in migrating if _replicas(services_of(after)[name]) > 1)
    if not migrating and any(re.search(r"\bmigrate\b", _text(values)) for values in services_of(before).values()):
        yield "nothing migrates any more"


def _hardening(after: Model, intent: Intent) -> Iterator[str]:
    yield from (
        f"{name}: ends, and restarts" for name in intent.tasks if services_of(after)[name].get("restart", "no") != "no"
    )
    for name in sorted(intent.built - intent.tasks):
        values = services_of(after)[name]
        limits = (part_of(values.get("deploy"), "resources") or {}).get("limits") or {}
        policy = (part_of(values.get("deploy"), "restart_policy") or {}).get("condition")
        required = {
            "a restart policy": values.get("restart", policy) not in (None, "no", "none"),
            "a health check": name not in intent.servers or bool(values.get("healthcheck")),
            "log rotation": "max-size" in (part_of(values.get("logging"), "options") or {}),
            "dropped capabilities": "ALL" in (values.get("cap_drop") or ()),
            "no-new-privileges": any("no-new-privileges" in word for word in values.get("security_opt") or ()),
            "a memory limit": bool(values.get("mem_limit") or limits.get("memory")),
            "a pid limit": bool(values.get("pids_limit") or limits.get("pids")),
            "stop_grace_period": bool(values.get("stop_grace_period")),
        }
        yield from (f"{name}: lacks {what}" for what, is_there in required.items() if not is_there)


def _dev_mounts(name: str, old: Service, new: Service, intent: Intent) -> Iterator[str]:
    left = {target_of(mount): mount for mount in new.get("volumes") or ()}
    source = {place for _, place in intent.source.values()}
    for mount in old.get("volumes") or ():
        if not _is_same(mount, left.get(target_of(mount))) and target_of(mount) not in source:
            yield f"{name}: {mount} must stay, and it is {left.get(target_of(mount))}"
    expected = intent.keeps.get(name, frozenset())
    yield from (f"{name}: nothing is mounted at {target}" for target in sorted(expected - left.keys()))


def _sources(after: Model, intent: Intent) -> Iterator[str]:
    for name, (folder, place) in sorted(intent.source.items()):
        values = services_of(after)[name]
        if seen_at(after, name, place) != resolved(folder) and not _is_synced(values, folder, place):
            yield f"{name}: {folder} is not seen at {place}, {seen_at(after, name, place)} is"
        is_own = "user" in intent.unchanged.get(name, ())
        if intent.user is not None and not is_own and values.get("user") != intent.user:
            yield f"{name}: runs as {values.get('user')}, not as {intent.user}"


def _dev_command(name: str, new: Service, intent: Intent) -> Iterator[str]:
    is_image_own = not _text(new) and not intent.image_serves  # it reloads, and serves nothing in production
    if not is_image_own and not DEVELOPMENT.search(_text(new)) and ".sh" not in _text(new):
        yield f"{name}: {_text(new)!r} does not reload"


def _loopback(after: Model, names: frozenset[str]) -> Iterator[str]:
    for name in sorted(names):
        for port in services_of(after)[name].get("ports") or ():
            if not is_loopback(port):
                yield f"{name}: port {port['target']} is published on {port.get('host_ip') or 'every address'}"


def _targets(after: Model, intent: Intent) -> Iterator[str]:
    for name, target in intent.targets.items():
        image = image_of(after, name)
        builders = [other for other in with_build(after, intent.built) if image_of(after, other) == image]
        for found in (part_of(services_of(after)[other]["build"], "target") or "" for other in builders):
            if found not in target:
                yield f"{name}: is built from {found or 'the last stage'}, not {target}"


def _environment(after: Model, intent: Intent) -> Iterator[str]:
    for name, expected in intent.environment.items():
        found = services_of(after)[name].get("environment") or {}
        yield from (
            f"{name}: {key} is {found.get(key)!r}, not {value!r}"
            for key, value in expected.items()
            if found.get(key) != value
        )


def _images(before: Model, after: Model, intent: Intent) -> Iterator[str]:
    """Yield each image that has another name for no reason, that nothing builds any more, or not as it was built."""
    old, new = (builds_of(model, intent.built) for model in (before, after))
    stages = [{image_of(model, name): part_of(build, "target") for name, build in builds} for model, builds in
              ((before, old), (after, new))]  # fmt: skip
    same_stages = set(stages[0].values()) == set(stages[1].values())
    images: dict[str, Any] = {}
    for name, build in new:
        if images.setdefault(image_of(after, name), build) != build:
            yield f"{name}: another service builds {image_of(after, name)} differently"
    for name, build in old:
        if without(images.get(image_of(after, name)), "target") != without(build, "target"):
            yield f"{name}: nothing builds {image_of(after, name)} as it was built"
    for name in sorted(intent.built):
        if image_of(before, name) != image_of(after, name) and same_stages:
            yield f"{name}.image: {image_of(before, name)} became {image_of(after, name)}"
        if image_of(before, name) in stages[0] and image_of(after, name) not in images:
            yield f"{name}: nothing builds {image_of(after, name)}"


def _active(after: Model, intent: Intent) -> Iterator[str]:
    active = {name for name, values in services_of(after).items() if not values.get("profiles")}
    if intent.active is not None and active != intent.active:
        yield f"on are {sorted(active)}, not {sorted(intent.active)}"


def _is_synced(values: Service, folder: Path, place: str) -> bool:
    rules = part_of(values.get("develop"), "watch") or ()
    return any(
        rule["action"].startswith("sync")
        and resolved(Path(rule["path"])) == resolved(folder)
        and rule.get("target", "").rstrip("/") == place
        for rule in rules
    )


def _is_source(host: Path, roots: list[Path]) -> bool:
    if _holds_root(host, roots):
        return True
    if not any(host.is_relative_to(resolved(root)) for root in roots):
        return False
    if host.is_file():
        return host.suffix in (".py", ".sh")
    return any(path.suffix == ".py" and not SKIPPED & set(path.parts) for path in host.rglob("*.py"))


def _holds_root(host: Path, roots: list[Path]) -> bool:
    return any(resolved(root).is_relative_to(host) for root in roots)


def _each(
    before: Model, after: Model, names: frozenset[str], judge: Callable[[str, Service, Service], Iterator[str]]
) -> Iterator[str]:
    for name in sorted(names & services_of(before).keys() & services_of(after).keys()):
        yield from judge(name, services_of(before)[name], services_of(after)[name])


def _text(values: Service) -> str:
    return " ".join((*(values.get("entrypoint") or ()), *(values.get("command") or ())))


def _replicas(values: Service) -> int:
    return int(values.get("scale") or part_of(values.get("deploy"), "replicas") or 1)


def _places(ports: Any) -> list[str]:
    return sorted(json.dumps(without(port, "host_ip"), sort_keys=True) for port in ports or ())
