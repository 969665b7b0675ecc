"""Group `security`: the process can do no more than it must, and the settings are those of production."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core import checks
from django.core.checks.registry import registry

from dockertools.checks.context import CheckContext
from dockertools.checks.isolation import End, describe_end, isolate
from dockertools.checks.redaction import read_secret_key
from dockertools.checks.registry import register_check
from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.checks.runtime.process_facts import find_setuid_files, find_writable, read_privileges
from dockertools.checks.runtime.suites import read_table

GROUP = "security"
SHOWN = 3
DEPLOY_SECONDS = 25.0
LEAST_LENGTH = 50
LEAST_DIFFERENT = 5
"""Both as in Django's security.W009."""

COMPILERS = ("cc", "gcc", "g++", "c++", "clang", "make", "cmake", "rustc", "cargo", "go", "ld", "as")
INSTALLERS = ("pip", "pip3", "uv", "poetry", "pipenv", "conda", "npm", "apt-get", "apk", "dnf", "microdnf")
HEALTH_MIDDLEWARE = "dockertools.middleware.HealthMiddleware"
# Django's checks that the checks below are stricter about.
COVERED = frozenset({"security.W009", "security.W018", "security.W020"})

_AS_USER = "Set `USER 1000:1000` in the image's last stage, or `user:` in compose."
_RUNTIME_STAGE = "Copy what was built into a runtime stage that has no build tools."


@register_check(
    "dockertools.C701",
    group=GROUP,
    title="user",
    needs_setup=False,
    codes={"runs-as-root": "The effective user is root: who breaks out of the application owns the container."},
)
def check_user(context: CheckContext) -> Iterator[Outcome]:
    """Look at the effective user id of the process."""
    user = read_privileges().user
    if user == 0:
        yield failed("runs-as-root", "the process runs as root (uid 0)", _AS_USER, uid=user)
    else:
        yield passed(f"uid {user}", uid=user)


@register_check(
    "dockertools.C702",
    group=GROUP,
    title="code cannot be written",
    timeout=30,
    needs_setup=False,
    codes={"code-writable": "The process may change the code that it runs."},
)
def check_code(context: CheckContext) -> Iterator[Outcome]:
    """Look for folders and files of the project and the environment that the process may write.

    It asks the kernel, so that a read-only root filesystem counts.
    """
    folders = (context.root, *context.environment.library_folders)
    writable = sorted(map(str, find_writable(folders)))
    if writable:
        more = f" and {len(writable) - SHOWN} more" if len(writable) > SHOWN else ""
        hint = "Leave the code to root (no `COPY --chown`), and mount the root read-only (compose: `read_only: true`)."
        message = f"can be written: {', '.join(writable[:SHOWN])}{more}"
        yield failed("code-writable", message, hint, paths=writable[:50])
    else:
        yield passed(", ".join(map(str, folders)))


@register_check(
    "dockertools.C703",
    group=GROUP,
    title="capabilities",
    needs_setup=False,
    codes={
        "capabilities-held": "Capabilities are in effect for a user other than root.",
        "capabilities-of-root": "The process is root with capabilities.",
        "capabilities-unknown": "Skipped: `/proc/self/status` does not tell.",
    },
)
def check_capabilities(context: CheckContext) -> Iterator[Outcome]:
    """Look at the capabilities in effect: a web process needs none."""
    facts = read_privileges()
    hint = "Drop them: `cap_drop: [ALL]` in compose, `--cap-drop ALL` on the command line."
    if facts.capabilities is None:
        yield skipped("capabilities-unknown", "/proc/self/status does not tell")
        return
    if not facts.capabilities:
        suffix = ", no new privileges" if facts.no_new_privileges else ""
        yield passed(f"none{suffix}", no_new_privileges=facts.no_new_privileges)
        return
    code = "capabilities-of-root" if facts.user == 0 else "capabilities-held"
    names = ", ".join(facts.capabilities)
    yield failed(code, f"{len(facts.capabilities)} in effect: {names}", hint, capabilities=list(facts.capabilities))


