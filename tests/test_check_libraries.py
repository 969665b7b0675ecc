import struct
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from tests.check_project import CheckProject, make_isolated_project, make_project
from tests.elf import compile_library

SUFFIX = EXTENSION_SUFFIXES[0]
ARGUMENTS = ("--group", "libraries")


@pytest.fixture
def project(tmp_path: Path) -> CheckProject:
    return make_isolated_project(tmp_path)


@pytest.fixture
def module(project: CheckProject) -> Path:
    """The place of an extension module of the environment."""
    return project.site_packages / f"parts/engine{SUFFIX}"


def test_a_library_beside_the_module_is_found_by_origin(project: CheckProject, module: Path) -> None:
    library = compile_library(project.site_packages / "parts.libs/libgears.so.1", soname="libgears.so.1")
    compile_library(module, needs=[library], runpath="$ORIGIN/../parts.libs")
    run = project.check(*ARGUMENTS)
    assert (run.status("C201"), run.status("C202"), run.exit_code) == ("pass", "pass", 0)


def test_a_library_that_is_gone_is_named_with_who_needs_it(project: CheckProject, module: Path) -> None:
    library = compile_library(project.site_packages / "parts.libs/libgears.so.1", soname="libgears.so.1")
    compile_library(module, needs=[library], runpath="$ORIGIN/../parts.libs")
    library.unlink()
    result = project.check(*ARGUMENTS).result("C201")
    assert result["evidence"]["code"] == "library-missing"
    assert result["evidence"]["library"] == "libgears.so.1"
    assert result["evidence"]["needed_by"] == [str(module)]
    assert str(module.parent / "../parts.libs") in result["evidence"]["searched"]


def test_a_known_library_comes_with_its_package(project: CheckProject, module: Path, tmp_path: Path) -> None:
    library = compile_library(tmp_path / "libwebpdemux.so.2", soname="libwebpdemux.so.2")
    compile_library(module, needs=[library])
    result = project.check(*ARGUMENTS).result("C201")
    if result["evidence"]["package"] is None:
        pytest.skip("not on Debian")
    assert "apt-get install libwebpdemux2" in result["hint"]


def test_the_runpath_of_a_module_does_not_carry_over_to_what_its_libraries_need(
    project: CheckProject, module: Path
) -> None:
    folder = project.site_packages / "parts.libs"
    inner = compile_library(folder / "libinner.so.1", soname="libinner.so.1")
    outer = compile_library(folder / "libouter.so.1", soname="libouter.so.1", needs=[inner])
    compile_library(module, needs=[outer], runpath="$ORIGIN/../parts.libs", options=["-Wl,--allow-shlib-undefined"])
    result = project.check(*ARGUMENTS).result("C201")
    assert (result["status"], result["evidence"]["library"]) == ("fail", "libinner.so.1")
    assert result["evidence"]["needed_by"] == [str(outer)]


def test_a_library_that_another_module_loads_before_only_warns(project: CheckProject, module: Path) -> None:
    library = compile_library(project.site_packages / "parts.libs/libgears.so.1", soname="libgears.so.1")
    compile_library(module, needs=[library])
    compile_library(module.with_name(f"first{SUFFIX}"), needs=[library], runpath="$ORIGIN/../parts.libs")
    run = project.check(*ARGUMENTS)
    assert (run.status("C201"), run.codes("C201")) == ("warn", {"library-by-order"})


def test_a_library_that_the_package_opens_itself_only_warns(project: CheckProject, module: Path) -> None:
    library = compile_library(project.site_packages / "parts.libs/libgears.so.1", soname="libgears.so.1")
    compile_library(module, needs=[library])
    (module.parent / "__init__.py").write_text(
        "import ctypes; ctypes.CDLL(__file__ + '/../../parts.libs/libgears.so.1')"
    )
    assert project.check(*ARGUMENTS).codes("C201") == {"library-by-order"}


def test_the_rpath_of_a_module_carries_over(project: CheckProject, module: Path) -> None:
    folder = project.site_packages / "parts.libs"
    inner = compile_library(folder / "libinner.so.1", soname="libinner.so.1")
    outer = compile_library(folder / "libouter.so.1", soname="libouter.so.1", needs=[inner])
    compile_library(module, needs=[outer], rpath="$ORIGIN/../parts.libs")
    assert project.check(*ARGUMENTS).status("C201") == "pass"


def test_only_a_library_for_another_machine_is_there(project: CheckProject, module: Path) -> None:
    library = compile_library(project.site_packages / "parts.libs/libgears.so.1", soname="libgears.so.1")
    compile_library(module, needs=[library], runpath="$ORIGIN/../parts.libs")
    _set_machine(library)
    run = project.check(*ARGUMENTS)
    assert run.codes("C201") == {"library-unfit"}


def test_a_module_for_another_machine(project: CheckProject, module: Path) -> None:
    _set_machine(compile_library(module))
    assert project.check(*ARGUMENTS).codes("C202") == {"wrong-machine"}


