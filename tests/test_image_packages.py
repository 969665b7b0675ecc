from __future__ import annotations

from dockertools.image.packages import PythonPackage
from dockertools.image.system_packages import SystemPackage
from tests.analysed import analyse
from tests.archives import Entry

SITE = "opt/venv/lib/python3.11/site-packages"


def distribution(name: str, *requires: str, record: str = "") -> list[Entry]:
    lines = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    return [
        Entry(f"{SITE}/{name}-1.dist-info/METADATA", f"Name: {name}\nVersion: 1\n{lines}\nbody".encode()),
        Entry(f"{SITE}/{name}-1.dist-info/RECORD", record.encode()),
    ]


def python_packages(*entries: Entry) -> dict[str, PythonPackage]:
    return {package.name: package for package in analyse(entries).python_packages}


def test_a_package_weighs_its_recorded_files_and_their_byte_code() -> None:
    packages = python_packages(
        *distribution("shop", record='shop/a.py,sha256=x,3\n"shop/b,c.txt",,\n../../../bin/shop,,\n\n'),
        Entry(f"{SITE}/shop/a.py", b"abc"),
        Entry(f"{SITE}/shop/__pycache__/a.cpython-311.pyc", b"12345"),
        Entry(f"{SITE}/shop/b,c.txt", b"1"),
        Entry(f"{SITE}/shop/unrecorded.txt", b"1" * 100),
        Entry("opt/venv/bin/shop", b"#!" * 10),
    )
    assert (packages["shop"].size_bytes, packages["shop"].files) == (3 + 5 + 1 + 20, 4)


def test_what_requires_a_package_is_named_with_the_extra_where_only_that_asks() -> None:
    packages = python_packages(
        *distribution("web", "Core_Lib>=1", "fast; extra == 'speed'", "windows; sys_platform == 'win32'"),
        *distribution("core-lib", "no requirement at all !!"),
        *distribution("fast"),
        *distribution("windows"),
    )
    assert {name: package.required_by for name, package in packages.items()} == {
        "web": (),
        "core-lib": ("web",),
        "fast": ("web[speed]",),
        "windows": (),
    }


def test_a_record_that_is_no_csv_counts_as_far_as_it_goes() -> None:
    packages = python_packages(
        *distribution("shop", record="shop/a.py,,\n" + "x" * 200_000), Entry(f"{SITE}/shop/a.py", b"abc")
    )
    assert packages["shop"].size_bytes == 3


def test_a_package_that_a_later_layer_removes_is_not_there() -> None:
    analysis = analyse(distribution("shop"), [Entry(f"{SITE}/.wh.shop-1.dist-info")])
    assert analysis.python_packages == ()


STATUS = b"""Package: base-files
Status: install ok installed
Priority: required
Essential: yes
Installed-Size: 10
Version: 12
Pre-Depends: awk

Package: mawk
Status: install ok installed
Installed-Size: 20
Version: 1.3
Provides: awk
Description: a
 b

Package: left-over
Status: install ok installed
Installed-Size: 30
Version: 1

Package: removed
Status: deinstall ok config-files
Version: 1
"""


def test_system_packages_tell_why_they_are_needed_and_what_put_them_there() -> None:
    analysis = analyse(
        [
            Entry("var/lib/dpkg/status", STATUS),
            Entry("var/lib/dpkg/info/base-files.list", b"/.\n"),
        ],
        [
            Entry("var/lib/dpkg/info/left-over.list", b"/usr/bin/left\n"),
            Entry("usr/bin/left", b"x" * 500),
            Entry("var/lib/apt/extended_states", b"Package: left-over\nAuto-Installed: 1\n"),
        ],
    )
    packages = {package.name: package for package in analysis.system_packages}
    assert packages["left-over"] == SystemPackage("left-over", "1", 500, (), 1, is_automatic=True)
    assert packages["mawk"].needed_by == ("base-files",)
    assert packages["mawk"].size_bytes == 20 * 1024
    assert packages["base-files"].needed_by == ("essential",)
    assert set(packages) == {"left-over", "mawk", "base-files"}


def test_a_program_that_the_image_starts_needs_its_package() -> None:
    status = b"Package: python3\nStatus: install ok installed\nVersion: 3\n"
    entries = [Entry("var/lib/dpkg/status", status), Entry("var/lib/dpkg/info/python3.list", b"/usr/bin/python3\n")]
    assert analyse(entries).system_packages[0].needed_by == ("Python",)
    own = Entry("usr/local/bin/python3.11", b"\x7fELF")
    assert analyse([*entries, own]).system_packages[0].needed_by == ()


def test_packages_of_alpine_are_read_too() -> None:
    text = b"P:musl\nV:1.2\nI:4096\n\nP:libpq\nV:16\nI:100\nD:so:libc.musl musl>=1\n"
    analysis = analyse([Entry("lib/apk/db/installed", text)])
    assert {package.name: (package.size_bytes, package.needed_by) for package in analysis.system_packages} == {
        "musl": (4096, ("essential",)),
        "libpq": (100, ()),
    }
