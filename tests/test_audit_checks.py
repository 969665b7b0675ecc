"""Checks of an image over facts that are made up: every condition that one faulty image cannot show at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from dockertools.checks.image.collect import find_final_base
from dockertools.checks.image.facts import AuditFacts, Base, ContentGroup, ImageConfig, Release, SecretFile, Where
from dockertools.checks.image.secrecy import MOST_SHOWN
from dockertools.image.packages import PythonPackage
from dockertools.image.system_packages import SystemPackage
from tests.audit_images import evidence, judge

ACCOUNTS = {"root": 0, "toor": 0, "shop": 1234}
FACTS = AuditFacts(reference="shop", config=ImageConfig(), layers=("FROM", "COPY . ."), accounts=ACCOUNTS)


def codes(check: str, facts: AuditFacts) -> set[str]:
    return evidence(judge(facts)[check], "code")


def configured(**values: object) -> AuditFacts:
    return replace(FACTS, config=replace(FACTS.config, **values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("user", "code"),
    [
        ("", "no-user"),
        (":1000", "no-user"),
        ("0", "root-user"),
        ("0:0", "root-user"),
        ("root", "root-user"),
        ("toor:1000", "root-user"),
        ("00", "root-user"),
        ("nobody-knows", "unknown-user"),
        ("shop:shop", "named-user"),
        ("1000", "ok"),
        ("1000:0", "ok"),
    ],
)
def test_user(user: str, code: str) -> None:
    assert codes("I101", configured(user=user)) == {code}


@pytest.mark.parametrize(
    ("entrypoint", "command", "form", "signals"),
    [
        ((), (), "no-command", "no-command"),
        ((), ("gunicorn", "shop.wsgi"), "ok", "ok"),
        ((), ("/bin/sh", "-c", "gunicorn shop.wsgi"), "shell-form", "ok"),
        ((), ("/bin/sh", "-c", "python manage.py migrate && gunicorn shop.wsgi"), "shell-form", "shell-keeps-signals"),
        ((), ("/bin/bash", "-ec", "python manage.py migrate; exec gunicorn shop.wsgi"), "shell-form", "ok"),
        ((), ("python", "manage.py", "runserver"), "ok", "development-server"),
        ((), ("/bin/sh", "-c", "python manage.py runserver 0:8000"), "shell-form", "development-server"),
        (("tini", "--"), ("/start.sh",), "ok", "ok"),
        (("/start.sh",), ("gunicorn",), "ok", "script-keeps-signals"),
        (("/bin/sh", "/start.sh"), (), "ok", "script-keeps-signals"),
        (("start.sh",), (), "ok", "script-keeps-signals"),
        (("/good.sh",), ("gunicorn",), "ok", "ok"),
        (("./good.sh",), (), "ok", "ok"),
        (("/app.py",), (), "ok", "ok"),
    ],
)
def test_start(entrypoint: tuple[str, ...], command: tuple[str, ...], form: str, signals: str) -> None:
    scripts = {
        "/start.sh": '#!/bin/sh\n# exec "$@"\n"$@"\n',
        "/good.sh": '#!/bin/bash\nset -e\nexec "$@"\n',
        "/app.py": "#!/usr/bin/env python\n",
    }
    facts = configured(entrypoint=entrypoint, command=command, environment={"PATH": "/usr/bin:/"})
    facts = replace(facts, scripts=scripts)
    assert (codes("I502", facts), codes("I503", facts)) == ({form}, {signals})


@pytest.mark.parametrize(
    ("test", "code"), [(None, "no-healthcheck"), (("NONE",), "healthcheck-off"), (("CMD", "python"), "ok")]
)
def test_health(test: tuple[str, ...] | None, code: str) -> None:
    assert codes("I501", configured(healthcheck=test)) == {code}


@pytest.mark.parametrize(
    ("ports", "user", "code"),
    [
        ((), "1000", "no-port"),
        (("22/tcp", "8000/tcp"), "1000", "ssh-port"),
        (("80/tcp",), "1000", "privileged-port"),
        (("80/tcp",), "", "ok"),
        (("8000/tcp", "9000-9010/udp"), "1000", "ok"),
    ],
)
def test_ports(ports: tuple[str, ...], user: str, code: str) -> None:
    assert codes("I504", configured(ports=ports, user=user)) == {code}


@pytest.mark.parametrize(
    ("base", "code"),
    [
        ("python", "base-floating"),
        ("python:latest", "base-floating"),
        ("python:3", "base-floating"),
        ("localhost:5000/python", "base-floating"),
        ("python:3.11-slim", "suite-floating"),
        ("python:3.11-slim-bookworm", "ok"),
        ("python:3.11.9-slim", "ok"),
        ("python:latest@sha256:0123", "ok"),
        ("scratch", "ok"),
    ],
)
def test_base(base: str, code: str) -> None:
    assert codes("I601", replace(FACTS, base=Base(base, "Dockerfile"))) == {code}


def test_the_base_is_followed_through_stages_and_arguments() -> None:
    dockerfile = "ARG BASE=python:3.11-slim\nFROM ${BASE} AS runtime\nFROM node AS web\nFROM runtime\nCOPY . .\n"
    assert find_final_base(dockerfile) == "python:3.11-slim"
    assert find_final_base("FROM a AS b\nFROM b AS a\nFROM a\n") in ("a", "b")
    assert find_final_base("FROM ${X:-debian:12}\n") == "debian:12"
    assert find_final_base("") == ""


@pytest.mark.parametrize(
    ("release", "python", "today", "expected"),
    [
        (Release("debian", "12", ""), "3.11", date(2026, 11, 25), {"ok"}),
        (Release("debian", "10", ""), "3.11", date(2026, 11, 25), {"ok", "end-of-life"}),
        (Release("alpine", "3.21.2", ""), "3.13", date(2026, 10, 1), {"ok", "end-of-life-soon"}),
        (Release("ubuntu", "24.04", ""), "3.8", date(2026, 11, 25), {"ok", "end-of-life"}),
        (Release("debian", "", "Debian sid"), "", date(2026, 11, 25), {"release-unknown"}),
    ],
)
def test_support(release: Release, python: str, today: date, expected: set[str]) -> None:
    facts = replace(FACTS, release=release, pythons=(python,) if python else (), today=today)
    assert codes("I602", facts) == expected


def test_installers_and_development_packages_that_others_require_are_no_findings() -> None:
    def package(name: str, *required_by: str) -> PythonPackage:
        return PythonPackage(name, "1", f"site-packages/{name}-1.dist-info", 1, 1, required_by)

    needed = replace(FACTS, python_packages=(package("setuptools", "gunicorn"), package("IPython", "jupyter")))
    assert codes("I204", needed) == codes("I402", needed) == {"ok"}
    unneeded = replace(
        FACTS, python_packages=(package("setuptools"), package("pytest_django")), programs=("usr/bin/uv",)
    )
    assert codes("I204", unneeded) == {"installers"}
    assert codes("I402", unneeded) == {"development-packages"}


def test_keys_that_packages_bring_along_are_named_and_are_no_finding() -> None:
    secret = SecretFile("x/tornado/test/test.key", "private-key-content", "", Where(1), "tornado-6.4")
    results = judge(replace(FACTS, secrets=(secret,)))["I304"]
    assert evidence(results, "code") == {"ok"}
    assert "tornado-6.4" in results[0].message


def test_many_secrets_are_counted_and_not_all_listed() -> None:
    secrets = tuple(SecretFile(f"app/{n}", "token", "holds a token", Where(1)) for n in range(MOST_SHOWN + 5))
    results = judge(replace(FACTS, secrets=secrets))["I304"]
    assert len(results) == MOST_SHOWN + 1
    assert results[-1].evidence["files"] == 5


def test_a_cache_is_a_finding_when_it_weighs_something() -> None:
    group = ContentGroup("package-cache", "root/.cache/pip", Where(1, 1), 3, 5_000_000)
    assert codes("I203", replace(FACTS, contents=(group,))) == {"package-cache"}
    assert codes("I203", replace(FACTS, contents=(replace(group, bytes=12),))) == {"ok"}
    tool = replace(group, code="tool-cache", path="app/.venv")
    assert codes("I203", replace(FACTS, contents=(tool,))) == {"tool-cache"}


def test_fonts_and_packages_of_the_base_need_no_reason() -> None:
    packages = (
        SystemPackage("fonts-dejavu-core", "1", 1, (), 1, is_automatic=False),
        SystemPackage("rsync", "1", 1, (), 0, is_automatic=False),
        SystemPackage("libpq5", "1", 1, ("libpq.so.5 of x.so",), 1, is_automatic=False),
    )
    assert codes("I702", replace(FACTS, system_packages=packages)) == {"ok"}