@pytest.mark.parametrize("part", [0.9, 0.5, 0.01])
def test_a_file_that_is_cut_off(project: CheckProject, module: Path, part: float) -> None:
    content = compile_library(module).read_bytes()
    last = max(_segment_ends(content))
    module.write_bytes(content[: int(last * part)])
    result = project.check(*ARGUMENTS).result("C202")
    assert (result["evidence"]["code"], result["evidence"]["path"]) == ("damaged-elf", str(module))


def test_a_library_opened_by_the_project_loads(project: CheckProject, tmp_path: Path) -> None:
    library = compile_library(tmp_path / "libgears.so.1")
    project.write("shop/views.py", "import ctypes\ndef view(request):\n    ctypes.CDLL('libgears.so.1')\n")
    run = project.check(*ARGUMENTS, env={"LD_LIBRARY_PATH": str(library.parent)})
    assert (run.status("C203"), run.result("C203")["evidence"]["libraries"]) == ("pass", ["libgears.so.1"])


def test_a_library_opened_by_the_project_that_is_not_there(project: CheckProject) -> None:
    project.write("shop/views.py", "import ctypes\ndef view(request):\n    ctypes.CDLL('libgears.so.1')\n")
    result = project.check(*ARGUMENTS).result("C203")
    assert (result["status"], result["evidence"]["code"]) == ("fail", "library-missing")
    assert result["evidence"]["needed_by"].endswith("shop/views.py")


def test_a_library_opened_by_name_that_lacks_another(project: CheckProject, tmp_path: Path) -> None:
    inner = compile_library(tmp_path / "libinner.so.1", soname="libinner.so.1")
    outer = compile_library(tmp_path / "libouter.so.1", needs=[inner])
    inner.unlink()
    project.write("shop/views.py", "import ctypes\nctypes.CDLL('libouter.so.1')\n")
    result = project.check(*ARGUMENTS, env={"LD_LIBRARY_PATH": str(outer.parent)}).result("C203")
    assert result["evidence"]["library"] == "libinner.so.1"


def test_a_distribution_of_the_table_needs_its_library(project: CheckProject) -> None:
    project.install("opuslib")
    assert "libopus.so.0" in str(project.check(*ARGUMENTS).results("C203"))  # there or not, it was looked for


def test_a_library_that_crashes_on_loading(project: CheckProject, tmp_path: Path) -> None:
    source = tmp_path / "crash.c"
    source.write_text("__attribute__((constructor)) static void f(void) { *(volatile int *)0 = 1; }\n")
    library = compile_library(tmp_path / "libcrash.so.1", options=[str(source)])
    project.write("shop/views.py", "import ctypes\nctypes.CDLL('libcrash.so.1')\n")
    run = project.check(*ARGUMENTS, env={"LD_LIBRARY_PATH": str(library.parent)})
    assert run.codes("C203") == {"library-crashed"}


def test_a_literal_name_in_an_installed_package_only_warns(project: CheckProject) -> None:
    project.install("parts", modules={"parts.py": "import ctypes\ndef f():\n    ctypes.CDLL('libgears.so.1')\n"})
    run = project.check(*ARGUMENTS)
    assert (run.status("C203"), run.codes("C203")) == ("warn", {"library-perhaps-missing"})


def test_nothing_opened_and_nothing_started_is_skipped(project: CheckProject) -> None:
    run = project.check(*ARGUMENTS)
    assert (run.codes("C203"), run.codes("C204")) == ({"nothing-opened"}, {"no-programs"})


def test_programs_of_the_settings_the_table_and_the_code_that_are_not_there(project: CheckProject) -> None:
    project.add_settings('DOCKERTOOLS = {"PROGRAMS": ["...", "no-such-program-1"]}')
    project.write("shop/views.py", "import subprocess\nsubprocess.run(['no-such-program-2', '-v'])\n")
    project.install("pypandoc")
    run = project.check(*ARGUMENTS, env={"PATH": "/nowhere"})
    programs = {result["evidence"]["program"] for result in run.results("C204")}
    assert programs == {"no-such-program-1", "no-such-program-2", "pandoc"}
    assert run.codes("C204") == {"program-missing"}


def test_programs_that_are_there(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.write("shop/views.py", "import subprocess\nsubprocess.run(['sh', '-c', 'true'])\n")
    assert project.check(*ARGUMENTS).status("C204") == "pass"


def _set_machine(path: Path) -> None:
    """Write another machine into the header: e_machine, at byte 18; 243 is RISC-V."""
    content = bytearray(path.read_bytes())
    content[18:20] = struct.pack("<H", 243)
    path.write_bytes(content)


def _segment_ends(content: bytes) -> list[int]:
    """Return where the loadable segments of a 64-bit file end."""
    start, size, count = struct.unpack_from("<Q", content, 32)[0], *struct.unpack_from("<HH", content, 54)
    headers = [struct.unpack_from("<IIQQQQ", content, start + size * number) for number in range(count)]
    return [offset + length for kind, _, offset, _, _, length in headers if kind == 1]
