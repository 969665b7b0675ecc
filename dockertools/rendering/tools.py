"""Versions of what the images are made with, raised together with a release of this package."""

from __future__ import annotations

UV = "0.13.9"
POETRY = "2.5.1"
POETRY_EXPORT = "1.10.1"
PDM = "2.29.4"
PDM_BOUND = "hishel<2"
"""PDM leaves it open, and does not work with version 2."""
PIPENV = "2026.10.3"

SETUPTOOLS = "setuptools==80.9.0 --hash=sha256:062d34222ad13e0cc312a4c02d73f059e86a4acbfbdea8f8f76b28c99f306922"
"""The last one with pkg_resources, for lists with hashes that leave setuptools out, as pip-compile and Pipenv do."""

SERVERS = {
    "gunicorn": "gunicorn==27.0.1",
    "uvicorn": "uvicorn==0.54.0",
}
"""What is installed where the project requires no server."""

SERVICES = {
    "bookworm": {
        "postgresql": "postgres:15-bookworm",
        "postgis": "postgis/postgis:15-3.3",
        "mysql": "mariadb:10.11",
    },
    "trixie": {
        "postgresql": "postgres:17-trixie",
        "postgis": "postgis/postgis:17-3.5",
        "mysql": "mariadb:11.8",
    },
}
"""Images of databases by suite: the versions that the suite's client libraries are of."""
REDIS = "redis:7-bookworm"
RABBITMQ = "rabbitmq:4.1"
MEMCACHED = "memcached:1.6-trixie"
