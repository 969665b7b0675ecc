import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("room", ["checks", "doctor"])
def test_the_reference_of_checks_is_what_the_code_says(room: str) -> None:
    argv = (sys.executable, "-m", f"dockertools.{room}.docs")
    printed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (ROOT / f"docs/{room}.md").read_text() == printed, "run `make docs`"
