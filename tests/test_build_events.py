import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dockertools.build import events
from dockertools.build.events import LogEvent, PlainEvent, StepEvent, TransferEvent, WarningEvent, parse_line
from dockertools.build.progress import BuildProgress
from tests.streams import NAMES, recorded_lines


def line(**document: Any) -> bytes:
    return json.dumps(document).encode()


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_vertex_is_a_step_with_times_in_seconds() -> None:
    vertex = {
        "digest": "sha256:1",
        "name": "[builder 2/5] RUN true",
        "inputs": ["sha256:0"],
        "started": "2026-01-02T03:04:05.123456789Z",
        "completed": "2026-01-02T03:04:07.123456789Z",
        "cached": True,
    }
    (event,) = parse_line(line(vertexes=[vertex]))
    assert isinstance(event, StepEvent)
    assert (event.id, event.name, event.inputs) == ("sha256:1", "[builder 2/5] RUN true", ("sha256:0",))
    assert event.started is not None
    assert event.completed is not None
    assert event.completed - event.started == pytest.approx(2)
    assert event.cached


def test_one_line_can_hold_several_events() -> None:
    document = line(
        vertexes=[{"digest": "a", "name": "x"}],
        statuses=[{"id": "transferring context: 3kB", "vertex": "a", "current": 3000, "total": 4000}],
        logs=[{"vertex": "a", "data": encoded("hello\n")}],
        warnings=[{"vertex": "a", "short": encoded("JSONArgsRecommended"), "range": [{"start": {"line": 7}}]}],
    )
    assert parse_line(document) == (
        StepEvent("a", "x"),
        TransferEvent("a", "transferring context: 3kB", 3000, 4000, completed=False),
        LogEvent("a", "hello\n"),
        WarningEvent("JSONArgsRecommended", "", 7),
    )


@pytest.mark.parametrize("text", ["", "   ", "\r"])
def test_an_empty_line_says_nothing(text: str) -> None:
    assert parse_line(text.encode()) == ()


@pytest.mark.parametrize(
    "text", ["ERROR: failed to solve: no", "[1, 2]", "{", '{"vertexes": [{"digest": "a"', "{" * 99999]
)
def test_what_is_no_event_is_kept_as_text(text: str) -> None:
    (event,) = parse_line(text.encode())
    assert isinstance(event, PlainEvent)
    assert text.startswith(event.text)


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert parse_line(b"ERROR: \xff") == (PlainEvent("ERROR: \ufffd"),)


def test_an_enormous_line_is_cut_and_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LONGEST_LINE", 1000)
    (event,) = parse_line(line(vertexes=[{"digest": "a", "name": "x" * 2000}]))
    assert isinstance(event, PlainEvent)
    assert len(event.text) == 1000


@pytest.mark.parametrize(
    "document",
    [
        {"vertexes": None},
        {"vertexes": [None, 1, "x", []]},
        {"vertexes": {"digest": "a"}},
        {"statuses": [{"current": "many", "total": None, "vertex": 3}]},
        {"logs": [{"data": 7}, {"data": "not base64!"}]},
        {"warnings": [{"range": [{"start": "top"}]}]},
        {"vertexes": [{"started": "yesterday", "completed": "0000-00-00"}]},
        {"something": "new"},
    ],
)
def test_a_foreign_shape_is_no_error(document: dict[str, Any]) -> None:
    parse_line(line(**document))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=9), children, max_size=4),
    max_leaves=6,
)
quick = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
keys = st.sampled_from(
    ["vertexes", "statuses", "logs", "warnings", "digest", "name", "started", "completed", "data", "range", "start"]
)


@quick
@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    parse_line(data)


@quick
@given(st.dictionaries(keys, st.lists(st.dictionaries(keys, json_values, max_size=5), max_size=3), max_size=4))
def test_no_document_raises(document: dict[str, Any]) -> None:
    parse_line(json.dumps(document).encode())


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_stream_is_understood_whole(name: str) -> None:
    for line in recorded_lines(name):
        events_of_line = parse_line(line)
        assert events_of_line
        assert line.startswith(b"{") != isinstance(events_of_line[0], PlainEvent)


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_that_is_cut_anywhere_is_no_error(name: str) -> None:
    progress = BuildProgress()
    for line in recorded_lines(name):
        for cut in (1, len(line) // 3, len(line) - 1):
            for event in parse_line(line[:cut]):
                progress.apply(event)


def test_the_plain_lines_after_a_failure_name_the_line_of_the_dockerfile() -> None:
    plain = [
        event.text for line in recorded_lines("failing-step") for event in parse_line(line) if type(event) is PlainEvent
    ]
    assert plain[0] == "Dockerfile:2"
    assert plain[-1].startswith("ERROR: failed to build: failed to solve: process")
