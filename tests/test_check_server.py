import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from dockertools.checks.results import Status
from dockertools.checks.runtime.cgroup import ContainerLimits, read_limits
from dockertools.checks.runtime.gunicorn_config import GunicornFacts, read_running_arguments
from dockertools.checks.runtime.server import judge_cpus, judge_memory
from tests.check_project import CheckProject, CheckRun, make_project
from tests.services import free_port, require_program

MIB = 2**20


@pytest.fixture
def project(tmp_path: Path) -> CheckProject:
    return make_project(tmp_path)


def check(project: CheckProject, configuration: str = "", **env: str) -> CheckRun:
    project.write("gunicorn.conf.py", configuration)
    return project.check("--group", "server", env=env)


def certificate(folder: Path, name: str) -> Path:
    path = folder / f"{name}.pem"
    argv = (require_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost")
    subprocess.run(
        (*argv, "-keyout", str(path.with_suffix(".key")), "-out", str(path)), check=True, capture_output=True
    )
    return path


def test_a_server_in_order_passes(project: CheckProject) -> None:
    run = check(project, f"bind = '127.0.0.1:{free_port()}'\nworkers = 2\nthreads = 4\n")
    assert {check_id: run.status(check_id) for check_id in ("C601", "C602", "C603", "C605")} == {
        "C601": "pass", "C602": "pass", "C603": "pass", "C605": "pass",
    }  # fmt: skip
    assert run.result("C602")["evidence"]["threads"] == 4


def test_neither_application_is_set(project: CheckProject) -> None:
    project.add_settings("WSGI_APPLICATION = None")
    assert check(project).codes("C601") == {"no-application"}


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("raise RuntimeError('no license')", "application-broken"),
        ("import no_such_module", "application-broken"),
        ("application = 'not callable'", "application-broken"),
        ("app = print", "application-broken"),
        ("raise SystemExit(4)", "application-exits"),
        ("import os; os.abort()", "application-exits"),
        ("import dockertools.checks.runtime.server, time; time.sleep(60)", "application-exits"),
    ],
)
def test_an_application_that_does_not_import(project: CheckProject, source: str, code: str) -> None:
    project.write("shop/wsgi.py", source)
    project.add_settings("import dockertools.checks.runtime.server as s; s.APPLICATION_SECONDS = 1.0")
    assert check(project).codes("C601") == {code}


def test_both_applications_are_imported(project: CheckProject) -> None:
    project.add_settings("ASGI_APPLICATION = 'shop.no_such_module.application'")
    run = check(project)
    statuses = {result["evidence"]["setting"]: result["status"] for result in run.results("C601")}
    assert statuses == {"WSGI_APPLICATION": "pass", "ASGI_APPLICATION": "fail"}


@pytest.mark.parametrize(
    ("configuration", "code", "named"),
    [
        ("worker = 4", "unknown-setting", "Write it as workers"),
        ("def post_forks(server, worker): pass", "unknown-setting", "Write it as post_fork"),
        ("workers = 'many'", "invalid-value", "'many'"),
        ("timeout = -1", "invalid-value", "timeout"),
        ("worker_class = 'no_such_package.Worker'", "class-missing", "no_such_package"),
        ("logger_class = 'no_such_package.Logger'", "class-missing", "logger_class"),
        ("bind = '0.0.0.0:http'", "bad-bind", "0.0.0.0:http"),
        ("bind = '0.0.0.0:65536'", "bad-bind", "65536"),
        ("bind = 'no-such-host.invalid:8000'", "bad-bind", "no-such-host.invalid"),
        ("certfile = '/no/cert.pem'; keyfile = '/no/key.pem'", "certificate-missing", "/no/cert.pem"),
        ("workers = 0", "zero-workers", "workers is 0"),
        ("worker_tmp_dir = '/no/such/folder'", "folder-unusable", "/no/such/folder"),
        ("import sys; sys.exit('no license')", "config-exits", ""),
        ("import os; os._exit(3)", "config-exits", "3"),
        ("workers = int('')", "config-error", "ValueError"),
        ("workers = ", "config-error", "SyntaxError"),
        ("import os; os.abort()", "config-error", "SIGABRT"),
    ],
)
def test_a_configuration_that_does_not_run(project: CheckProject, configuration: str, code: str, named: str) -> None:
    run = check(project, configuration)
    assert run.codes("C602") == {code}, run.stdout
    result = run.results("C602")[0]
    assert result["status"] == "fail"
    assert named in result["message"] + result["hint"]


