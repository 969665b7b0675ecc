"""The WSGI entry: `gunicorn cvimprover.wsgi`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cvimprover.settings")


def require_secret_key() -> None:
    """Raise ImproperlyConfigured when no SECRET_KEY is given."""
    try:
        settings.SECRET_KEY  # noqa: B018  (Django raises on reading an empty one)
    except ImproperlyConfigured:
        raise ImproperlyConfigured(
            "SECRET_KEY is empty, and the service does not start without one. Set SECRET_KEY, or SECRET_KEY_FILE "
            "to a file that holds it; `python -c 'import secrets; print(secrets.token_urlsafe(50))'` makes one."
        ) from None


def require_data_folder() -> None:
    """Raise ImproperlyConfigured when the folder of a SQLite file cannot be written to.

    SQLite itself says no more than that it is unable to open the file.
    """
    database = settings.DATABASES["default"]
    if database["ENGINE"] != "django.db.backends.sqlite3" or database["NAME"] == ":memory:":
        return
    folder = Path(database["NAME"]).parent
    if not os.access(folder, os.W_OK | os.X_OK):
        state = "cannot be written to by this user" if folder.is_dir() else "does not exist"
        raise ImproperlyConfigured(
            f"The folder of the database, {folder}, {state} (uid {os.getuid()}). Make it, owned by the user that runs "
            "the service, or name another one in CVIMPROVER_DATA."
        )


def with_readable_content_type(inner: WSGIApplication) -> WSGIApplication:
    """Return the application behind a guard that takes away a Content-Type that Django fails on.

    Django decodes the query with the charset given there, while it makes the request and outside of all its
    handling of errors: `charset=base64` would answer 500. What is not UTF-8 is refused later in any case.
    """

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _is_readable(environ.get("CONTENT_TYPE", "")):
            environ["CONTENT_TYPE"] = "application/octet-stream"
        return inner(environ, start_response)

    return guarded


def _is_readable(content_type: str) -> bool:
    try:
        _, parameters = parse_header_parameters(content_type)
    except (ValueError, LookupError):
        return False
    return parameters.get("charset", "utf-8").lower() in {"utf-8", "utf8"}


require_secret_key()
require_data_folder()
application = with_readable_content_type(get_wsgi_application())
