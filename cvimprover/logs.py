"""Logs as JSON, one object a line, and a line for every request."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_logger = logging.getLogger("cvimprover.request")


class JsonFormatter(logging.Formatter):
    """Format a record as one line of ASCII JSON, so that nothing a client sends can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {key: value for key, value in vars(record).items() if _is_plain_extra(key, value)}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


class RequestLogMiddleware:
    """Log method, path, status, milliseconds and bytes of every request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        start = time.perf_counter()
        response = self.get_response(request)
        extra = {
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "milliseconds": round((time.perf_counter() - start) * 1000, 1),
            "bytes": None if response.streaming else len(getattr(response, "content", b"")),
        }
        _logger.info("%s %s %s", request.method, request.path, response.status_code, extra=extra)
        return response


def _is_plain_extra(key: str, value: object) -> bool:
    # Django puts whole requests into its records.
    return key not in _STANDARD and isinstance(value, str | int | float | bool | None)
