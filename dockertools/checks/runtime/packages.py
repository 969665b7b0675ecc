"""Group `packages`: what was pinned is installed, and imports."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.conf import global_settings, settings
from packaging.version import InvalidVersion, Version

from dockertools.checks.context import CheckContext
from dockertools.checks.isolation import End, Ended, describe_end, isolate
from dockertools.checks.registry import register_check
from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.checks.runtime.distributions import (
    InstalledDistribution,
    find_owners,
    find_unmet,
    map_modules,
    read_distributions,
)
from dockertools.checks.runtime.pins import Pin, find_pins_file, read_pins
from dockertools.checks.runtime.source import find_imports, iterate_source
from dockertools.checks.runtime.suites import find_missing_library, inspect_distribution, install_hint

GROUP = "packages"
IMPORT_SECONDS = 20.0
DRIVERS = {
    "django.db.backends.postgresql": ("psycopg", "psycopg2"),
    "django.contrib.gis.db.backends.postgis": ("psycopg", "psycopg2"),
    "django.db.backends.mysql": ("MySQLdb",),
    "django.db.backends.oracle": ("oracledb",),
}
"""The modules of which Django's database backends take the first one: https://docs.djangoproject.com/en/stable/ref/databases/"""

_REINSTALL = "Install what is pinned in the image's builder stage and build the image again."
# Without apps, a module that needs them says nothing about its package.
_SETUP_ERRORS = frozenset({"AppRegistryNotReady", "ImproperlyConfigured"})

Target = tuple[str, str | None]


@register_check(
    "dockertools.C101",
    group=GROUP,
    title="apps load",
    needs_setup=False,
    codes={"setup-failed": "`django.setup()` fails: an app, its models, or what they import cannot be loaded."},
)
def check_setup(context: CheckContext) -> Iterator[Outcome]:
    """Load the settings and all installed apps, as every process of the project does first.

    When that fails, the checks that need apps are skipped; those of packages and libraries then name the cause.
    """
    if context.setup_error is None:
        yield passed(f"{len(settings.INSTALLED_APPS)} apps")
        return
    library = find_missing_library(context.setup_error)
    hint = (
        install_hint(library, inspect_distribution())
        if library
        else "See the findings below; `python -X faulthandler manage.py check` shows where it happens."
    )
    yield failed("setup-failed", f"the apps do not load: {context.setup_error}", hint, library=library)


@register_check(
    "dockertools.C102",
    group=GROUP,
    title="pinned versions",
    needs_setup=False,
    codes={
        "not-installed": "A pinned distribution is not installed.",
        "wrong-version": "A distribution is installed in another version than the pinned one.",
        "no-pins": "Skipped: neither a lock file nor requirements.txt pins anything.",
    },
)
def check_pins(context: CheckContext) -> Iterator[Outcome]:
    """Compare what is installed with the pins of `requirements.lock` in the environment's folder.

    The builder stage writes that file. Without it, the `name==version` lines of the project's requirements count
    whose markers hold here.
    """
    path = find_pins_file(context.environment.prefix, context.root, context.config.manifest)
    pins = read_pins(path) if path else ()
    if path is None or not pins:
        yield skipped("no-pins", "there is neither a lock file nor a requirements.txt with pins")
        return
    versions = {item.name: item.version for item in read_distributions(context.environment.site_packages)}
    findings = tuple(outcome for pin in pins if (outcome := _judge_pin(pin, versions, str(path))))
    yield from findings or (passed(f"{len(pins)} of {len(pins)} as in {path}", path=str(path), pins=len(pins)),)


