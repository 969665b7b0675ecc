"""What the scripts of a rendered Dockerfile do, run here with their folders moved below a temporary one."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from dockertools.rendering.templates import read_template

SETTINGS = """\
SECRET_KEY = "of-the-test"
INSTALLED_APPS = ["django.contrib.staticfiles"]
STATIC_URL, STATIC_ROOT, STATICFILES_DIRS = "static/", "collected", ["assets"]
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
"""
MANAGE = """\
import os, sys
from django.core.management import execute_from_command_line
assert os.path.isabs(__file__) and os.path.basename(sys.argv[0]) == "manage.py" and os.getcwd() in sys.path
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
execute_from_command_line(sys.argv)
"""


def run_script(
    name: str, moved: Mapping[str, Path | str], *words: str, cwd: Path, env: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    """Run a script as the Dockerfile does, from standard input; `moved` says where its folders are instead."""
    text = read_template(name)
    for folder, path in moved.items():
        assert f'"{folder}"' in text
        text = text.replace(f'"{folder}"', f'"{path}"')
    argv = (sys.executable, "--check-hash-based-pycs", "always", "-", *words)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **env}
    return subprocess.run(argv, input=text, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


# --- collectstatic


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    for name, text in (
        ("settings.py", SETTINGS),
        ("manage.py", MANAGE),
        ("assets/site.css", "a { color: red }\n" * 99),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (tmp_path / "kept").mkdir()
    return folder


def collect(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {"/var/cache/static": site.parent / "kept"}
    return run_script("collectstatic.py.txt", kept, "manage.py", "collectstatic", "--noinput", *words, cwd=site)


def collected(site: Path) -> dict[str, bytes]:
    folder = site / "collected"
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".gz", ".br")}


def test_static_files_are_compressed_as_without_the_script(site: Path) -> None:
    assert collect(site).returncode == 0
    ours = collected(site)
    argv = (sys.executable, "manage.py", "collectstatic", "--noinput", "--clear")
    subprocess.run(argv, cwd=site, check=True, capture_output=True)
    assert ours == collected(site)
    assert any(name.endswith(".gz") for name in ours)


def test_what_was_compressed_before_is_taken_and_what_has_changed_is_compressed(site: Path) -> None:
    collect(site)
    for kept in (site.parent / "kept").iterdir():
        kept.write_bytes(b"kept")
    collect(site, "--clear")
    assert set(collected(site).values()) == {b"kept"}
    (site / "assets/site.css").write_text("a { color: blue }\n" * 99)
    collect(site, "--clear")
    assert b"kept" not in collected(site).values()


def test_a_command_that_fails_fails_as_without_the_script(site: Path) -> None:
    (site / "assets/site.css").write_text("a { background: url(missing.png) }\n")
    done = collect(site)
    assert done.returncode == 1
    assert "missing.png" in done.stderr


# --- byte code


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    for name, text in (
        ("shop/__init__.py", "import shop.cart\n"),
        ("shop/cart.py", "PRICE = 1\n"),
        ("shop/idle.py", ""),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def compile_imported(packages: Path, name: str) -> tuple[dict[str, Path], str]:
    """Return the files of byte code by their source's name, and what was said."""
    layers = packages.parent / name
    moved: dict[str, Path | str] = {"/bytecode": layers, "/app/": f"{packages.parent / 'code'}/"}
    environment = {"PYTHONPATH": str(packages), "PYTHONPYCACHEPREFIX": str(packages.parent / "cache")}
    done = run_script("bytecode.py.txt", moved, "shop", cwd=packages.parent, env=environment)
    assert done.returncode == 0, done.stderr
    found = {
        path.name.partition(".")[0]: path
        for path in layers.rglob("*/__pycache__/*.pyc")
        if str(packages.parent) in str(path).removeprefix(str(layers))
    }
    return found, done.stderr


def constants(path: Path) -> tuple[object, ...]:
    """Return the constants of a file of byte code."""
    loader = importlib.util.spec_from_file_location("found", path)
    assert loader
    assert loader.loader
    code = loader.loader.get_code("found")  # type: ignore[attr-defined]
    return tuple(code.co_consts)


def test_what_is_imported_gets_byte_code_and_nothing_else(packages: Path) -> None:
    found, _ = compile_imported(packages, "first")
    assert set(found) == {"__init__", "cart"}
    assert all(path.parent.name == "__pycache__" for path in found.values())


def test_all_code_gets_byte_code_whose_hash_is_looked_at_again_in_a_layer_of_its_own(packages: Path) -> None:
    code = packages.parent / "code/view.py"
    code.parent.mkdir()
    code.write_text("ANSWER = 42\n")
    found, _ = compile_imported(packages, "first")
    assert set(found) == {"__init__", "cart", "view"}
    assert {name: path.read_bytes()[4] for name, path in found.items()} == {"__init__": 1, "cart": 1, "view": 3}
    assert found["view"].relative_to(packages.parent / "first").parts[0] == "4"
    assert 42 in constants(found["view"])


