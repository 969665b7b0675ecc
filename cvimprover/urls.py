"""The service's URLs; each of the API's with and without a slash at its end."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views import defaults

from cvimprover.api.errors import API_PREFIX, ApiError, error_response
from cvimprover.api.views import (
    by_method,
    create_cv,
    delete_cv,
    draw_cv,
    improve_cv,
    list_cvs,
    list_reviews,
    read_cv,
)
from cvimprover.views import home

CV = r"^api/cvs/(?P<key>[0-9]+)"

urlpatterns = [
    path("", home, name="home"),
    re_path(r"^api/cvs/?$", by_method(GET=list_cvs, POST=create_cv), name="cvs"),
    re_path(CV + r"/?$", by_method(GET=read_cv, DELETE=delete_cv), name="cv"),
    re_path(CV + r"/improve/?$", by_method(POST=improve_cv), name="improve"),
    re_path(CV + r"/reviews/?$", by_method(GET=list_reviews), name="reviews"),
    re_path(CV + r"/pdf/?$", by_method(GET=draw_cv), name="pdf"),
]


def _bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API_PREFIX):
        return error_response(ApiError(400, "The request is malformed."))
    return defaults.bad_request(request, exception)


def _not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API_PREFIX):
        return error_response(ApiError(404, "There is nothing at this address."))
    return defaults.page_not_found(request, exception)


def _server_error(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(API_PREFIX):
        return error_response(ApiError(500, "The service failed; its log says how."))
    return defaults.server_error(request)


handler400 = _bad_request
handler404 = _not_found
handler500 = _server_error
