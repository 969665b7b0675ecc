"""The checks that there are, those of other apps included."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from dockertools.checks.context import CheckContext
from dockertools.checks.results import Outcome

CheckFunction = Callable[[CheckContext], Iterable[Outcome]]

_ID = re.compile(r"[a-z][a-z0-9_]*\.[A-Z]\d{3}")
_checks: dict[str, Check] = {}


@dataclass(frozen=True, kw_only=True)
class CheckInfo:
    """A check function and what reports say of it, whatever it looks at."""

    id: str
    group: str
    title: str
    function: Callable[..., Iterable[Outcome]]
    codes: Mapping[str, str]

    @property
    def description(self) -> str:
        """What the function's docstring says."""
        return inspect.getdoc(self.function) or ""


@dataclass(frozen=True, kw_only=True)
class Check(CheckInfo):
    """A check that runs in the container; `timeout` is in seconds."""

    function: CheckFunction
    timeout: float = 10.0
    retry_codes: frozenset[str] = field(default_factory=frozenset)
    needs_setup: bool = True
    is_settings_only: bool = False


def register_check(  # noqa: PLR0913  # keywords that name themselves, most with defaults
    check_id: str,
    *,
    group: str,
    title: str,
    codes: Mapping[str, str],
    timeout: float = 10.0,
    retry_codes: Iterable[str] = (),
    needs_setup: bool = True,
    is_settings_only: bool = False,
) -> Callable[[CheckFunction], CheckFunction]:
    """Add the decorated function to the checks of `docker_check`; call it from your app's `AppConfig.ready`.

    The function gets a CheckContext and returns or yields at least one outcome, made with `passed`, `warned`,
    `failed` or `skipped`. It runs in a process of its own, which is ended after `timeout` seconds.

    `check_id` is like `shop.C101`: your app's label, a letter, three digits. `codes` says what each condition
    means that the outcomes name. With `--wait`, a check that fails with one of `retry_codes` is tried again.
    `needs_setup=False` lets it run when `django.setup()` failed; `is_settings_only=True` makes it a check of
    `manage.py check --deploy` too. Raises ValueError when the id is malformed or taken by another function.
    """
    if not _ID.fullmatch(check_id):
        raise ValueError(f"{check_id!r} is not the id of a check. Write it like 'shop.C101'.")

    def register(function: CheckFunction) -> CheckFunction:
        known = _checks.get(check_id)
        if known is not None and known.function is not function:
            raise ValueError(f"The id {check_id!r} is taken by {known.function.__module__}.{known.function.__name__}.")
        _checks[check_id] = Check(
            id=check_id,
            group=group,
            title=title,
            function=function,
            codes=codes,
            timeout=timeout,
            retry_codes=frozenset(retry_codes),
            needs_setup=needs_setup,
            is_settings_only=is_settings_only,
        )
        return function

    return register


def unregister_check(check_id: str) -> None:
    """Take a check out again; no error when it is not there."""
    _checks.pop(check_id, None)


def registered_checks() -> tuple[Check, ...]:
    """Return all checks: the package's own in the order of their ids, then those of other apps."""
    return tuple(sorted(_checks.values(), key=lambda check: (not check.id.startswith("dockertools."), check.id)))
