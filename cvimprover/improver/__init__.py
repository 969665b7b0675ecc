"""Suggestions for a CV and a score, from fixed rules: the same text gets the same review on the same day."""

from cvimprover.improver.findings import Result, Suggestion
from cvimprover.improver.review import review_text

__all__ = ["Result", "Suggestion", "review_text"]
