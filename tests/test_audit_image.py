"""The audit of an image, each check on real images: one with every fault, and the service's own, which passes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dockertools.checks.image import load_image_checks
from dockertools.checks.results import CheckResult, Status
from dockertools.engine import Engine
from tests.audit_images import GITHUB_TOKEN, audit, built, built_from, evidence, judge, write_faulty_context
from tests.docker import ROOT

pytestmark = pytest.mark.engine

Results = dict[str, list[CheckResult]]


@pytest.fixture(scope="module")
def faulty(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    folder = tmp_path_factory.mktemp("faulty")
    write_faulty_context(folder)
    with built(folder, "--build-arg=PIP_TOKEN=pt-93hf83hf83hf83hf") as image:
        yield judge(audit(image, folder))


@pytest.fixture(scope="module")
def sound(production_image: str) -> Results:
    return judge(audit(production_image, ROOT))


@pytest.mark.parametrize(
    ("check", "codes"),
    [
        ("I101", {"root-user"}),
        ("I201", {"build-tools"}),
        ("I202", {"dev-packages"}),
        ("I203", {"package-cache"}),
        ("I204", {"installers"}),
        ("I301", {"secret-in-environment"}),
        ("I302", {"secret-in-history"}),
        ("I303", {"env-file", "private-key"}),
        ("I304", {"private-key-content", "token", "django-secret-key", "url-password", "hard-coded-secret"}),
        ("I401", {"version-control"}),
        ("I402", {"tests"}),
        ("I403", {"setuid"}),
        ("I404", {"world-writable"}),
        ("I501", {"no-healthcheck"}),
        ("I502", {"shell-form"}),
        ("I503", {"script-keeps-signals"}),
        ("I504", {"ssh-port"}),
        ("I601", {"base-floating"}),
        ("I602", {"end-of-life", "ok"}),
        ("I603", {"no-labels"}),
        ("I701", {"wasted-bytes"}),
        ("I702", {"unneeded-packages"}),
        ("I703", {"library-missing"}),
    ],
)
def test_each_fault_is_found(faulty: Results, check: str, codes: set[str]) -> None:
    assert evidence(faulty[check], "code") == codes


def test_every_check_has_a_fault_in_the_image_above_and_none_in_the_services(faulty: Results, sound: Results) -> None:
    ids = {check.id.rpartition(".")[2] for check in load_image_checks()}
    assert ids == set(faulty) == set(sound)
    assert all(any(result.status in (Status.WARN, Status.FAIL) for result in faulty[check]) for check in ids)
    unsound = [result for results in sound.values() for result in results if result.status is not Status.PASS]
    assert unsound == []


def test_secrets_are_found_with_their_layers_deleted_ones_too(faulty: Results) -> None:
    found = {result.evidence["path"]: result.evidence["deleted"] for result in faulty["I303"] + faulty["I304"]}
    assert found == {
        "/app/.env.production": True,
        "/app/deploy/id_ed25519": True,
        "/app/notes.txt": True,
        "/app/Dockerfile": False,
        "/app/tests/server.pem": False,
        "/app/keys/settings.py": False,
        "/app/conf/database.ini": False,
        "/app/conf/service.json": False,
    }
    assert evidence(faulty["I301"], "variable") == {"DJANGO_SECRET_KEY", "DATABASE_URL"}
    assert {(result.evidence["name"], result.evidence["origin"]) for result in faulty["I302"]} == {
        ("PIP_TOKEN", "a build argument"),
        ("", "a token in a command of RUN"),
    }


def test_no_report_holds_a_secret(faulty: Results) -> None:
    told = repr(faulty)
    for secret in (
        GITHUB_TOKEN,
        "xq83nf0-28fhw_wkq0f",
        "Tr0ub4dor9x",
        "pt-93hf83hf83hf83hf",
        "s3cr3tPassw0rd",
        "MIIEow",
    ):
        assert secret not in told


def test_a_user_is_judged_by_the_number_that_the_image_gives_its_name(engine: Engine, tmp_path: Path) -> None:
    dockerfile = "FROM scratch\nCOPY passwd /etc/passwd\nUSER shop\n"
    with built_from(dockerfile, tmp_path, passwd="root:x:0:0::/:\nshop:x:1234:1234::/:\n") as image:
        facts = audit(image, tmp_path)
    assert facts.accounts == {"root": 0, "shop": 1234}
    assert evidence(judge(facts)["I101"], "code") == {"named-user"}


def test_an_image_of_one_static_file_is_audited(engine: Engine, tmp_path: Path) -> None:
    with built_from('FROM scratch\nCOPY Dockerfile /\nUSER 65532\nCMD ["/app"]\n', tmp_path) as image:
        facts = audit(image, tmp_path)
    assert facts.inside.python == facts.inside.shell == ""
    results = judge(facts)
    assert {code for check in ("I602", "I702") for code in evidence(results[check], "code")} == {
        "release-unknown",
        "no-package-list",
    }
