"""Whether the requirements can be installed together, and for how long the base is supported."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.doctor.base import doctor_check, need
from dockertools.doctor.facts import DoctorFacts

SOON = timedelta(days=90)
LONGEST_WORDS = 600


@doctor_check(
    "D601",
    "requirements",
    "requirements fit",
    {
        "requirements-conflict": "The requirements cannot be installed together, or one does not exist.",
        "resolver-failed": "The resolver could not answer.",
        "no-manifest": "Skipped: there is no list of requirements that can be read.",
    },
)
def check_requirements(facts: DoctorFacts) -> Iterator[Outcome]:
    """Let a resolver (uv, else pip) read the manifest for the image's Python; nothing is installed."""
    found = need(facts.requirements).resolution
    evidence = {"path": found.manifest, "resolver": found.resolver}
    if found.is_solved:
        yield passed(f"{found.manifest}, by {found.resolver}", **evidence)
    elif found.said:
        words = found.said if len(found.said) <= LONGEST_WORDS else f"{found.said[: LONGEST_WORDS - 3]}..."
        hint = f"Widen or change one of the requirements that it names in {found.manifest}, then run this again"
        yield failed("requirements-conflict", f"{found.resolver} says of {found.manifest}: {words}", hint, **evidence)
    elif not found.manifest:
        yield skipped("no-manifest", found.problem or "there is no list of requirements")
    else:
        message = f"{found.resolver or 'no resolver'} could not read {found.manifest}: {found.problem}"
        command = "uv pip compile" if found.resolver == "uv" else "python -m pip install --dry-run -r"
        yield warned("resolver-failed", message, f"{command} {found.manifest}   (shows all of it)", **evidence)


@doctor_check(
    "D602",
    "requirements",
    "supported releases",
    {
        "end-of-life": "The suite or the Python of an image gets no security updates any more.",
        "ends-soon": "Its support ends within 90 days.",
        "unknown-release": "Skipped: the images' names tell no release, or none that the table has.",
    },
)
def check_releases(facts: DoctorFacts) -> Iterator[Outcome]:
    """Look the suite and the Python of the Dockerfile's images up in a table of their last days."""
    releases = need(facts.requirements).releases
    known = [(release, release.end) for release in releases if release.end is not None]
    for release, end in known:
        evidence = {"release": release.name, "end": end.isoformat(), "where": release.where}
        hint = f"Set DOCKERTOOLS['PYTHON_VERSION'] or ['SUITE'], then: {facts.command('init', '--diff')}"
        if end < facts.today:
            message = f"{release.name} ({release.where}) gets no updates since {end.isoformat()}"
            yield failed("end-of-life", message, hint, **evidence)
        elif end - facts.today < SOON:
            left = (end - facts.today).days
            message = f"{release.name} ({release.where}) gets updates until {end.isoformat()}, {left} days"
            yield warned("ends-soon", message, hint, **evidence)
    late = [f"{release.name} until {end.isoformat()}" for release, end in known if end - facts.today >= SOON]
    if not known:
        yield skipped("unknown-release", ", ".join(release.name for release in releases) or "no image names a release")
    elif len(late) == len(known):
        yield passed(", ".join(late))
