import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.build import history
from dockertools.build.history import BuildRecord, StepRecord, add_record, last_record, read_records, state_file
from dockertools.errors import DockertoolsError

RECORD = BuildRecord(
    tag="shop:latest",
    id="sha256:1",
    target=None,
    size_bytes=10,
    compressed_bytes=None,
    seconds=1.5,
    finished_at=100.0,
    transferred_bytes=3,
    build_args=(("PYTHON", "3.11"),),
    steps=(StepRecord("[1/1] RUN true", cached=False, seconds=0.5, shape="abc"),),
)


def test_a_record_reads_back_as_it_was(tmp_path: Path) -> None:
    add_record(tmp_path / "a" / "builds.jsonl", RECORD)
    assert read_records(tmp_path / "a" / "builds.jsonl") == (RECORD,)


def test_only_the_last_records_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "KEPT_RECORDS", 3)
    for number in range(5):
        add_record(tmp_path / "builds.jsonl", replace(RECORD, size_bytes=number))
    assert [record.size_bytes for record in read_records(tmp_path / "builds.jsonl")] == [2, 3, 4]


def test_the_last_build_is_that_of_the_same_tag_and_target() -> None:
    other = replace(RECORD, tag="other:latest")
    stage = replace(RECORD, target="builder")
    assert last_record((RECORD, other, stage), "shop:latest", None) is RECORD
    assert last_record((RECORD, other, stage), "shop:latest", "builder") is stage
    assert last_record((), "shop:latest", None) is None


def test_a_build_for_other_platforms_is_another_one(tmp_path: Path) -> None:
    arm = replace(RECORD, platforms=("linux/arm64",))
    add_record(tmp_path / "builds.jsonl", arm)
    add_record(tmp_path / "builds.jsonl", RECORD)
    records = read_records(tmp_path / "builds.jsonl")
    assert last_record(records, "shop:latest", None, ("linux/arm64",)) == arm
    assert last_record(records, "shop:latest", None) == RECORD
    assert last_record(records, "shop:latest", None, ("linux/s390x",)) is None


def test_no_file_is_no_history(tmp_path: Path) -> None:
    assert read_records(tmp_path / "none.jsonl") == ()


def test_a_cut_line_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "builds.jsonl"
    add_record(file, RECORD)
    file.write_text(file.read_text() + file.read_text()[:40])
    assert read_records(file) == (RECORD,)
    add_record(file, replace(RECORD, size_bytes=11))
    assert [record.size_bytes for record in read_records(file)] == [10, 11]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
documents = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("tag", "size_bytes", "seconds", "finished_at", "steps", "build_args", "platforms"), json_values
    ),
)


@settings(deadline=None, max_examples=80)
@given(documents)
def test_what_others_wrote_into_the_file_is_no_error(
    tmp_path_factory: pytest.TempPathFactory, document: object
) -> None:
    file = tmp_path_factory.mktemp("state") / "builds.jsonl"
    known = json.loads(json.dumps(asdict(RECORD)))
    file.write_text(
        f"{json.dumps(document)}\n{json.dumps({**known, **(document if isinstance(document, dict) else {})})}\n"
    )
    for record in read_records(file):
        last_record((record,), record.tag, None)
        assert record.seconds + record.size_bytes is not None


def test_two_builds_at_once_lose_no_record(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom dataclasses import asdict, replace\n"
        "from tests.test_build_history import RECORD\nfrom dockertools.build.history import add_record\n"
        "for number in range(10):\n"
        "    add_record(Path(sys.argv[1]), replace(RECORD, size_bytes=number, tag=sys.argv[2]))\n"
    )
    file = tmp_path / "builds.jsonl"
    writers = [
        subprocess.Popen((sys.executable, "-c", code, str(file), f"{name}:1"), cwd=Path(__file__).parent.parent)
        for name in "abc"
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    tags = [record.tag for record in read_records(file)]
    assert sorted(tags) == sorted(["a:1", "b:1", "c:1"] * 10)


def test_the_state_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    file = state_file(Path("/srv/shop"))
    assert file.is_relative_to(tmp_path / "dockertools")
    assert file != state_file(Path("/home/shop"))
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert state_file(Path("/srv/shop")).is_relative_to(Path.home() / ".local" / "state")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DockertoolsError, match=r"file/builds.jsonl") as caught:
        add_record(tmp_path / "file" / "builds.jsonl", RECORD)
    assert "XDG_STATE_HOME" in caught.value.hint


def test_others_cannot_read_the_records(tmp_path: Path) -> None:
    add_record(tmp_path / "new" / "builds.jsonl", RECORD)
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
