"""The tests of the service once more, with PostgreSQL as its database."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.docker import ROOT
from tests.services import PASSWORD, running_postgresql

MODULES = ("tests/test_cv_api.py", "tests/test_wsgi.py", "tests/test_middleware.py")


def test_the_service_holds_on_postgresql() -> None:
    with running_postgresql() as server:
        url = f"postgresql://shop:{PASSWORD}@127.0.0.1:{server.port}/shop"
        run = subprocess.run(
            (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--show-capture=no", *MODULES),
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
    assert run.returncode == 0, run.stdout