@register_check(
    "dockertools.C704",
    group=GROUP,
    title="no build tools",
    needs_setup=False,
    codes={
        "compiler-present": "A compiler or build tool is on PATH.",
        "installer-usable": "A package manager is on PATH, and the process may write where it installs.",
    },
)
def check_build_tools(context: CheckContext) -> Iterator[Outcome]:
    """Look on PATH for compilers, and for package managers that could install something.

    Every Debian image has apt. It is of use to an intruder only where there is something that it may write.
    """
    compilers = [path for name in COMPILERS if (path := shutil.which(name))]
    if compilers:
        message = f"on PATH: {', '.join(compilers)}"
        yield failed("compiler-present", message, _RUNTIME_STAGE, programs=compilers)
    installers = [path for name in INSTALLERS if (path := shutil.which(name))]
    targets = (*context.environment.site_packages, Path("/usr/bin"))
    writable = [str(folder) for folder in targets if os.access(folder, os.W_OK)]
    if installers and writable:
        message = f"{', '.join(installers)} can install into {', '.join(writable)}"
        yield warned("installer-usable", message, f"{_AS_USER} {_RUNTIME_STAGE}", programs=installers, folders=writable)
    elif not compilers:
        yield passed("no compiler, and nothing that could install", programs=installers)


@register_check(
    "dockertools.C705",
    group=GROUP,
    title="setuid files",
    timeout=60,
    needs_setup=False,
    codes={"setuid-usable": "Programs with the setuid or setgid bit would give the process another user's rights."},
)
def check_setuid_files(context: CheckContext) -> Iterator[Outcome]:
    """Look for files with the setuid or setgid bit, unless no new privileges can be gained at all."""
    if read_privileges().no_new_privileges:
        yield passed("without effect: no new privileges can be gained")
        return
    files = sorted(map(str, find_setuid_files(Path("/"))))
    if files:
        more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
        hint = 'Forbid it: `security_opt: ["no-new-privileges:true"]` in compose; or `chmod a-s` them in the image.'
        yield warned("setuid-usable", f"{', '.join(files[:SHOWN])}{more}", hint, paths=files)
    else:
        yield passed("none")


@register_check(
    "dockertools.C706",
    group=GROUP,
    title="DEBUG",
    needs_setup=False,
    is_settings_only=True,
    codes={"debug-on": "DEBUG shows source code and settings to anybody who causes an error."},
)
def check_debug(context: CheckContext) -> Iterator[Outcome]:
    """Look at DEBUG."""
    if settings.DEBUG:
        yield failed("debug-on", "DEBUG is on", "Let it be off unless a variable of the development mode sets it.")
    else:
        yield passed("off")


@register_check(
    "dockertools.C707",
    group=GROUP,
    title="ALLOWED_HOSTS",
    needs_setup=False,
    is_settings_only=True,
    codes={
        "hosts-empty": "No host is allowed: every request is answered with 400.",
        "hosts-any": "Every host is allowed, so that links in mails and caches can be poisoned.",
    },
)
def check_allowed_hosts(context: CheckContext) -> Iterator[Outcome]:
    """Look at ALLOWED_HOSTS."""
    hosts = list(settings.ALLOWED_HOSTS)
    if not hosts:
        yield failed("hosts-empty", "ALLOWED_HOSTS is empty", "List the names under which the service is reached.")
    elif "*" in hosts:
        hint = "List the names; health probes need none with dockertools.middleware.HealthMiddleware."
        yield warned("hosts-any", "ALLOWED_HOSTS allows '*'", hint)
    else:
        yield passed(", ".join(hosts), hosts=hosts)


@register_check(
    "dockertools.C708",
    group=GROUP,
    title="secrets",
    needs_setup=False,
    is_settings_only=True,
    codes={
        "secret-missing": "SECRET_KEY is empty.",
        "secret-default": "A secret is one that examples and templates use.",
        "secret-weak": "SECRET_KEY is short or of few different characters.",
    },
)
def check_secrets(context: CheckContext) -> Iterator[Outcome]:
    """Look at SECRET_KEY and the databases' passwords for values that examples use."""
    findings = [*_judge_key(read_secret_key()), *_judge_passwords()]
    yield from findings or (passed("none looks like a default"),)


