import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockertools.errors import UsageError
from dockertools.sizes import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("400MB", 400_000_000),
        ("1.2GB", 1_200_000_000),
        ("500000", 500_000),
        ("3 kB", 3000),
        ("7b", 7),
        ("2g", 2_000_000_000),
    ],
)
def test_a_size_is_read_with_decimal_units(text: str, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "4 apples", "1,5GB", "1e9"])
def test_what_is_no_size_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="is not a size") as caught:
        parse_size(text)
    assert "400MB" in caught.value.hint


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9_996, "10.0 kB"),
        (41_300_000, "41.3 MB"),
        (999_600, "1.00 MB"),
        (-2_500_000, "-2.50 MB"),
        (3_210_000_000_000, "3.21 TB"),
    ],
)
def test_a_count_of_bytes_is_written_with_three_digits(count: int, expected: str) -> None:
    assert format_size(count) == expected


@given(st.integers(min_value=0, max_value=10**15))
def test_a_written_size_reads_back_within_its_three_digits(count: int) -> None:
    assert parse_size(format_size(count)) == pytest.approx(count, rel=0.006, abs=1)
