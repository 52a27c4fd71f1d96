import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from valence_gap.scores.seed_variance import (
    Part,
    bootstrap_part,
    combined,
    critical_values,
    pooled,
    pooled_seed_variance,
)


def test_a_pooled_variance_is_that_about_each_models_own_mean():
    first, second = np.array([[0.1], [0.2], [0.3]]), np.array([[0.9], [0.7]])
    found = pooled([first, second])
    assert found.variance == pytest.approx([(0.02 + 0.02) / 3])
    assert found.freedom == 3
    with pytest.raises(ValueError, match="two of them"):
        pooled([np.array([[0.5]])])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 6), st.integers(2, 6))
def test_two_parts_are_combined_as_in_welchs_test(seed, first, second):
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal(first), 3 * rng.standard_normal(second)
    error, freedom = combined([Part(np.array([one.var(ddof=1) / len(one)]), len(one) - 1) for one in samples])
    welch = stats.ttest_ind(*samples, equal_var=False)
    assert freedom == pytest.approx([welch.df])
    assert (samples[0].mean() - samples[1].mean()) / error[0] == pytest.approx(welch.statistic)
    interval = welch.confidence_interval(0.95)
    half = critical_values(0.95, freedom) * error
    assert half == pytest.approx([(interval.high - interval.low) / 2])


def test_a_variance_that_is_known_has_the_normal_distribution():
    error, freedom = combined([Part(np.array([0.0, 0.04]), np.inf)])
    np.testing.assert_allclose(error, [0, 0.2])
    assert np.isinf(freedom).all()
    np.testing.assert_allclose(critical_values(0.95, freedom), 1.959964, rtol=1e-6)


def test_what_few_speakers_add_is_known_with_few_degrees_of_freedom():
    few = bootstrap_part(np.array([0.03, 0.03, 0.03]), np.array([0.02, 0.03, np.nan]), 10)
    np.testing.assert_allclose(few.variance, 0.0009)
    assert np.isinf(few.freedom).all()
    most = bootstrap_part(np.array([0.0, 0.03]), np.array([0.05, 0.05]), 10)
    np.testing.assert_allclose(most.variance, 0.0025)
    assert most.freedom.tolist() == [9, 9]
    np.testing.assert_allclose(bootstrap_part(np.array([0.0]), np.array([0.05]), 10, growth=4).variance, 0.0025 / 4)


def test_variances_of_score_tables_are_pooled_by_kind_and_place():
    rows = [
        ("fine-tuned", "a", 1, 0.1),
        ("fine-tuned", "a", 2, 0.3),
        ("fine-tuned", "b", 1, 0.5),
        ("fine-tuned", "b", 2, 0.5),
        ("fine-tuned", "b", 3, 0.5),
        ("fine-tuned", "c", 1, 0.9),
        ("CNN14", "d", 1, 0.4),
    ]
    table = pd.DataFrame(rows, columns=["kind", "model", "seed", "ccc"])
    table = table.assign(corpus="x", condition="clean", dimension="valence")
    (row,) = pooled_seed_variance(table).to_dict("records")
    assert row == {
        "kind": "fine-tuned",
        "corpus": "x",
        "condition": "clean",
        "dimension": "valence",
        "variance": pytest.approx(0.02 / 3),
        "degrees_of_freedom": 3,
        "models": "a b",
    }
