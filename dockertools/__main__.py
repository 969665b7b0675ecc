"""`python -m dockertools COMMAND --project PATH`: the commands without the project's settings.

For a project that is not set up yet or cannot be imported: its code is never run. The configuration is
`[tool.dockertools]` of its pyproject.toml; keys are those of `settings.DOCKERTOOLS`, in either case, with `-` or `_`.
"""

from __future__ import annotations

import os
import pkgutil
import sys
import tomllib
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import load_command_class

from dockertools.errors import DockertoolsError, UsageError
from dockertools.management import commands

PREFIX = "docker_"


def main(argv: list[str]) -> None:
    """Run the command that `argv` (without the program) names."""
    names = [name.removeprefix(PREFIX) for _, name, _ in pkgutil.iter_modules(commands.__path__)]
    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write(_usage(names))
        return
    try:
        command, project, rest = _parse(argv, names)
        os.chdir(project)
        configure(project)
    except DockertoolsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    name = PREFIX + command
    load_command_class("dockertools", name).run_from_argv(["python -m dockertools", name, *rest])


def configure(project: Path) -> None:
    """Set Django up with empty settings and the project's `[tool.dockertools]`.

    It is `django.setup()` without logging and URLs, which would take as long as all the rest of the start.
    Raises DockertoolsError when its pyproject.toml is not TOML.
    """
    settings.configure(INSTALLED_APPS=["dockertools"], DOCKERTOOLS=read_configuration(project), USE_TZ=True)
    apps.populate(settings.INSTALLED_APPS)


def read_configuration(project: Path) -> dict[str, Any]:
    """Return `[tool.dockertools]` of the project's pyproject.toml, keys as in the Django setting."""
    path = project / "pyproject.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("dockertools", {})
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DockertoolsError(f"{path} cannot be read: {error}.", hint="Correct it and run this again.") from error
    return {key.replace("-", "_").upper(): value for key, value in table.items()}


def _parse(argv: list[str], names: list[str]) -> tuple[str, Path, list[str]]:
    command, *rest = argv
    if command not in names:
        raise UsageError(f"There is no command {command!r}.", hint=f"Choose one of: {', '.join(names)}.")
    project = "."
    for position, word in enumerate(rest):
        if word == "--project" and position + 1 < len(rest):
            project = rest[position + 1]
            rest = rest[:position] + rest[position + 2 :]
            break
        if word.startswith("--project="):
            project = word.partition("=")[2]
            rest = rest[:position] + rest[position + 1 :]
            break
    folder = Path(project)
    if not folder.is_dir():
        raise UsageError(f"--project {project} is not a folder.", hint="Name the folder that holds manage.py.")
    return command, folder.resolve(), rest


def _usage(names: list[str]) -> str:
    commands_list = "\n".join(f"  {name}" for name in names)
    return (
        "usage: python -m dockertools COMMAND [--project PATH] [options]\n\n"
        f"Commands (COMMAND --help tells more):\n{commands_list}\n\n"
        "PATH is the folder of a Django project, by default this one; its code is not run.\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
