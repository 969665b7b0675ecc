"""What may go: the plan alone, over invented engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.errors import UsageError
from dockertools.housekeeping.belongings import (
    STAND_IN_REPOSITORIES,
    Belongings,
    BuildCache,
    EngineContainer,
    EngineImage,
    EngineNetwork,
    EngineVolume,
)
from dockertools.housekeeping.prune import KINDS, PruneItem, PruneOptions, parse_age, plan
from dockertools.housekeeping.removal import freed_bytes
from scripts.private_engine.images import STAND_INS

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ALL = frozenset(KINDS)
ages = st.integers(0, 5).map(lambda days: NOW - timedelta(days=days))
names = st.sampled_from(["one", "two", "three"])
images = st.builds(
    EngineImage,
    id=st.sampled_from([f"sha256:{number}" for number in range(6)]),
    names=st.lists(st.sampled_from(["shop:1", "shop:2", "shop:latest"]), max_size=2, unique=True).map(tuple),
    created=ages,
    bytes=st.integers(0, 1000),
)
belongings = st.builds(
    Belongings,
    project=st.just("shop"),
    images=st.lists(images, max_size=5, unique_by=lambda image: image.id).map(tuple),
    stand_ins=st.just(()),
    containers=st.lists(
        st.builds(
            EngineContainer,
            id=st.uuids().map(str),
            name=names,
            service=names,
            compose_project=names,
            image_id=st.sampled_from([f"sha256:{number}" for number in range(6)]),
            created=ages,
            bytes=st.integers(0, 1000),
            is_running=st.booleans(),
            volumes=st.lists(names, max_size=2).map(tuple),
            networks=st.lists(names, max_size=2).map(tuple),
        ),
        max_size=4,
    ).map(tuple),
    networks=st.lists(
        st.builds(EngineNetwork, id=names, name=names, compose_project=names, created=ages), max_size=3
    ).map(tuple),
    volumes=st.lists(st.builds(EngineVolume, name=names, created=ages, bytes=st.integers(0, 9)), max_size=3).map(tuple),
    cache=st.builds(
        BuildCache,
        bytes=st.just(0),
        reclaimable_bytes=st.just(0),
        records=st.just(0),
        idle=st.lists(st.tuples(ages, st.integers(1, 9)), max_size=3).map(tuple),
    ),
    foreign_images=st.frozensets(st.sampled_from(["sha256:0", "sha256:1"])),
    foreign_volumes=st.frozensets(names),
    foreign_networks=st.frozensets(names),
)
options = st.builds(
    PruneOptions,
    kinds=st.frozensets(st.sampled_from(KINDS)),
    keep=st.integers(0, 4),
    older_than=st.none() | st.integers(0, 5).map(lambda days: timedelta(days=days)),
    keep_names=st.frozensets(st.sampled_from(["shop:latest"])),
)


@settings(max_examples=150, deadline=None)
@given(belongings, options)
def test_nothing_that_is_used_kept_or_too_young_is_planned(held: Belongings, chosen: PruneOptions) -> None:
    items = plan(held, chosen, NOW)
    ids = {item.id for item in items}
    assert {item.kind for item in items} <= chosen.kinds
    assert [KINDS.index(item.kind) for item in items] == sorted(KINDS.index(item.kind) for item in items)
    assert not any(item.removed or item.problem for item in items)
    staying = [container for container in held.containers if container.id not in ids]
    assert not ids & {container.id for container in held.containers if container.is_running}
    assert not ids & ({container.image_id for container in staying} | held.foreign_images)
    of_volumes = {item.id for item in items if item.kind == "volume"}
    assert not of_volumes & ({name for container in staying for name in container.volumes} | held.foreign_volumes)
    assert not {item.name for item in items if item.kind == "network"} & held.foreign_networks
    assert not {item.name for item in items} & chosen.keep_names
    named = sorted((image for image in held.images if image.names), key=lambda image: image.created, reverse=True)
    assert not ids & {image.id for image in named[: chosen.keep]}
    limit = NOW - (chosen.older_than or timedelta())
    assert not ids & {image.id for image in held.images if image.created > limit}


@settings(max_examples=50, deadline=None)
@given(belongings)
def test_what_is_planned_without_limits_is_all_that_nobody_uses(held: Belongings) -> None:
    items = plan(held, PruneOptions(kinds=ALL, keep=0), NOW)
    running = {container.image_id for container in held.containers if container.is_running} | held.foreign_images
    assert {image.id for image in held.images} - running == {
        item.id for item in items if item.kind in ("image", "dangling")
    }
    assert sum(item.bytes for item in items if item.kind == "cache") == sum(size for _, size in held.cache.idle)


def test_each_name_of_an_image_goes_and_its_bytes_are_counted_once() -> None:
    image = EngineImage("sha256:1", ("shop:1", "shop:2"), NOW, 500)
    held = Belongings("shop", (image,), (), (), (), (), BuildCache(0, 0, 0))
    items = plan(held, PruneOptions(kinds=ALL, keep=0), NOW)
    assert [(item.name, item.bytes) for item in items] == [("shop:1", 0), ("shop:2", 500)]


@pytest.mark.parametrize(
    ("text", "age"),
    [("30m", timedelta(minutes=30)), ("12h", timedelta(hours=12)), (" 7 d ", timedelta(7)), ("2w", timedelta(14))],
)
def test_an_age_is_a_number_and_a_unit(text: str, age: timedelta) -> None:
    assert parse_age(text) == age


@pytest.mark.parametrize("text", ["", "d", "7", "-7d", "7 days", "1.5h", "9999999w", "\u0667d"])
def test_what_is_no_age_is_said_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="is not an age") as caught:
        parse_age(text)
    assert "12h" in caught.value.hint


def test_what_came_free_is_not_known_where_the_disk_of_one_is_not() -> None:
    seen = PruneItem("image", "1", "shop:1", 9, removed=True, freed_bytes=5)
    unseen = PruneItem("image", "2", "shop:2", 9, removed=True)
    stays = PruneItem("image", "3", "shop:3", 9)
    assert freed_bytes([seen, stays]) == 5
    assert freed_bytes([seen, unseen]) is None
    assert freed_bytes([stays]) == 0


def test_all_stand_ins_are_known() -> None:
    assert {name.rpartition(":")[0] for name in STAND_INS} == STAND_IN_REPOSITORIES
