"""Options -> a report: which images are looked at, compared and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Console

from dockertools.build.history import BuildRecord
from dockertools.conf import INFERRED, Config
from dockertools.engine import connect, find_engine
from dockertools.files import read_text
from dockertools.housekeeping.belongings import find_belongings
from dockertools.housekeeping.load import measure_load
from dockertools.image.analysis import ImageAnalysis, analyse_image
from dockertools.image.catalog import Catalog
from dockertools.image.compare import Comparison, compare_images
from dockertools.image.limits import Limits, Verdict, judge
from dockertools.reports.build_progress import watch_build
from dockertools.reports.reading import ReadingProgress, asking
from dockertools.reports.report_facts import Report, Usage
from dockertools.reports.report_lines import find_lines
from dockertools.reports.subjects import Subject, earlier_builds, find_subject, no_previous, other_subject, read_history

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """What is asked for; `has_rules` when the command line has one, `checks` is a document of `docker_check`."""

    image: str | None = None
    compare: str | None = None
    with_history: bool = False
    with_usage: bool = False
    with_page: bool = False
    has_rules: bool = False
    limits: Limits = field(default_factory=Limits)
    checks: Mapping[str, Any] | None = None
    verbosity: int = 1

    @property
    def needs_image(self) -> bool:
        """Whether an image is looked at: always, but for questions that it does not answer."""
        asked = self.image or self.compare or self.with_page or self.has_rules
        return bool(asked) or not (self.with_history or self.with_usage)


def make_report(config: Config, options: ReportOptions, console: Console) -> Report:
    """Look at what is asked for, with the progress on `console`.

    Raises DockertoolsError when an image is missing, CouldNotRunError when no engine answers or there is nothing to
    hold a growth against.
    """
    history = read_history(config)
    if not options.needs_image and not options.with_usage:
        return Report(history=history)
    find_engine()
    client = connect()
    usage = _usage(client, config, options, console) if options.with_usage else None
    if not options.needs_image:
        return Report(history=history if options.with_history else (), usage=usage)
    subject = find_subject(client, config, options.image, history)
    before = _size_before(subject, options, history)
    look = _Look(client, config, options, console)
    analysis, comparison, title = look.at(subject)
    return Report(
        analysis=analysis,
        lines=find_lines(analysis, read_text(config.root / config.dockerfile) or "", subject.target),
        comparison=comparison,
        compared_with=title,
        history=history,
        usage=usage,
        verdicts=_judge(options.limits, analysis, comparison.other.size_bytes if comparison else before),
        checks=options.checks,
    )


def _usage(client: DockerClient, config: Config, options: ReportOptions, console: Console) -> Usage:
    with asking(console, "what it holds", is_quiet=options.verbosity == 0):
        belongings = find_belongings(client, config)
        return Usage(belongings, measure_load(client, belongings.containers))


def _size_before(subject: Subject, options: ReportOptions, history: Sequence[BuildRecord]) -> int | None:
    """Return what the growth is measured from: without --compare the record is enough, the image may be gone."""
    if options.limits.growth is None or options.compare:
        return None
    earlier = earlier_builds(subject, history)
    if not earlier:
        raise no_previous(subject, "is recorded on this machine")
    return earlier[-1].size_bytes


@dataclass(frozen=True)
class _Look:
    client: DockerClient
    config: Config
    options: ReportOptions
    console: Console

    def at(self, subject: Subject) -> tuple[ImageAnalysis, Comparison | None, str]:
        """Analyse the image, and what it is to be compared with."""
        other = self.options.compare
        with ExitStack() as stack:
            if other is None:
                return self._analyse(stack, subject)[0], None, ""
            watch = watch_build(self.console, f"{other} of {subject.title}", "auto", self.options.verbosity)
            against = stack.enter_context(other_subject(self.client, self.config, other, subject, watch))
            analysis, catalog = self._analyse(stack, subject)
            comparison = compare_images(*self._analyse(stack, against), analysis, catalog)
            return analysis, comparison, against.title

    def _analyse(self, stack: ExitStack, subject: Subject) -> tuple[ImageAnalysis, Catalog]:
        languages = tuple(language for language in self.config.languages if language != INFERRED)
        with ReadingProgress(self.console, subject.title, is_quiet=self.options.verbosity == 0) as progress:
            analysing = analyse_image(self.client, subject.reference, languages=languages, on_progress=progress)
            return stack.enter_context(analysing)


def _judge(limits: Limits, analysis: ImageAnalysis, before: int | None) -> tuple[Verdict, ...]:
    return judge(
        limits,
        size=analysis.image.size_bytes,
        before=before,
        wasted=analysis.wasted_bytes,
        efficiency=analysis.efficiency,
    )
