import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from valence_gap.claims.intervals import Intervals, share_at_most
from valence_gap.scores import statistics


def test_intervals_of_many_cases_hold_all_of_them_at_once():
    rng = np.random.default_rng(0)
    scales = np.geomspace(0.01, 1, 84)
    low, high = Intervals.of(scales * rng.standard_normal((1000, 84)), 0.95).joint
    others = scales * rng.standard_normal((4000, 84))
    assert ((others > low) & (others < high)).all(axis=1).mean() == pytest.approx(0.95, abs=0.02)
    bonferroni = scales * norm.ppf(1 - 0.025 / 84)
    np.testing.assert_allclose(high, bonferroni, rtol=0.2)
    np.testing.assert_allclose(low, -bonferroni, rtol=0.2)


def test_intervals_of_correlated_cases_are_widened_less():
    rng = np.random.default_rng(0)
    alone = np.exp(rng.standard_normal((1000, 1)))  # skewed, so the halves differ
    plain = statistics.interval(alone, 0.95)
    np.testing.assert_array_equal(Intervals.of(alone, 0.95).joint, plain)
    both = Intervals.of(np.repeat(alone, 84, axis=1), 0.95).joint
    np.testing.assert_allclose(both, np.repeat(plain, 84, axis=1), rtol=0.01)


def test_intervals_without_width_or_resamples_are_not_widened():
    rng = np.random.default_rng(0)
    values = np.stack([np.full(400, 0.3), rng.standard_normal(400), np.full(400, np.nan)], axis=1)
    values[::7, 1] = np.nan
    low, high = Intervals.of(values, 0.95).joint
    assert (low[0], high[0]) == (0.3, 0.3)
    assert (low[1], high[1]) == (pytest.approx(-1.96, abs=0.3), pytest.approx(1.96, abs=0.3))
    assert np.isnan([low[2], high[2]]).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(np.linspace(-1, 1, 9).tolist()), min_size=2, max_size=30), st.floats(-1.2, 1.2))
def test_a_share_is_the_largest_whose_quantile_is_at_most_the_limit(values, limit):
    share = share_at_most(np.array(values), limit)
    assert share == 0 or np.quantile(values, share) <= limit + 1e-9
    assert share == 1 or np.quantile(values, min(share + 1e-6, 1)) >= limit - 1e-9


def test_a_share_of_nothing_is_undefined():
    assert np.isnan(share_at_most(np.array([np.nan]), 0.0))


def test_p_values_are_those_of_the_normal_distribution():
    values = norm.ppf((np.arange(20_000) + 0.5) / 20_000)[:, None]
    for limit in (-2.0, -1.0, 0.5):
        supports, contradicts = Intervals.of(values, 0.95).pointwise_p(1, np.array([limit]))
        assert supports[0] == pytest.approx(min(1, 2 * norm.cdf(limit)), abs=0.001)
        assert contradicts[0] == pytest.approx(min(1, 2 * norm.sf(limit)), abs=0.001)
        turned = Intervals.of(values, 0.95).pointwise_p(-1, np.array([limit]))
        np.testing.assert_allclose(turned, (contradicts, supports), atol=0.001)


def test_p_values_are_no_smaller_than_the_resamples_can_show():
    supports, contradicts = Intervals.of(np.ones((99, 1)), 0.95).pointwise_p(1, np.array([0.0]))
    assert (supports[0], contradicts[0]) == (0.02, 1.0)


def test_p_values_of_many_cases_are_those_of_the_largest_deviation():
    rng = np.random.default_rng(0)
    found = Intervals.of(rng.standard_normal((20_000, 10)), 0.95)
    supports, _ = found.joint_p(1, np.full(10, -2.6))
    np.testing.assert_allclose(supports, 1 - (1 - 2 * norm.sf(2.6)) ** 10, atol=0.02)