def test_byte_code_bears_no_times_and_is_the_same_again(packages: Path) -> None:
    first, _ = compile_imported(packages, "first")
    (packages.parent / "cache").rename(packages.parent / "elsewhere")
    second, _ = compile_imported(packages, "second")
    written = [{name: path.read_bytes() for name, path in found.items()} for found in (first, second)]
    assert written[0] == written[1]
    assert {path.stat().st_mtime for path in (*first.values(), *second.values())} == {0}


def test_a_changed_source_is_compiled_again_although_its_time_and_size_are_the_same(packages: Path) -> None:
    source = packages / "shop/cart.py"
    compile_imported(packages, "first")
    before = source.stat()
    source.write_text("PRICE = 2\n")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    found, _ = compile_imported(packages, "second")
    assert 2 in constants(found["cart"])


def test_what_was_kept_and_is_valid_is_not_compiled_again(packages: Path) -> None:
    compile_imported(packages, "first")
    cached = {path: path.stat().st_mtime_ns for path in (packages.parent / "cache").rglob("*.pyc")}
    compile_imported(packages, "second")
    assert cached == {path: path.stat().st_mtime_ns for path in cached}


def test_a_kept_file_whose_source_is_gone_or_broken_does_no_harm(packages: Path) -> None:
    compile_imported(packages, "first")
    (packages / "shop/__init__.py").write_text("")
    (packages / "shop/cart.py").write_text("this is no Python\n")
    assert set(compile_imported(packages, "second")[0]) == {"__init__"}
    (packages / "shop/cart.py").unlink()
    assert set(compile_imported(packages, "third")[0]) == {"__init__"}


def test_an_application_that_cannot_be_imported_gets_a_word_and_an_image(packages: Path) -> None:
    (packages / "shop/cart.py").write_text("import nowhere\n")
    found, said = compile_imported(packages, "first")
    assert "shop cannot be imported here, so that byte code is made at each start" in said
    assert not found


# --- layers


def make_distribution(venv: Path, name: str, content: bytes) -> None:
    site = venv / "lib/python3.11/site-packages"
    module, info = name.lower().replace("-", "_"), f"{name}-1.dist-info"
    files = {
        f"{module}/__init__.py": b"",
        f"{module}/data.bin": content,
        f"{info}/METADATA": f"Name: {name}\n".encode(),
    }
    for path, data in {**files, f"../../../bin/{module}": b"#!"}.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(data)
    record = "".join(f"{path},,\n" for path in (*files, f"../../../bin/{module}", f"{info}/RECORD"))
    (site / info / "RECORD").write_text(record)


def part(tmp_path: Path, name: str) -> dict[str, str]:
    """Return the layer of each file of the environment."""
    venv, layers = tmp_path / "venv", tmp_path / name
    done = run_script("layers.py.txt", {"/opt/venv": venv, "/opt/layers": layers}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    files = [path for path in layers.rglob("*") if path.is_symlink() or path.is_file()]
    return {str(path.relative_to(layers)).partition("/")[2]: path.relative_to(layers).parts[0] for path in files}


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    folder = tmp_path / "venv"
    make_distribution(folder, "Django", b"d")
    make_distribution(folder, "large-one", b"l" * 4_000_001)
    make_distribution(folder, "small-one", b"s")
    (folder / "bin/python").symlink_to("/usr/bin/python3")
    (folder / "requirements.lock").write_text("django==1\n")
    (folder / "empty").mkdir()
    return folder


def test_every_file_of_the_environment_is_in_one_layer(tmp_path: Path, venv: Path) -> None:
    files = {str(path.relative_to(venv)) for path in venv.rglob("*") if path.is_symlink() or path.is_file()}
    assert set(part(tmp_path, "layers")) == files
    assert not list((tmp_path / "layers").rglob("empty"))


def test_django_has_a_layer_of_its_own_and_the_lock_is_apart(tmp_path: Path, venv: Path) -> None:
    layers = part(tmp_path, "layers")
    assert {path for path, number in layers.items() if number == "6"} == {
        path for path in layers if "/django/" in path or "/Django-1.dist-info/" in path or path == "bin/django"
    }
    assert {path for path, number in layers.items() if number == "7"} == {"requirements.lock", "bin/python"}


def test_a_package_that_comes_leaves_the_others_where_they_were(tmp_path: Path, venv: Path) -> None:
    before = part(tmp_path, "before")
    make_distribution(venv, "another", b"a")
    after = part(tmp_path, "after")
    assert before == {path: after[path] for path in before}
    changed = {number for path, number in after.items() if path not in before}
    assert len(changed) == 1
    assert changed <= {"4", "5"}
