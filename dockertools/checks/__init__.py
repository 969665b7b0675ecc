"""Checks: what a deployment runs before it trusts an image.

Other apps add their own with `register_check`; `docs/checks.md` shows how.
"""

from __future__ import annotations

from dockertools.checks.context import CheckContext
from dockertools.checks.registry import register_check
from dockertools.checks.results import Outcome, failed, passed, skipped, warned

__all__ = ["CheckContext", "Outcome", "failed", "passed", "register_check", "skipped", "warned"]
