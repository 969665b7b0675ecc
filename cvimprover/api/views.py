"""The views of the API."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from cvimprover.api import serializers
from cvimprover.api.errors import ApiError, error_response
from cvimprover.api.requests import Page, check_length, read_new_cv, read_page
from cvimprover.document import parse_document
from cvimprover.improver import review_text
from cvimprover.models import CV, Review
from cvimprover.pdf import Content, PdfUnavailableError, draw_pdf

View = Callable[..., HttpResponse]
RECENT_REVIEWS = 5


def by_method(**views: View) -> View:
    """Return a view that hands a request to the one of its method, and answers 405 where there is none."""
    methods = views | ({"HEAD": views["GET"]} if "GET" in views else {})
    allow = ", ".join(sorted(methods))

    @csrf_exempt  # the package's docstring says why
    def view(request: HttpRequest, **arguments: str) -> HttpResponse:
        chosen = methods.get(request.method or "")
        if chosen is None:
            message = f"{request.method} is not allowed here; {allow} are."
            return error_response(ApiError(405, message, headers={"Allow": allow}))
        return chosen(request, **arguments)

    return view


def for_cv(view: View) -> View:
    """Pass the primary key in the URL as a number; one that no database holds is unknown."""

    @wraps(view)
    def wrapper(request: HttpRequest, key: str) -> HttpResponse:
        if len(key) > 18:  # BigAutoField ends at 2**63 - 1
            raise unknown_cv(key)
        return view(request, int(key))

    return wrapper


def unknown_cv(key: int | str) -> ApiError:
    return ApiError(404, f"There is no CV {str(key)[:20]}.")


def find_cv(key: int) -> CV:
    """Return the CV. Raises ApiError 404."""
    try:
        return CV.objects.get(pk=key)
    except CV.DoesNotExist:
        raise unknown_cv(key) from None


def list_cvs(request: HttpRequest) -> HttpResponse:
    page = read_page(request)
    query = CV.objects.defer("text")
    return _paginated(page, query.count(), [serializers.summary(cv) for cv in _slice(query, page)])


def create_cv(request: HttpRequest) -> HttpResponse:
    new = read_new_cv(request)
    cv = CV.objects.create(name=new.name, title=new.title, text=new.text)
    answer = serializers.detail(cv, reviews=[])
    return JsonResponse(answer, status=201, headers={"Location": answer["url"]})


@for_cv
def read_cv(_request: HttpRequest, key: int) -> HttpResponse:
    cv = find_cv(key)
    return JsonResponse(serializers.detail(cv, reviews=list(cv.reviews.all()[:RECENT_REVIEWS])))


@for_cv
def delete_cv(_request: HttpRequest, key: int) -> HttpResponse:
    with transaction.atomic():
        _lock(key).delete()
    return HttpResponse(status=204)


@for_cv
def list_reviews(request: HttpRequest, key: int) -> HttpResponse:
    page = read_page(request)
    query = find_cv(key).reviews.all()
    return _paginated(page, query.count(), [serializers.review(review) for review in _slice(query, page)])


@for_cv
def improve_cv(request: HttpRequest, key: int) -> HttpResponse:
    check_length(request)
    found = review_text(find_cv(key).text, today=timezone.now().date())
    with transaction.atomic():  # the CV may be deleted meanwhile
        review = Review.objects.create(cv=_lock(key), score=found.score, result=serializers.result(found))
    return JsonResponse(serializers.review(review), status=201)


@for_cv
def draw_cv(_request: HttpRequest, key: int) -> HttpResponse:
    cv = find_cv(key)
    content = Content(cv.name, cv.title, parse_document(cv.text))
    try:
        drawn = draw_pdf(content, created=cv.created_at)
    except PdfUnavailableError as error:
        raise ApiError(503, f"No PDF can be drawn here. {error}") from error
    headers = {"Content-Disposition": f'inline; filename="cv-{cv.pk}.pdf"'}
    if drawn.left_out:
        headers["X-PDF-Warning"] = f"unsupported-script: {', '.join(drawn.left_out)}"
    return HttpResponse(drawn.pdf, content_type="application/pdf", headers=headers)


def _lock(key: int) -> CV:
    try:
        return CV.objects.select_for_update().get(pk=key)
    except CV.DoesNotExist:
        raise unknown_cv(key) from None


def _slice(query: Any, page: Page) -> Any:
    return query[page.offset : page.offset + page.size]


def _paginated(page: Page, count: int, results: list[dict[str, Any]]) -> JsonResponse:
    pages = -(-count // page.size)
    return JsonResponse(
        {"count": count, "page": page.number, "page_size": page.size, "pages": pages, "results": results}
    )
