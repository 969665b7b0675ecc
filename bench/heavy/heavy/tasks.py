"""Background work, done at once here: the bench has no broker."""

from celery import Celery

app = Celery("heavy", broker="memory://")
app.config_from_object("django.conf:settings", namespace="CELERY")


@app.task
def add(first: int, second: int) -> int:
    """Return the sum."""
    return first + second
