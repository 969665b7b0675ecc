"""The service's settings, for its tests: plain http, static files straight from the source."""

import os

os.environ.setdefault("SECRET_KEY", "a key for the tests only")
os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")
os.environ.setdefault("DJANGO_INSECURE_HTTP", "1")

from cvimprover.settings import *  # noqa: F403  (reads the environment above)

ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True  # STATIC_ROOT, which collectstatic makes, need not exist
