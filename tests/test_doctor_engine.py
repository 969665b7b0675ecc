"""The doctor's checks of the docker command, the engine and their configuration."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.checks.results import Status
from dockertools.doctor.client_checks import misplaced_features
from dockertools.doctor.client_facts import read_config
from dockertools.doctor.engine_facts import docker_variables, make_builder, make_info, parse_version
from dockertools.doctor.facts import BuilderFacts, ConfigFile, HelperFacts, Plugin, Refusal
from dockertools.doctor.fixes import without_features, without_helper
from tests.doctor_facts import CLIENT, CONFIG_FILE, ENGINE, NO_COMMAND, NO_ENGINE, SOCKET, judge, only

ENGINE_IDS = ("D101", "D102", "D103", "D104", "D105", "D106", "D107", "D108", "D109", "D111", "D112", "D113")
DENIED = Refusal("engine-denied", "No Docker engine can be used: permission denied", "Join the group.")


@pytest.mark.parametrize("check_id", ENGINE_IDS)
def test_nothing_is_wrong_where_nothing_is(check_id: str) -> None:
    assert {outcome.status for outcome in judge(check_id)} == {Status.PASS}


@pytest.mark.parametrize(
    ("check_id", "changes", "code", "words"),
    [
        ("D102", {"refusal": DENIED, "version": None}, "engine-denied", "sudo usermod -aG docker ann"),
        (
            "D103",
            {"variables": {"DOCKER_HOST": "tcp://x"}, "chosen_context": "remote"},
            "context-overridden",
            "unset DOCKER_HOST",
        ),
        ("D104", {"version": "20.10.24"}, "engine-too-old", "Update the engine"),
        ("D105", {"buildx": Plugin("0.11.2")}, "buildx-too-old", "docker-buildx-plugin"),
        ("D105", {"buildx": Plugin(None, "unknown command")}, "buildx-not-found", "docker-buildx-plugin"),
        ("D106", {"compose": Plugin("2.20.2")}, "compose-too-old", "docker-compose-plugin"),
        ("D106", {"compose": Plugin(None, "unknown command")}, "compose-not-found", "docker-compose-plugin"),
        ("D107", {"variables": {"DOCKER_BUILDKIT": "0"}}, "buildkit-off", "unset DOCKER_BUILDKIT"),
        (
            "D108",
            {"builder": BuilderFacts("ci", "docker-container", "error", "no such node")},
            "builder-broken",
            "docker buildx use default",
        ),
        ("D108", {"builder": BuilderFacts("ci", "docker-container", "running")}, "builder-keeps-images", "--load"),
        ("D109", {"missing_packages": ("docker",)}, "extra-not-installed", "pip install"),
    ],
)
def test_what_is_wrong_with_the_engine_is_found_with_the_next_command(
    check_id: str, changes: dict[str, Any], code: str, words: str
) -> None:
    outcome = only(judge(check_id, engine=replace(ENGINE, **changes)))
    assert outcome.evidence["code"] == code
    assert words in outcome.hint


def test_without_the_command_one_check_says_so_and_the_others_are_skipped() -> None:
    assert only(judge("D101", engine=NO_COMMAND)).evidence["code"] == "docker-not-found"
    for check_id in ("D102", "D104", "D105", "D106", "D108"):
        assert only(judge(check_id, engine=NO_COMMAND)).status is Status.SKIP


def test_the_next_step_of_an_engine_that_does_not_answer_fits_the_cause() -> None:
    assert "systemctl start docker" in only(judge("D102", engine=NO_ENGINE)).hint
    chosen = replace(NO_ENGINE, variables={"DOCKER_HOST": "tcp://x"})
    assert "unset DOCKER_HOST" in only(judge("D102", engine=chosen)).hint
    lost = replace(NO_ENGINE, refusal=Refusal("context-not-found", "no such context", "..."))
    assert "docker context ls" in only(judge("D102", engine=lost)).hint
    alien = replace(NO_ENGINE, refusal=DENIED, socket=replace(SOCKET, group="root", mode="srw-------"))
    assert "Run this as root" in only(judge("D102", engine=alien)).hint


def test_a_version_of_somebodys_own_is_taken_as_it_is() -> None:
    assert only(judge("D105", engine=replace(ENGINE, buildx=Plugin("dev")))).status is Status.PASS


@pytest.mark.parametrize("features", [{"buildkit": True}, {"buildkit": "true"}, True, {"x": False}])
def test_the_engines_features_in_the_clients_file_are_found(features: object) -> None:
    client = replace(CLIENT, client=replace(CONFIG_FILE, document={"features": features}))
    outcome = only(judge("D111", client=client))
    assert outcome.evidence["code"] == "features-in-client-config"
    assert "--fix" in outcome.hint


def test_the_clients_own_features_are_left_alone() -> None:
    client = replace(CLIENT, client=replace(CONFIG_FILE, document={"features": {"hooks": "true"}}))
    assert only(judge("D111", client=client)).status is Status.PASS


def test_other_keys_of_the_engine_in_the_clients_file_are_named() -> None:
    client = replace(CLIENT, client=replace(CONFIG_FILE, document={"registry-mirrors": []}))
    outcome = only(judge("D111", client=client))
    assert (outcome.evidence["code"], outcome.evidence["keys"]) == (
        "engine-keys-in-client-config",
        ["registry-mirrors"],
    )


@pytest.mark.parametrize(
    ("problem", "words"), [("it is not JSON: line 1", "json.tool"), ("Permission denied", "sudo chown")]
)
def test_a_client_configuration_that_cannot_be_read(problem: str, words: str) -> None:
    client = replace(CLIENT, client=ConfigFile(CONFIG_FILE.path, None, problem))
    outcome = only(judge("D111", client=client))
    assert outcome.evidence["code"] == "client-config-unreadable"
    assert words in outcome.hint


def test_a_broken_daemon_json_and_one_that_switches_buildkit_off() -> None:
    path = Path("/etc/docker/daemon.json")
    broken = replace(CLIENT, daemons=(ConfigFile(path, None, "it is not JSON: line 3"),))
    assert only(judge("D112", client=broken)).evidence["code"] == "engine-config-broken"
    off = replace(CLIENT, daemons=(ConfigFile(path, {"features": {"buildkit": False}}),))
    assert only(judge("D107", client=off)).evidence["code"] == "buildkit-off"


def test_credentials_helpers_that_are_missing_or_do_not_work() -> None:
    missing, broken, sound = (
        HelperFacts("desktop.exe", "", None),
        HelperFacts("pass", "registry.example", "/usr/bin/docker-credential-pass", "pass not initialized"),
        HelperFacts("store", "other.example", "/usr/bin/docker-credential-store"),
    )
    outcomes = judge("D113", client=replace(CLIENT, helpers=(missing, broken, sound)))
    assert [outcome.evidence["code"] for outcome in outcomes] == ["helper-not-found", "helper-fails", "ok"]
    assert "pass not initialized" in outcomes[1].message


@pytest.mark.parametrize(
    ("text", "document", "problem"),
    [
        ("", {}, ""),
        ('\ufeff{"auths": {}}', {"auths": {}}, ""),
        ("{", None, "it is not JSON"),
        ("[]", None, "it is no JSON object"),
        ("[" * 100_000, None, "it is not JSON"),
    ],
)
def test_a_configuration_file_is_read_or_said_why_not(
    tmp_path: Path, text: str, document: object, problem: str
) -> None:
    path = tmp_path / "config.json"
    path.write_text(text, encoding="utf-8")
    file = read_config(path)
    assert file.document == document
    assert file.problem.startswith(problem)
    assert read_config(tmp_path / "none.json") == ConfigFile(tmp_path / "none.json", None)
    path.write_bytes(b"\xff\xfe")
    assert read_config(path).problem == "it is not UTF-8"


@settings(max_examples=100, deadline=None)
@given(
    st.fixed_dictionaries(
        {"auths": st.just({"x": {}})},
        optional={
            "features": st.booleans()
            | st.dictionaries(st.sampled_from(["buildkit", "hooks"]), st.booleans() | st.text()),
            "credsStore": st.text(),
            "credHelpers": st.dictionaries(st.sampled_from(["a", "b"]), st.text()),
        },
    )
)
def test_what_a_fix_takes_out_is_gone_and_the_rest_stays(document: dict[str, Any]) -> None:
    cleaned = without_features(document)
    assert not misplaced_features(cleaned)
    assert {key: value for key, value in cleaned.items() if key != "features"} == {
        key: value for key, value in document.items() if key != "features"
    }
    assert "credsStore" not in without_helper(document, "")
    assert "a" not in without_helper(document, "a").get("credHelpers", {})
    assert json.loads(json.dumps(cleaned)) == cleaned


def test_the_engines_clock_is_compared_in_any_zone() -> None:
    asked = 1_795_600_000.0
    for text, skew in (
        ("2026-11-25T09:46:40.5Z", 0.5),
        ("2026-11-25T10:46:40.123456789+01:00", 0.123456789),
        ("2026-11-25T09:45:40Z", -60.0),
        ("nonsense", 0.0),
    ):
        info = make_info({"SystemTime": text, "DockerRootDir": "/nowhere"}, asked, 0.1)
        assert info.skew == pytest.approx(skew, abs=1e-3)
        assert not info.is_here


def test_versions_variables_and_builders_are_read() -> None:
    assert parse_version("github.com/docker/buildx v0.29.1+ds1 0.29.1") == "0.29.1+ds1"
    assert parse_version("nothing") is None
    variables = {
        "HTTPS_PROXY": "http://ann:secret@proxy:3128",
        "DOCKER_HOST": "tcp://x",
        "HOME": "/root",
        "no_proxy": "",
    }
    assert docker_variables(variables) == {"HTTPS_PROXY": "http://***@proxy:3128", "DOCKER_HOST": "tcp://x"}


def test_the_builder_is_read_from_what_buildx_says() -> None:
    text = (
        "Name:          ci\nDriver:        remote\n\nNodes:\nName:     ci0\nEndpoint: tcp://x:1\nStatus:   {}\n"
        "Labels:\n org.mobyproject: x\n"
    )
    assert make_builder(text.format("running")) == BuilderFacts("ci", "remote", "running", "")
    assert make_builder(text.format("inactive")).problem == "tcp://x:1 does not answer"
    failing = "Name: ci\nDriver: docker-container\nNodes:\nName: ci0\nError: no such container\n"
    assert make_builder(failing) == BuilderFacts("ci", "docker-container", "unknown", "no such container")
    assert make_builder("") == BuilderFacts("", "", "unknown", "")
