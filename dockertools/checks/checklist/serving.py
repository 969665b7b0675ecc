"""Points 7 and 8 of the guide's list: all services healthy, and the application answers."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from dockertools.checks.checklist.points import GROUP
from dockertools.checks.checklist.stack import open_stack
from dockertools.checks.checklist.states import ServiceState
from dockertools.checks.checklist.workspace import Workspace
from dockertools.checks.outside import CHECKLIST, register_outside
from dockertools.checks.results import Outcome, failed, passed, skipped
from dockertools.errors import CouldNotRunError, DockertoolsError

ANSWER_SECONDS = 15.0


@dataclass(frozen=True)
class Answer:
    """What came back: a status, or why none did."""

    status: int
    error: str = ""


@register_outside(
    "dockertools.G107",
    kind=CHECKLIST,
    group=GROUP,
    title="7 services healthy",
    codes={
        "build-failed": "The build did not succeed, so that the point could not be carried out.",
        "no-compose": "Skipped: the project has no compose file that can be read.",
        "did-not-start": "Compose could not start the project.",
        "unhealthy": "A service ended, or did not become healthy.",
    },
)
def check_services(space: Workspace) -> Iterator[Outcome]:
    """Start all services in a compose project of its own, with fresh volumes, and wait until each is healthy.

    Ports are free ones on loopback; folders of the host that a service could write are replaced by volumes.
    """
    try:
        stack = open_stack(space)
    except CouldNotRunError:
        raise
    except DockertoolsError as error:
        code = "build-failed" if error.code == "build-failed" else "did-not-start"
        if error.code == "compose-file-missing":
            yield skipped("no-compose", error.message)
        else:
            yield failed(code, error.message, error.hint or "`docker compose up` shows more.")
        return
    bad = [state for state in stack.states if not state.is_well]
    for state in bad:
        hint = "`docker compose logs` of the project shows more."
        yield failed("unhealthy", f"{state.service} is {state.told}: {state.log}", hint, service=state.service)
    if not bad:
        told = ", ".join(f"{state.service} {state.told}" for state in stack.states)
        yield passed(f"{told}, after {stack.seconds:.0f} s", services=[state.service for state in stack.states])


@register_outside(
    "dockertools.G108",
    kind=CHECKLIST,
    group=GROUP,
    title="8 application answers",
    codes={
        "not-started": "Skipped: the services are not running.",
        "no-port": "Skipped: no service of the project's own is one that answers over HTTP.",
        "no-answer": "The application did not answer, or with an error of its own.",
        "health-failed": "The health path did not answer 200.",
    },
)
def check_answers(space: Workspace) -> Iterator[Outcome]:
    """Ask the running application for its health path and for a page, through the published port."""
    stack = space.stack
    if stack is None:
        yield skipped("not-started", "the services are not running")
        return
    if not stack.web:
        yield skipped("no-port", "no service of the project's own answers over HTTP")
        return
    if stack.url is None:
        hint = "See point 7."
        yield failed("no-answer", f"{stack.web} is not running", hint, service=stack.web)
        return
    with space.working("asking the application"):
        health = ask(f"{stack.url}{space.config.health_path}")
        page = ask(f"{stack.url}/")
    hint = f"The last lines of its log: {_log(stack.states, stack.web)}"
    if health.status != 200:
        told = health.error or f"answers {health.status}"
        yield failed("health-failed", f"{space.config.health_path} {told}", hint, path=space.config.health_path)
    if not 0 < page.status < 500:
        yield failed("no-answer", f"/ {page.error or f'answers {page.status}'}", hint, path="/", status=page.status)
    if health.status == 200 and 0 < page.status < 500:
        note = ": there is no page at /, and the application says so itself" if page.status == 404 else ""
        yield passed(f"{space.config.health_path} answers 200, / answers {page.status}{note}", page_status=page.status)


def ask(url: str) -> Answer:
    """Return what a GET gets; redirects are not followed: they may lead to the public name."""
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(url, timeout=ANSWER_SECONDS) as response:
            return Answer(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code)
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, f"does not answer: {error}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: object) -> None:
        """Take the redirect for the answer that it is."""


def _log(states: tuple[ServiceState, ...], service: str) -> str:
    return next((state.log for state in states if state.service == service), "") or "nothing"
