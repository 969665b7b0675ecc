"""What the containers run."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dockertools.conf import Config
from dockertools.project.facts import ProjectFacts

HEALTH_MIDDLEWARE = "dockertools.middleware.HealthMiddleware"


def exec_form(argv: Sequence[str]) -> str:
    """Return the JSON array that a Dockerfile and compose take as a command."""
    return json.dumps(list(argv), ensure_ascii=False)


def server_argv(facts: ProjectFacts, config: Config) -> tuple[str, ...]:
    """Return the command of production, PID 1."""
    port, application = str(config.port), facts.server.application
    address = f"0.0.0.0:{port}"
    recipes: dict[str, tuple[str, ...]] = {
        "gunicorn": ("gunicorn", "--config", gunicorn_config(facts), application),
        "uvicorn": ("uvicorn", "--host", "0.0.0.0", "--port", port, "--timeout-graceful-shutdown", "30", application),  # noqa: S104  # in the container
        "daphne": ("daphne", "--bind", "0.0.0.0", "--port", port, application),  # noqa: S104  # in the container
        "granian": (
            *("granian", "--interface", _granian_interface(facts), "--host", "0.0.0.0", "--port", port),  # noqa: S104  # in the container
            application,
        ),
        "hypercorn": ("hypercorn", "--bind", address, "--graceful-timeout", "30", application),
        "uwsgi": (
            *("uwsgi", "--http-socket", address, "--module", application, "--master", "--need-app"),
            *("--processes", "2", "--threads", "4", "--enable-threads", "--die-on-term", "--vacuum"),
        ),
        "waitress": ("waitress-serve", f"--listen={address}", application),
    }
    return recipes[facts.server.name]


def _granian_interface(facts: ProjectFacts) -> str:
    # Django has no lifespan events: granian would wait for them.
    return "wsgi" if facts.server.interface == "wsgi" else "asginl"


def gunicorn_config(facts: ProjectFacts) -> str:
    """Return the configuration file as gunicorn, which starts beside manage.py, finds it."""
    return "gunicorn.conf.py" if facts.code_folder == "." else "/app/gunicorn.conf.py"


def manage_argv(facts: ProjectFacts, *words: str) -> tuple[str, ...]:
    """Return a management command."""
    manage = ("manage.py",) if facts.manage else ("-m", "django")
    return ("python", *manage, *words)


def health_argv(facts: ProjectFacts, config: Config) -> tuple[str, ...]:
    """Return the health check: the middleware's answer, or whether the port is open for a project without it."""
    if HEALTH_MIDDLEWARE in facts.settings.middleware:
        url = f"http://127.0.0.1:{config.port}{config.health_path}"
        return ("python", "-c", f"import urllib.request as u; u.urlopen('{url}', timeout=4)")
    return ("python", "-c", f"import socket; socket.create_connection(('127.0.0.1', {config.port}), 4).close()")
