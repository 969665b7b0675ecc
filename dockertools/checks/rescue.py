"""Let `manage.py docker_check` run where `django.setup()` fails.

A library that is missing makes `manage.py` end in a traceback before any command has its turn, and that is just
what the command is to explain. So while it is the one that is being started, the error that the setup ends in
is answered by those of its checks that need no apps.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType

from django.apps import apps

COMMAND = "docker_check"


def is_starting_check(argv: Sequence[str]) -> bool:
    """Return whether this process was started to run `docker_check`."""
    return len(argv) > 1 and argv[1] == COMMAND


def install_rescue(argv: Sequence[str]) -> None:
    """Answer an error that ends the process before the apps are loaded with the checks that need none."""
    previous = sys.excepthook

    def rescue(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if apps.ready or not issubclass(kind, Exception):
            previous(kind, error, traceback)
            return
        from dockertools.management.commands.docker_check import Command  # noqa: PLC0415  # only when it is needed

        command = Command()
        command.setup_error = f"{kind.__name__}: {' '.join(str(error).split())}"
        command.run_from_argv(list(argv))
        sys.exit(0)

    sys.excepthook = rescue
