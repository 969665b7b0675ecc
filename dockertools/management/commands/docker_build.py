"""`docker_build`: build the project's image with BuildKit."""

from __future__ import annotations

import shlex
from dataclasses import fields
from typing import Any

from django.core.management.base import CommandParser

from dockertools.build.command import buildx_argv
from dockertools.build.diagnose import BuildFailedError
from dockertools.build.driver import build_image
from dockertools.build.finish import OverBudgetError
from dockertools.build.options import BuildOptions
from dockertools.build.request import PROGRESS, BuildRequest, make_build_options
from dockertools.build.service import make_service_options
from dockertools.build.verify import NotReproducibleError
from dockertools.management.base import DockertoolsCommand, engine_extra_imports

with engine_extra_imports():
    from dockertools.reports.build import build_payload, difference_payload, failure_payload, print_build_summary
    from dockertools.reports.build_failure import print_failure
    from dockertools.reports.build_progress import watch_build


class Command(DockertoolsCommand):
    """Wire the options to `build_image` and its report."""

    needs_engine_extra = True
    help = "Build the project's Docker image with BuildKit: say what it weighs and why it was built, or why it failed."
    example = "Example: python manage.py docker_build --tag shop:2026-11 --target production --max-size 400MB"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options of a build."""
        super().add_arguments(parser)
        _add_what(parser)
        _add_how(parser)
        _add_where(parser)
        parser.add_argument("--dry-run", action="store_true", help="show the command that would run, and stop")
        parser.add_argument("--progress", choices=PROGRESS, default="auto", help="how to show it (default: auto)")

    def handle(
        self, *, service: str | None, dry_run: bool, progress: str, verbosity: int, output_format: str, **rest: Any
    ) -> None:
        """Build, and report."""
        request = _request(rest)
        options = (
            make_service_options(self.config, service, request) if service else make_build_options(self.config, request)
        )
        if dry_run:
            return self._show_command(options, output_format)
        try:
            with watch_build(self.console(stderr=True), options.tag, progress, verbosity) as listener:
                result = build_image(options, listener)
        except BuildFailedError as error:
            error.details = failure_payload(error.failed, options)
            print_failure(self.console(stderr=True), error.failed, options)
            raise
        except NotReproducibleError as error:
            error.details = difference_payload(error)
            raise
        except OverBudgetError as error:
            error.details = build_payload(error.result)
            print_build_summary(self.console(stderr=True), error.result, verbosity)
            raise
        if output_format == "json":
            return self.write_document(build_payload(result))
        print_build_summary(self.console(), result, verbosity)
        return None

    def _show_command(self, options: BuildOptions, output_format: str) -> None:
        argv = buildx_argv(options, "METADATA_FILE")
        if output_format == "json":
            return self.write_document({"argv": argv})
        self.stdout.write(shlex.join(argv))
        return None


def _request(options: dict[str, Any]) -> BuildRequest:
    """Return the parsed options as one object; the parser leaves repeated ones as lists."""
    values: dict[str, Any] = {entry.name: options[entry.name] for entry in fields(BuildRequest)}
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return BuildRequest(**values)


def _add_what(parser: CommandParser) -> None:
    parser.add_argument("--tag", "-t", help="name of the image (default: DOCKERTOOLS['IMAGE'])")
    parser.add_argument("--file", "-f", help="the Dockerfile (default: DOCKERTOOLS['DOCKERFILE'])")
    parser.add_argument("--target", help="the stage to build (default: the last one)")
    parser.add_argument(
        "--service", metavar="NAME", help="build what the compose files say about this service, as compose would"
    )
    _add_list(parser, "--platform", "OS/ARCH", "platforms to build for, with commas or repeated")
    _add_list(parser, "--build-arg", "NAME[=VALUE]", "a value for an ARG; without VALUE from the environment")
    _add_list(parser, "--label", "NAME=VALUE", "a label for the image")
    _add_list(parser, "--secret", "id=NAME,src=FILE", "a secret for RUN --mount=type=secret (or id=NAME,env=VARIABLE)")
    _add_list(parser, "--ssh", "NAME[=SOCKET|KEY]", "an SSH agent or key for RUN --mount=type=ssh")


def _add_how(parser: CommandParser) -> None:
    parser.add_argument("--no-cache", action="store_true", help="run every step again")
    parser.add_argument(
        "--reproducible", action="store_true", help="build the image that everybody gets from the last commit"
    )
    parser.add_argument("--verify", action="store_true", help="build it reproducibly twice, and name what differs")
    parser.add_argument("--pull", action="store_true", help="ask the registry for newer base images")
    parser.add_argument("--builder", metavar="NAME", help="the buildx builder to use")
    parser.add_argument("--max-size", metavar="SIZE", help="fail when the image is larger, such as 400MB")
    parser.add_argument("--sbom", nargs="?", const="true", metavar="VALUE", help="attach a list of what is inside")
    parser.add_argument("--provenance", nargs="?", const="true", metavar="VALUE", help="attach how it was built")
    _add_list(parser, "--cache-from", "SPEC", "a cache to start from, such as type=registry,ref=HOST/NAME")
    _add_list(parser, "--cache-to", "SPEC", "where to leave the cache")


def _add_where(parser: CommandParser) -> None:
    parser.add_argument("--push", action="store_true", help="send the image to its registry when it is built")
    _add_list(parser, "--output", "SPEC", "put the result elsewhere than into the engine, such as type=oci,dest=FILE")


def _add_list(parser: CommandParser, flag: str, metavar: str, text: str) -> None:
    parser.add_argument(flag, action="append", default=[], metavar=metavar, help=text)
