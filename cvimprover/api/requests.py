"""Read what a client sends. Everything wrong with it becomes an ApiError that says what."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import parse_qs

from django.conf import settings
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from cvimprover.api.errors import ApiError

PAGE_LIMIT = 10**9
PAGE_SIZE_LIMIT = 100
NAME_LENGTH = 200
TEXT_LENGTH = 100_000  # some 25 full pages; a worker reviews and draws them within seconds and its memory

_DIGITS = re.compile(r"[0-9]{1,10}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for; `number` counts from 1."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


@dataclass(frozen=True)
class NewCV:
    """The checked fields of a CV to be created."""

    name: str
    title: str
    text: str


def read_page(request: HttpRequest) -> Page:
    """Return the page that `?page=&page_size=` asks for. Raises ApiError 400."""
    # Not request.GET: it decodes with the charset of the Content-Type header, and fails where that is no text encoding.
    query = parse_qs(request.META.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=None)
    return Page(
        number=_read_number(query, "page", default=1, limit=PAGE_LIMIT),
        size=_read_number(query, "page_size", default=20, limit=PAGE_SIZE_LIMIT),
    )


def read_new_cv(request: HttpRequest) -> NewCV:
    """Return the CV in the request's JSON body. Raises ApiError 400, 411, 413 or 415."""
    data = _read_json_object(request)
    fields = {field: _check(data, field) for field in ("name", "title", "text")}
    wrong = {field: error for field, (_, error) in fields.items() if error}
    wrong |= {_shown(key): "is not a field; the fields are name, title and text" for key in data.keys() - fields.keys()}
    if wrong:
        raise ApiError(400, f"The CV was not stored: {_join(wrong)}.", fields=wrong)
    return NewCV(**{field: value for field, (value, _) in fields.items()})


def _read_number(query: dict[str, list[str]], name: str, *, default: int, limit: int) -> int:
    values = query.get(name, [str(default)])
    number = int(values[-1]) if _DIGITS.fullmatch(values[-1]) else 0
    if not 1 <= number <= limit:
        message = f"must be a whole number from 1 to {limit}"
        raise ApiError(400, f"{name} {message}.", fields={name: message})
    return number


def check_length(request: HttpRequest) -> None:
    """Check the length that the request declares for its body. Raises ApiError 400, 411 or 413."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and request.META.get("HTTP_TRANSFER_ENCODING"):
        raise ApiError(411, "Send the body with a Content-Length header.")
    if length and not (length.isascii() and length.isdigit()):
        raise ApiError(400, "The Content-Length header is not a number.")
    if len(length) > 18 or int(length or 0) > _body_limit():
        raise ApiError(413, f"The body is larger than {_body_limit()} bytes.")


def _body_limit() -> int:
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0


def _read_json_object(request: HttpRequest) -> dict[str, Any]:
    charset = (request.content_params or {}).get("charset", "utf-8")
    if request.content_type != "application/json" or charset.lower() not in {"utf-8", "utf8"}:
        raise ApiError(415, "Send the CV as Content-Type: application/json, in UTF-8.")
    check_length(request)
    try:
        text = request.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ApiError(400, f"The body is not UTF-8: byte {error.start} is wrong.") from None
    except UnreadablePostError:
        raise ApiError(400, "The body could not be read to its end.") from None
    data = _parse_json(text)
    if not isinstance(data, dict):
        raise ApiError(400, f"The body must be a JSON object, not {_json_type(data)}.")
    return data


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ApiError(400, f"The body is not JSON: {error.msg} at {where}.") from None
    except ValueError:  # a number with thousands of digits
        raise ApiError(400, "The body holds a number that is too long.") from None
    except RecursionError:
        raise ApiError(400, "The body is nested too deeply.") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        twice = _shown(Counter(name for name, _ in pairs).most_common(1)[0][0])
        raise ApiError(400, f"The body has the key {twice} twice.", fields={twice: "is there twice"})
    return unique


def _no_constant(name: str) -> NoReturn:
    raise ApiError(400, f"The body is not JSON: it holds {name}.")


def _check(data: dict[str, Any], field: str) -> tuple[str, str]:
    value = data.get(field, "" if field == "title" else None)
    if field not in data and value is None:
        return "", "is missing"
    if not isinstance(value, str):
        return "", f"must be a string, not {_json_type(value)}"
    error = _check_characters(value) or (_check_text(value) if field == "text" else _check_line(field, value))
    return (value.replace("\r\n", "\n").replace("\r", "\n") if field == "text" else value.strip()), error


def _check_characters(value: str) -> str:
    if "\0" in value:
        return f"holds a NUL character at position {value.index(chr(0))}"
    surrogate = _SURROGATE.search(value)
    if surrogate:
        return f"holds half of a surrogate pair at position {surrogate.start()}"
    return ""


def _check_text(value: str) -> str:
    if not value.strip():
        return "is empty"
    if len(value) > TEXT_LENGTH:
        return f"has {len(value)} characters; at most {TEXT_LENGTH} are allowed"
    return ""


def _check_line(field: str, value: str) -> str:
    if not value.strip():
        return "is empty" if field == "name" else ""
    if len(value) > NAME_LENGTH:
        return f"has {len(value)} characters; at most {NAME_LENGTH} are allowed"
    if _CONTROL.search(value.strip()):
        return "must be one line without control characters"
    return ""


def _json_type(value: object) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _shown(key: str) -> str:
    """Return a client's own key, short enough for a message."""
    return key if len(key) <= 50 else key[:50] + "…"


def _join(wrong: dict[str, str]) -> str:
    return "; ".join(f"{field} {message}" for field, message in wrong.items())
