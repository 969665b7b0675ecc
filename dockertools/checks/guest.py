"""`python -m dockertools.checks.guest`: docker_check for a project that does not have dockertools installed.

`docker_check --image` copies the package into a throw-away container and starts this there, in the image's working
folder. Packages that docker_check needs and the image lacks are beside it, in a folder that comes last on the path.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

FALLBACK = "fallback"
"""The folder, beside the package, with what docker_check needs itself."""
_SETTINGS = re.compile(r"""setdefault\(\s*["']DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")


def main(arguments: list[str]) -> None:
    """Run docker_check with these arguments in the project of the current folder."""
    sys.path.append(str(Path(__file__).resolve().parents[2] / FALLBACK))
    module = os.environ.get("DJANGO_SETTINGS_MODULE") or find_settings_module(Path.cwd())
    if not module:
        sys.stderr.write("Neither DJANGO_SETTINGS_MODULE nor manage.py names the settings.\n")
        sys.exit(2)
    os.environ["DJANGO_SETTINGS_MODULE"] = module
    run(["manage.py", "docker_check", *arguments])


def run(argv: list[str]) -> None:
    """Set Django up and run the command; where the set-up fails, run what needs no apps."""
    import django  # noqa: PLC0415  # the image's own; what is on the path is only known now

    from dockertools.checks.rescue import load_in_child  # noqa: PLC0415

    load_in_child(argv)
    django.setup()
    from dockertools.management.commands.docker_check import Command  # noqa: PLC0415

    Command().run_from_argv(argv)


def find_settings_module(folder: Path) -> str:
    """Return the settings module that the folder's manage.py names, empty where there is none."""
    try:
        text = (folder / "manage.py").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    match = _SETTINGS.search(text)
    return match[1] if match else ""


if __name__ == "__main__":
    main(sys.argv[1:])
