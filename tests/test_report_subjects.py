from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dockertools.build.dockerfile import read_stages
from dockertools.build.history import BuildRecord
from dockertools.build.request import BuildRequest, make_build_options
from dockertools.conf import Config, make_config
from dockertools.errors import DockertoolsError
from dockertools.management.commands.docker_report import make_options
from dockertools.reports.make_report import ReportOptions
from dockertools.reports.subjects import Subject, earlier_builds, last_workdir, make_variant

DOCKERFILE = """FROM python AS builder
WORKDIR /build
FROM python AS runtime
WORKDIR /srv
FROM runtime
COPY . .
"""


def record(image: str, tag: str = "shop:latest", target: str | None = None) -> BuildRecord:
    return BuildRecord(tag, image, target, 1, None, 1.0, 1.0, 0)


def earlier(this: Subject, *records: BuildRecord) -> list[str]:
    return [item.id for item in earlier_builds(this, records)]


def test_the_builds_before_are_those_of_the_same_name_and_stage() -> None:
    this = Subject("shop", "shop", "c", "shop:latest")
    records = record("a"), record("x", "other:latest"), record("y", target="builder"), record("b"), record("c")
    assert earlier(this, *records) == ["a", "b"]


def test_a_build_that_gave_the_same_image_again_is_none_before_it() -> None:
    this = Subject("shop", "shop", "b", "shop:latest")
    assert earlier(this, record("a"), record("b"), record("b")) == ["a"]
    assert earlier(this, record("b"), record("a"), record("b")) == ["a"]
    assert earlier(this, record("a"), record("b"), record("c")) == ["a"]


def test_an_image_that_no_record_knows_follows_all_of_its_name() -> None:
    assert earlier(Subject("shop", "shop", "new", "shop:latest"), record("a"), record("b")) == ["a", "b"]
    assert earlier(Subject("shop", "shop", "new", "shop:latest")) == []


def project(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_a_single_stage_is_the_builder_with_the_code_where_the_last_stage_has_it(tmp_path: Path) -> None:
    root, target = tmp_path / "shop", tmp_path / "target"
    root.mkdir()
    target.mkdir()
    project(root, Dockerfile=DOCKERFILE, Dockerfile_dockerignore="media\n")
    options = make_build_options(make_config({"ROOT": root, "MAX_SIZE": "1MB"}), BuildRequest(target="builder"))
    single = make_variant(options, "single-stage", target)
    last = read_stages(single.dockerfile.read_text())[-1]
    assert (last.base, last.name, [item.value for item in last.instructions]) == (
        "builder",
        single.target,
        ["/srv", ". ."],
    )
    assert (target / "Dockerfile.dockerignore").read_text() == "media\n"
    assert (single.context, single.max_size, single.is_recorded) == (root, None, False)
    builder = make_variant(options, "builder", target)
    assert (builder.dockerfile, builder.target) == (root / "Dockerfile", "builder")


def test_without_a_builder_stage_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    project(tmp_path, Dockerfile="FROM python\n# FROM python AS builder\n")
    options = make_build_options(make_config({"ROOT": tmp_path}), BuildRequest())
    with pytest.raises(DockertoolsError, match="has no stage `builder`"):
        make_variant(options, "builder", tmp_path)


def test_code_goes_to_app_where_no_folder_is_named() -> None:
    assert last_workdir(read_stages("FROM a\nCOPY . .\n")) == "/app"


@pytest.mark.parametrize(
    ("image", "limit"),
    [(None, 10**6), ("shop", 10**6), ("shop:2", 10**6), ("postgres:17", None), ("host:5000/shop", None)],
)
def test_the_configured_size_is_for_the_projects_own_image(
    tmp_path: Path, image: str | None, limit: int | None
) -> None:
    config = make_config({"ROOT": tmp_path, "IMAGE": "shop:latest", "MAX_SIZE": "1MB"})
    assert options(config, image=image).limits.size == limit
    assert options(config, image=image, max_size="2MB").limits.size == 2 * 10**6


def options(config: Config, **changes: Any) -> ReportOptions:
    names = ("image", "compare", "max_size", "max_growth", "min_efficiency", "html", "checks")
    asked = dict.fromkeys(names) | {"history": False, "usage": False, "verbosity": 1, "waste_floor": "1MB"}
    return make_options(config, **{**asked, **changes})
