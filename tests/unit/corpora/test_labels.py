"""Label scales: by name, monotone, with an inverse."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.corpora.labels import denormalise, is_out_of_scale, normalise, normalise_table
from valence_gap.runtime.errors import UserError

ENDS = st.floats(-1e3, 1e3, allow_subnormal=False)
SCALES = st.tuples(ENDS, ENDS).map(sorted).filter(lambda ends: ends[1] - ends[0] > 1e-2).map(tuple)
VALUES = st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("scale", "value", "expected"),
    [((1, 7), 1, 0), ((1, 7), 7, 1), ((1, 7), 4, 0.5), ((1, 5), 2, 0.25), ((-3, 3), -1.5, 0.25), ((1, 5), 5.5, 1.125)],
)
def test_published_scales(scale, value, expected):
    assert normalise([value], scale).tolist() == [expected]


@given(VALUES, SCALES)
def test_inverse(values, scale):
    np.testing.assert_allclose(denormalise(normalise(values, scale), scale), values, rtol=1e-9, atol=1e-7)


@given(VALUES, SCALES)
def test_monotone(values, scale):
    ordered = normalise(sorted(values), scale)
    assert (np.diff(ordered) >= 0).all()


@given(VALUES, SCALES)
def test_inside_the_scale_is_inside_the_unit_interval(values, scale):
    scaled = normalise(values, scale)
    wrong = is_out_of_scale(values, scale)
    assert (scaled[~wrong] >= -1e-8).all()
    assert (scaled[~wrong] <= 1 + 1e-8).all()
    assert ((scaled[wrong] < 0) | (scaled[wrong] > 1)).all()


@given(st.permutations(["arousal", "dominance", "valence"]))
def test_a_dimension_is_found_by_name_whatever_the_order(order):
    raw = {"arousal": 2.0, "dominance": 3.0, "valence": 4.0}
    scales = dict.fromkeys(reversed(order), (1.0, 5.0))
    table = normalise_table(pd.DataFrame({name: [raw[name]] for name in order}), scales)
    assert table.iloc[0].to_dict() == {"arousal": 0.25, "dominance": 0.5, "valence": 0.75}


def test_nan_stays_and_is_not_outside():
    assert math.isnan(normalise([np.nan], (1, 7))[0])
    assert not is_out_of_scale([np.nan], (1, 7)).any()


def test_rounding_is_not_outside():
    assert not is_out_of_scale([7 + 1e-12, 1 - 1e-12], (1, 7)).any()
    assert is_out_of_scale([7.001, 0.999], (1, 7)).all()


def test_out_of_scale():
    labels = pd.DataFrame({"id": ["a", "b", "c"], "valence": [1.0, 5.5, 0.5]}, index=["t:2 a", "t:3 b", "t:4 c"])
    scales = {"valence": (1.0, 5.0)}
    assert normalise_table(labels, scales, out_of_scale="keep")["valence"].tolist() == [0.0, 1.125, -0.125]
    assert normalise_table(labels, scales, out_of_scale="clip")["valence"].tolist() == [0.0, 1.0, 0.0]
    with pytest.raises(UserError) as error:
        normalise_table(labels, scales)
    assert list(error.value.offenders) == [
        "t:3 b: valence 5.5 is outside 1..5",
        "t:4 c: valence 0.5 is outside 1..5",
    ]
    assert labels["valence"].tolist() == [1.0, 5.5, 0.5]


@pytest.mark.parametrize("scale", [(5.0, 1.0), (1.0, 1.0), (0.0, math.inf), (math.nan, 1.0)])
def test_a_scale_must_rise(scale):
    with pytest.raises(UserError, match="does not rise"):
        normalise_table(pd.DataFrame({"valence": [1.0]}), {"valence": scale})
