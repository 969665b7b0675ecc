"""The WSGI entry: `gunicorn cvimprover.wsgi`."""

import os

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

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


require_secret_key()
application = get_wsgi_application()
