"""The home page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from cvimprover.models import CV

RECENT = 10


@csrf_exempt  # takes no POST; refuses one without reading it
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    recent = CV.objects.defer("text")[:RECENT]
    response = render(request, "cvimprover/home.html", {"recent": recent, "count": CV.objects.count()})
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'"
    return response
