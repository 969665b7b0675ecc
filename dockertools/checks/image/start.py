"""Groups `user` and `start`: what the configuration says of the process that containers begin with."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from dockertools.checks.image.facts import AuditFacts
from dockertools.checks.outside import IMAGE, register_outside
from dockertools.checks.results import Outcome, failed, passed, skipped, warned

_SHELLS = ("sh", "bash", "dash", "ash", "zsh")
_INITS = ("tini", "tini-static", "dumb-init", "catatonit", "docker-init", "s6-svscan", "runsvdir", "supervisord")
_SEVERAL = re.compile(r"&&|\|\||[;|&\n]")
_REPLACES = re.compile(r"(?m)^[^#\n]*\bexec\s+\S")
PRIVILEGED_PORTS = 1024
_SSH = 22


@register_outside(
    "dockertools.I101",
    kind=IMAGE,
    group="user",
    title="user",
    codes={
        "no-user": "The image names no user, so that its containers run as root.",
        "root-user": "The user is 0, by number or by a name whose number is 0.",
        "unknown-user": "The image has no user of that name: containers do not start.",
        "named-user": "The user is a name: Kubernetes' runAsNonRoot can judge numbers alone.",
    },
)
def check_user(facts: AuditFacts) -> Iterator[Outcome]:
    """Judge USER: a number other than 0, or a name whose number in /etc/passwd is not 0."""
    user = facts.config.user
    name, _, group = user.partition(":")
    hint = "End the Dockerfile's last stage with USER 1000:1000."
    if not name:
        yield failed("no-user", "there is no USER, so that containers run as root", hint)
        return
    number = int(name) if name.isdigit() else facts.accounts.get(name)
    if number is None:
        yield failed("unknown-user", f"USER {user}: /etc/passwd of the image has no {name!r}", hint, user=user)
    elif number == 0:
        text = f"USER {user}" if name.isdigit() else f"USER {user}, whose number is 0"
        yield failed("root-user", text, hint, user=user, uid=0)
    elif not name.isdigit():
        hint = f"Write USER {number}" + (f":{group}." if group.isdigit() else ".")
        yield warned("named-user", f"USER {user} is a name, of the number {number}", hint, user=user, uid=number)
    else:
        yield passed(f"USER {user}", user=user, uid=number)


@register_outside(
    "dockertools.I501",
    kind=IMAGE,
    group="start",
    title="health check",
    codes={
        "no-healthcheck": "The image has no HEALTHCHECK.",
        "healthcheck-off": "HEALTHCHECK NONE switches the base's off.",
    },
)
def check_healthcheck(facts: AuditFacts) -> Iterator[Outcome]:
    """Look for HEALTHCHECK."""
    test = facts.config.healthcheck
    hint = "HEALTHCHECK CMD [...] asks the application; `docker_init` writes one that needs no curl."
    if test is None:
        yield warned("no-healthcheck", "there is no HEALTHCHECK: an engine knows only whether the process lives", hint)
    elif test[:1] == ("NONE",):
        yield warned("healthcheck-off", "HEALTHCHECK NONE", hint)
    else:
        yield passed(_shown(test[1:]))


@register_outside(
    "dockertools.I502",
    kind=IMAGE,
    group="start",
    title="exec form",
    codes={
        "no-command": "The image has neither CMD nor ENTRYPOINT.",
        "shell-form": "CMD or ENTRYPOINT is in shell form, so that /bin/sh is started first.",
    },
)
def check_exec_form(facts: AuditFacts) -> Iterator[Outcome]:
    """Judge whether ENTRYPOINT and CMD are lists of words, without a shell around them."""
    config = facts.config
    if not config.argv:
        yield failed(
            "no-command", "there is neither CMD nor ENTRYPOINT", 'End the Dockerfile with CMD ["gunicorn", ...].'
        )
        return
    forms = {"ENTRYPOINT": config.entrypoint, "CMD": config.command}
    shell = [name for name, words in forms.items() if is_shell_form(words)]
    if shell:
        hint = f'Write {shell[0]} as a JSON list: {shell[0]} ["gunicorn", "shop.wsgi"].'
        yield warned("shell-form", f"{' and '.join(shell)} in shell form: {_shown(config.argv)}", hint)
    else:
        yield passed(_shown(config.argv))


@register_outside(
    "dockertools.I503",
    kind=IMAGE,
    group="start",
    title="signals reach it",
    codes={
        "shell-keeps-signals": "PID 1 is a shell that waits for its commands, and does not hand SIGTERM on.",
        "script-keeps-signals": "PID 1 is a script that never calls exec, so that SIGTERM ends with it.",
        "development-server": "PID 1 is Django's development server.",
        "no-command": "Skipped: the image starts nothing.",
    },
)
def check_signals(facts: AuditFacts) -> Iterator[Outcome]:
    """Judge whether SIGTERM of `docker stop` reaches the application: no shell or script keeps it to itself."""
    argv = facts.config.argv
    if not argv:
        yield skipped("no-command", "the image starts nothing")
        return
    if "runserver" in argv or (is_shell_form(argv) and re.search(r"\brunserver\b", argv[2])):
        hint = "Start gunicorn, or another server made for production."
        yield failed("development-server", f"{_shown(argv)} is for development", hint)
        return
    line = argv[2] if is_shell_form(argv) else ""
    if line and _SEVERAL.search(line) and not _REPLACES.search(line):
        hint = 'Put exec before the last command, or start it in exec form: CMD ["gunicorn", ...].'
        yield failed("shell-keeps-signals", f"a shell waits for: {line[:80]}", hint)
        return
    script, text = find_script(facts)
    if text and not _REPLACES.search(text) and posixpath.basename(argv[0]) not in _INITS:
        hint = f'End {script} with exec "$@", or with exec before its last command.'
        yield failed("script-keeps-signals", f"{script} never calls exec", hint, path=script)
        return
    yield passed("an init hands them on" if posixpath.basename(argv[0]) in _INITS else f"{argv[0]} is PID 1")


@register_outside(
    "dockertools.I504",
    kind=IMAGE,
    group="start",
    title="ports",
    codes={
        "no-port": "The image has no EXPOSE.",
        "ssh-port": "Port 22 is exposed: a container needs no SSH server.",
        "privileged-port": "A port below 1024 and a user other than root: not every engine lets it listen.",
    },
)
def check_ports(facts: AuditFacts) -> Iterator[Outcome]:
    """Judge EXPOSE."""
    ports = facts.config.ports
    numbers = [int(port.partition("/")[0]) for port in ports if port.partition("/")[0].isdigit()]
    if not ports:
        yield warned("no-port", "there is no EXPOSE", "EXPOSE 8000 tells people and proxies where it listens.")
    elif _SSH in numbers:
        yield failed("ssh-port", f"EXPOSE {', '.join(ports)}", "`docker exec` needs no SSH server: leave it out.")
    elif any(number < PRIVILEGED_PORTS for number in numbers) and facts.config.user.partition(":")[0] not in (
        "",
        "0",
        "root",
    ):
        hint = "Listen on 8000 and publish it as 80."
        yield warned("privileged-port", f"EXPOSE {', '.join(ports)}, and USER {facts.config.user}", hint)
    else:
        yield passed(", ".join(ports))


def is_shell_form(words: tuple[str, ...]) -> bool:
    """Tell whether these words are a shell and the line that it is given."""
    return len(words) > 2 and posixpath.basename(words[0]) in _SHELLS and bool(re.fullmatch(r"-\w*c", words[1]))


def find_script(facts: AuditFacts) -> tuple[str, str]:
    """Return the path and the text of the shell script that PID 1 is; empty where it is none."""
    argv = facts.config.argv
    word = (
        argv[1] if len(argv) > 1 and posixpath.basename(argv[0]) in _SHELLS and not argv[1].startswith("-") else argv[0]
    )
    folders = facts.config.environment.get("PATH", "").split(":")
    candidates = [posixpath.normpath(posixpath.join(facts.config.working_dir or "/", word))]
    if "/" not in word:
        candidates = [posixpath.join(folder, word) for folder in folders]
    for path in candidates:
        text = facts.scripts.get(path, "")
        first = text.partition("\n")[0]
        if text and re.search(rf"\b({'|'.join(_SHELLS)})\b", first):
            return path, text
    return "", ""


def _shown(argv: tuple[str, ...]) -> str:
    text = " ".join(argv)
    return text if len(text) <= 80 else f"{text[:77]}..."
