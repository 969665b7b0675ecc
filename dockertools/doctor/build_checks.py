"""Names, connections and certificates inside a build."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.doctor.base import doctor_check, need, no_engine
from dockertools.doctor.build_facts import BuildFacts, Source
from dockertools.doctor.facts import DoctorFacts

CLOCK_SECONDS = 60.0
_SKIPS = {
    "no-engine": "Skipped: no engine answers.",
    "probe-failed": "Skipped: nothing could be asked from inside a build. See dockertools.D301.",
}


def _unusable(facts: DoctorFacts) -> Outcome | None:
    if not facts.engine.is_answering:
        return no_engine(facts)
    build = need(facts.build)
    if build.problem:
        return skipped("probe-failed", "nothing could be asked from inside a build; see dockertools.D301")
    if not build.sources:
        return skipped("probe-failed", f"{build.base} has no Python, or names no source of packages", base=build.base)
    return None


def _evidence(source: Source) -> dict[str, object]:
    return {"what": source.what, "host": source.host, "port": source.port, "proxy": source.proxy, "said": source.said}


@doctor_check(
    "D301",
    "build",
    "a build runs",
    {
        "build-failed": "A build of three lines from the project's base image fails.",
        "no-engine": "Skipped: no engine answers.",
    },
)
def check_build(facts: DoctorFacts) -> Iterator[Outcome]:
    """Build a tiny image from the project's base image, which asks for the package sources that this image uses."""
    if not facts.engine.is_answering:
        yield no_engine(facts)
        return
    build = need(facts.build)
    if build.problem:
        yield failed(
            "build-failed", f"from {build.base}: {build.problem}", f"docker pull {build.base}", base=build.base
        )
    else:
        note = "" if build.sources else ", where there is no Python to ask with"
        yield passed(f"from {build.base}{note}", base=build.base)


@doctor_check(
    "D302", "build", "names in a build", {"name-not-found": "A build cannot look up a package source's name.", **_SKIPS}
)
def check_names(facts: DoctorFacts) -> Iterator[Outcome]:
    """Look up the package sources' names inside a build; behind a proxy that is the proxy's affair."""
    if outcome := _unusable(facts):
        yield outcome
        return
    build = need(facts.build)
    broken = [source for source in build.sources if source.lookup_problem and not source.proxy]
    for source in broken:
        message = f"{source.host} ({source.what}) is not found in a build: {source.lookup_problem}"
        yield failed("name-not-found", message, _dns_hint(build), **_evidence(source))
    if not broken:
        yield passed(", ".join(source.host for source in build.sources))


def _dns_hint(build: BuildFacts) -> str:
    servers = ", ".join(f'"{server}"' for server in build.name_servers) or '"ADDRESS"'
    return f'Add "dns": [{servers}] to /etc/docker/daemon.json, then: sudo systemctl restart docker'


@doctor_check(
    "D303",
    "build",
    "connections in a build",
    {
        "proxy-not-passed": "The shell has a proxy, and builds are not told of it.",
        "proxy-on-loopback": "Builds are told of a proxy on 127.0.0.1, which is the build's own loopback.",
        "proxy-denies": "The proxy wants a password, or denies the address.",
        "connection-fails": "A package source cannot be reached from a build.",
        **_SKIPS,
    },
)
def check_connections(facts: DoctorFacts) -> Iterator[Outcome]:
    """Connect to the package sources inside a build, through the proxy that builds are told of."""
    if outcome := _unusable(facts):
        yield outcome
        return
    build = need(facts.build)
    findings = [outcome for source in build.sources for outcome in _judge_connection(source, build)]
    yield from findings
    if not findings:
        yield passed(", ".join(f"{source.host}{' by proxy' if source.proxy else ''}" for source in build.sources))


def _judge_connection(source: Source, build: BuildFacts) -> Iterator[Outcome]:
    where = f"{source.host}:{source.port} ({source.what})"
    proxy = next(iter((build.shell_proxies or {}).values()), None)
    if source.proxy and urlsplit(source.proxy).hostname in ("localhost", "127.0.0.1", "::1"):
        hint = (
            'Set "proxies" in ~/.docker/config.json to an address that containers reach, such as http://172.17.0.1:PORT'
        )
        message = f"builds are told of the proxy {source.proxy}, which is their own loopback: {source.said}"
        if source.failure == "connection":
            yield failed("proxy-on-loopback", message, hint, **_evidence(source))
    elif source.status in (403, 407) and source.proxy:
        message = f"{source.proxy} answers {source.status} for {where}"
        hint = 'Put user and password into "proxies" of ~/.docker/config.json, or have the address allowed'
        yield failed("proxy-denies", message, hint, **_evidence(source))
    elif (source.failure == "connection" or source.lookup_problem) and proxy and not source.proxy:
        message = f"this shell uses the proxy {proxy}, and builds are not told: {source.said or source.lookup_problem}"
        yield failed("proxy-not-passed", message, _proxy_hint(proxy), **_evidence(source))
    elif source.failure == "connection":
        connect = f"import socket; socket.create_connection(('{source.host}', {source.port}), 5)"
        hint = f'docker run --rm {build.base} python3 -c "{connect}"'
        yield failed(
            "connection-fails", f"{where} cannot be reached from a build: {source.said}", hint, **_evidence(source)
        )


def _proxy_hint(proxy: str) -> str:
    block = f'{{"proxies": {{"default": {{"httpProxy": "{proxy}", "httpsProxy": "{proxy}"}}}}}}'
    return f"Add {block} to ~/.docker/config.json"


@doctor_check(
    "D304",
    "build",
    "certificates in a build",
    {"certificate-untrusted": "A package source shows a certificate that the base image does not trust.", **_SKIPS},
)
def check_certificates(facts: DoctorFacts) -> Iterator[Outcome]:
    """Check the package sources' certificates inside a build, with the authorities that pip there would use."""
    if outcome := _unusable(facts):
        yield outcome
        return
    sources = need(facts.build).sources
    broken = [source for source in sources if source.failure == "certificate"]
    for source in broken:
        message = f"{source.host} ({source.what}) shows a certificate that the build does not trust: {source.said}"
        hint = (
            "Copy your proxy's authority into the image: COPY company.crt /usr/local/share/ca-certificates/, "
            "RUN update-ca-certificates, ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=$SSL_CERT_FILE"
        )
        yield failed("certificate-untrusted", message, hint, **_evidence(source))
    if not broken:
        yield passed(", ".join(source.host for source in sources if source.status is not None) or "none was shown")


@doctor_check(
    "D305",
    "build",
    "clock in a build",
    {"clock-wrong": "The clock in a build is more than a minute off from what servers say.", **_SKIPS},
)
def check_clock_in_build(facts: DoctorFacts) -> Iterator[Outcome]:
    """Compare the clock in a build with the servers' Date: certificates and apt's lists have their times."""
    if outcome := _unusable(facts):
        yield outcome
        return
    errors = [(source, source.clock_error) for source in need(facts.build).sources if source.clock_error is not None]
    wrong = [(source, error) for source, error in errors if abs(error) > CLOCK_SECONDS]
    for source, error in wrong[:1]:
        message = f"the build's clock is {abs(error):.0f} s {'ahead of' if error > 0 else 'behind'} {source.host}'s"
        hint = "sudo timedatectl set-ntp true   (Docker Desktop: restart it); then: date -u"
        yield warned("clock-wrong", message, hint, host=source.host, error_seconds=round(error))
    if not errors:
        yield skipped("probe-failed", "no server told its time")
    elif not wrong:
        yield passed(f"within {max(abs(error) for _, error in errors):.0f} s of {errors[0][0].host}'s")
