"""The Dockerfile."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Any

from dockertools.conf import INFERRED, Config
from dockertools.project.facts import FrontEndFacts, ProjectFacts
from dockertools.rendering import tools
from dockertools.rendering.closure import closure_values
from dockertools.rendering.commands import exec_form, health_argv, manage_argv, server_argv
from dockertools.rendering.environment import (
    DATA,
    build_variables,
    data_variables,
    development_variables,
    words,
    writes_beside_code,
)
from dockertools.rendering.install import UV_CACHE, plan_installation
from dockertools.rendering.templates import read_template, render

_STATIC_APP = "django.contrib.staticfiles"
_WIDTH = 118
_ENVIRONMENT = tuple(f"--from=builder /opt/layers/{number} /opt/venv" for number in range(1, 8))
_BYTECODE = tuple(f"--from=bytecode /bytecode/{number} /" for number in range(1, 5))
"""What layers.py.txt and bytecode.py.txt make: three of large packages, two of small ones, Django, the rest; two of
packages, Django, the code."""
_VENV = "--mount=type=bind,from=builder,source=/opt/venv,target=/opt/venv,rw"
"""Where code runs in the build, the environment is only mounted: it need not wait until the layers are put together.
What is written there is dropped; BuildKit reads through all of a mount that cannot be written to, to know it again.
"""


def render_dockerfile(facts: ProjectFacts, config: Config) -> str:
    """Return the Dockerfile of the variant that is configured."""
    production = {**_production(facts, config), **closure_values(facts, config)}
    is_alpine = config.variant == "alpine"
    user = {"is_alpine": is_alpine, "user_lines": " \\\n && ".join(_user(facts, is_alpine=is_alpine))}
    return render("Dockerfile", {**_builder(facts, config), **_runtime(facts), **production, **user})


def _user(facts: ProjectFacts, *, is_alpine: bool) -> tuple[str, ...]:
    """Return what makes the user, and the folders that are his; Alpine's busybox knows short options alone."""
    folders = tuple(filter(None, (DATA if data_variables(facts) else "", _media(facts))))
    if is_alpine:
        making = (
            "addgroup -g 1000 django",
            "adduser -u 1000 -G django -D -H -h /nonexistent -s /sbin/nologin django",
        )
        owning = "install -d -o 1000 -g 1000"
    else:
        making = (
            "groupadd --gid 1000 django",
            "useradd --uid 1000 --gid 1000 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin django",
        )
        owning = "install --directory --owner 1000 --group 1000"
    return (*making, *([" ".join((owning, *folders))] if folders else ()))


def _builder(facts: ProjectFacts, config: Config) -> dict[str, Any]:
    plan = plan_installation(facts)
    packages = facts.packages.build
    compiles = any(name in packages for name in ("gcc", "g++", "clang"))
    has_strip = compiles or "binutils" in packages
    return {
        "facts": facts,
        "python": facts.python,
        "uv": tools.UV,
        "compiles": compiles,
        "build_packages": "" if has_strip else "binutils",
        "build_lines": _wrap((*packages, *(() if has_strip else ("binutils",)))),
        "install": plan,
        "install_lines": _run(plan.mounts, plan.commands),
        "is_uv": any("UV_PROJECT_ENVIRONMENT" in command or "uv sync" in command for command in plan.commands),
        "locales": _locales(facts, config),
        "layers": read_template("layers.py.txt").rstrip(),
        "environment": _ENVIRONMENT,
        "front_end": _front_end(facts.front_end, facts.python.suite),
    }


def _wrap(packages: Iterable[str]) -> str:
    """Return the packages as one line, or one a line when they are too many to be read so."""
    names = tuple(packages)
    line = " ".join(names)
    return line if len(line) < _WIDTH - 50 else " \\\n        ".join(["", *names]).lstrip()


def _run(mounts: Iterable[str], commands: Iterable[str]) -> str:
    return " \\\n    ".join([*mounts, " \\\n && ".join(commands)])


def _locales(facts: ProjectFacts, config: Config) -> tuple[str, ...] | None:
    """Return the names of locale folders that stay, None when all do.

    A visitor who asks for `pt-br` and finds it missing gets `pt`, so that the plain language stays as well.
    """
    inferred = facts.settings.languages
    if INFERRED in config.languages and inferred is None:
        return None
    codes = [code for item in config.languages for code in ((inferred or ()) if item == INFERRED else (item,))]
    names = {"en", *(name for code in codes for name in (_locale(code), _locale(code.partition("-")[0])))}
    return tuple(sorted(names))


def _locale(code: str) -> str:
    """Return the folder of a language code, as `django.utils.translation.to_locale` does."""
    language, _, region = code.lower().partition("-")
    if not region:
        return language
    first, dash, rest = region.partition("-")
    return f"{language}_{first.title() if len(first) > 2 else first.upper()}{dash}{rest}"


