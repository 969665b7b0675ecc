from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockertools.checks.runtime.variables import find_star_imports, find_variable_reads
from tests.check_project import CheckProject, CheckRun, make_project

NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,12}", fullmatch=True)


@pytest.fixture
def project(tmp_path: Path) -> CheckProject:
    return make_project(tmp_path)


def check(project: CheckProject, settings: str = "", **env: str) -> CheckRun:
    project.add_settings(settings)
    return project.check("--group", "environment", env=env)


def test_variables_that_are_set(project: CheckProject) -> None:
    result = check(project, "import os\nLICENSE = os.environ['SHOP_LICENSE']", SHOP_LICENSE="1").result("C801")
    assert (result["status"], result["evidence"]["variables"]) == ("pass", ["SHOP_LICENSE"])


def test_settings_that_read_no_variable(project: CheckProject) -> None:
    assert check(project).codes("C801") == {"no-variables"}


def test_variables_that_are_not_set(project: CheckProject) -> None:
    run = check(project, "import os\nLICENSE = os.environ.get('SHOP_LICENSE')\nURL = os.getenv('SHOP_URL', 'http://x')")
    (result,) = run.results("C801")
    assert (result["status"], result["evidence"]["code"]) == ("fail", "variable-unset")
    assert result["evidence"]["variable"] == "SHOP_LICENSE"


def test_a_secret_needs_a_value_in_spite_of_its_default(project: CheckProject) -> None:
    run = check(project, "import os\nMAIL_TOKEN = os.environ.get('MAIL_TOKEN', 'none')")
    assert (run.status("C801"), run.codes("C801")) == ("fail", {"variable-unset"})


def test_a_variable_that_is_set_to_nothing(project: CheckProject) -> None:
    settings = "import os\nLICENSE = os.environ['SHOP_LICENSE']\nTOKEN = os.environ['SHOP_TOKEN']"
    run = check(project, settings, SHOP_LICENSE="", SHOP_TOKEN="")
    found = {
        result["evidence"]["variable"]: (result["evidence"]["code"], result["status"]) for result in run.results("C801")
    }
    assert found == {"SHOP_LICENSE": ("variable-empty", "warn"), "SHOP_TOKEN": ("variable-empty", "fail")}


def test_settings_that_are_taken_over_count(project: CheckProject) -> None:
    project.write("shop/base.py", "import os\nLICENSE = os.environ.get('SHOP_LICENSE')")
    assert check(project, "from .base import *").result("C801")["evidence"]["variable"] == "SHOP_LICENSE"


def test_time_zone_data_are_there(project: CheckProject) -> None:
    result = check(project, "TIME_ZONE = 'Europe/Berlin'").result("C802")
    assert (result["status"], result["evidence"]["zone"]) == ("pass", "Europe/Berlin")


def test_time_zone_data_are_missing(project: CheckProject) -> None:
    run = check(project, "TIME_ZONE = 'Europe/Berlin'\nimport sys; sys.modules['tzdata'] = None", PYTHONTZPATH="")
    assert (run.status("C802"), run.codes("C802")) == ("fail", {"zone-missing"})


def test_authorities_are_there(project: CheckProject) -> None:
    assert check(project).result("C803")["evidence"]["count"] > 0


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_a_variable_that_names_no_authorities(project: CheckProject, variable: str) -> None:
    run = check(project, **{variable: "/no/such/place"})
    assert (run.status("C803"), run.codes("C803")) == ("fail", {"authorities-file-missing"})


@pytest.mark.parametrize("text", ["", "no certificate"])
def test_nobody_is_trusted(project: CheckProject, text: str) -> None:
    empty = project.folder / "certificates"
    empty.mkdir()
    run = check(project, SSL_CERT_DIR=str(empty), SSL_CERT_FILE=str(project.write("authorities.pem", text)))
    assert (run.status("C803"), run.codes("C803")) == ("fail", {"authorities-missing"})


def test_the_folder_counts_beside_a_file_without_authorities(project: CheckProject) -> None:
    folder = project.folder / "certificates"
    folder.mkdir()
    (folder / "ab12cd34.0").touch()
    run = check(project, SSL_CERT_DIR=str(folder), SSL_CERT_FILE=str(project.write("authorities.pem", "")))
    assert run.result("C803")["evidence"]["count"] == 1


@pytest.mark.parametrize(
    ("source", "is_required"),
    [
        ("os.environ['{}']", True),
        ("os.environ.get('{}')", True),
        ("os.getenv('{}')", True),
        ("env('{}')", True),
        ("env.bool('{}')", True),
        ("config('{}')", True),
        ("os.environ.get('{}', '1')", False),
        ("env.int('{}', default=1)", False),
        ("config('{}', cast=int, default=1)", False),
        ("os.environ.get('{}') or 1", False),
        ("1 if os.environ.get('{}') else 2", False),
        ("read(os.environ, '{}')", False),
    ],
)
@given(name=NAMES)
def test_ways_to_read_a_variable(source: str, is_required: bool, name: str) -> None:
    (read,) = find_variable_reads(f"\nvalue = {source.format(name)}\n")
    assert (read.name, read.line, read.is_required) == (name, 2, is_required)


@pytest.mark.parametrize(
    "source", ["os.environ['X'] = '1'", "values.get('X')", "os.environ.get(name)", "os.environ[f'{x}']", "environ()"]
)
def test_what_reads_no_variable_by_its_name(source: str) -> None:
    assert find_variable_reads(source) == ()


def test_a_try_stands_in_for_what_it_reads() -> None:
    source = "try:\n    a = os.environ['A']\nexcept KeyError:\n    b = os.environ['B']\n"
    assert {read.name: read.is_required for read in find_variable_reads(source)} == {"A": False, "B": True}


def test_modules_of_which_all_names_are_taken() -> None:
    source = "from .base import *\nfrom shop.mail import *\nfrom . import local\nfrom ..common import *"
    assert find_star_imports(source, "shop.settings") == ("shop.settings.base", "shop.mail", "shop.common")


def test_settings_in_the_encoding_that_they_declare(project: CheckProject) -> None:
    source = (project.folder / "shop/settings.py").read_text()
    text = f"# coding: latin-1\n# für alle\nimport os\nLICENSE = os.environ['SHOP_LICENSE']\n{source}"
    (project.folder / "shop/settings.py").write_bytes(text.encode("latin-1"))
    assert check(project, SHOP_LICENSE="1").status("C801") == "pass"


def test_a_huge_environment(project: CheckProject) -> None:
    variables = {f"SHOP_{number}": "x" * 100 for number in range(5000)}
    assert check(project, "import os\nLICENSE = os.environ['SHOP_17']", **variables).status("C801") == "pass"
