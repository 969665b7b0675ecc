"""What a driver's message about a failed connection means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dockertools.checks.isolation import End, Ended, describe_end
from dockertools.checks.runtime.suites import find_missing_library, inspect_distribution, install_hint, read_table

UNRECOGNIZED = "connection-failed"


@dataclass(frozen=True)
class ConnectionFailure:
    """Why a server could not be used; `message` is the driver's, on one line."""

    code: str
    message: str
    hint: str


def explain_failure(ended: Ended, timeout: float) -> ConnectionFailure:
    """Return why the process that used the connection has no result."""
    if ended.end is End.TIMED_OUT:
        hint = "Look at the server's load, and whether a firewall drops the packets on the way."
        return ConnectionFailure("too-slow", f"no answer within {timeout:g} seconds", hint)
    if ended.end is not End.RAISED:
        hint = "Find the library with `python -X faulthandler manage.py docker_check`."
        return ConnectionFailure("driver-broken", f"the driver {describe_end(ended, timeout)}", hint)
    message = " ".join(ended.error.split()) or ended.error_type
    if ended.error_type in ("ImproperlyConfigured", "InvalidCacheBackendError", "ImportError", "ModuleNotFoundError"):
        return ConnectionFailure("driver-broken", message, _driver_hint(message))
    return classify_message(message, ended.error_type)


def classify_message(message: str, error_type: str = "") -> ConnectionFailure:
    """Return what the driver's error means by its message and the name of its class: table `connection_errors`."""
    lowered = f"{error_type}: {message}".lower()
    for entry in read_table("connection_errors")["error"]:
        if _fits(entry, lowered):
            return ConnectionFailure(entry["code"], message, entry["hint"])
    return ConnectionFailure(UNRECOGNIZED, message, "Connect by hand from a shell in this container to see more.")


def _fits(entry: Mapping[str, Any], message: str) -> bool:
    also = entry.get("also")
    return any(word in message for word in entry["words"]) and (also is None or any(word in message for word in also))


def _driver_hint(message: str) -> str:
    library = find_missing_library(message)
    if library:
        return install_hint(library, inspect_distribution())
    return "Pin the driver in the requirements, and see the findings of the groups `packages` and `libraries`."
