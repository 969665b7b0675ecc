"""`docker_mode` on projects with traps seen in the wild, judged by what `docker compose config` says alone."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Container, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.compose_files_oracle import Snapshot, judge_files, judge_overlay, name_of, split_env, take_snapshot
from tests.compose_model import ComposeRefusedError, Model, read_model, seen_at
from tests.compose_oracle import Intent, judge_dev, judge_mounts, judge_prod
from tests.compose_traps import NAMES, PROJECTS, Trap, copy_trap, run_mode
from tests.docker import require_compose

MODES = ("prod", "dev")
QUICK = frozenset(
    {
        "anchor_is_web", "anonymous_venv", "command_in_shell", "command_one_element", "compose_yaml_family",
        "data_mounts", "entrypoint_bash_c", "extends_common", "include_backend", "local_production_pair", "long_binds",
        "mount_in_variable", "mount_through_merge_key", "mounted_entrypoint", "own_production_with_mount",
        "profiles_as_modes", "published_stores", "replicas_that_migrate", "several_apps_one_context", "sibling_image",
    }
)  # fmt: skip
"""The others run in the matrix: a switch takes a second."""
AND_BACK = (
    "crlf_files", "env_with_look_alikes", "byte_order_mark", "compose_yaml_family", "env_link", "file_name_with_spaces",
    "path_separator", "subfolder_compose", "three_files",
)  # fmt: skip
"""Those with something special about `.env`; the first two are quick."""


def named(names: Iterable[str], quick: Container[str]) -> list[Any]:
    """Return projects as parameters, those that are not quick for the matrix."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.matrix) for name in names]


@pytest.fixture(scope="module", autouse=True)
def compose() -> None:
    require_compose()