def test_a_configuration_that_hangs(project: CheckProject) -> None:
    project.add_settings("import dockertools.checks.runtime.gunicorn_config as g; g.CONFIG_SECONDS = 0.5")
    assert check(project, "import time; time.sleep(60)").codes("C602") == {"config-hangs"}


def test_what_a_configuration_uses_itself_is_no_setting(project: CheckProject) -> None:
    configuration = """
    import multiprocessing
    from os import environ
    cores = multiprocessing.cpu_count()
    _PORT = environ.get("PORT", "8000")
    workers = min(2, cores)
    def when_ready(server):
        pass
    """
    assert check(project, configuration).status("C602") == "pass"


def test_a_configuration_in_the_encoding_that_it_declares(project: CheckProject) -> None:
    (project.folder / "gunicorn.conf.py").write_bytes("# coding: latin-1\n# für alle\nthreads = 3\n".encode("latin-1"))
    run = project.check("--group", "server")
    assert (run.status("C602"), run.result("C602")["evidence"]["threads"]) == ("pass", 3)


def test_a_group_whose_name_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "membership").write_bytes(b"0::/\xff\xfe\nnonsense\n")
    (tmp_path / "cgroup.controllers").touch()
    (tmp_path / "memory.max").write_text("1048576\n")
    assert read_limits(tmp_path, tmp_path / "membership").memory_bytes == 1048576


def test_a_key_of_another_certificate(project: CheckProject) -> None:
    first, second = certificate(project.folder, "first"), certificate(project.folder, "second")
    run = check(project, f"certfile = {str(first)!r}\nkeyfile = {str(second.with_suffix('.key'))!r}")
    assert run.codes("C602") == {"certificate-missing"}


def test_a_certificate_with_its_key(project: CheckProject) -> None:
    path = certificate(project.folder, "shop")
    run = check(project, f"certfile = {str(path)!r}\nkeyfile = {str(path.with_suffix('.key'))!r}")
    assert run.status("C602") == "pass"


def test_the_variables_of_gunicorn_count(project: CheckProject) -> None:
    run = check(project, "workers = 2", GUNICORN_CMD_ARGS="--workers 0")
    assert run.codes("C602") == {"zero-workers"}
    assert check(project, "", WEB_CONCURRENCY="3").result("C602")["evidence"]["workers"] == 3


@pytest.mark.parametrize("argument", ["--no-such-option", "--workers many", "--bind '"])
def test_a_variable_that_gunicorn_does_not_understand(project: CheckProject, argument: str) -> None:
    run = check(project, "", GUNICORN_CMD_ARGS=argument)
    assert (run.exit_code, run.codes("C602")) == (1, {"invalid-value"})
    assert "GUNICORN_CMD_ARGS" in run.result("C602")["hint"]


def test_web_concurrency_that_is_no_number(project: CheckProject) -> None:
    run = check(project, "", WEB_CONCURRENCY="many")
    assert (run.exit_code, run.status("C602")) == (1, "fail")


def test_a_port_that_is_taken(project: CheckProject) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        run = check(project, f"bind = '127.0.0.1:{listener.getsockname()[1]}'")
    assert run.codes("C603") == {"port-taken"}


def test_a_port_that_is_for_the_privileged(project: CheckProject) -> None:
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="ascii")) <= 80:
        pytest.skip("here any user may use any port")
    dropping = without_capability(project, "net_bind_service")
    assert check(dropping, "bind = '127.0.0.1:80'").codes("C603") == {"port-privileged"}


@pytest.mark.parametrize(
    ("bind", "code"),
    [
        ("192.0.2.1:8000", "address-unavailable"),
        ("unix:/no/such/folder/app.sock", "cannot-bind"),
        ("fd://3", "no-address"),
    ],
)
def test_an_address_that_cannot_be_used(project: CheckProject, bind: str, code: str) -> None:
    assert check(project, f"bind = {bind!r}").codes("C603") == {code}


def test_each_address_is_tried(project: CheckProject) -> None:
    run = check(project, f"bind = ['127.0.0.1:{free_port()}', 'unix:{project.folder}/app.sock', '[::1]:{free_port()}']")
    assert {result["status"] for result in run.results("C603")} == {"pass"}
    assert len(run.results("C603")) == 3


def test_more_workers_than_the_cpus_can_serve(project: CheckProject) -> None:
    run = check(project, "workers = 5000")
    assert (run.status("C605"), run.codes("C605")) == ("warn", {"too-many-workers"})


