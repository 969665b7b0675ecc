"""The script that docker_doctor runs inside a build."""

from __future__ import annotations

import runpy
import socket
import time
from collections.abc import Callable
from importlib import resources
from typing import Any

import pytest

SCRIPT = str(resources.files("dockertools").joinpath("doctor", "probe_script.py"))
ANSWER = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]


@pytest.fixture
def look_up(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return the script's function, with a name server that answers with these errors before it knows."""
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    found = runpy.run_path(SCRIPT)

    def ask(*errors: int) -> Any:
        left = [socket.gaierror(error, "no") for error in errors]

        def answer(*_arguments: Any, **_options: Any) -> Any:
            if left:
                raise left.pop(0)
            return ANSWER

        monkeypatch.setattr(socket, "getaddrinfo", answer)
        return found["look_up"]("example.org", 80)

    return ask


def test_a_name_server_that_asks_to_try_again_is_asked_again(look_up: Callable[..., Any]) -> None:
    assert look_up(socket.EAI_AGAIN, socket.EAI_AGAIN) == (["192.0.2.1"], None)


def test_a_name_that_does_not_exist_is_told_at_once(look_up: Callable[..., Any]) -> None:
    assert look_up(socket.EAI_NONAME) == ([], "[Errno -2] no")
