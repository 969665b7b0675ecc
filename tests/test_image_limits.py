from __future__ import annotations

import pytest

from dockertools.errors import UsageError
from dockertools.image.limits import Growth, Limits, Verdict, judge, parse_growth, parse_share

MB = 10**6


def verdicts(
    limits: Limits, *, size: int = 100 * MB, before: int | None = None, wasted: int = 0
) -> tuple[Verdict, ...]:
    return judge(limits, size=size, before=before, wasted=wasted, efficiency=1 - wasted / size)


def test_nothing_asked_is_nothing_judged() -> None:
    assert verdicts(Limits(), before=1) == ()


@pytest.mark.parametrize(("size", "ok"), [(99 * MB, True), (100 * MB, True), (100 * MB + 1, False)])
def test_the_size_may_be_the_limit_and_no_byte_more(size: int, ok: bool) -> None:
    assert [verdict.ok for verdict in verdicts(Limits(size=100 * MB), size=size)] == [ok]


@pytest.mark.parametrize(
    ("growth", "before", "ok"),
    [
        (Growth(share=0.05), 96 * MB, True),
        (Growth(share=0.05), 95 * MB, False),
        (Growth(bytes=5 * MB), 95 * MB, True),
        (Growth(bytes=5 * MB), 94 * MB, False),
        (Growth(bytes=0), 200 * MB, True),
    ],
)
def test_growth_is_a_share_or_bytes(growth: Growth, before: int, ok: bool) -> None:
    (verdict,) = verdicts(Limits(growth=growth), before=before)
    assert (verdict.rule, verdict.ok) == ("max-growth", ok)


def test_an_inefficient_image_that_wastes_little_is_no_failure_and_says_so() -> None:
    limits = Limits(efficiency=0.95)
    (little,) = verdicts(limits, wasted=20 * MB)
    assert little.ok
    assert little.message == "80.0% of at least 95.0%, 20.0 MB wasted (up to 20.0 MB is no failure)"
    (much,) = verdicts(limits, wasted=21 * MB)
    assert not much.ok
    (strict,) = verdicts(Limits(efficiency=0.95, floor=0), wasted=20 * MB)
    assert not strict.ok


@pytest.mark.parametrize(
    ("text", "growth"), [("5%", Growth(share=0.05)), ("20MB", Growth(bytes=20 * MB)), ("0", Growth(bytes=0))]
)
def test_growth_is_read_as_people_write_it(text: str, growth: Growth) -> None:
    assert parse_growth(text) == growth


@pytest.mark.parametrize(("text", "share"), [("95%", 0.95), ("95", 0.95), ("0.95", 0.95), ("1", 1.0), ("0.5%", 0.005)])
def test_a_share_is_read_as_people_write_it(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "much", "-5%", "5 %%", "NaN", "1e3"])
def test_what_is_no_limit_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="is not a share"):
        parse_share(text)
    with pytest.raises(UsageError, match=r"is not a (share|size)"):
        parse_growth(text)
