"""How recordings are cut, and how the values of their parts are averaged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.prediction.parts import Cutting, Recording, equal_parts, means, windows
from valence_gap.runtime.errors import UserError


@given(samples=st.integers(0, 200_000), longest=st.integers(1, 50_000))
def test_parts_are_equal_and_not_too_long(samples, longest):
    starts, ends = equal_parts(samples, longest).T
    lengths = ends - starts
    assert (starts[0], ends[-1]) == (0, samples)
    assert np.array_equal(starts[1:], ends[:-1])
    assert lengths.max() - lengths.min() <= 1
    assert lengths.max() <= longest
    assert (len(lengths) - 1) * longest < max(samples, 1)  # no more parts than needed


@given(samples=st.integers(1, 200_000), length=st.integers(1, 50_000), data=st.data())
def test_windows_start_at_every_hop_and_reach_the_end(samples, length, data):
    hop = data.draw(st.integers(max(1, length // 20), length))
    starts, ends = windows(samples, length, hop).T
    assert (ends - starts == min(length, samples)).all()
    assert (starts[0], ends[-1]) == (0, samples)
    assert np.array_equal(starts[:-1], np.arange(len(starts) - 1) * hop)
    assert len(starts) == 1 or 0 < starts[-1] - starts[-2] <= hop


def test_a_cutting_has_seconds():
    assert Cutting(2.0).bounds(48_000).tolist() == [[0, 24_000], [24_000, 48_000]]
    assert Cutting(2.0, 0.5).bounds(48_000).tolist() == [[0, 32_000], [8_000, 40_000], [16_000, 48_000]]


@pytest.mark.parametrize(
    ("longest_s", "hop_s", "problems"),
    [
        (0.0, None, ["parts of 0.0 s"]),
        (float("inf"), None, ["parts of inf s"]),
        (2.0, 2.5, ["a hop of 2.5 s"]),
        (2.0, float("nan"), ["a hop of nan s"]),
        (0.05, 0.0, ["parts of 0.05 s", "a hop of 0.0 s"]),
    ],
)
def test_a_cutting_that_cannot_be_names_all_that_is_wrong(longest_s, hop_s, problems):
    with pytest.raises(UserError) as caught:
        Cutting(longest_s, hop_s)
    assert [line.partition(":")[0] for line in caught.value.offenders] == problems


def test_means_are_weighted_by_duration_and_one_part_is_unchanged():
    values = np.array([[0.1], [0.4], [0.3]], dtype=np.float32)
    one = Recording("a", np.zeros(7, dtype=np.int16), np.array([[0, 7]]))
    two = Recording("b", np.zeros(4, dtype=np.int16), np.array([[0, 3], [3, 4]]))
    found = means([one, two], values)
    assert found[0, 0] == np.float64(values[0, 0])
    assert np.isclose(found[1, 0], (3 * values[1, 0] + values[2, 0]) / 4)