@register_check(
    "dockertools.C103",
    group=GROUP,
    title="imports",
    timeout=300,
    needs_setup=False,
    codes={
        "module-missing": "A module or name that the project imports is not there.",
        "import-failed": "Importing a module raises an error.",
        "import-exited": "Importing a module ends the process.",
        "import-crashed": "Importing a module crashes the process.",
        "import-hung": f"Importing a module takes longer than {IMPORT_SECONDS:g} seconds.",
        "no-imports": "Skipped: the project imports nothing that is installed.",
    },
)
def check_imports(context: CheckContext) -> Iterator[Outcome]:
    """Import, in a process of their own, the modules of each distribution that the project's code and settings name.

    Imports inside functions count; those under `if TYPE_CHECKING`, or in a `try` that handles their failure, do not.
    """
    targets = find_import_targets(context)
    if not targets:
        yield skipped("no-imports", "the project imports nothing that is installed")
        return
    findings: list[Outcome] = []
    for distribution, modules in sorted(targets.items()):
        findings += import_modules(
            distribution, sorted(modules, key=lambda target: (target[0], target[1] or "")), context
        )
    count = len({module for modules in targets.values() for module, _ in modules})
    yield from findings or (
        passed(f"{count} modules of {len(targets)} distributions", distributions=sorted(targets), modules=count),
    )


@register_check(
    "dockertools.C104",
    group=GROUP,
    title="metadata",
    needs_setup=False,
    codes={
        "broken-metadata": "A distribution's metadata lack its name or version.",
        "duplicate-metadata": "A distribution is installed twice in one environment.",
        "requirement-unmet": "A distribution requires another one that is missing or has the wrong version.",
    },
)
def check_metadata(context: CheckContext) -> Iterator[Outcome]:
    """Read the metadata of every installed distribution, which an interrupted or mixed installation leaves broken."""
    distributions = read_distributions(context.environment.site_packages)
    findings = (*_broken(distributions), *_duplicates(distributions), *_unmet(distributions))
    yield from findings or (passed(f"{len(distributions)} distributions", distributions=len(distributions)),)


def find_import_targets(context: CheckContext) -> dict[str, set[Target]]:
    """Return what is to be imported, by distribution."""
    targets: set[Target] = set(_settings_targets())
    for _, tree in iterate_source(context.root):
        targets.update(find_imports(tree))
    by_distribution = map_modules(find_owners(), {module for module, _ in targets})
    return {
        distribution: {target for target in targets if target[0] in modules}
        for distribution, modules in by_distribution.items()
    }


def import_modules(distribution: str, targets: list[Target], context: CheckContext) -> Iterator[Outcome]:
    """Import the modules one after the other; after one that ends the process, go on in another process."""
    while targets:
        reader, writer = os.pipe()
        try:
            ended = isolate(lambda: _import_all(targets, writer), timeout=IMPORT_SECONDS)  # noqa: B023  # run at once
            os.set_blocking(reader, False)
            begun = len(_read_all(reader))
        finally:
            os.close(reader)
            os.close(writer)
        if ended.end is End.RETURNED:
            return
        culprit, targets = targets[max(begun - 1, 0)], targets[max(begun, 1) :]
        if context.setup_error is None or ended.error_type not in _SETUP_ERRORS:
            yield _import_finding(distribution, culprit, ended)


def _import_all(targets: Iterable[Target], progress: int) -> None:
    """Import; a byte on `progress` for each import that begins tells the parent which one was the last."""
    for module, name in targets:
        os.write(progress, b".")
        loaded = importlib.import_module(module)
        if name is not None and not hasattr(loaded, name):
            importlib.import_module(f"{module}.{name}")


def _read_all(reader: int) -> bytes:
    try:
        return os.read(reader, 65536)
    except BlockingIOError:
        return b""


