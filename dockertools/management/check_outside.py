"""What docker_check looks at from outside: the options, the checks that belong to it, and the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.management.base import CommandParser

from dockertools.checks.outside import run_outside
from dockertools.checks.registry import CheckInfo
from dockertools.checks.results import CheckResult, Target
from dockertools.checks.runner import Event
from dockertools.conf import Config
from dockertools.errors import UsageError

MODES = ("dev", "prod")
OnEvent = Callable[[Event], None]


@dataclass(frozen=True, kw_only=True)
class OutsideOptions:
    """The options of the command line that say what to look at, and how."""

    image: str | None = None
    compose: bool = False
    checklist: bool = False
    mode: str | None = None
    network: str | None = None
    env: tuple[str, ...] = ()
    env_file: tuple[str, ...] = ()

    @property
    def is_outside(self) -> bool:
        """Whether something else than this very process is looked at."""
        return self.image is not None or self.compose or self.checklist


def add_outside_arguments(parser: CommandParser) -> None:
    """Add the options of checks from outside."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--image", metavar="NAME", help="check an image: its layers, and in a throw-away container of it")
    what.add_argument("--compose", action="store_true", help="check the compose project")
    what.add_argument("--checklist", action="store_true", help="carry out the build guide's eight points, timed")
    parser.add_argument("--mode", choices=MODES, help="with --compose: what the project is meant for (default: prod)")
    parser.add_argument("--network", metavar="NAME", help="with --image: the container's network (default: none)")
    parser.add_argument(
        "--env", action="append", metavar="NAME[=VALUE]", help="with --image: a variable for its container; repeatable"
    )
    parser.add_argument("--env-file", action="append", metavar="FILE", help="with --image: a file of such variables")


def read_outside_options(options: Mapping[str, Any]) -> OutsideOptions:
    """Return the options as one object. Raises UsageError for those that do not go together."""
    read = OutsideOptions(
        image=options["image"],
        compose=options["compose"],
        checklist=options["checklist"],
        mode=options["mode"],
        network=options["network"],
        env=tuple(options["env"] or ()),
        env_file=tuple(options["env_file"] or ()),
    )
    if read.image == "":
        raise UsageError("--image has no name.", hint="Write --image NAME, such as --image shop:latest.")
    if (read.network or read.env or read.env_file) and not read.image:
        raise UsageError("--network, --env and --env-file are for --image.", hint="Add --image NAME.")
    if read.mode and not read.compose:
        raise UsageError("--mode says what a compose project is meant for.", hint="Add --compose.")
    return read


def outside_checks_of(options: OutsideOptions, runtime: tuple[CheckInfo, ...]) -> tuple[CheckInfo, ...]:
    """Return all checks of what the options name; an image has those of the container too."""
    if options.compose:
        from dockertools.checks.compose import load_compose_checks  # noqa: PLC0415  # a production image needs none of it

        return load_compose_checks()
    if options.checklist:
        from dockertools.checks.checklist import load_checklist  # noqa: PLC0415  # as above

        return load_checklist()
    from dockertools.checks.image import load_image_checks  # noqa: PLC0415  # as above
    from dockertools.checks.image.container import IN_CONTAINER  # noqa: PLC0415

    return (*load_image_checks(), IN_CONTAINER, *runtime)


def run_outside_checks(
    options: OutsideOptions,
    config: Config,
    checks: tuple[CheckInfo, ...],
    silenced: Mapping[str, str],
    on_event: OnEvent,
) -> tuple[Target, tuple[CheckResult, ...]]:
    """Run the checks, and return what was looked at and the results."""
    if options.compose:
        return _check_compose(options.mode, config, checks, silenced, on_event)
    if options.checklist:
        return _carry_out(config, checks, silenced, on_event)
    from dockertools.checks.image.run import ImageRequest, check_image  # noqa: PLC0415  # as above

    reference = options.image or config.image
    request = ImageRequest(
        reference=reference,
        checks=checks,
        silenced=silenced,
        network=options.network or "none",
        environment=options.env,
        env_files=options.env_file,
    )
    return Target("image", reference), check_image(request, config, on_event)


def _check_compose(
    mode: str | None, config: Config, checks: tuple[CheckInfo, ...], silenced: Mapping[str, str], on_event: OnEvent
) -> tuple[Target, tuple[CheckResult, ...]]:
    from dockertools.checks.compose.facts import read_compose_audit  # noqa: PLC0415  # as above

    audit = read_compose_audit(config, mode)
    target = Target("compose", f"{audit.project.facts.name} ({audit.mode})")
    return target, run_outside(checks, audit, silenced, on_event)


def _carry_out(
    config: Config, checks: tuple[CheckInfo, ...], silenced: Mapping[str, str], on_event: OnEvent
) -> tuple[Target, tuple[CheckResult, ...]]:
    from dockertools.build.request import missing_dockerfile  # noqa: PLC0415  # as above
    from dockertools.checks.checklist.workspace import Workspace  # noqa: PLC0415
    from dockertools.engine import find_engine  # noqa: PLC0415

    if not (config.root / config.dockerfile).is_file():
        raise missing_dockerfile(config.root / config.dockerfile)
    find_engine()
    with Workspace(config, on_event) as space:
        return Target("checklist", config.image), run_outside(checks, space, silenced, on_event)
