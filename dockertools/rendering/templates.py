"""Django's template engine for plain text: no HTML escaping, and a line with nothing but a tag leaves no empty line."""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import Any

from django.template import Context, Engine, Template

_TAG_LINE = re.compile(r"^[ \t]*(?P<tag>\{%[^\n]*?%\}|\{#[^\n]*?#\})[ \t]*\n", re.MULTILINE)
_EMPTY_LINES = re.compile(r"\n{3,}")


def render(name: str, context: dict[str, Any]) -> str:
    """Return the template `dockertools/<name>` filled in; empty lines stand in pairs only in Python."""
    text: str = _load(name).render(Context(context, autoescape=False, use_l10n=False))
    if ".py" not in name:
        text = _EMPTY_LINES.sub("\n\n", text)
    return text.strip("\n") + "\n"


@functools.cache
def _load(name: str) -> Template:
    return _engine().from_string(_TAG_LINE.sub(r"\g<tag>", read_template(name)))


def read_template(name: str) -> str:
    """Return the text of the template `dockertools/<name>`, with nothing filled in."""
    return resources.files("dockertools").joinpath("templates", "dockertools", name).read_text(encoding="utf-8")


@functools.cache
def _engine() -> Engine:
    return Engine(autoescape=False)
