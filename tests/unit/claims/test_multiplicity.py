import numpy as np
import pytest
from scipy.stats import norm

from valence_gap.claims.multiplicity import adjusted, expected_false


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg():
    # The example of Benjamini and Hochberg (1995, section 3.2): four of fifteen are found at .05.
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p_values += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    found = adjusted([*p_values, None])
    assert found[-1] is None
    assert sum(value <= 0.05 for value in found[:-1]) == 4
    assert found[3] == pytest.approx(0.0095 * 15 / 4)


def test_of_marked_verdicts_few_are_false():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        # Half of 80 claims are true without a difference; the resamples cannot show p-values below .002.
        z = rng.standard_normal(80) + np.repeat([0, 3.5], 40)
        p_values = np.maximum(2 * norm.sf(np.abs(z)), 0.002)
        marked = np.array(adjusted(p_values.tolist())) <= 0.05
        shares.append(marked[:40].sum() / max(1, marked.sum()))
    assert np.mean(shares) <= 0.05


def test_nothing_tested_is_nothing_adjusted():
    assert adjusted([None, None]) == [None, None]
    assert expected_false([None], 0.95) == 0


def test_a_fortieth_of_the_tested_claims_may_be_false():
    assert expected_false([0.01, 0.5, None] * 20, 0.95) == pytest.approx(1.0)
