"""The configuration of the docker command and of the engine."""

from __future__ import annotations

from collections.abc import Iterator

from dockertools.checks.results import Outcome, failed, passed, warned
from dockertools.doctor.base import doctor_check, need
from dockertools.doctor.facts import ConfigFile, DoctorFacts, HelperFacts

_DAEMON_KEYS = frozenset(
    {
        "data-root",
        "registry-mirrors",
        "insecure-registries",
        "log-driver",
        "log-opts",
        "storage-driver",
        "builder",
        "dns",
    }
)
"""Keys of daemon.json that the docker command does not know in its own config.json."""


@doctor_check(
    "D111",
    "client",
    "client configuration",
    {
        "client-config-unreadable": "The docker command's config.json cannot be read, so it is ignored as a whole.",
        "features-in-client-config": "The engine's block `features` stands in the docker command's config.json.",
        "engine-keys-in-client-config": "Keys of the engine's daemon.json stand in the docker command's config.json.",
    },
)
def check_client_config(facts: DoctorFacts) -> Iterator[Outcome]:
    """Read the docker command's config.json, and look for what belongs into the engine's daemon.json."""
    file = need(facts.client).client
    if file.problem:
        message = f"{file.path} cannot be read, so logins and settings in it are ignored: {file.problem}"
        yield failed("client-config-unreadable", message, _repair(file), path=str(file.path), problem=file.problem)
        return
    document = file.document or {}
    found = False
    if misplaced_features(document):
        found = True
        yield failed(
            "features-in-client-config",
            f"{file.path} has the engine's block `features`: the docker command then ignores the whole file",
            f"{facts.fix}   (takes it out; it belongs into the engine's"
            " /etc/docker/daemon.json, and BuildKit is on without it since 23.0)",
            path=str(file.path),
            features=str(document.get("features")),
        )
    misplaced = sorted(_DAEMON_KEYS & set(document))
    if misplaced:
        found = True
        hint = f"Move them from {file.path} to /etc/docker/daemon.json, then: sudo systemctl restart docker"
        yield warned(
            "engine-keys-in-client-config",
            f"{', '.join(misplaced)} in {file.path} have no effect there",
            hint,
            path=str(file.path),
            keys=misplaced,
        )
    if not found:
        yield passed(str(file.path) if file.document is not None else f"{file.path} is not there, and need not be")


def misplaced_features(document: object) -> bool:
    """Tell whether config.json has daemon.json's `features`: the client's own is a table of texts."""
    features = document.get("features") if isinstance(document, dict) else None
    if isinstance(features, dict):
        return "buildkit" in features or any(not isinstance(value, str) for value in features.values())
    return features is not None


def _repair(file: ConfigFile) -> str:
    if "JSON" in file.problem:
        return f"python3 -m json.tool {file.path}   (names the place); correct it there"
    return f'sudo chown -R "$(id -u):$(id -g)" {file.path.parent}   (a login with sudo leaves it to root)'


@doctor_check(
    "D112",
    "client",
    "engine configuration",
    {"engine-config-broken": "The engine's daemon.json is not JSON: the engine will not start with it."},
)
def check_daemon_config(facts: DoctorFacts) -> Iterator[Outcome]:
    """Read the daemon.json of an engine on this machine."""
    broken = [file for file in need(facts.client).daemons if file.problem]
    for file in broken:
        message = f"{file.path} cannot be used: {file.problem}"
        hint = (
            f"sudo dockerd --validate --config-file {file.path}   (after correcting it: sudo systemctl restart docker)"
        )
        yield (warned if "JSON" not in file.problem else failed)(
            "engine-config-broken", message, hint, path=str(file.path), problem=file.problem
        )
    if not broken:
        there = [str(file.path) for file in need(facts.client).daemons if file.document is not None]
        yield passed(", ".join(there) or "there is none, and need not be")


@doctor_check(
    "D113",
    "client",
    "credentials helper",
    {
        "helper-not-found": "config.json names a credentials helper that is not installed: pulls fail.",
        "helper-fails": "The credentials helper does not work.",
    },
)
def check_helpers(facts: DoctorFacts) -> Iterator[Outcome]:
    """Look for the credentials helpers that config.json names, and ask each for its list (which is not shown)."""
    client = need(facts.client)
    for helper in client.helpers:
        yield from _judge_helper(helper, client.client, facts.fix)
    if not client.helpers:
        yield passed("none is configured")


def _judge_helper(helper: HelperFacts, file: ConfigFile, fix: str) -> Iterator[Outcome]:
    program = f"docker-credential-{helper.name}"
    place = {"path": str(file.path), "helper": program, "registry": helper.registry or None}
    what = f"for {helper.registry}" if helper.registry else "for all registries"
    if helper.command is None:
        message = f"{file.path} names {program} {what}, and there is no such program"
        hint = f"{fix}   (takes it out of {file.path}), or install {program}; then: docker login"
        yield failed("helper-not-found", message, hint, **place)
    elif helper.problem:
        message = f"{program} {what} does not work: {helper.problem}"
        yield failed(
            "helper-fails", message, f"{program} list   (shows the same); start the keychain that it needs", **place
        )
    else:
        yield passed(f"{program} {what} answers", **place)
