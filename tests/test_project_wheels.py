"""Which wheels a Debian image with one version of Python can use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockertools.project.wheels import has_machine_code, has_wheel

MANY = "manylinux_2_17_x86_64.manylinux2014_x86_64"


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("django-5.2-py3-none-any.whl", True),
        ("six-1-py2.py3-none-any.whl", True),
        ("old-1-py2-none-any.whl", False),
        (f"brotli-1.1.0-cp313-cp313-{MANY}.whl", True),
        (f"brotli-1.1.0-cp312-cp312-{MANY}.whl", False),
        (f"brotli-1.1.0-cp314-cp314-{MANY}.whl", False),
        (f"brotli-1.1.0-cp313-cp313t-{MANY}.whl", False),
        (f"cryptography-45-cp311-abi3-{MANY}.whl", True),
        (f"cryptography-45-cp314-abi3-{MANY}.whl", False),
        ("uv-0.9-py3-none-manylinux_2_17_x86_64.whl", True),
        ("brotli-1.1.0-cp313-cp313-musllinux_1_2_x86_64.whl", False),
        ("brotli-1.1.0-cp313-cp313-macosx_10_13_x86_64.whl", False),
        ("brotli-1.1.0-cp313-cp313-manylinux_2_17_i686.whl", False),
        (f"https://example.org/packages/brotli-1.1.0-cp313-cp313-{MANY}.whl", True),
        ("brotli-1.1.0.tar.gz", False),
        ("", False),
    ],
)
def test_which_wheels_fit(name: str, fits: bool) -> None:
    assert has_wheel([name], "3.13") is fits


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("django-5.2-py3-none-any.whl", True),
        ("brotli-1.1.0-cp313-cp313-musllinux_1_2_x86_64.whl", True),
        ("brotli-1.1.0-cp312-cp312-musllinux_1_2_x86_64.whl", False),
        ("brotli-1.1.0-cp313-cp313-musllinux_1_2_aarch64.whl", False),
        (f"brotli-1.1.0-cp313-cp313-{MANY}.whl", False),
    ],
)
def test_which_wheels_fit_alpine(name: str, fits: bool) -> None:
    assert has_wheel([name], "3.13", is_musl=True) is fits


def test_wheels_for_other_systems_show_machine_code() -> None:
    assert has_machine_code(["brotli-1.1.0.tar.gz", "brotli-1.1.0-cp39-cp39-win32.whl"])
    assert not has_machine_code(["django-5.2-py3-none-any.whl", "x.tar.gz"])


@given(st.text())
def test_any_name_is_answered(name: str) -> None:
    assert has_wheel([name], "3.13") in (True, False)
