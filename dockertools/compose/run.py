"""Run compose on the mode in force: stop, build, check, start."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from dockertools.compose import commands
from dockertools.compose.classify import Member, Project, Role, with_tag
from dockertools.compose.profiles import is_switched_off
from dockertools.compose.show import is_on
from dockertools.errors import DockertoolsError
from dockertools.process import run, stream

Listener = Callable[[str], None]
CHECK_SECONDS = 30
_CHECK = ("python", "manage.py", "docker_check", "--wait", str(CHECK_SECONDS))
_NOT_THERE = ("Unknown command", "can't open file", "No module named", "executable file not found", "no such file")
_KEPT_LINES = 12


class Action(Enum):
    """What compose is asked to do, in this order."""

    DOWN = "down"
    BUILD = "build"
    UP = "up"


_WORDS: Mapping[Action, tuple[str, ...]] = {
    # Volumes stay: they hold the database.
    Action.DOWN: ("down",),
    Action.UP: ("up", "--detach"),
}


@dataclass(frozen=True)
class Runner:
    """A compose project and whom to tell what compose says; `variables` choose the files."""

    root: Path
    variables: Mapping[str, str]
    tell: Listener

    def run_actions(self, actions: Iterable[Action], project: Project, *, is_checked: bool, watches: bool) -> None:
        """Run the actions in order; `is_checked` lets the images' own check decide before anything starts.

        With `watches`, go on copying changes until somebody interrupts. Raises DockertoolsError for what fails.
        """
        wanted = list(actions)
        for action in Action:
            if action not in wanted:
                continue
            if action is Action.BUILD:
                self._build(builders(project))
                continue
            if action is Action.UP:
                self._stop([member.name for member in project.members if is_switched_off(member)])
                self._build(self._missing(project))
            if action is Action.UP and is_checked:
                self.check_first(project)
            self._compose(*_WORDS[action], *_renewing(action, project))
        if watches and Action.UP in wanted:
            self.tell("Copying what changes, until Ctrl-C.")
            self._compose("watch", "--no-up")

    def _missing(self, project: Project) -> tuple[str, ...]:
        """Return the services whose image is to be built first: compose would ask a registry for it."""
        wanted = {
            name: project.member(name).facts.image or f"{project.facts.name}-{name}" for name in builders(project)
        }
        argv = ("docker", "image", "inspect", "--format", "{{json .RepoTags}}", *wanted.values())
        there = run(argv).stdout
        return tuple(name for name, image in wanted.items() if f'"{with_tag(image)}"' not in there)

    def _stop(self, names: Sequence[str]) -> None:
        """Remove what the other mode alone runs; `up` leaves alone what is off."""
        if names:
            self._compose("rm", "--stop", "--force", *names)

    def _build(self, names: Iterable[str]) -> None:
        """Build one after the other: several services that build one image at the same time make it fail."""
        for name in names:
            self._compose("build", name)

    def check_first(self, project: Project) -> None:
        """Run `docker_check --wait` in the image of each server that has it and is not checked by a service already.

        Raises DockertoolsError when the check finds something.
        """
        for member in project.members:
            if member.role is not Role.SERVER or not member.is_project or not is_on(member, frozenset()):
                continue
            if checker := _checked_by(member, project):
                self.tell(f"{member.name} waits for {checker}, which runs docker_check.")
            else:
                self._check(member)

    def _check(self, member: Member) -> None:
        entrypoint = ("--entrypoint", "") if commands.is_server(" ".join(member.entrypoint)) else ()
        argv = (*("docker", "compose", "run", "--rm", "-T", *entrypoint), member.name, *_CHECK)
        done = run(argv, cwd=self.root, env=self.variables, timeout=CHECK_SECONDS + 600)
        text = f"{done.stdout}\n{done.stderr}"
        if done.returncode and any(words in text for words in _NOT_THERE):
            self.tell(f"The image of {member.name} has no docker_check; nothing is checked before it starts.")
            return
        for line in done.stdout.splitlines():
            self.tell(line)
        if done.returncode:
            raise DockertoolsError(
                f"docker_check in {member.name} failed, so that nothing was started:\n{_last(text.splitlines())}",
                hint="Correct what it names, then run this again.",
                code="check-failed",
            )

    def _compose(self, *words: str) -> None:
        argv = ("docker", "compose", "--progress", "plain", *words)
        last: deque[str] = deque(maxlen=_KEPT_LINES)
        with stream(argv, cwd=self.root, env=self.variables) as program:
            for raw in program.lines():
                line = raw.decode(errors="replace").rstrip()
                if line:
                    last.append(line)
                    self.tell(line)
            code = program.wait()
        if code:
            raise DockertoolsError(
                f"`docker compose {' '.join(words)}` failed:\n{_last(last)}",
                hint="The mode is the one that was chosen. Correct what compose names, then run this again.",
                code="compose-failed",
            )


def _renewing(action: Action, project: Project) -> tuple[str, ...]:
    """Return the option that fills anonymous volumes anew: they hold the environment of the image before."""
    shields = any(
        mount.kind == "volume" and mount.source is None
        for member in project.members
        if member.is_project
        for mount in member.facts.mounts
    )
    return ("--renew-anon-volumes",) if shields and action is Action.UP else ()


def builders(project: Project) -> tuple[str, ...]:
    """Return a service for each image that is built, of those that start without a profile."""
    found: dict[str, str] = {}
    for member in sorted(project.members, key=lambda member: member.role is not Role.SERVER):
        if member.facts.build is not None and is_on(member, frozenset()):
            found.setdefault(member.facts.image or f"{project.facts.name}-{member.name}", member.name)
    return tuple(found.values())


def _checked_by(member: Member, project: Project) -> str | None:
    """Return the service that runs docker_check and that the server waits for, or None."""
    for name, condition in member.facts.depends_on.items():
        if condition == "service_completed_successfully" and "docker_check" in project.member(name).text:
            return name
    return None


def _last(lines: Iterable[str]) -> str:
    return "\n".join(list(filter(None, lines))[-_KEPT_LINES:])
