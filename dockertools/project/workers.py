"""Processes beside the server: task queues and their schedules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from dockertools.project.environment_calls import dotted
from dockertools.project.facts import SettingsFacts, WorkerFacts
from dockertools.project.layout import Layout, walk_folders

# Where a queue's worker is a management command of an installed app.
_COMMANDS = {
    "django_rq": ("rqworker", "default"),
    "huey.contrib.djhuey": ("run_huey",),
    "django_dramatiq": ("rundramatiq",),
    "django_q": ("qcluster",),
    "procrastinate.contrib.django": ("procrastinate", "worker"),
    "django_tasks.backends.database": ("db_worker",),
}
_DATABASE_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"


def find_workers(layout: Layout, settings: SettingsFacts, distributions: frozenset[str]) -> tuple[WorkerFacts, ...]:
    """Return the workers that the project's apps and modules call for."""
    return (*_celery(layout, settings, distributions), *_commands(layout, settings))


def _commands(layout: Layout, settings: SettingsFacts) -> Iterator[WorkerFacts]:
    manage = ("python", Path(layout.manage).name) if layout.manage else ("python", "-m", "django")
    found = [words for app, words in _COMMANDS.items() if settings.has_app(app)]
    if found:
        yield WorkerFacts("worker", (*manage, *found[0]))


def _celery(layout: Layout, settings: SettingsFacts, distributions: frozenset[str]) -> Iterator[WorkerFacts]:
    module = _celery_module(layout) if "celery" in distributions else None
    if module is None:
        return
    dotted_name, has_schedule = module
    # Celery itself looks for `celery` in the package that it is given.
    name = dotted_name.removesuffix(".celery")
    yield WorkerFacts("worker", ("celery", "--app", name, "worker", "--loglevel", "INFO"), dotted_name)
    beat = ("celery", "--app", name, "beat", "--loglevel", "INFO")
    if settings.has_app("django_celery_beat"):
        yield WorkerFacts("beat", (*beat, "--scheduler", _DATABASE_SCHEDULER))
    elif has_schedule or settings.has_beat_schedule:
        yield WorkerFacts("beat", (*beat, "--schedule", "/tmp/celerybeat-schedule"))  # noqa: S108  # its own tmpfs


def _celery_module(layout: Layout) -> tuple[str, bool] | None:
    """Return the module with the Celery application, and whether it has a schedule."""
    folder = layout.root / (Path(layout.manage).parent if layout.manage else "")
    for near in walk_folders(folder, 2):
        for path in sorted(near.glob("*celery*.py")):
            text = path.read_text(encoding="utf-8", errors="replace")
            if _makes_celery(text):
                return ".".join(path.relative_to(folder).with_suffix("").parts), "beat_schedule" in text
    return None


def _makes_celery(text: str) -> bool:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return any(
        isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "Celery" for node in ast.walk(tree)
    )
