"""Group `values`: what stands in the files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dockertools.checks.compose.facts import ComposeAudit
from dockertools.checks.image.secrets import is_secret_variable
from dockertools.checks.outside import COMPOSE, register_outside
from dockertools.checks.results import Outcome, failed, passed, warned

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::?[-=](?P<default>[^}]*))?[^}]*\}|\$(?P<bare>\w+)")


@register_outside(
    "dockertools.S301",
    kind=COMPOSE,
    group="values",
    title="secrets",
    codes={
        "plain-secret": "A secret stands in a compose file.",
        "default-secret": "A secret has a default in a compose file, which holds where the variable is not set.",
    },
)
def check_secrets(audit: ComposeAudit) -> Iterator[Outcome]:
    """Judge variables and build arguments as they are written: `${PASSWORD}` is none, its value stands elsewhere."""
    found = [
        outcome for member in audit.members for outcome in _secrets(member.name, audit.sources.get(member.name, {}))
    ]
    yield from found or (passed("none stands in the files"),)


def _secrets(service: str, source: Mapping[str, Any]) -> Iterator[Outcome]:
    build = source.get("build")
    arguments = build.get("args") if isinstance(build, Mapping) else None
    for origin, values in (("environment", source.get("environment")), ("build.args", arguments)):
        for name, value in _pairs(values):
            if not is_secret_variable(name, _without_variables(value)):
                default = next((match["default"] for match in _VARIABLE.finditer(value) if match["default"]), "")
                if default and is_secret_variable(name, default):
                    yield warned(
                        "default-secret",
                        f"{service}: {origin}.{name} has a default",
                        f"Write ${{{name}:?set it in .env}}, so that compose refuses to start without it.",
                        service=service,
                        variable=name,
                    )
                continue
            yield failed(
                "plain-secret",
                f"{service}: {origin}.{name} has its value in the compose file",
                f"Write {name}: ${{{name}:?set it in .env}}, or use `secrets:` with {name}_FILE.",
                service=service,
                variable=name,
            )


def _pairs(values: Any) -> Iterator[tuple[str, str]]:
    if isinstance(values, Mapping):
        yield from ((str(name), "" if value is None else str(value)) for name, value in values.items())
    else:
        yield from (str(word).partition("=")[::2] for word in values or ())


def _without_variables(value: str) -> str:
    """Return the value with `$VARIABLE` where one is filled in: it is then no secret of the file.

    Of a URL all stays but the password that comes from elsewhere.
    """
    return _VARIABLE.sub("", value)


@register_outside(
    "dockertools.S302",
    kind=COMPOSE,
    group="values",
    title="image tags",
    codes={"floating-image": "An image from elsewhere has no tag, or `latest`: tomorrow it is another one."},
)
def check_images(audit: ComposeAudit) -> Iterator[Outcome]:
    """Judge the names of images that are not built here."""
    found: list[Outcome] = []
    for member in audit.members:
        image = member.facts.image
        if not image or member.builder or "@" in image:
            continue
        tag = image.rpartition("/")[2].partition(":")[2]
        if tag in ("", "latest") and not member.is_project:
            make = failed if audit.is_production else warned
            hint = f"Name its version: {image.partition(':')[0] if not tag else image.removesuffix(':latest')}:VERSION."
            found.append(make("floating-image", f"{member.name}: {image}", hint, service=member.name, image=image))
    yield from found or (passed("each is pinned, or built here"),)
