import pytest

from dockertools.build.events import LogEvent, PlainEvent, StepEvent, TransferEvent, WarningEvent
from dockertools.build.progress import BuildProgress, Step


def test_a_step_is_finished_once() -> None:
    progress = BuildProgress()
    assert progress.apply(StepEvent("a", "RUN true")) is None
    assert progress.apply(StepEvent("a", "RUN true", started=10.0)) is None
    assert progress.steps["a"].is_running
    finished = progress.apply(StepEvent("a", "RUN true", started=10.0, completed=12.5))
    assert finished is progress.steps["a"]
    assert finished.seconds == 2.5
    assert progress.apply(StepEvent("a", "RUN true", started=10.0, completed=12.5)) is None


def test_a_step_that_runs_twice_counts_both_times() -> None:
    progress = BuildProgress()
    progress.apply(StepEvent("a", "load", started=10.0, completed=12.0))
    progress.apply(StepEvent("a", "load", started=20.0))
    assert progress.steps["a"].is_running
    progress.apply(StepEvent("a", "load", started=20.0, completed=21.0))
    assert progress.steps["a"].seconds == 3.0


def test_logs_are_joined_to_lines_across_events() -> None:
    progress = BuildProgress()
    for piece in ("Collec", "ting django\nInst", "alling\n", "50%\r100%\ndone\r\nhalf"):
        progress.apply(LogEvent("a", piece))
    assert tuple(progress.steps["a"].log) == ("Collecting django", "Installing", "100%", "done")
    progress.end()
    assert progress.steps["a"].log[-1] == "half"


def test_only_the_last_lines_of_a_log_are_kept() -> None:
    progress = BuildProgress()
    progress.apply(LogEvent("a", "".join(f"{number}\n" for number in range(1000))))
    assert progress.steps["a"].log[0] == "800"


def test_the_bytes_of_the_context_are_those_transferred_last() -> None:
    progress = BuildProgress()
    progress.apply(TransferEvent("a", "transferring context:", 1000, 0, completed=False))
    progress.apply(TransferEvent("a", "transferring context:", 3000, 0, completed=True))
    progress.apply(TransferEvent("b", "transferring dockerfile:", 500, 0, completed=True))
    assert progress.transferred_bytes == 3000


def test_the_cause_of_a_failure_is_not_its_cancelled_neighbour() -> None:
    progress = BuildProgress()
    progress.apply(StepEvent("a", "RUN sleep", started=1.0, completed=2.0, error="context canceled: context canceled"))
    progress.apply(StepEvent("b", "RUN false", started=1.0, completed=2.0, error="exit code: 1"))
    failed = progress.failed_step
    assert failed is not None
    assert failed.name == "RUN false"


def test_a_warning_is_kept_once_and_plain_lines_in_order() -> None:
    progress = BuildProgress()
    for _ in range(2):
        progress.apply(WarningEvent("JSONArgsRecommended", "", 3))
    progress.apply(PlainEvent("------"))
    progress.apply(PlainEvent("ERROR: failed"))
    assert len(progress.warnings) == 1
    assert list(progress.plain) == ["------", "ERROR: failed"]


@pytest.mark.parametrize(
    "name",
    [
        "[internal] load build context",
        "[runtime 4/5] LINK COPY --link --from=builder /opt/venv /opt/venv",
        "[linux/arm64 runtime 4/5] LINK COPY a b",
        "[context other] load from client",
    ],
)
def test_what_buildkit_does_for_itself_is_told_from_instructions(name: str) -> None:
    assert Step("a", name).is_internal
    assert not Step("a", name).is_noteworthy
    assert Step("a", name, error="no space left").is_noteworthy


def test_an_instruction_is_no_step_of_buildkit() -> None:
    assert not Step("a", "[runtime 4/5] COPY --link --from=builder /opt/venv /opt/venv").is_internal
    assert not Step("a", "[2/5] RUN echo LINK [context x]").is_internal