@pytest.mark.parametrize("name", named(NAMES, QUICK))
def test_a_project_is_switched_rightly_or_refused_with_a_reason(name: str, tmp_path: Path) -> None:
    trap = copy_trap(name, tmp_path / name)
    before = {mode: read_or_none(trap, mode) for mode in MODES}
    files = take_snapshot(trap.root)
    wrong = [f"{mode}: {words}" for mode in MODES for words in switch_and_judge(trap, mode, before[mode], files)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", named(AND_BACK, AND_BACK[:2]))
def test_there_and_back_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    trap = copy_trap(name, tmp_path / name)
    seen: dict[str, Snapshot] = {}
    for mode in (*MODES, *MODES):
        if run_mode(trap.project, mode, "--noinput", env=trap.environment).returncode == 0:
            state = without_overlays(trap, take_snapshot(trap.root))
            assert seen.setdefault(mode, state) == state
            assert judge_shown(trap, mode, read_model(trap.folder, trap.environment)) == []


def test_a_switch_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    trap = copy_trap("anchor_is_web", tmp_path / "shop")
    for mode in MODES:
        states = []
        for _ in range(2):
            assert run_mode(trap.project, mode, "--noinput").returncode == 0
            states.append({path: path.stat().st_mtime_ns for path in trap.root.iterdir()})
        assert states[0] == states[1]


def test_each_trap_is_its_own() -> None:
    traps = {tomllib.loads((PROJECTS / name / "expect.toml").read_text(encoding="utf-8"))["trap"] for name in NAMES}
    assert len(traps) == len(NAMES) >= 28


def switch_and_judge(trap: Trap, mode: str, before: Model | None, files: Snapshot) -> list[str]:
    """Switch a project and return what is wrong then; `before` and `files` are from before the first switch."""
    earlier = take_snapshot(trap.root)
    done = run_mode(trap.project, mode, "--noinput", env=trap.environment)
    after = take_snapshot(trap.root)
    said = done.stdout + done.stderr
    if "Traceback" in said:
        return [f"a traceback: {said}"]
    if done.returncode:
        if "refused" not in trap.outcomes(mode):
            return [f"refused, exit {done.returncode}: {said}"]
        return judge_refusal(trap, mode, said, changed=earlier != after)
    if trap.outcomes(mode) == ["refused"]:
        return [f"not refused: {said}"]
    model = read_model(trap.folder, trap.environment)
    if "own" in trap.outcomes(mode):
        wrong = judge_own(trap, mode, model)
    else:
        wrong = ["compose refused it before"] if before is None else judge_switched(trap, mode, before, model)
    env_file = (trap.folder / ".env").relative_to(trap.root).as_posix()
    return judge_files(files, after, env_file=env_file, overlays=overlay_names(trap)) + wrong


def judge_refusal(trap: Trap, mode: str, said: str, *, changed: bool) -> list[str]:
    """Return what is wrong with a refusal: it names what it saw, and changes nothing."""
    missing = [word for word in trap.words(mode) if word.lower() not in said.lower()]
    wrong = [f"does not say {missing}: {said}"] if missing else []
    return [*wrong, "refused, and yet files were changed"] if changed else wrong


def judge_own(trap: Trap, mode: str, model: Model) -> list[str]:
    """Return what is wrong where the project's own files are to be used as they are."""
    chosen = compose_files(trap)
    intent = trap.intent(mode)
    wrong = [] if chosen == trap.own_files(mode) else [f"{chosen} are used, not {trap.own_files(mode)}"]
    if mode == "prod":
        return wrong + judge_mounts(model, intent)
    unseen = [name for name, (folder, place) in intent.source.items() if seen_at(model, name, place) != real(folder)]
    return wrong + [f"{name}: the source is not mounted" for name in unseen]


def judge_switched(trap: Trap, mode: str, before: Model, model: Model) -> list[str]:
    """Return what is wrong where an overlay was written, also when the variables have other values."""
    intent = replace(trap.intent(mode), user=f"{os.getuid()}:{os.getgid()}" if mode == "dev" else None)
    wrong = judge_model(mode, before, model, intent)
    for name in overlay_names(trap):
        path = trap.root / name
        if path.exists():
            text = path.read_text(encoding="utf-8")
            wrong += judge_overlay(text, secrets=trap.values.get("secrets", ()), folder=trap.root)
    if vary := trap.values.get("vary"):
        base = {**trap.environment, **vary, "COMPOSE_FILE": base_file(trap), **trap.base(mode)}
        varied = judge_model(
            mode, read_model(trap.folder, base), read_model(trap.folder, {**trap.environment, **vary}), intent
        )
        wrong += [f"with {vary}: {words}" for words in varied]
    return wrong


def judge_model(mode: str, before: Model, after: Model, intent: Intent) -> list[str]:
    return judge_prod(before, after, intent) if mode == "prod" else judge_dev(before, after, intent)


def judge_shown(trap: Trap, mode: str, model: Model) -> list[str]:
    """Return where `docker_mode` itself, asked again, tells something else than compose."""
    done = run_mode(trap.project, "--format", "json", env=trap.environment)
    document = json.loads(done.stdout)
    shown = {entry["name"]: entry for entry in document["services"]}
    wrong = [] if document["mode"] == mode else [f"docker_mode says {document['mode']}"]
    if not shown.keys() <= model["services"].keys():
        wrong.append(f"docker_mode shows {sorted(shown)}")
    for name in sorted(trap.intent(mode).built & shown.keys()):
        seen = bool(shown[name]["source_mounts"])
        if seen and mode == "prod":
            wrong.append(f"{name}: docker_mode shows source mounts in production")
        if shown[name]["restart"] not in (None, model["services"][name].get("restart")):
            wrong.append(f"{name}: docker_mode shows restart {shown[name]['restart']}")
    return wrong


def read_or_none(trap: Trap, mode: str) -> Model | None:
    """Return the project as it is before the first switch, None where compose refuses it."""
    try:
        return read_model(trap.folder, {**trap.environment, **trap.base(mode)})
    except ComposeRefusedError:
        return None


def compose_files(trap: Trap) -> list[str]:
    """Return the files that `.env` makes compose take."""
    data = (trap.folder / ".env").read_bytes()
    for line in split_env(data):
        if name_of(line) == b"COMPOSE_FILE":
            value = line.decode().partition("=")[2].strip().strip("'\"")
            return value.split("," if b"COMPOSE_PATH_SEPARATOR=," in data else ":")
    return []


def base_file(trap: Trap) -> str:
    """Return the compose file that overlays go on top of."""
    return compose_files(trap)[0]


def overlay_names(trap: Trap) -> list[str]:
    """Return the names that the overlays have, relative to the copy's root, when there is one base file."""
    try:
        base = trap.folder / base_file(trap)
    except (FileNotFoundError, IndexError):
        return []
    names = [base.with_name(f"{base.stem}.{mode}{base.suffix}") for mode in MODES]
    return [path.relative_to(trap.root).as_posix() for path in names]


def without_overlays(trap: Trap, state: Snapshot) -> Snapshot:
    """Return the state without the overlays, which come into being one after the other."""
    return {name: file for name, file in state.items() if name not in overlay_names(trap)}


def real(path: Path) -> Path:
    return Path(os.path.realpath(path))
