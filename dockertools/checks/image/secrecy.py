"""Group `secrets`: variables, build arguments, commands, and the files of every layer. Values are never told."""

from __future__ import annotations

from collections.abc import Iterator

from dockertools.checks.image.config import find_recorded_secrets
from dockertools.checks.image.facts import AuditFacts, SecretFile
from dockertools.checks.image.secrets import SECRET_CODES, is_secret_variable
from dockertools.checks.outside import IMAGE, register_outside
from dockertools.checks.results import Outcome, failed, passed
from dockertools.sizes import count_of

MOST_SHOWN = 20
_CODE = (".py", ".pyc", ".js", ".html")
_REVOKE = "Take it for known: revoke it."


@register_outside(
    "dockertools.I301",
    kind=IMAGE,
    group="secrets",
    title="variables",
    codes={"secret-in-environment": "A variable of the image holds a secret: everybody who has the image can read it."},
)
def check_environment(facts: AuditFacts) -> Iterator[Outcome]:
    """Judge ENV: by the variables' names, and by what their values look like."""
    found = [name for name, value in facts.config.environment.items() if is_secret_variable(name, value)]
    for name in found:
        hint = f"{_REVOKE} Give it to the container (compose `secrets:`, or an environment file), not to the image."
        yield failed("secret-in-environment", f"ENV {name} has a value", hint, variable=name)
    if not found:
        yield passed(f"{count_of(len(facts.config.environment), 'variable')}, none is a secret")


@register_outside(
    "dockertools.I302",
    kind=IMAGE,
    group="secrets",
    title="history",
    codes={"secret-in-history": "`docker history` shows a secret: of a build argument, or of a command line."},
)
def check_history(facts: AuditFacts) -> Iterator[Outcome]:
    """Judge the build arguments and command lines that the image's history keeps."""
    found = find_recorded_secrets(facts.history)
    for secret in found:
        what = f"{secret.name}, {secret.origin}" if secret.name else secret.origin
        hint = (
            f"{_REVOKE} Hand it to the build with RUN --mount=type=secret (`docker_build --secret id=NAME,env=NAME`)."
        )
        yield failed("secret-in-history", f"the history shows {what}", hint, name=secret.name, origin=secret.origin)
    if not found:
        yield passed(f"{count_of(len(facts.history), 'instruction')}, no secret")


@register_outside(
    "dockertools.I303",
    kind=IMAGE,
    group="secrets",
    title="names of secrets",
    codes={
        "env-file": "A file that holds the secrets of an environment is in a layer.",
        "private-key": "A private key or key store is in a layer, by its name.",
        "credentials": "A file of credentials is in a layer, by its name.",
        "database": "A database or a dump of one is in a layer.",
    },
)
def check_secret_names(facts: AuditFacts) -> Iterator[Outcome]:
    """Look in every layer, deleted files included, for names of secrets; `settings.py` is none."""
    yield from _judge(facts, [secret for secret in facts.secrets if secret.code in SECRET_CODES])


@register_outside(
    "dockertools.I304",
    kind=IMAGE,
    group="secrets",
    title="contents of files",
    codes={
        "private-key-content": "A file of a layer holds a private key.",
        "token": "A file of a layer holds a token that a service issued.",
        "django-secret-key": "A file of a layer holds Django's SECRET_KEY.",
        "url-password": "A file of a layer holds a URL with a password.",
        "hard-coded-secret": "A file of a layer holds what looks like a password or key.",
    },
)
def check_secret_contents(facts: AuditFacts) -> Iterator[Outcome]:
    """Search the files of every layer, deleted ones and tests included, for keys, tokens and passwords.

    Keys that an installed distribution brought along, as many do for their tests, are public and no secret of yours.
    """
    yield from _judge(facts, [secret for secret in facts.secrets if secret.code not in SECRET_CODES])


def _judge(facts: AuditFacts, secrets: list[SecretFile]) -> Iterator[Outcome]:
    own = [secret for secret in secrets if not secret.package]
    for secret in own[:MOST_SHOWN]:
        state = ""
        if secret.where.hidden_by is not None:
            state = f", hidden by {facts.layer(secret.where.hidden_by)}, and still shipped"
        name = secret.path.rpartition("/")[2]
        where = f"Add {name} to .dockerignore, and mount it at run time."
        if name.endswith(_CODE):
            where = "Take it out of the code, and read it from the environment."
        hint = f"{_REVOKE} {where}"
        yield failed(
            secret.code,
            f"/{secret.path} {secret.reason} ({facts.layer(secret.where.layer)}{state})",
            hint,
            path=f"/{secret.path}",
            layer=secret.where.layer + 1,
            deleted=secret.where.hidden_by is not None,
        )
    if len(own) > MOST_SHOWN:
        more = len(own) - MOST_SHOWN
        hint = "Deal with those above; then run this again."
        yield failed(own[MOST_SHOWN].code, f"{more} more files with secrets", hint, files=more)
    if not own:
        packages = sorted({secret.package for secret in secrets})
        note = f", keys for tests came with {', '.join(packages)}" if packages else ""
        yield passed(f"none in {count_of(len(facts.layers), 'layer')}{note}", packages=packages)
