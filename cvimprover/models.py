"""What the service keeps: CVs, and the reviews that the improver gave them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class CV(models.Model):
    """A CV as plain text; `cvimprover.document` says what it reads as headings, entries and bullets."""

    name = models.CharField(max_length=200)
    title = models.CharField(max_length=200, blank=True, default="")
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name = "CV"

    def __str__(self) -> str:
        return self.name


class Review(models.Model):
    """What the improver found in a CV; `result` is the answer of the API."""

    cv = models.ForeignKey(CV, on_delete=models.CASCADE, related_name="reviews")
    score = models.PositiveSmallIntegerField()
    result = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.cv_id}: {self.score}"
