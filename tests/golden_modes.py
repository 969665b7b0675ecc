"""The overlays that `docker_mode` writes for some projects, kept in tests/golden_modes.

`python -m tests.golden_modes` writes them anew: read the diff before it is committed.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from dockertools.compose.families import MODES
from dockertools.compose.plan import SwitchOptions, make_plan
from dockertools.compose.state import read_current
from dockertools.files import unmark
from tests.compose_traps import copy_trap
from tests.docker import copy_project
from tests.golden import GOLDEN as SHAPES
from tests.golden import PROJECTS, config_of

GOLDEN = Path(__file__).resolve().parent / "golden_modes"
TRAPS = (
    "anchor_is_web", "celery_worker_and_beat", "command_in_shell", "development_target", "mount_in_variable",
    "profiles_as_modes", "published_stores", "several_apps_one_context", "venv_in_workdir",
)  # fmt: skip
CASES = ("cvimprover", "celery-redis", "channels-daphne", *TRAPS)
ENV = "SECRET_KEY=hush\nPOSTGRES_PASSWORD=hush\n"


def make_case(name: str, target: Path) -> Path:
    """Copy a project into `target`, which does not exist yet, and return its root."""
    if name in TRAPS:
        return copy_trap(name, target).root
    if name == "cvimprover":
        copy_project(target)
    else:
        shutil.copytree(PROJECTS / name, target)
        for file in (SHAPES / name).iterdir():
            shutil.copy2(file, target / file.name)
    (target / ".env").write_text(ENV)
    return target


def render_case(name: str) -> dict[str, str]:
    """Return the overlays of a project by their mode, without the marker that holds the version."""
    with tempfile.TemporaryDirectory() as folder:
        root = make_case(name, Path(folder, name))
        found = {}
        for mode in MODES:
            plan = make_plan(config_of(root), mode, read_current(root), SwitchOptions())
            if plan.overlay is not None:
                found[mode] = unmark(plan.overlay.text)
        return found


def write_all() -> None:
    """Write the golden files of all cases."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for name in CASES:
        (GOLDEN / name).mkdir(parents=True)
        for mode, text in render_case(name).items():
            (GOLDEN / name / f"{mode}.yml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    import django
    from django.conf import settings

    settings.configure(USE_TZ=True)
    django.setup()
    write_all()
