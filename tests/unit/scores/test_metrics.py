import audmetric
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from valence_gap.scores.metrics import ccc, cccs, weighted_cccs

unit = st.floats(0, 1, width=32)


@st.composite
def pairs(draw, least=2):
    samples = draw(st.integers(least, 40))
    return draw(hnp.arrays(np.float64, (2, samples), elements=unit))


@given(pairs())
def test_agrees_with_audmetric(pair):
    truth, prediction = pair
    if np.ptp(truth) < 1e-3 and np.ptp(prediction) < 1e-3:
        return  # audmetric divides rounding errors here; tested below
    expected = audmetric.concordance_cc(truth, prediction)
    assert ccc(truth, prediction) == pytest.approx(expected, abs=1e-9)


@given(pairs())
def test_symmetric_bounded_and_unchanged_by_a_common_shift_and_scale(pair):
    truth, prediction = pair
    if np.ptp(truth) < 1e-3:
        return
    value = ccc(truth, prediction)
    assert -1 <= value <= 1
    assert ccc(prediction, truth) == pytest.approx(value)
    assert ccc(3 * truth - 1, 3 * prediction - 1) == pytest.approx(value, abs=1e-9)


def test_population_statistics():
    # by hand: cov 1/3, var 2/3 and 2/9, means 1 and 2/3
    assert ccc([0, 1, 2], [0, 1, 1]) == pytest.approx(2 / 3 / (2 / 3 + 2 / 9 + 1 / 9))


@pytest.mark.parametrize(
    ("truth", "prediction"),
    [([], []), ([0.3], [0.3]), ([0.1] * 7, [0.1] * 7), ([0, 1, np.nan], [0, 1, 0.5]), ([0, 1, 2], [0, 1, np.inf])],
)
def test_undefined_is_nan(truth, prediction):
    assert np.isnan(ccc(truth, prediction))


def test_a_constant_prediction_scores_zero():
    assert ccc([0.0, 0.3, 0.9], [0.1, 0.1, 0.1]) == pytest.approx(0, abs=1e-15)
    assert ccc([0.1, 0.1, 0.1], [0.0, 0.3, 0.9]) == 0


def test_vectorised_over_leading_axes():
    rng = np.random.default_rng(0)
    truth, prediction = rng.random((2, 3, 4, 25))
    result = cccs(truth, prediction)
    assert result.shape == (3, 4)
    assert result[2, 1] == pytest.approx(ccc(truth[2, 1], prediction[2, 1]))


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="differ in shape"):
        ccc([0, 1], [0, 1, 2])
    with pytest.raises(ValueError, match="one series"):
        ccc([[0, 1]], [[0, 1]])


@given(pairs(), st.integers(0, 2**31))
def test_counts_as_weights_equal_repeated_samples(pair, seed):
    truth, prediction = pair
    rows = np.random.default_rng(seed).integers(0, len(truth), (5, len(truth)))
    counts = np.stack([np.bincount(row, minlength=len(truth)) for row in rows])
    found = weighted_cccs(truth, np.stack([prediction, prediction[::-1]], axis=1), counts)
    for resample, row in enumerate(rows):
        if np.ptp(truth[row]) < 1e-3:
            continue
        assert found[resample, 0] == pytest.approx(ccc(truth[row], prediction[row]), abs=1e-7)
        assert found[resample, 1] == pytest.approx(ccc(truth[row], prediction[::-1][row]), abs=1e-7)


def test_weighted_is_exact_far_from_zero():
    rng = np.random.default_rng(1)
    truth = 1e4 + rng.random(50)
    prediction = truth + 0.1 * rng.standard_normal(50)
    assert weighted_cccs(truth, prediction[:, None], np.ones((1, 50)))[0, 0] == pytest.approx(ccc(truth, prediction))


def test_weighted_degenerate_resample_is_nan():
    truth = np.array([0.2, 0.7, 0.9])
    weights = np.array([[3.0, 0, 0], [0, 0, 0], [1, 1, 1]])
    found = weighted_cccs(truth, truth[:, None], weights)[:, 0]
    assert np.isnan(found[:2]).all()
    assert found[2] == pytest.approx(1)
