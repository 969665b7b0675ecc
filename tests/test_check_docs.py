import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_reference_of_checks_is_what_the_code_says() -> None:
    argv = (sys.executable, "-m", "dockertools.checks.docs")
    printed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/checks.md").read_text() == printed, "run `make docs`"
