"""Group `cache`: each cache keeps what it is given, for all processes."""

from __future__ import annotations

import functools
import time
import uuid
from collections.abc import Iterator

from django.conf import global_settings, settings
from django.core.cache import caches

from dockertools.checks.context import CheckContext
from dockertools.checks.isolation import End, Ended, isolate
from dockertools.checks.registry import register_check
from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.checks.runtime.connections import UNRECOGNIZED, explain_failure

GROUP = "cache"
ANSWER_SECONDS = 5.0
DUMMY = "django.core.cache.backends.dummy.DummyCache"
PER_PROCESS = "django.core.cache.backends.locmem.LocMemCache"


@register_check(
    "dockertools.C401",
    group=GROUP,
    title="round trip",
    timeout=60,
    retry_codes=("refused", "unknown-host", "too-slow", "starting-up", "no-connection-free"),
    needs_setup=False,
    codes={
        "refused": "Nothing listens at the address, or it closes the connection.",
        "unknown-host": "The host's name cannot be resolved.",
        "wrong-password": "The server refuses the password, or wants one.",
        "unknown-database": "The server has no database of that number.",
        "not-allowed": "The server's rules do not let this user do it.",
        "tls-refused": "Client and server do not agree on TLS, or a certificate does not hold.",
        "too-slow": f"There is no answer within {ANSWER_SECONDS:g} seconds.",
        "starting-up": "The server is loading its data.",
        "no-connection-free": "All connections of the server are in use.",
        "read-only": "The server takes no writes: it is a replica.",
        "out-of-memory": "The server has reached maxmemory and may not evict.",
        "cannot-write": "The server or the folder of the cache cannot write to its disk.",
        "value-lost": "What was set is not what comes back, or it stays after it was deleted.",
        "driver-broken": "The backend or its driver cannot be loaded.",
        UNRECOGNIZED: "It fails for another reason; the message is the driver's.",
        "nothing-kept": "Skipped: a dummy cache keeps nothing.",
        "no-cache": "Skipped: the settings name no cache.",
    },
)
def check_round_trip(context: CheckContext) -> Iterator[Outcome]:
    """Set, get and delete a value under a name of its own in each cache of CACHES."""
    if not settings.CACHES:
        yield skipped("no-cache", "the settings name no cache")
    for alias, values in settings.CACHES.items():
        backend = values.get("BACKEND", "")
        if backend == DUMMY:
            yield skipped("nothing-kept", f"{alias}: a dummy cache keeps nothing", alias=alias)
        else:
            ended = isolate(functools.partial(_round_trip, alias), timeout=ANSWER_SECONDS)
            yield _judge(alias, backend, ended)


@register_check(
    "dockertools.C402",
    group=GROUP,
    title="backend for production",
    needs_setup=False,
    is_settings_only=True,
    codes={
        "dummy-cache": "The backend keeps nothing.",
        "per-process-cache": "Each worker has a cache of its own.",
        "no-cache": "Skipped: the settings name no cache.",
    },
)
def check_backend(context: CheckContext) -> Iterator[Outcome]:
    """Look for backends that are for development: with several workers each has its own cache, or none."""
    uses_default = "cache" in settings.SESSION_ENGINE or any("Cache" in path for path in settings.MIDDLEWARE)
    if not settings.CACHES or (settings.CACHES == global_settings.CACHES and not uses_default):
        yield skipped("no-cache", "the settings name no cache")
        return
    for alias, values in settings.CACHES.items():
        hint = f"Use a server for all processes in production: CACHES[{alias!r}] with Redis, Memcached or the database."
        backend = values.get("BACKEND", "")
        if backend == DUMMY:
            yield warned("dummy-cache", f"{alias}: the dummy cache keeps nothing", hint, alias=alias)
        elif backend == PER_PROCESS:
            yield warned("per-process-cache", f"{alias}: each worker has a cache of its own", hint, alias=alias)
        else:
            yield passed(f"{alias}: {backend.rpartition('.')[2]}", alias=alias)


def _round_trip(alias: str) -> dict[str, str | float]:
    """Return the time of a round trip, and what went wrong with the value, if anything."""
    cache, key, value = caches[alias], f"dockertools-check-{uuid.uuid4().hex}", uuid.uuid4().hex
    started = time.monotonic()
    cache.set(key, value, timeout=30)
    problem = "" if cache.get(key) == value else "what was set did not come back"
    cache.delete(key)
    if not problem and cache.get(key) is not None:
        problem = "what was deleted came back"
    return {"seconds": time.monotonic() - started, "problem": problem}


def _judge(alias: str, backend: str, ended: Ended) -> Outcome:
    name = backend.rpartition(".")[2]
    if ended.end is not End.RETURNED:
        failure = explain_failure(ended, ANSWER_SECONDS)
        return failed(failure.code, f"{alias}: {name}: {failure.message}", failure.hint, alias=alias, backend=backend)
    if problem := ended.value["problem"]:
        hint = "Look at the server's eviction and maxmemory, and whether it is a replica that lags."
        return failed("value-lost", f"{alias}: {name}: {problem}", hint, alias=alias, backend=backend)
    return passed(f"{alias}: {name} in {1000 * ended.value['seconds']:.0f} ms", alias=alias, backend=backend)
