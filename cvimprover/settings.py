"""Settings of the service, from the environment; what is not set is safe.

`docs/cvimprover.md` lists the variables.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from cvimprover.environment import (
    parse_database_url,
    read_bool,
    read_int,
    read_list,
    read_secret,
    sqlite_database,
)

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("CVIMPROVER_DATA") or BASE_DIR / "var")

DEBUG = read_bool(os.environ, "DJANGO_DEBUG")
# Empty unless given: commands such as collectstatic need none, and cvimprover.wsgi does not start without one.
SECRET_KEY = read_secret(os.environ, "SECRET_KEY")
ALLOWED_HOSTS = read_list(os.environ, "ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

INSTALLED_APPS = [
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "dockertools",
    "cvimprover",
]

MIDDLEWARE = [
    "dockertools.middleware.HealthMiddleware",
    "cvimprover.logs.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "cvimprover.api.errors.ErrorMiddleware",
]

ROOT_URLCONF = "cvimprover.urls"
WSGI_APPLICATION = "cvimprover.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False  # every route takes both forms itself: a redirect would lose a POST's body

TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

# Database


def _embedded_database() -> dict[str, Any]:
    if "CVIMPROVER_DATA" not in os.environ:
        with suppress(OSError):  # read-only code: then the folder must be named, or there be a DATABASE_URL
            DATA_DIR.mkdir(exist_ok=True)
    return sqlite_database(DATA_DIR / "cvimprover.sqlite3")


def _default_database() -> dict[str, Any]:
    url = os.environ.get("DATABASE_URL", "").strip()
    return {
        **(parse_database_url(url, base=BASE_DIR) if url else _embedded_database()),
        "CONN_MAX_AGE": read_int(os.environ, "DATABASE_CONN_MAX_AGE", default=60),
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": _default_database()}

# Language and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# Static files

STATIC_URL = "static/"
STATIC_ROOT = Path(os.environ.get("STATIC_ROOT") or BASE_DIR / "staticfiles")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Security

DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000  # bytes

# Only for one's own machine: with it, the service speaks plain http. The server of development can do no other.
_INSECURE_HTTP = read_bool(os.environ, "DJANGO_INSECURE_HTTP", default=DEBUG)

SECURE_SSL_REDIRECT = not _INSECURE_HTTP
SECURE_HSTS_SECONDS = 0 if _INSECURE_HTTP else read_int(os.environ, "DJANGO_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = read_bool(os.environ, "DJANGO_HSTS_INCLUDE_SUBDOMAINS", default=True)
SECURE_HSTS_PRELOAD = read_bool(os.environ, "DJANGO_HSTS_PRELOAD")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
# The proxy in front ends TLS and must set or strip this header; without a proxy, switch it off.
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if read_bool(os.environ, "DJANGO_BEHIND_PROXY", default=True) else None
)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not _INSECURE_HTTP
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
# Browsers' preload lists are hard to leave: that is for the owner of the domain to decide.
SILENCED_SYSTEM_CHECKS = ["security.W021"]

# Logs: one JSON object a line, on standard output

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "cvimprover.logs.JsonFormatter"}},
    "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}},
    "root": {"handlers": ["stdout"], "level": os.environ.get("LOG_LEVEL") or "INFO"},
    "loggers": {
        "django": {"handlers": ["stdout"], "level": "INFO", "propagate": False},
        # The request log says the same for every 4xx.
        "django.request": {"level": "ERROR"},
        "gunicorn.error": {"handlers": ["stdout"], "level": "INFO", "propagate": False},
        # RequestLogMiddleware writes a line for each request.
        "gunicorn.access": {"handlers": [], "propagate": False},
    },
}

# The commands of dockertools

DOCKERTOOLS = {
    "IMAGE": "cvimprover-api:latest",
    "SERVICE": "web",
    "MAX_SIZE": "250MB",
    "PYTHON_VERSION": "3.11",
    "SUITE": "bookworm",
    "RUNTIME_PACKAGES": ["...", "fonts-dejavu-core"],  # what PDFs are set in
}