def _import_finding(distribution: str, target: Target, ended: Ended) -> Outcome:
    module = ".".join(part for part in target if part)
    codes = {End.EXITED: "import-exited", End.CRASHED: "import-crashed", End.TIMED_OUT: "import-hung"}
    code = codes.get(ended.end) or ("module-missing" if ended.error_type == "ModuleNotFoundError" else "import-failed")
    library = find_missing_library(ended.error)
    if library:
        hint = install_hint(library, inspect_distribution())
    elif code == "module-missing":
        hint = _REINSTALL
    else:
        hint = f"See for yourself: python -X faulthandler -c 'import {target[0]}'"
    return failed(
        code,
        f"{distribution}: importing {module} {describe_end(ended, IMPORT_SECONDS)}",
        hint,
        distribution=distribution,
        module=module,
        library=library,
        output=ended.output,
    )


def _settings_targets() -> Iterator[Target]:
    """Yield the modules and classes that the settings name by their dotted paths; defaults may need missing apps."""
    for name in ("MIDDLEWARE", "AUTHENTICATION_BACKENDS"):
        if getattr(settings, name) != getattr(global_settings, name):
            yield from _targets_of(*getattr(settings, name))
    for options in (*settings.TEMPLATES, *settings.CACHES.values(), *settings.STORAGES.values()):
        yield from _targets_of(options.get("BACKEND"))
    for path in settings.INSTALLED_APPS:
        yield (path, None) if path.rpartition(".")[2].islower() else _split(path)
    for options in settings.DATABASES.values():
        yield from ((module, None) for module in _driver(options))


def _targets_of(*paths: object) -> Iterator[Target]:
    yield from (_split(path) for path in paths if isinstance(path, str) and "." in path)


def _split(path: str) -> Target:
    module, _, name = path.rpartition(".")
    return module, name


def _driver(options: Mapping[str, Any]) -> Iterator[str]:
    drivers = DRIVERS.get(options.get("ENGINE", ""), ())
    yield from drivers[:1] if not drivers[1:] or importlib.util.find_spec(drivers[0]) else drivers[1:]


def _judge_pin(pin: Pin, versions: Mapping[str, str], path: str) -> Outcome | None:
    installed = versions.get(pin.name)
    evidence = {"distribution": pin.name, "pinned": pin.version, "installed": installed, "path": path}
    if installed is None:
        return failed("not-installed", f"{pin.name}=={pin.version} is not installed", _REINSTALL, **evidence)
    if not _is_same_version(installed, pin.version):
        message = f"{pin.name} is {installed or 'of no known version'}, pinned is {pin.version}"
        return failed("wrong-version", message, _REINSTALL, **evidence)
    return None


def _is_same_version(first: str, second: str) -> bool:
    """Return whether the versions are equal; a local part (`+cpu`) counts only where the pin has one (PEP 440)."""
    try:
        installed, pinned = Version(first), Version(second)
    except InvalidVersion:
        return first == second
    return installed == pinned or (pinned.local is None and installed.public == pinned.public)


def _broken(distributions: Iterable[InstalledDistribution]) -> Iterator[Outcome]:
    for item in distributions:
        if not item.version:
            message = f"{item.folder} has no name or version in its metadata"
            yield failed("broken-metadata", message, f"Remove {item.folder}. {_REINSTALL}", folder=item.folder)


def _duplicates(distributions: Iterable[InstalledDistribution]) -> Iterator[Outcome]:
    distributions = tuple(distributions)
    for name, count in Counter(item.name for item in distributions).items():
        if name and count > 1:
            folders = [item.folder for item in distributions if item.name == name]
            message = f"{name} is installed {count} times: {', '.join(folders)}"
            yield failed(
                "duplicate-metadata", message, f"Begin with an empty environment. {_REINSTALL}", folders=folders
            )


def _unmet(distributions: Iterable[InstalledDistribution]) -> Iterator[Outcome]:
    for unmet in find_unmet(distributions):
        state = f"{unmet.installed} is installed" if unmet.installed else "it is not installed"
        yield warned(
            "requirement-unmet",
            f"{unmet.distribution} requires {unmet.requirement}, and {state}",
            "Resolve the pins anew, so that all requirements hold.",
            distribution=unmet.distribution,
            requirement=unmet.requirement,
        )