@register_check(
    "dockertools.C709",
    group=GROUP,
    title="check --deploy",
    timeout=30,
    codes={
        "deploy-error": "Django's own checks find an error.",
        "deploy-warning": "Django's own checks warn.",
        "deploy-broken": "A registered check does not come to its end.",
    },
)
def check_deploy(context: CheckContext) -> Iterator[Outcome]:
    """Run Django's checks as `manage.py check --deploy` does, those left out that C706 to C708 judge."""
    ended = isolate(_run_django_checks, timeout=DEPLOY_SECONDS)
    if ended.end is not End.RETURNED:
        message = f"Django's checks: one {describe_end(ended, DEPLOY_SECONDS)}"
        yield failed(
            "deploy-broken", message, "Run `python manage.py check --deploy --traceback`.", output=ended.output
        )
        return
    for django_id, level, text, hint in ended.value:
        code, make = ("deploy-error", failed) if level >= checks.ERROR else ("deploy-warning", warned)
        where = f"https://docs.djangoproject.com/en/stable/ref/checks/ tells about {django_id}."
        yield make(code, f"{django_id}: {text}", hint or where, django_id=django_id)
    if not ended.value:
        yield passed("nothing found")


@register_check(
    "dockertools.C710",
    group=GROUP,
    title="health middleware",
    needs_setup=False,
    is_settings_only=True,
    codes={
        "health-not-first": "HealthMiddleware is not first, so that host checks or redirects answer a probe before it.",
        "no-health-middleware": "Skipped: the project answers probes in another way, or not at all.",
    },
)
def check_health_middleware(context: CheckContext) -> Iterator[Outcome]:
    """Look whether HealthMiddleware comes first in MIDDLEWARE."""
    middleware = list(settings.MIDDLEWARE)
    if HEALTH_MIDDLEWARE not in middleware:
        yield skipped("no-health-middleware", "HealthMiddleware is not used")
    elif middleware[0] != HEALTH_MIDDLEWARE:
        yield failed("health-not-first", f"{middleware[0]} comes before it", "Put it first in MIDDLEWARE.")
    else:
        yield passed("first")


def _run_django_checks() -> list[tuple[str, int, str, str]]:
    """Return id, level, first sentence and hint of each message that is serious and not judged elsewhere."""
    return [
        (str(message.id), message.level, re.split(r"(?<=\.)\s", str(message.msg))[0], str(message.hint or ""))
        for message in registry.run_checks(include_deployment_checks=True)
        if message.level >= checks.WARNING
        and not message.is_silenced()
        and message.id not in COVERED
        and not str(message.id).startswith("dockertools.")
    ]


def looks_like_default(secret: str) -> bool:
    """Return whether the secret is one of the examples' (table `known_secrets`)."""
    return re.sub(r"[\s_!-]", "", secret.lower()) in read_table("known_secrets")["values"]


def _judge_key(key: str) -> Iterator[Outcome]:
    hint = "Make one and pass it in: python -c 'import secrets; print(secrets.token_urlsafe(64))'"
    if not key:
        yield failed("secret-missing", "SECRET_KEY is empty", hint, setting="SECRET_KEY")
    elif looks_like_default(key) or any(part in key.lower() for part in read_table("known_secrets")["parts"]):
        yield failed("secret-default", "SECRET_KEY looks like an example's", hint, setting="SECRET_KEY")
    elif len(key) < LEAST_LENGTH or len(set(key)) < LEAST_DIFFERENT:
        message = f"SECRET_KEY has {len(key)} characters, {len(set(key))} different ones"
        yield warned("secret-weak", message, hint, setting="SECRET_KEY")


def _judge_passwords() -> Iterator[Outcome]:
    for alias, values in settings.DATABASES.items():
        password = str(values.get("PASSWORD") or "")
        name = f"DATABASES[{alias!r}]['PASSWORD']"
        if password and (looks_like_default(password) or password in (values.get("USER"), values.get("NAME"))):
            message = f"{name} looks like an example's, or is the user's name"
            yield warned("secret-default", message, "Give the database's user a password of its own.", setting=name)
