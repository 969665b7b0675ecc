"""`docker_report`: what the image is made of, what it wastes, how it came to be so large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from dockertools.conf import Config
from dockertools.errors import ExitCode, UsageError
from dockertools.files import write_atomically
from dockertools.image.limits import DEFAULT_FLOOR, Limits, parse_growth, parse_share
from dockertools.management.base import DockertoolsCommand, engine_extra_imports
from dockertools.sizes import format_size, parse_size

with engine_extra_imports():
    from dockertools.reports.check_document import read_check_document
    from dockertools.reports.make_report import ReportOptions, make_report
    from dockertools.reports.report_document import report_payload
    from dockertools.reports.report_html import render_html
    from dockertools.reports.report_text import print_report
    from dockertools.reports.subjects import repository


class Command(DockertoolsCommand):
    """Wire the options to the analysis and its reports."""

    needs_engine_extra = True
    help = "Show what an image is made of: layers, packages, wasted bytes, and what a next step would save."
    example = "Example: python manage.py docker_report --compare previous --html report.html --max-size 400MB"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to look at, what to compare with, and what must hold."""
        super().add_arguments(parser)
        parser.add_argument("image", nargs="?", help="the image (default: the project's last build)")
        parser.add_argument(
            "--compare", metavar="OTHER", help="an image, a tag, `previous`, `builder` or `single-stage`"
        )
        parser.add_argument("--history", action="store_true", help="size and time of the recorded builds")
        parser.add_argument("--usage", action="store_true", help="what the engine holds and uses for the project")
        parser.add_argument("--html", metavar="FILE", type=Path, help="write the report as one HTML file too")
        parser.add_argument(
            "--checks", metavar="FILE", type=Path, help="show what `docker_check --format json` wrote in the HTML"
        )
        rules = parser.add_argument_group("rules (exit 1 when one is broken)")
        rules.add_argument(
            "--max-size",
            metavar="SIZE",
            help="such as 400MB (default for the project's image: DOCKERTOOLS['MAX_SIZE'])",
        )
        rules.add_argument(
            "--max-growth", metavar="GROWTH", help="such as 5%% or 20MB, against --compare, else the build before"
        )
        rules.add_argument("--min-efficiency", metavar="SHARE", help="share of the bytes that are seen, such as 95%%")
        rules.add_argument(
            "--waste-floor",
            metavar="SIZE",
            default=str(DEFAULT_FLOOR),
            help=f"wasting less than this is never inefficient (default: {format_size(DEFAULT_FLOOR)})",
        )

    def handle(self, *, output_format: str, verbosity: int, html: Path | None, **options: Any) -> None:
        """Look, compare, judge, report."""
        asked = make_options(self.config, verbosity=verbosity, html=html, **options)
        report = make_report(self.config, asked, self.console(stderr=True))
        if html and report.analysis:
            write_atomically(html, render_html(report, report.analysis))
        exit_code = ExitCode.OK if report.is_within_limits else ExitCode.FAILED
        if output_format == "json":
            self.write_document(report_payload(report), exit_code)
        else:
            print_report(self.console(), report, with_history=asked.with_history, verbosity=verbosity)
        if html and verbosity > 0:
            self.stderr.write(f"The page is {html.resolve()}", style_func=str)
        self.exit_with(exit_code)


def make_options(config: Config, **options: Any) -> ReportOptions:
    """Return what is asked for.

    Raises UsageError for a limit that is none or a folder that is not there, DockertoolsError for checks that are none.
    """
    if options["checks"] and not options["html"]:
        raise UsageError("--checks are shown in the page alone.", hint="Add --html FILE.")
    if options["html"] and not options["html"].resolve().parent.is_dir():  # before minutes of reading
        raise UsageError(f"There is no folder {options['html'].resolve().parent} to write the page into.")
    max_size, growth, efficiency = options["max_size"], options["max_growth"], options["min_efficiency"]
    return ReportOptions(
        image=options["image"],
        compare=options["compare"],
        with_history=options["history"],
        with_usage=options["usage"],
        with_page=options["html"] is not None,
        has_rules=bool(max_size or growth or efficiency),
        limits=Limits(
            size=parse_size(max_size) if max_size else _own_limit(config, options["image"]),
            growth=parse_growth(growth) if growth else None,
            efficiency=parse_share(efficiency) if efficiency else None,
            floor=parse_size(options["waste_floor"]),
        ),
        checks=read_check_document(options["checks"]) if options["checks"] else None,
        verbosity=options["verbosity"],
    )


def _own_limit(config: Config, image: str | None) -> int | None:
    """Return the configured limit, which holds for the project's image and not for just any."""
    return config.max_size if image is None or repository(image) == repository(config.image) else None
