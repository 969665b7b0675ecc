import subprocess
from pathlib import Path

import pytest

from dockertools.checks.runtime.process_facts import find_setuid_files, find_writable, read_privileges
from dockertools.checks.runtime.security import looks_like_default
from tests.check_project import SECRET, CheckProject, CheckRun, make_project

# Reading every file of the disk takes long where it is not a container's.
SILENCED = ("--silence", "dockertools.C705=not of this test")
SECURE = """
MIDDLEWARE += ["django.middleware.csrf.CsrfViewMiddleware", "django.middleware.clickjacking.XFrameOptionsMiddleware"]
SECURE_HSTS_SECONDS = 31536000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_SSL_REDIRECT = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
"""


@pytest.fixture
def project(tmp_path: Path) -> CheckProject:
    return make_project(tmp_path)


def check(project: CheckProject, settings: str = "", **env: str) -> CheckRun:
    project.add_settings(settings)
    return project.check("--group", "security", *SILENCED, env=env)


def programs(project: CheckProject, *names: str) -> str:
    """Return a folder with programs of these names alone, for PATH."""
    folder = project.folder / "programs"
    folder.mkdir()
    for name in names:
        project.write(f"programs/{name}", "#!/bin/sh\n").chmod(0o755)
    return str(folder)


def test_settings_of_production_pass(project: CheckProject) -> None:
    run = check(project, SECURE)
    assert {run.status(f"C{number}") for number in (706, 707, 708, 709, 710)} == {"pass"}, run.stdout


def test_code_that_can_be_written(project: CheckProject) -> None:
    result = check(project).result("C702")
    assert (result["status"], result["evidence"]["code"]) == ("fail", "code-writable")
    assert str(project.folder) in result["evidence"]["paths"]


def test_an_image_without_tools(project: CheckProject) -> None:
    assert check(project, PATH=programs(project)).status("C704") == "pass"


def test_a_compiler(project: CheckProject) -> None:
    folder = programs(project, "gcc", "make")
    result = check(project, PATH=folder).result("C704")
    assert (result["status"], result["evidence"]["code"]) == ("fail", "compiler-present")
    assert result["evidence"]["programs"] == [f"{folder}/gcc", f"{folder}/make"]


def test_a_package_manager_that_has_somewhere_to_install(project: CheckProject) -> None:
    run = check(project, PATH=programs(project, "pip"))
    assert (run.status("C704"), run.codes("C704")) == ("warn", {"installer-usable"})


def test_debug_is_on(project: CheckProject) -> None:
    run = check(project, "DEBUG = True")
    assert (run.status("C706"), run.codes("C706")) == ("fail", {"debug-on"})


@pytest.mark.parametrize(("hosts", "code", "status"), [([], "hosts-empty", "fail"), (["*"], "hosts-any", "warn")])
def test_hosts(project: CheckProject, hosts: list[str], code: str, status: str) -> None:
    run = check(project, f"ALLOWED_HOSTS = {hosts!r}")
    assert (run.codes("C707"), run.status("C707")) == ({code}, status)


@pytest.mark.parametrize(
    ("key", "code", "status"),
    [
        ("", "secret-missing", "fail"),
        ("change-me", "secret-default", "fail"),
        (f"django-insecure-{SECRET}", "secret-default", "fail"),
        (SECRET[:49], "secret-weak", "warn"),
        ("abcd" * 20, "secret-weak", "warn"),
    ],
)
def test_a_secret_key_that_is_none(project: CheckProject, key: str, code: str, status: str) -> None:
    run = check(project, f"SECRET_KEY = {key!r}")
    assert (run.codes("C708"), run.status("C708")) == ({code}, status)
    assert not key or key not in run.stdout + run.stderr


@pytest.mark.parametrize("password", ["postgres", "changeme", "Change_Me!", "shop"])
def test_a_databases_password_that_everybody_knows(project: CheckProject, password: str) -> None:
    values = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "USER": "shop", "PASSWORD": password}
    result = check(project, f"DATABASES = {{'default': {values!r}}}").result("C708")
    assert (result["status"], result["evidence"]["code"]) == ("warn", "secret-default")
    assert result["evidence"]["setting"] == "DATABASES['default']['PASSWORD']"


