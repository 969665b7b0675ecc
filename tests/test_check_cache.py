from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.check_project import CheckProject, make_project
from tests.services import Server, free_port, running_redis

ARGUMENTS = ("--group", "cache", "--group", "environment")  # one more, so that not everything is skipped
PASSWORD = "the-p4ssw0rd-of-redis"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_redis() as server:
        yield server


@pytest.fixture
def project(tmp_path: Path) -> CheckProject:
    return make_project(tmp_path)


def caches(location: str, backend: str = "redis.RedisCache") -> str:
    return f"CACHES = {{'default': {{'BACKEND': 'django.core.cache.backends.{backend}', 'LOCATION': {location!r}}}}}"


def codes(project: CheckProject, location: str) -> set[str]:
    project.add_settings(caches(location))
    return project.check(*ARGUMENTS).codes("C401")


def codes_of_files(project: CheckProject, folder: str) -> set[str]:
    project.add_settings(caches(folder, "filebased.FileBasedCache"))
    return project.check(*ARGUMENTS).codes("C401")


def test_a_server_in_order_passes(server: Server, project: CheckProject) -> None:
    project.add_settings(caches(f"redis://127.0.0.1:{server.port}/0"))
    run = project.check(*ARGUMENTS)
    assert (run.status("C401"), run.status("C402")) == ("pass", "pass")


def test_nothing_listens(project: CheckProject) -> None:
    assert codes(project, f"redis://127.0.0.1:{free_port()}") == {"refused"}


def test_an_unknown_host(project: CheckProject) -> None:
    assert codes(project, "redis://no-such-host.invalid:6379") == {"unknown-host"}


def test_a_wrong_password_is_not_shown(project: CheckProject) -> None:
    with running_redis(password=PASSWORD) as server:
        project.add_settings(caches(f"redis://:an0ther-p4ssw0rd@127.0.0.1:{server.port}"))
        run = project.check(*ARGUMENTS)
    assert run.codes("C401") == {"wrong-password"}
    assert "an0ther-p4ssw0rd" not in run.stdout + run.stderr


def test_a_password_that_is_missing(project: CheckProject) -> None:
    with running_redis(password=PASSWORD) as server:
        assert codes(project, f"redis://127.0.0.1:{server.port}") == {"wrong-password"}


def test_a_database_that_the_server_does_not_have(server: Server, project: CheckProject) -> None:
    assert codes(project, f"redis://127.0.0.1:{server.port}/99") == {"unknown-database"}


def test_a_user_who_may_not_write(server: Server, project: CheckProject) -> None:
    with redis.Redis(port=server.port) as client:
        client.execute_command("ACL", "SETUSER", "reader", "on", ">reader-p4ss", "~*", "+@read", "+client", "+select")
    assert codes(project, f"redis://reader:reader-p4ss@127.0.0.1:{server.port}") == {"not-allowed"}


def test_a_certificate_that_nobody_signed(project: CheckProject) -> None:
    with running_redis(tls=True) as server:
        assert codes(project, f"rediss://127.0.0.1:{server.port}") == {"tls-refused"}


def test_a_server_that_does_not_answer(server: Server, project: CheckProject) -> None:
    project.add_settings("import dockertools.checks.runtime.cache as c; c.ANSWER_SECONDS = 1.0")
    with server.paused():
        assert codes(project, f"redis://127.0.0.1:{server.port}") == {"too-slow"}


def test_a_replica_takes_no_writes(server: Server, project: CheckProject) -> None:
    with running_redis("--replicaof", "127.0.0.1", str(server.port)) as replica:
        assert codes(project, f"redis://127.0.0.1:{replica.port}") == {"read-only"}


def test_a_server_without_memory(project: CheckProject) -> None:
    with running_redis("--maxmemory", "1", "--maxmemory-policy", "noeviction") as server:
        assert codes(project, f"redis://127.0.0.1:{server.port}") == {"out-of-memory"}


def test_a_server_with_no_connection_left(project: CheckProject) -> None:
    with running_redis("--maxclients", "1") as server, redis.Redis(port=server.port) as client:
        client.ping()
        assert codes(project, f"redis://127.0.0.1:{server.port}") == {"no-connection-free"}


def test_a_folder_that_the_cache_may_not_write(project: CheckProject) -> None:
    assert codes_of_files(project, "/sys/no-such-folder") == {"cannot-write"}


def test_a_cache_that_forgets(project: CheckProject) -> None:
    project.write(
        "shop/forgetful.py",
        """
        from django.core.cache.backends.locmem import LocMemCache
        class Forgetful(LocMemCache):
            def get(self, *args, **options):
                return None
        """,
    )
    project.add_settings("CACHES = {'default': {'BACKEND': 'shop.forgetful.Forgetful'}}")
    assert project.check(*ARGUMENTS).codes("C401") == {"value-lost"}


def test_a_backend_that_is_not_there(project: CheckProject) -> None:
    project.add_settings("CACHES = {'default': {'BACKEND': 'shop.no_such_module.Cache'}}")
    assert project.check(*ARGUMENTS).codes("C401") == {"driver-broken"}


def test_a_dummy_cache(project: CheckProject) -> None:
    project.add_settings(caches("", "dummy.DummyCache"))
    run = project.check(*ARGUMENTS)
    assert (run.codes("C401"), run.status("C402"), run.codes("C402")) == ({"nothing-kept"}, "warn", {"dummy-cache"})


def test_a_cache_for_each_process(project: CheckProject) -> None:
    project.add_settings(caches("shop", "locmem.LocMemCache"))
    run = project.check(*ARGUMENTS)
    assert (run.status("C402"), run.codes("C402")) == ("warn", {"per-process-cache"})


def test_sessions_in_the_default_cache_of_each_process(project: CheckProject) -> None:
    project.add_settings("SESSION_ENGINE = 'django.contrib.sessions.backends.cache'")
    assert project.check(*ARGUMENTS).codes("C402") == {"per-process-cache"}


def test_no_cache_at_all(project: CheckProject) -> None:
    assert project.check(*ARGUMENTS).codes("C402") == {"no-cache"}


def test_settings_without_any_cache(project: CheckProject) -> None:
    project.add_settings("CACHES = {}")
    run = project.check(*ARGUMENTS, "--group", "environment")
    assert run.codes("C401") == run.codes("C402") == {"no-cache"}


def test_a_cache_without_a_backend_is_a_finding(project: CheckProject) -> None:
    project.add_settings("CACHES = {'default': {}}")
    run = project.check(*ARGUMENTS)
    assert (run.exit_code, run.status("C401")) == (1, "fail")


def test_wait_says_what_it_waits_for(project: CheckProject) -> None:
    port = free_port()
    project.add_settings(caches(f"redis://127.0.0.1:{port}"))
    with project.waiting(*ARGUMENTS) as (_, line):
        assert "s left, for cache: default: RedisCache: " in line
