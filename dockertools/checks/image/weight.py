"""Group `weight`: bytes and packages without use, and libraries that are not there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dockertools.checks.image.facts import AuditFacts
from dockertools.checks.outside import IMAGE, register_outside
from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.image.system_packages import SystemPackage
from dockertools.sizes import count_of, format_size

SHOWN = 8
SMALLEST_WASTE = 1_000_000
# Data that is opened by name: nothing links to it.
_DATA = re.compile(
    r"fonts?-.+|ca-certificates|tzdata|locales(-all)?|netbase|media-types|shared-mime-info|.+-data|hicolor-.+"
)


@register_outside(
    "dockertools.I701",
    kind=IMAGE,
    group="weight",
    title="bytes wasted",
    codes={
        "wasted-bytes": "A layer holds what a later one deletes or writes again: it is shipped, and nobody sees it."
    },
)
def check_waste(facts: AuditFacts) -> Iterator[Outcome]:
    """Add up what later layers hide of layers above the base."""
    own = [item for item in facts.waste if item.stored_in >= facts.base_layers and item.bytes >= SMALLEST_WASTE]
    for item in own:
        yield warned(
            "wasted-bytes",
            f"{format_size(item.bytes)} of {facts.layer(item.stored_in)} {item.how} by {facts.layer(item.hidden_by)}:"
            f" /{item.largest}",
            "Delete in the RUN that made it; set owner and mode with COPY --chown --chmod, not with RUN chown.",
            bytes=item.bytes,
            path=f"/{item.largest}",
            layer=item.stored_in + 1,
        )
    if not own:
        small = sum(item.bytes for item in facts.waste if item.stored_in >= facts.base_layers)
        yield passed(f"{format_size(small)}")


@register_outside(
    "dockertools.I702",
    kind=IMAGE,
    group="weight",
    title="packages of use",
    codes={
        "unneeded-packages": "System packages that no other package, library of the application or program needs.",
        "no-package-list": "Skipped: the image has no list of system packages.",
    },
)
def check_packages(facts: AuditFacts) -> Iterator[Outcome]:
    """Follow what the application's libraries load and packages depend on; what is left was installed for nothing.

    A program that the code starts by its name leaves no trace: name it in DOCKERTOOLS["PROGRAMS"] and silence this.
    """
    if not facts.system_packages:
        yield skipped("no-package-list", "the image has no dpkg or apk database")
        return
    unneeded = [package for package in facts.system_packages if _is_unneeded(package, facts.base_layers)]
    asked_for = [package.name for package in unneeded if not package.is_automatic] or [item.name for item in unneeded]
    if unneeded:
        total = format_size(sum(package.size_bytes for package in unneeded))
        more = f" and {len(asked_for) - SHOWN} more" if len(asked_for) > SHOWN else ""
        message = f"{', '.join(asked_for[:SHOWN])}{more}: {total} with what came along"
        hint = (
            "Leave them out of the apt-get install; is it a program that the code starts, silence this with the reason."
        )
        yield warned("unneeded-packages", message, hint, packages=asked_for)
    else:
        yield passed(f"{count_of(len(facts.system_packages), 'package')}, each is needed")


def _is_unneeded(package: SystemPackage, base_layers: int) -> bool:
    return package.place >= base_layers and not package.needed_by and not _DATA.fullmatch(package.name)


@register_outside(
    "dockertools.I703",
    kind=IMAGE,
    group="weight",
    title="libraries resolve",
    codes={"library-missing": "A shared object of the application needs a library that is nowhere in the image."},
)
def check_libraries(facts: AuditFacts) -> Iterator[Outcome]:
    """Look for the libraries that the application's shared objects name; nothing is executed, and no shell needed.

    By name, wherever in the image: whether the loader would look there is for C201 to say, in the container.
    """
    for missing in facts.missing_libraries:
        yield failed(
            "library-missing",
            f"{missing.name}, needed by /{missing.needed_by}, is nowhere in the image",
            "Install its package in the runtime stage; C201 in the container names it.",
            library=missing.name,
            path=f"/{missing.needed_by}",
        )
    if not facts.missing_libraries:
        yield passed("all that are named are there")