def test_a_project_without_gunicorn(project: CheckProject) -> None:
    project.add_settings("import sys; sys.modules['gunicorn'] = None")
    run = check(project)
    assert {code for name in ("C602", "C603", "C604", "C605") for code in run.codes(name)} == {"no-gunicorn"}


@pytest.mark.parametrize(
    ("limits", "facts", "codes"),
    [
        (ContainerLimits(memory_bytes=400 * MIB), GunicornFacts("", workers=2), ["ok"]),
        (ContainerLimits(memory_bytes=300 * MIB), GunicornFacts("", workers=2), ["memory-tight"]),
        (ContainerLimits(memory_bytes=200 * MIB), GunicornFacts("", workers=2), ["memory-exceeded"]),
        (ContainerLimits(memory_bytes=299 * MIB), GunicornFacts("", workers=2, preload=True), ["memory-exceeded"]),
        (ContainerLimits(processes=9), GunicornFacts("", workers=2, threads=4), ["processes-exceeded", "ok"]),
        (ContainerLimits(processes=11), GunicornFacts("", workers=2, threads=4), ["ok"]),
    ],
)
def test_the_workers_are_set_against_the_limits(
    limits: ContainerLimits, facts: GunicornFacts, codes: list[str]
) -> None:
    assert [outcome.evidence["code"] for outcome in judge_memory(facts, limits, 100 * MIB)] == codes


def test_part_of_a_cpu_may_have_two_workers() -> None:
    assert judge_cpus(GunicornFacts("", workers=2), 0.1).status is Status.PASS
    assert judge_cpus(GunicornFacts("", workers=4), 0.5).status is Status.WARN


def test_the_strictest_group_above_counts(tmp_path: Path) -> None:
    write(tmp_path, "cgroup.controllers", "memory cpu pids")
    write(tmp_path, "shop/memory.max", "1000000")
    write(tmp_path, "shop/cpu.max", "150000 100000")
    write(tmp_path, "shop/web/memory.max", "max")
    write(tmp_path, "shop/web/pids.max", "20")
    membership = write(tmp_path, "membership", "0::/shop/web\n")
    assert read_limits(tmp_path, membership) == ContainerLimits(1000000, 1.5, 20)


def test_the_first_version_of_control_groups(tmp_path: Path) -> None:
    write(tmp_path, "memory/docker/1/memory.limit_in_bytes", "2000000")
    write(tmp_path, "memory/memory.limit_in_bytes", str(2**63 - 4096))
    write(tmp_path, "cpu,cpuacct/docker/1/cpu.cfs_quota_us", "50000")
    write(tmp_path, "cpu,cpuacct/docker/1/cpu.cfs_period_us", "100000")
    membership = write(tmp_path, "membership", "5:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n3:pids:/docker/1\n")
    assert read_limits(tmp_path, membership) == ContainerLimits(2000000, 0.5, None)


def test_no_limit_at_all(tmp_path: Path) -> None:
    assert read_limits(tmp_path, tmp_path / "no-such-file") == ContainerLimits()


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["gunicorn", "shop.wsgi", "--workers", "3", "-b", "0.0.0.0:80"], ("--workers", "3", "-b", "0.0.0.0:80")),
        (["/opt/venv/bin/python", "/opt/venv/bin/gunicorn", "--workers=3", "shop.wsgi"], ("--workers=3",)),
        (["/sbin/docker-init", "--", "gunicorn", "--preload", "-w", "2", "shop.wsgi"], ("--preload", "-w", "2")),
        (["python", "manage.py", "docker_check"], ()),
    ],
)
def test_the_running_servers_options_are_read(tmp_path: Path, words: list[str], options: tuple[str, ...]) -> None:
    path = write(tmp_path, "cmdline", "".join(f"{word}\0" for word in words))
    assert read_running_arguments(path) == options


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def without_capability(project: CheckProject, name: str) -> CheckProject:
    """Return the project with an interpreter that has lost a capability, which only root has to lose."""
    argv = (shutil.which("setpriv") or "setpriv", f"--inh-caps=-{name}", f"--bounding-set=-{name}")
    if subprocess.run((*argv, "true"), capture_output=True, check=False).returncode:
        return project
    wrapper = project.write("python-without", f'#!/bin/sh\nexec {" ".join(argv)} {project.python} "$@"\n')
    wrapper.chmod(0o755)
    return CheckProject(project.folder, wrapper)
