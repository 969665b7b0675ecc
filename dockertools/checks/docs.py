"""`python -m dockertools.checks.docs > docs/checks.md`: the reference of all checks, from the code."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from dockertools.checks.checklist import GROUPS as CHECKLIST_GROUPS
from dockertools.checks.checklist import load_checklist
from dockertools.checks.compose import GROUPS as COMPOSE_GROUPS
from dockertools.checks.compose import load_compose_checks
from dockertools.checks.image import GROUPS as IMAGE_GROUPS
from dockertools.checks.image import load_image_checks
from dockertools.checks.image.container import IN_CONTAINER
from dockertools.checks.registry import Check, CheckInfo, registered_checks
from dockertools.checks.runner import RUNNER_CODES
from dockertools.checks.runtime import GROUPS, load_checks

_INTRODUCTION = """\
# Checks

Written by `make docs`; edit the code instead.

`python manage.py docker_check` runs the first part in the container. Each runs in a process of its own, with the time
limit that is given here, so that what hangs, exits or crashes becomes a finding. The parts below it look from outside:
`--image NAME` at an image (and, in a throw-away container of it, with the first part's checks), `--compose` at the
compose project, `--checklist` carries the build guide's eight points out. The condition that was met is the result's
`evidence.code`.

Silence a check with a reason: `--silence ID=REASON`, `DOCKERTOOLS = {"SILENCED": {"ID": "reason"}}`, or Django's
`SILENCED_SYSTEM_CHECKS`. The result is then `skip`, and the reason is shown.

## Conditions that any check can meet
"""

_OWN_CHECKS = '''\
## Checks of your own

```python
# shop/apps.py
from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = "shop"

    def ready(self):
        from shop import checks  # registers them
```

```python
# shop/checks.py
from dockertools.checks import failed, passed, register_check


@register_check(
    "shop.C101",
    group="shop",
    title="license file",
    timeout=5,
    codes={"license-missing": "The license file is not in the image."},
)
def check_license(context):
    """Look for the license that the PDF engine reads at its start."""
    path = context.root / "license.key"
    if path.exists():
        yield passed(str(path))
    else:
        yield failed("license-missing", f"{path} is not there", "Mount it as a secret.", path=str(path))
```

`register_check` takes the id, `group`, `title`, `codes` and, if need be, `timeout` in seconds, `retry_codes` (what
`--wait` waits for), `needs_setup=False` (runs also where `django.setup()` fails) and `is_settings_only=True`
(is a check of `manage.py check --deploy` too). Passwords and keys of the settings are taken out of what it says.
'''


def render_checks() -> str:
    """Return the reference as Markdown."""
    load_checks()
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield from code_table(RUNNER_CODES)
    yield "\n# In the container"
    for group, meaning in GROUPS.items():
        yield f"\n## Group `{group}`\n\n{meaning}"
        for check in registered_checks():
            if check.group == group and check.id.startswith("dockertools."):
                yield from _check(check)
    for title, groups, checks in _outside():
        yield f"\n# {title}"
        yield from _groups(groups, checks)
    yield f"\n# More\n\n{_OWN_CHECKS}".rstrip()


def _outside() -> Iterator[tuple[str, Mapping[str, str], tuple[CheckInfo, ...]]]:
    """Yield what there is for each option that looks from outside."""
    container = {IN_CONTAINER.group: "The checks of the container ran, in a throw-away one."}
    yield "`--image`: an image", IMAGE_GROUPS | container, (*load_image_checks(), IN_CONTAINER)
    yield "`--compose`: a compose project", COMPOSE_GROUPS, load_compose_checks()
    yield "`--checklist`: the guide's eight points", CHECKLIST_GROUPS, load_checklist()


def _groups(groups: Mapping[str, str], checks: tuple[CheckInfo, ...]) -> Iterator[str]:
    for group, meaning in groups.items():
        yield f"\n## Group `{group}`\n\n{meaning}"
        for check in checks:
            if check.group == group:
                yield f"\n### {check.id}: {check.title}\n\n{check.description}\n"
                yield from code_table(check.codes)


def _check(check: Check) -> Iterator[str]:
    yield f"\n### {check.id}: {check.title}\n\n{check.description}\n"
    notes = [f"Time limit: {check.timeout:g} s."]
    if check.retry_codes:
        notes.append(f"`--wait` waits for: {', '.join(f'`{code}`' for code in sorted(check.retry_codes))}.")
    if check.is_settings_only:
        notes.append("Also part of `manage.py check --deploy`.")
    if not check.needs_setup:
        notes.append("Runs where `django.setup()` fails too.")
    yield " ".join(notes) + "\n"
    yield from code_table(check.codes)


def code_table(codes: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a table of conditions."""
    yield "| Condition | Meaning |\n|---|---|"
    for code, meaning in codes.items():
        yield f"| `{code}` | {meaning} |"


if __name__ == "__main__":
    sys.stdout.write(render_checks())