def test_what_djangos_own_checks_find(project: CheckProject) -> None:
    fields = "name = models.FileField(primary_key=True)"
    project.write("shop/models.py", f"from django.db import models\nclass Cup(models.Model):\n    {fields}")
    project.add_settings(SECURE)
    run = check(project, "SECURE_SSL_REDIRECT = False")
    found = {result["evidence"]["django_id"]: result["evidence"]["code"] for result in run.results("C709")}
    assert found == {"security.W008": "deploy-warning", "fields.E201": "deploy-error"}


def test_a_finding_of_django_that_is_silenced(project: CheckProject) -> None:
    settings = "SECURE_SSL_REDIRECT = False\nSILENCED_SYSTEM_CHECKS = ['security.W008']"
    assert check(project, SECURE + settings).status("C709") == "pass"


def test_a_check_of_django_that_raises_is_a_finding(project: CheckProject) -> None:
    run = check(project, SECURE + "TEMPLATES = [{'BACKEND': 'no_such_module.Engine'}]")
    assert (run.exit_code, run.status("C709"), run.codes("C709")) == (1, "fail", {"deploy-broken"})
    assert "no_such_module" in run.result("C709")["message"]


def test_a_key_that_is_no_text_is_no_fault(project: CheckProject) -> None:
    run = check(project, "import os\nSECRET_KEY = os.fsdecode(bytes(range(128, 256)))")
    assert run.status("C708") == "pass"


def test_without_proc_nothing_is_known_of_capabilities(tmp_path: Path) -> None:
    facts = read_privileges(tmp_path / "status")
    assert (facts.capabilities, facts.no_new_privileges) == (None, False)
    (tmp_path / "status").write_text("Name: python\n")
    assert read_privileges(tmp_path / "status").capabilities is None


def test_middleware_before_the_health_probe(project: CheckProject) -> None:
    run = check(project, "MIDDLEWARE.reverse()")
    assert (run.status("C710"), run.codes("C710")) == ("fail", {"health-not-first"})


def test_no_health_middleware(project: CheckProject) -> None:
    assert check(project, "MIDDLEWARE = []").codes("C710") == {"no-health-middleware"}


def test_what_needs_settings_alone_is_part_of_djangos_check(project: CheckProject) -> None:
    project.add_settings("DEBUG = True\nMIDDLEWARE.reverse()")
    argv = (str(project.python), "manage.py", "check", "--deploy")
    environment = project.environment()
    done = subprocess.run(
        argv, cwd=project.folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "(dockertools.C706)" in done.stderr
    assert "(dockertools.C710)" in done.stderr
    django_ids = {result["evidence"].get("django_id", "") for result in check(project).results("C709")}
    assert not any(name.startswith("dockertools.") for name in django_ids), "docker_check would say it twice"


def test_files_that_lend_rights_are_found(tmp_path: Path) -> None:
    for name, mode in {"plain": 0o755, "setuid": 0o4755, "inner/setgid": 0o2755}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        path.chmod(mode)
    (tmp_path / "link").symlink_to("setuid")
    assert sorted(find_setuid_files(tmp_path)) == [tmp_path / "inner/setgid", tmp_path / "setuid"]


def test_a_folder_that_can_be_written_stands_for_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/module.py").touch()
    assert list(find_writable([tmp_path, Path("/no/such/folder")])) == [tmp_path]


def test_the_kernels_words_about_privileges_are_read(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nCapEff:\t0000000000000401\nNoNewPrivs:\t1\n")
    facts = read_privileges(status)
    assert (facts.capabilities, facts.no_new_privileges) == (("CHOWN", "NET_BIND_SERVICE"), True)


@pytest.mark.parametrize(("secret", "is_known"), [("My-Secret Password", True), (SECRET, False)])
def test_spellings_of_what_everybody_knows(secret: str, is_known: bool) -> None:
    assert looks_like_default(secret) is is_known
