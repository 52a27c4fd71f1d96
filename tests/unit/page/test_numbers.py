import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.page.numbers import NONE, count, decimal, duration, interval, words


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.284, ".28"), (-0.284, "−.28"), (1.0, "1.00"), (0, "0"), (-0.001, ".00"), (None, NONE), (math.nan, NONE)],
)
def test_a_ccc_is_written_as_in_the_paper(value: float | None, text: str) -> None:
    assert decimal(value) == text


@given(st.floats(-1, 1), st.integers(1, 4))
def test_a_written_number_is_the_rounded_one(value: float, digits: int) -> None:
    read = float(decimal(value, digits).replace("−", "-"))
    assert abs(read - value) <= 0.5 * 10**-digits + 1e-12


def test_an_interval_needs_both_ends() -> None:
    assert interval(-0.1, 0.25) == "[−.10, .25]"
    assert interval(None, 0.25) == interval(math.nan, 0.25) == ""


def test_lists_counts_and_durations() -> None:
    assert [words(list(text)) for text in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
    assert [count(number, "model") for number in (1, 1200)] == ["1 model", "1,200 models"]
    assert [duration(seconds) for seconds in (45, 720, 12_240)] == ["45 s", "12 min", "3.4 h"]
