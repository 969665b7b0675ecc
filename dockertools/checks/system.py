"""The checks that need settings alone, as checks of `manage.py check --deploy`."""

from __future__ import annotations

from typing import Any

from django.core import checks

from dockertools.checks.context import CheckContext, inspect_environment
from dockertools.checks.registry import registered_checks
from dockertools.checks.results import Status
from dockertools.checks.runtime import load_checks
from dockertools.conf import get_config

_MESSAGES = {Status.WARN: checks.Warning, Status.FAIL: checks.Error}


def check_settings(**_options: Any) -> list[checks.CheckMessage]:
    """Return the findings of the checks that need no more than the settings."""
    load_checks()
    context = CheckContext(config=get_config(), environment=inspect_environment())
    return [
        _MESSAGES[outcome.status](outcome.message, hint=outcome.hint, id=check.id)
        for check in registered_checks()
        if check.is_settings_only
        for outcome in check.function(context)
        if outcome.status in _MESSAGES
    ]