def _front_end(front_end: FrontEndFacts | None, suite: str) -> dict[str, Any] | None:
    if front_end is None:
        return None
    prefix = "" if front_end.folder == "." else f"{front_end.folder}/"
    files = [name for name in ("package.json", front_end.lock_file) if name]
    install, cache = _NODE_MANAGERS[front_end.manager]
    if front_end.lock_file is None:
        install = "npm install"
    mounts = [f"--mount=type=bind,source={prefix}{name},target={name}" for name in files]
    mounts = [] if front_end.has_workspaces else mounts
    return {
        "image": _node_image(front_end.node_version, suite),
        "folder": f"/app/{front_end.folder}" if prefix else "/app",
        "copy": ". /app/" if front_end.reads_templates else f"{prefix} ./",
        "is_everything": front_end.reads_templates,
        "install_lines": _run([f"--mount=type=cache,target={cache}", *mounts], [install]),
        "is_workspace": front_end.has_workspaces,
        "build": f"{front_end.manager} run build",
    }


def _node_image(version: str, suite: str) -> str:
    """Return the tag; the images of versions before 20 ended before trixie came."""
    return f"node:{version}-{'bookworm' if int(version) < _FIRST_NODE_ON_TRIXIE else suite}-slim"


_FIRST_NODE_ON_TRIXIE = 20
_NODE_MANAGERS = {
    "npm": ("npm ci", "/root/.npm"),
    "yarn": ("yarn install --frozen-lockfile", "/usr/local/share/.cache/yarn"),
    "pnpm": ("npm install --global pnpm@10 && pnpm install --frozen-lockfile", "/root/.local/share/pnpm/store"),
}


def _runtime(facts: ProjectFacts) -> dict[str, Any]:
    return {
        "runtime_lines": _wrap(facts.packages.runtime),
        "runtime_reasons": _reasons(facts),
        "data": DATA if data_variables(facts) else "",
        "media": _media(facts),
        "data_variables": words(data_variables(facts)),
        "development_variables": words(development_variables(facts)),
        "code_target": "." if facts.code_folder == "." else "/app/",
        "workdir": "/app" if facts.code_folder == "." else f"/app/{facts.code_folder}",
    }


def _reasons(facts: ProjectFacts) -> list[str]:
    """Return comment lines such as `libpq5: psycopg-c`."""
    parts = [f"{name} for {', '.join(reasons)}" for name, reasons in facts.packages.reasons.items()]
    parts = [part for part in parts if part.split(" ")[0] in facts.packages.runtime]
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 4 < _WIDTH:
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    return lines


def _media(facts: ProjectFacts) -> str:
    folder = facts.settings.media_root
    return "" if not folder or folder.startswith("/") else f"/app/{folder}"


def _production(facts: ProjectFacts, config: Config) -> dict[str, Any]:
    comments, mounts, commands = _after_code(facts)
    return {
        "port": config.port,
        "build_variables": _build_words(facts),
        "assembly_comments": comments,
        "assembly_lines": _run(mounts, commands) if commands else "",
        "production_layers": _production_layers(facts),
        "below": "scratch" if config.variant == "distroless" else "runtime",
        "bytecode_lines": _bytecode(facts),
        "bytecode": read_template("bytecode.py.txt").rstrip(),
        "collecting": read_template("collectstatic.py.txt").rstrip() if _keeps_compressed(facts) else "",
        "health": exec_form(health_argv(facts, config)),
        "server": exec_form(server_argv(facts, config)),
        "development": exec_form(manage_argv(facts, "runserver", f"0.0.0.0:{config.port}")),
        "project_lines": _run(_PROJECT_MOUNTS, [_install_project(facts)]),
    }


_PROJECT_MOUNTS = (UV_CACHE, "--mount=type=bind,from=builder,source=/usr/local/bin/uv,target=/usr/local/bin/uv")
_HASHES = "PYTHONHASHSEED=0"
"""The order in sets is the same in every build."""
_WITH_BYTECODE = f"{_HASHES} PYTHONPYCACHEPREFIX=/var/cache/bytecode python --check-hash-based-pycs always"
"""Byte code that was kept is used where it has the hash of its source."""
_STATIC_TEST = (
    "import django, sys; django.setup(); from django.apps import apps; from django.conf import settings; "
    f"sys.exit(0 if apps.is_installed('{_STATIC_APP}') and settings.STATIC_ROOT else 3)"
)


def _install_project(facts: ProjectFacts) -> str:
    folder = posixpath.normpath(f"/app/{facts.manifest.folder}")
    return f"VIRTUAL_ENV=/opt/venv uv pip install --no-deps --editable {folder}"


