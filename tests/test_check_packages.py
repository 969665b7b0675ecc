from pathlib import Path
from typing import Any

import pytest

from dockertools.checks.runtime.source import iterate_source
from tests.check_project import ROOT, CheckProject, make_isolated_project


@pytest.fixture
def project(tmp_path: Path) -> CheckProject:
    return make_isolated_project(tmp_path)


def check(project: CheckProject, code: str, imports: str = "import parts") -> dict[str, Any]:
    project.write("shop/views.py", f"def view(request):\n    {imports}\n")
    project.install("parts", modules={"parts/__init__.py": code, "parts/engine.py": ""})
    return project.check("--group", "packages").result("C103")


def test_a_sound_project_passes_every_check_of_packages(project: CheckProject) -> None:
    project.write("requirements.txt", "parts==1.0 \\\n  --hash=sha256:00\nother==2.0; python_version < '3'\n")
    project.write("shop/views.py", "from parts import engine\n")
    project.install("parts", modules={"parts/__init__.py": "", "parts/engine.py": ""})
    run = project.check("--group", "packages")
    assert [result["status"] for result in run.document["results"]] == ["pass"] * 4
    assert run.result("C103")["evidence"]["distributions"] == ["Django", "parts"]
    assert run.exit_code == 0


def test_apps_that_do_not_load_are_explained_by_the_checks_that_need_none(project: CheckProject) -> None:
    error = "libparts.so.7: cannot open shared object file: No such file or directory"
    project.write("shop/models.py", "import parts")
    project.install("parts", modules={"parts.py": f"raise ImportError({error!r})"})
    run = project.check("--exclude-group", "libraries", "--exclude-group", "security")
    setup = run.result("C101")
    assert (setup["status"], setup["evidence"]["code"]) == ("fail", "setup-failed")
    assert setup["evidence"]["library"] == "libparts.so.7"
    assert run.codes("C103") == {"import-failed"}
    assert run.result("C103")["evidence"]["distribution"] == "parts"
    assert run.codes("C303") == {"setup-failed"}
    assert run.exit_code == 1


def test_a_pin_that_is_not_installed(project: CheckProject) -> None:
    project.write("requirements.txt", "parts==1.0\n")
    assert project.check("--group", "packages").codes("C102") == {"not-installed"}


def test_a_pin_of_another_version_in_the_lock_that_the_builder_left(project: CheckProject) -> None:
    project.write("requirements.txt", "parts==1.0\n")
    (project.site_packages.parent.parent.parent / "requirements.lock").write_text("parts==2.0\n")
    project.install("parts")
    result = project.check("--group", "packages").result("C102")
    assert result["evidence"]["code"] == "wrong-version"
    assert (result["evidence"]["installed"], result["evidence"]["pinned"]) == ("1.0", "2.0")


def test_no_pins_are_no_pass(project: CheckProject) -> None:
    assert project.check("--group", "packages").codes("C102") == {"no-pins"}


@pytest.mark.parametrize(
    ("code", "condition"),
    [
        ("raise ValueError('no such engine')", "import-failed"),
        ("import absent_part", "module-missing"),
        ("import sys; sys.exit(0)", "import-exited"),
        ("import os; os._exit(0)", "import-exited"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "import-crashed"),
        ("import ctypes; ctypes.string_at(0)", "import-crashed"),
    ],
)
def test_a_package_that_does_not_import_is_a_finding_and_not_the_end(
    project: CheckProject, code: str, condition: str
) -> None:
    result = check(project, code)
    assert (result["status"], result["evidence"]["code"]) == ("fail", condition)
    assert result["evidence"]["distribution"] == "parts"


def test_a_package_whose_import_hangs(project: CheckProject) -> None:
    project.write("sitecustomize.py", "import dockertools.checks.runtime.packages as p\np.IMPORT_SECONDS = 1.0\n")
    project.write("shop/views.py", "def view(request):\n    import parts\n    import zebra\n")
    project.install("parts", modules={"parts.py": "import time; time.sleep(60)"})
    project.install("zebra", modules={"zebra.py": "raise ValueError('after the one that hangs')"})
    run = project.check("--group", "packages", env={"PYTHONPATH": f"{project.folder}:{Path(__file__).parent.parent}"})
    assert run.codes("C103") == {"import-hung", "import-failed"}


def test_a_submodule_that_is_missing(project: CheckProject) -> None:
    result = check(project, "", "from parts import gears, engine")
    assert (result["evidence"]["code"], result["evidence"]["module"]) == ("module-missing", "parts.gears")


@pytest.mark.parametrize(
    "imports",
    [
        "try:\n        import parts\n    except ImportError:\n        parts = None",
        "from typing import TYPE_CHECKING\n    if TYPE_CHECKING:\n        import parts",
    ],
)
def test_imports_that_may_fail_are_left_out(project: CheckProject, imports: str) -> None:
    assert check(project, "raise ValueError", imports)["status"] in ("pass", "skip")


def test_metadata_that_an_interrupted_installation_left(project: CheckProject) -> None:
    (project.install("parts") / "METADATA").unlink()
    assert project.check("--group", "packages").codes("C104") == {"broken-metadata"}


def test_a_distribution_that_is_there_twice(project: CheckProject) -> None:
    project.install("parts", "1.0")
    project.install("parts", "2.0")
    result = project.check("--group", "packages").result("C104")
    assert result["evidence"]["code"] == "duplicate-metadata"
    assert result["evidence"]["folders"] == ["parts-1.0.dist-info", "parts-2.0.dist-info"]


def test_a_requirement_that_nothing_fulfils_warns(project: CheckProject) -> None:
    project.install("parts", requires="gears>=2")
    project.install("gears", "1.0")
    run = project.check("--group", "packages")
    assert (run.status("C104"), run.codes("C104")) == ("warn", {"requirement-unmet"})
    assert run.exit_code == 0
    assert project.check("--group", "packages", "--fail-level", "warn").exit_code == 1


@pytest.mark.parametrize(("file", "content"), [("METADATA", b"Name: p\xe4rts\n"), ("RECORD", b"\xff\xfe\0")])
def test_metadata_that_are_no_text_are_a_finding_and_hide_no_other(
    project: CheckProject, file: str, content: bytes
) -> None:
    (project.install("parts") / file).write_bytes(content)
    project.install("gears", modules={"gears.py": "raise ValueError('worn')"})
    project.write("shop/work.py", "import gears")
    run = project.check("--group", "packages")
    assert run.codes("C103") == {"import-failed"}
    assert run.codes("C104") == ({"broken-metadata"} if file == "METADATA" else {"ok"})


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
def test_pins_are_read_in_the_encodings_that_pip_and_editors_leave(project: CheckProject, encoding: str) -> None:
    (project.folder / "requirements.txt").write_bytes("# für alle\nparts==1.0\n".encode(encoding))
    assert project.check("--group", "packages").result("C102")["evidence"]["distribution"] == "parts"


def test_a_marker_that_compares_nonsense_does_not_hold(project: CheckProject) -> None:
    project.write("requirements.txt", "parts==1.0; sys_platform >= 'linux'\ngears==1.0; extra == 'fast'\n")
    assert project.check("--group", "packages").codes("C102") <= {"no-pins", "not-installed"}


def test_a_copy_of_this_package_in_the_project_is_not_the_projects_code() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path, _ in iterate_source(ROOT)}
    assert ("cvimprover" in folders, "dockertools" in folders) == (True, False)
