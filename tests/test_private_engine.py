"""The parts of scripts/engine that need no engine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.private_engine import cli
from scripts.private_engine.daemon import (
    ProcessIdentity,
    daemon_environment,
    identify_process,
    is_answering,
    parse_mount_points,
    read_record,
    render_daemon_configuration,
)
from scripts.private_engine.engines import (
    Probe,
    client_exports,
    find_engine,
    private_exports,
    probe_engine,
    render_exports,
    without_private,
)
from scripts.private_engine.errors import COULD_NOT_RUN, EngineError
from scripts.private_engine.layout import LONGEST_SOCKET_PATH, Layout, find_layout
from scripts.private_engine.machine import ADVICE, Machine, advise, parse_os_release
from scripts.private_engine.processes import NOT_FOUND, TIMED_OUT, capture, run_logged

ROOT = Path(__file__).resolve().parent.parent
DEBIAN = Machine("Linux", "debian", (), "bookworm", is_root=True)
FEDORA = Machine("Linux", "fedora", (), "", is_root=True)

# --- the machine ---


def test_os_release_is_read_with_its_quotes_and_comments() -> None:
    text = '# a comment\nNAME="Debian GNU/Linux"\nID=debian\nVERSION_CODENAME=bookworm\n\nEMPTY=\nID_LIKE="a b"\n'
    assert parse_os_release(text) == {
        "NAME": "Debian GNU/Linux",
        "ID": "debian",
        "VERSION_CODENAME": "bookworm",
        "EMPTY": "",
        "ID_LIKE": "a b",
    }


@pytest.mark.parametrize(
    ("machine", "possible"),
    [
        (DEBIAN, True),
        (Machine("Linux", "debian", (), "bookworm", is_root=False), False),
        (Machine("Linux", "debian", (), "", is_root=True), False),
        (Machine("Linux", "ubuntu", ("debian",), "noble", is_root=True), False),
        (Machine("Darwin", "", (), "", is_root=True), False),
    ],
)
def test_only_root_on_debian_makes_a_private_engine(machine: Machine, possible: bool) -> None:
    assert machine.can_host_private_engine is possible


@pytest.mark.parametrize(
    ("machine", "key"),
    [
        (Machine("Linux", "debian", (), "trixie", is_root=False), "debian"),
        (Machine("Linux", "ubuntu", ("debian",), "noble", is_root=False), "ubuntu"),
        (Machine("Linux", "linuxmint", ("ubuntu", "debian"), "zena", is_root=False), "ubuntu"),
        (FEDORA, "fedora"),
        (Machine("Linux", "rocky", ("rhel", "centos", "fedora"), "", is_root=True), "fedora"),
        (Machine("Linux", "arch", (), "", is_root=True), "arch"),
        (Machine("Linux", "alpine", (), "", is_root=True), "alpine"),
        (Machine("Darwin", "", (), "", is_root=False), "macos"),
        (Machine("Linux", "nixos", (), "", is_root=False), ""),
        (Machine("FreeBSD", "", (), "", is_root=False), ""),
    ],
)
def test_every_system_is_told_what_to_install(machine: Machine, key: str) -> None:
    assert advise(machine) == "\n".join(ADVICE[key])


def test_up_without_an_engine_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "inspect_machine", lambda: FEDORA)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert cli.main(["up"]) == COULD_NOT_RUN
    said = capsys.readouterr()
    assert "docker is not installed" in said.err
    assert "dnf install moby-engine docker-buildx docker-compose" in said.err
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("env",), ("image", "python:3.11-slim-bookworm"), ("status",)])
def test_without_an_engine_the_other_commands_exit_3(tmp_path: Path, command: tuple[str, ...]) -> None:
    environment = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": "."}
    argv = (sys.executable, "-m", "scripts.private_engine", *command)
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == COULD_NOT_RUN
    assert "docker is not installed" in done.stdout + done.stderr
    assert "export" not in done.stdout


def test_the_launcher_works_from_any_folder_and_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()  # must not shadow the package of the repository
    link = tmp_path / "engine"
    link.symlink_to(ROOT / "scripts" / "engine")
    environment = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run((link, "--help"), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "usage: engine" in done.stdout


# --- where the files are ---


@pytest.mark.parametrize(
    ("environment", "root"),
    [
        ({"XDG_CACHE_HOME": "/somewhere"}, "/somewhere/django-dockertools/engine"),
        ({"XDG_CACHE_HOME": "relative"}, "~/.cache/django-dockertools/engine"),
        ({"XDG_CACHE_HOME": ""}, "~/.cache/django-dockertools/engine"),
        ({}, "~/.cache/django-dockertools/engine"),
    ],
)
def test_files_lie_in_the_users_cache_folder(environment: dict[str, str], root: str) -> None:
    assert find_layout(environment).root == Path(root).expanduser()


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=150))
def test_the_socket_path_is_never_longer_than_the_kernel_takes(name: str) -> None:
    layout = Layout(Path("/home") / name)
    assert len(bytes(layout.socket)) <= LONGEST_SOCKET_PATH
    assert layout.socket.is_relative_to(layout.root) or layout.socket.is_relative_to(layout.runtime)


# --- the daemon ---


def test_a_process_is_known_by_number_and_start() -> None:
    identity = identify_process(os.getpid())
    assert identity is not None
    assert identity == identify_process(os.getpid())


def test_an_ended_process_has_no_identity_even_before_its_parent_asks() -> None:
    with subprocess.Popen(("true",)) as child:
        while identify_process(child.pid) is not None:
            time.sleep(0.01)
        assert Path(f"/proc/{child.pid}").exists()
    assert identify_process(child.pid) is None


def test_a_program_name_with_parentheses_does_not_confuse(tmp_path: Path) -> None:
    program = tmp_path / "a) R (b 1 2"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen((program, "60")) as child:
        identity = identify_process(child.pid)
        child.kill()
    own = identify_process(os.getpid())
    assert identity is not None
    assert own is not None
    assert identity.start_ticks >= own.start_ticks


def test_a_reused_process_number_is_not_taken_for_the_recorded_process(tmp_path: Path) -> None:
    own = identify_process(os.getpid())
    assert own is not None
    record = tmp_path / "record"
    record.write_text(json.dumps({"pid": own.pid, "start_ticks": own.start_ticks}))
    assert read_record(record) == own
    record.write_text(json.dumps({"pid": own.pid, "start_ticks": own.start_ticks - 1}))
    assert read_record(record) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": null, "start_ticks": 1}', '{"pid": 1}', "\x00"])
def test_a_broken_record_names_no_process(tmp_path: Path, text: str) -> None:
    record = tmp_path / "record"
    record.write_text(text)
    assert read_record(record) is None
    assert read_record(tmp_path / "missing") is None


@pytest.mark.parametrize(("status", "answers"), [(b"200 OK", True), (b"500 Internal Server Error", False)])
def test_an_engine_answers_when_its_ping_does(tmp_path: Path, status: bytes, answers: bool) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        server.listen()
        thread = threading.Thread(target=_answer_once, args=(server, b"HTTP/1.0 " + status + b"\r\n\r\nOK"))
        thread.start()
        assert is_answering(tmp_path / "socket") is answers
        thread.join()
    assert not is_answering(tmp_path / "socket")
    assert not is_answering(tmp_path / "missing")


def _answer_once(server: socket.socket, answer: bytes) -> None:
    connection = server.accept()[0]
    with connection:
        connection.recv(1000)
        connection.sendall(answer)


def test_the_daemon_reads_and_writes_nothing_of_the_machines_own_engine() -> None:
    layout = Layout(Path("/cache/engine"))
    configuration = json.loads(render_daemon_configuration(layout))
    assert configuration["hosts"] == ["unix:///cache/engine/docker.sock"]
    for name in ("data-root", "exec-root", "pidfile", "init-path"):
        assert configuration[name].startswith(("/cache/engine/", str(layout.runtime)))
    assert configuration["features"] == {"containerd-snapshotter": True}


def test_the_daemon_gets_the_proxy_and_nothing_private() -> None:
    environment = {"https_proxy": "http://proxy:1", "NO_PROXY": "x", "SECRET_KEY": "s", "PATH": "/own", "HOME": "/root"}
    kept = daemon_environment(Layout(Path("/cache/engine")), environment)
    assert kept["https_proxy"] == "http://proxy:1"
    assert kept["NO_PROXY"] == "x"
    assert "SECRET_KEY" not in kept
    assert kept["PATH"].startswith("/cache/engine/prefix/usr/sbin:/cache/engine/prefix/usr/bin:")
    assert "/own" not in kept["PATH"].split(":")


def test_mount_points_are_read_with_blanks_and_foreign_letters() -> None:
    line = "36 35 98:0 /mnt1 {} rw,noatime master:1 - ext3 /dev/root rw,errors=continue"
    text = "\n".join((line.format("/a"), line.format(r"/with\040blank/ü"), line.format(r"/back\134slash")))
    assert parse_mount_points(text) == ["/a", "/with blank/ü", "/back\\slash"]


# --- the environment ---


@settings(deadline=None, max_examples=25)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters=":\x7f"), min_size=1))
def test_a_shell_that_evaluates_the_exports_has_them(name: str) -> None:
    exports = private_exports(Layout(Path("/cache") / name), "/usr/bin:/bin")
    script = render_exports(exports) + "".join(f"printf '%s\\0' \"${variable}\"\n" for variable in exports)
    done = subprocess.run(("/bin/sh", "-c", script), capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == list(exports.values())


def test_exports_put_the_private_client_first_and_only_once() -> None:
    layout = Layout(Path("/cache/engine"))
    once = private_exports(layout, "/usr/bin:/bin")
    assert once["PATH"] == "/cache/engine/prefix/usr/bin:/usr/bin:/bin"
    assert private_exports(layout, once["PATH"]) == once


def test_the_environment_before_the_exports_can_be_told() -> None:
    layout = Layout(Path("/cache/engine"))
    before = {"PATH": "/usr/bin:/bin", "HOME": "/root"}
    assert without_private(layout, {**before, **private_exports(layout, before["PATH"])}) == before
    assert without_private(layout, {**before, **client_exports(layout, before["PATH"])}) == before
    named = {**before, "DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_CONFIG": "/own"}
    assert without_private(layout, named) == named


def test_the_callers_path_survives_the_launcher_and_a_python_shim() -> None:
    environment = {"PATH": "/shim:/usr/bin", "CALLER_PATH": "/usr/bin", "PYTHONPATH": "/repository", "HOME": "/root"}
    assert cli.caller_environment(environment) == {"PATH": "/usr/bin", "HOME": "/root"}
    assert cli.caller_environment({"PATH": "/usr/bin"}) == {"PATH": "/usr/bin"}


@pytest.mark.parametrize(
    ("script", "complaint", "is_engine_there"),
    [
        ("exit 0", "", True),
        (
            'case "$1" in version) echo "no permission" >&2; exit 1;; esac',
            "`docker version` failed: no permission",
            False,
        ),
        ('case "$1" in buildx) exit 4;; esac', "`docker buildx version` failed: exit code 4", True),
        ('case "$1" in compose) echo unknown; exit 1;; esac', "`docker compose version` failed: unknown", True),
    ],
)
def test_the_machines_own_engine_must_have_client_engine_buildx_and_compose(
    tmp_path: Path, script: str, complaint: str, is_engine_there: bool
) -> None:
    write_client(tmp_path, script)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "DOCKER_HOST": f"unix://{tmp_path}/missing"}
    assert probe_engine(environment) == Probe(complaint, is_engine_there)
    engine, _ = find_engine(Layout(tmp_path / "cache"), environment)
    assert (engine is None) == bool(complaint)
    assert engine is None or (not engine.is_private and not engine.exports)


def write_client(folder: Path, script: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    client = folder / "docker"
    client.write_text(f"#!/bin/sh\n{script}\n")
    client.chmod(0o755)


def test_an_engine_whose_client_lacks_a_plugin_serves_through_the_private_client(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "cache")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "DOCKER_HOST": "tcp://127.0.0.1:1"}
    write_client(tmp_path, 'case "$1" in buildx) exit 1;; esac')
    assert find_engine(layout, environment)[0] is None
    write_client(layout.prefix / "usr/bin", "exit 0")
    engine, _ = find_engine(layout, environment)
    assert engine is not None
    assert not engine.is_private
    assert engine.exports == client_exports(layout, environment["PATH"])
    assert find_engine(layout, {**environment, **engine.exports})[0] == engine


def test_an_engine_without_any_client_is_noticed(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        server.listen()
        thread = threading.Thread(target=_answer_once, args=(server, b"HTTP/1.0 200 OK\r\n\r\nOK"))
        thread.start()
        probe = probe_engine({"PATH": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/socket"})
        thread.join()
    assert probe == Probe("`docker version` failed: docker is not installed", is_engine_there=True)


# --- other programs ---


def test_a_missing_and_a_late_program_answer_as_in_a_shell() -> None:
    assert capture(("no-such-program",)).returncode == NOT_FOUND
    assert capture(("sleep", "60"), timeout=0.1).returncode == TIMED_OUT


def test_a_failing_command_shows_the_end_of_its_own_output(tmp_path: Path) -> None:
    log = tmp_path / "log"
    run_logged(("echo", "before"), log)
    with pytest.raises(EngineError, match=r"(?s)sh failed with exit code 3:\n.*the reason") as caught:
        run_logged(("sh", "-c", "echo the reason; exit 3"), log)
    assert "before" not in str(caught.value)
    assert str(log) in caught.value.hint
    with pytest.raises(EngineError, match="no-such-program is not installed"):
        run_logged(("no-such-program",), log)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["interrupted", "terminated"]
)
def test_an_interrupted_command_ends_with_its_children(tmp_path: Path, number: signal.Signals, code: int) -> None:
    program = (
        "import signal; from pathlib import Path; from scripts.private_engine import cli, processes\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "cli.run_status = lambda options, session: processes.run_logged(\n"
        "    ('sh', '-c', 'sleep 1000 & echo $! > child.tmp; mv child.tmp child; wait'), Path('log'))\n"
        "raise SystemExit(cli.main(['status']))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen((sys.executable, "-c", program), cwd=tmp_path, env=environment) as process:
        while not (tmp_path / "child").exists():
            assert process.poll() is None
            time.sleep(0.02)
        child = identify_process(int((tmp_path / "child").read_text()))
        process.send_signal(number)
        assert process.wait() == code
    assert isinstance(child, ProcessIdentity)
    assert identify_process(child.pid) != child
