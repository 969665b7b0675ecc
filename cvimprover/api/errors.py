"""What goes wrong in a request, as an exception and as a JSON answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

_logger = logging.getLogger("cvimprover.api")

API_PREFIX = "/api/"


class ApiError(Exception):
    """An answer other than success: its status, and what is wrong (by field, where a field is to blame)."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.fields = dict(fields or {})
        self.headers = dict(headers or {})


def error_response(error: ApiError) -> JsonResponse:
    body: dict[str, Any] = {"status": error.status, "message": error.message}
    if error.fields:
        body["fields"] = [{"field": field, "message": message} for field, message in error.fields.items()]
    return JsonResponse({"error": body}, status=error.status, headers=error.headers)


class ErrorMiddleware:
    """Answer ApiError, and a database that does not answer, with JSON."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, ApiError):
            return error_response(exception)
        if isinstance(exception, OperationalError | InterfaceError):
            _logger.error("The database failed: %s", exception, extra={"path": request.path})
            return error_response(_DATABASE_DOWN)
        return None


_DATABASE_DOWN = ApiError(503, "The database does not answer. Try again later.", headers={"Retry-After": "5"})
