"""Models and findings as the API's JSON objects."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.urls import reverse

from cvimprover.improver import Result
from cvimprover.models import CV, Review


def summary(cv: CV) -> dict[str, Any]:
    return {
        "id": cv.pk,
        "name": cv.name,
        "title": cv.title,
        "created_at": cv.created_at.isoformat(),
        "url": reverse("cv", kwargs={"key": cv.pk}),
    }


def detail(cv: CV, *, reviews: list[Review]) -> dict[str, Any]:
    """Return the whole CV, with the id and score of its newest reviews."""
    scores = [{"id": item.pk, "score": item.score, "created_at": item.created_at.isoformat()} for item in reviews]
    return summary(cv) | {"text": cv.text, "reviews": scores}


def review(item: Review) -> dict[str, Any]:
    return {"id": item.pk, "cv": item.cv_id, "created_at": item.created_at.isoformat(), **item.result}


def result(found: Result) -> dict[str, Any]:
    """Return what a review keeps in its `result` field."""
    return asdict(found)
