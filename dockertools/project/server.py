"""What answers requests in production."""

from __future__ import annotations

from dataclasses import dataclass

from dockertools.errors import UsageError
from dockertools.project.facts import Note, ServerFacts, SettingsFacts
from dockertools.project.layout import Layout
from dockertools.project.settings_source import find_module

WSGI, ASGI = "wsgi", "asgi"


@dataclass(frozen=True)
class Server:
    """A server that can be chosen: the distributions that bring it, and the interfaces that it speaks."""

    name: str
    distributions: frozenset[str]
    interfaces: tuple[str, ...]


SERVERS = (
    Server("gunicorn", frozenset({"gunicorn"}), (WSGI,)),
    Server("uvicorn", frozenset({"uvicorn"}), (ASGI,)),
    Server("daphne", frozenset({"daphne"}), (ASGI,)),
    Server("granian", frozenset({"granian"}), (WSGI, ASGI)),
    Server("hypercorn", frozenset({"hypercorn"}), (ASGI,)),
    Server("uwsgi", frozenset({"uwsgi", "pyuwsgi"}), (WSGI,)),
    Server("waitress", frozenset({"waitress"}), (WSGI,)),
)
"""In the order of preference among those that a project requires."""
ADDED = {WSGI: "gunicorn", ASGI: "uvicorn"}
_ASGI_APPS = ("daphne", "channels")


def find_server(
    layout: Layout, settings: SettingsFacts, distributions: frozenset[str], chosen: str | None
) -> tuple[ServerFacts, tuple[Note, ...]]:
    """Return the server: the configured one, else one that the project requires, else one that is added.

    Raises UsageError when the configured one is not known.
    """
    required = [server for server in SERVERS if server.distributions & distributions]
    interface = _find_interface(settings, required)
    if chosen is not None:
        server = _find_named(chosen)
        interface = interface if interface in server.interfaces else server.interfaces[0]
    else:
        fitting = [server for server in required if interface in server.interfaces]
        server = fitting[0] if fitting else _find_named(ADDED[interface])
    is_added = not server.distributions & distributions
    notes = []
    if is_added:
        notes.append(Note(f"no requirement serves {interface.upper()}; the image installs {server.name} besides"))
    application, note = _find_application(layout, settings, interface)
    notes += [note] if note else []
    return ServerFacts(server.name, interface, application, is_added), tuple(notes)


def _find_named(name: str) -> Server:
    for server in SERVERS:
        if server.name == name:
            return server
    known = ", ".join(server.name for server in SERVERS)
    raise UsageError(f"There is no recipe for the server {name!r}.", hint=f"DOCKERTOOLS['SERVER'] is one of: {known}.")


def _find_interface(settings: SettingsFacts, required: list[Server]) -> str:
    speaks = {interface for server in required for interface in server.interfaces}
    if settings.asgi_application or any(settings.has_app(app) for app in _ASGI_APPS):
        return ASGI
    return ASGI if ASGI in speaks and WSGI not in speaks else WSGI


def _find_application(layout: Layout, settings: SettingsFacts, interface: str) -> tuple[str, Note | None]:
    named = settings.asgi_application if interface == ASGI else settings.wsgi_application
    if named:
        module, _, name = named.rpartition(".")
        return f"{module}:{name}", None
    module = _find_entry_module(layout, settings, interface)
    if find_module(layout.search_path, module):
        return f"{module}:application", None
    return f"{module}:application", Note(f"the settings name no {interface.upper()} application; {module} is assumed")


def _find_entry_module(layout: Layout, settings: SettingsFacts, interface: str) -> str:
    """Return the module beside the URLs or the settings, in which Django's templates put the application."""
    near = [name for name in (settings.root_urlconf, settings.module) if name]
    packages = [name.rpartition(".")[0] for name in near]
    packages += [name.rpartition(".")[0] for name in packages]
    candidates = [f"{package}.{interface}".lstrip(".") for package in packages]
    found = (name for name in candidates if find_module(layout.search_path, name))
    return next(found, candidates[0] if candidates else interface)
