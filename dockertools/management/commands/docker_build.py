"""`docker_build`: build the project's image with BuildKit."""

from __future__ import annotations

import shlex
from typing import Any

from django.core.management.base import CommandParser

from dockertools.build.command import buildx_argv
from dockertools.build.driver import BuildFailedError, build_image
from dockertools.build.request import make_build_options
from dockertools.management.base import DockertoolsCommand, engine_extra_imports

with engine_extra_imports():
    from dockertools.reports.build import StepLines, build_payload, print_build_summary, print_failure_log


class Command(DockertoolsCommand):
    """Wire the options to `build_image` and its report."""

    needs_engine_extra = True
    help = "Build the project's Docker image with BuildKit, and say what it weighs."
    example = "Example: python manage.py docker_build --tag shop:2026-11 --target production"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options of a build."""
        super().add_arguments(parser)
        parser.add_argument("--tag", "-t", help="name of the image (default: DOCKERTOOLS['IMAGE'])")
        parser.add_argument("--file", "-f", help="the Dockerfile (default: DOCKERTOOLS['DOCKERFILE'])")
        parser.add_argument("--target", help="the stage to build (default: the last one)")
        parser.add_argument("--no-cache", action="store_true", help="run every step again")
        parser.add_argument("--dry-run", action="store_true", help="show the command that would run, and stop")

    def handle(
        self,
        *,
        tag: str | None,
        file: str | None,
        target: str | None,
        no_cache: bool,
        dry_run: bool,
        output_format: str,
        **_common: Any,
    ) -> None:
        """Build, and report."""
        options = make_build_options(self.config, tag=tag, file=file, target=target, no_cache=no_cache)
        if dry_run:
            argv = buildx_argv(options, "METADATA_FILE")
            return (
                self.write_document({"argv": argv}) if output_format == "json" else self.stdout.write(shlex.join(argv))
            )
        try:
            result = build_image(options, StepLines(self.console(stderr=True)))
        except BuildFailedError as error:
            print_failure_log(self.console(stderr=True), error.log)
            raise
        if output_format == "json":
            return self.write_document(build_payload(result))
        print_build_summary(self.console(), result)
        return None