def _bytecode_cache(facts: ProjectFacts) -> str:
    """Return the mount; another project's byte code, of other versions at the same places, has one of its own."""
    return f"--mount=type=cache,id={facts.name}-bytecode,target=/var/cache/bytecode"


def _static_cache(facts: ProjectFacts) -> str:
    return f"--mount=type=cache,id={facts.name}-static,target=/var/cache/static"


def _build_words(facts: ProjectFacts) -> str:
    return "".join(f"{word} \\\n    " for word in words(build_variables(facts)))


def _bytecode(facts: ProjectFacts) -> str:
    """Return the command that is given the script in the template."""
    python = f"{_build_words(facts)}{_WITH_BYTECODE} - {' '.join(_imported(facts))}"
    if facts.manifest.installs_project:
        return _run([_bytecode_cache(facts), *_PROJECT_MOUNTS, _VENV], [_install_project(facts), python])
    return _run([_bytecode_cache(facts), _VENV], [python])


def _production_layers(facts: ProjectFacts) -> tuple[str, ...]:
    """Return what production copies, by how often it changes."""
    *packages, django, rest = _ENVIRONMENT
    *imported, imported_django, code = _BYTECODE
    layers = (*packages[:3], *imported, *packages[3:], django, imported_django, rest)
    project = ("--from=assembly /project /",) if facts.manifest.installs_project else ()
    writable = ("--from=assembly /writable /",) if writes_beside_code(facts) else ()
    return (*layers, *project, code, "--from=assembly /app /app", *writable)


def _after_code(facts: ProjectFacts) -> tuple[list[str], list[str], list[str]]:
    """Return comments, mounts and commands of the RUN behind the code."""
    comments: list[str] = []
    mounts: list[str] = []
    commands: list[str] = []
    if facts.manifest.installs_project:
        comments.append(
            "The project is installed where it lies; what that adds to the environment is copied by itself."
        )
        mounts += [*_PROJECT_MOUNTS, _VENV]
        copying = "find /opt/venv -cnewer /tmp/before -not -type d -exec cp -a --parents -t /project {} +"
        commands += ["mkdir /project", "touch /tmp/before", _install_project(facts), copying]
    if writes_beside_code(facts):
        comments.append("SQLite's file lies beside manage.py: the user may add files there, and not touch the others.")
        comments.append("That is said of the folder by a layer of its own, since COPY forgets it.")
        folder = "/writable/app" if facts.code_folder == "." else f"/writable/app/{facts.code_folder}"
        commands += [f"mkdir -p {folder}", f"chgrp 1000 {folder}", f"chmod 1775 {folder}"]
    note, collecting = _collect_static(facts)
    comments += note
    if collecting:
        commands.append(collecting)
        mounts += [] if facts.manifest.installs_project else [_VENV]
        mounts.append(_bytecode_cache(facts))
        mounts += [_static_cache(facts)] if _keeps_compressed(facts) else []
    return comments, mounts, commands


def _collect_static(facts: ProjectFacts) -> tuple[list[str], str]:
    """Return what collects static files, told apart from a project that has none."""
    settings, values = facts.settings, _build_words(facts)
    command = (*(["-"] if _keeps_compressed(facts) else []), *manage_argv(facts, "collectstatic")[1:])
    collect = f"{values}{_WITH_BYTECODE} {' '.join(command)} --noinput --verbosity 0"
    if settings.installed_apps is None:
        comment = (
            "The settings do not say whether there are static files. Exit 3: there are none; broken settings fail."
        )
        return [comment], f'{{ {values}python -c "{_STATIC_TEST}" && {collect} || [ $? -eq 3 ]; }}'
    if not _collects_static(facts):
        nowhere = ["STATIC_ROOT is not set, so that there is nowhere to collect static files to."]
        return nowhere if _STATIC_APP in settings.installed_apps else [], ""
    placeholders = (
        ["The values are placeholders for one command: it needs no secret, and no database."] if values else []
    )
    return placeholders, collect


def _collects_static(facts: ProjectFacts) -> bool:
    """Whether the settings have static files, or do not say that they have none."""
    apps, root = facts.settings.installed_apps, facts.settings.static_root
    return apps is None or (_STATIC_APP in apps and root is not None)


def _keeps_compressed(facts: ProjectFacts) -> bool:
    """Whether static files are compressed by WhiteNoise, which would do it all again after each change of code."""
    return _collects_static(facts) and facts.manage is not None and "whitenoise" in facts.manifest.names


def _imported(facts: ProjectFacts) -> tuple[str, ...]:
    """Return the modules from which everything that the processes run is imported."""
    names = [facts.server.application.partition(":")[0], facts.settings.root_urlconf]
    workers = [worker.module for worker in facts.workers]
    return tuple(dict.fromkeys(filter(None, [*names, *workers])))
