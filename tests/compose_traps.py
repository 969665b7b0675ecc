"""The compose projects in tests/compose_projects: what each is about, copies of them, and the command run on a copy.

Each has an expect.toml:

- `trap`: what is seen in the wild
- `project`: what `--project` names; `compose`: the folder compose runs in (default: the same); `skeleton`: the folders
  that get those files of `_skeleton` that they lack
- `built`, `servers`, `stores`, `tasks`: the services, by what they are; `environment`: of the caller; `vary`: variables
  under which both models must still agree; `secrets`: values that no overlay may hold
- `[prod]`, `[dev]`: `outcome` (`switched` with an overlay, `own` files used, or `refused`), `words` that the refusal
  says, `files` that an own mode consists of, `base` files that an overlay goes on top of, and what
  `compose_oracle.Intent` knows of the mode
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.test import override_settings

from tests.compose_oracle import MODE_VARIABLES, Intent

PROJECTS = Path(__file__).resolve().parent / "compose_projects"
SKELETON = PROJECTS / "_skeleton"
NAMES = tuple(sorted(path.parent.name for path in PROJECTS.glob("*/expect.toml")))
REPOSITORY = PROJECTS.parent.parent


@dataclass(frozen=True)
class Trap:
    """A copy of a project, in `root`, with what is expected of it."""

    name: str
    root: Path
    values: Mapping[str, Any] = field(repr=False)

    @property
    def project(self) -> Path:
        """The folder that `--project` names."""
        return self.root / str(self.values.get("project", "."))

    @property
    def folder(self) -> Path:
        """The folder that compose runs in, where `.env` is."""
        return self.root / str(self.values.get("compose", self.values.get("project", ".")))

    @property
    def environment(self) -> dict[str, str]:
        """The caller's variables."""
        values: Mapping[str, str] = self.values.get("environment", {})
        return {name: value.format(project=self.folder) for name, value in values.items()}

    def outcomes(self, mode: str) -> list[str]:
        """Return what may come of a switch."""
        outcome = self.values.get(mode, {}).get("outcome", "switched")
        return outcome if isinstance(outcome, list) else [outcome]

    def words(self, mode: str) -> list[str]:
        """Return what a refusal says."""
        words: list[str] = self.values.get(mode, {}).get("words", [])
        return words

    def own_files(self, mode: str) -> list[str]:
        """Return the files that the mode consists of in a project that has its own."""
        files: list[str] = self.values.get(mode, {}).get("files", [])
        return files

    def base(self, mode: str) -> dict[str, str]:
        """Return the variables that make compose take the project as it is without the mode."""
        files: list[str] = self.values.get(mode, {}).get("base", [])
        return {"COMPOSE_FILE": ":".join(files)} if files else {}

    def intent(self, mode: str) -> Intent:
        """Return what the judge knows of the project in this mode."""
        own = self.values.get(mode, {})
        built = frozenset(own.get("built", self.values["built"]))
        source = own.get("source", dict.fromkeys(sorted(built), ".:/app") if mode == "dev" else {})
        return Intent(
            root=self.folder,
            built=built,
            servers=frozenset(own.get("servers", self.values["servers"])) & built,
            stores=frozenset(self.values.get("stores", ())),
            tasks=frozenset(self.values.get("tasks", ())),
            keeps=_sets(own.get("keeps", {})),
            source={name: _place(self.root, value) for name, value in source.items()},
            active=frozenset(own["active"]) if "active" in own else None,
            unwatched=own.get("unwatched", {}),
            environment=own.get("environment", {}),
            image_serves=self.values.get("image_serves", True),
            names_entrypoint=frozenset(own.get("names_entrypoint", ())),
            runs_image=frozenset(own.get("runs_image", ())),
            targets=_tuples(own.get("targets", {})),
            unchanged=_sets(own.get("unchanged", {})),
            still_runs=_tuples(own.get("still_runs", {})),
            never_runs=_tuples(own.get("never_runs", {})),
            variables=MODE_VARIABLES | frozenset(self.values.get("variables", ())),
            is_hardened=self.values.get("hardened", True),
        )


def copy_trap(name: str, target: Path) -> Trap:
    """Copy a project with what it takes of the skeleton; `target` does not exist yet."""
    shutil.copytree(PROJECTS / name, target, symlinks=True)
    values = tomllib.loads((target / "expect.toml").read_text(encoding="utf-8"))
    (target / "expect.toml").unlink()
    for place in values.get("skeleton", ["."]):
        write_skeleton(target / place)
    return Trap(name, target, values)


def run_mode(project: Path, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python -m dockertools mode`, as its user would, from elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COMPOSE_", "DJANGO_"))}
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(REPOSITORY))))
    return subprocess.run(
        (sys.executable, "-m", "dockertools", "mode", *arguments, "--project", str(project)),
        cwd=project.parent,
        env={**kept, "PYTHONPATH": path, "NO_COLOR": "1", **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def switch_here(root: Path, mode: str) -> str:
    """Switch as `manage.py` does, in this process: a start of Python takes longer than the switch. Return what it says.

    Raises CommandError.
    """
    with override_settings(DOCKERTOOLS={"ROOT": str(root)}), io.StringIO() as said:
        call_command("docker_mode", mode, interactive=False, stdout=said, stderr=said)
        return said.getvalue()


def write_skeleton(root: Path) -> None:
    """Write the files that all projects have in common, where they are not there yet."""
    for source in sorted(SKELETON.rglob("*")):
        copied = root / source.relative_to(SKELETON)
        if source.is_file() and not copied.exists():
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copied)


def _sets(values: Mapping[str, list[str]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(entries) for name, entries in values.items()}


def _tuples(values: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(entries) for name, entries in values.items()}


def _place(root: Path, text: str) -> tuple[Path, str]:
    folder, _, place = text.partition(":")
    return root / folder, place
