import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.tables.change_errors import Resampled, mean_change


def changes(seeds, corpora, generator_seed, spread=0.02):
    """Changes by seed and resamples of two conditions in some corpora."""
    rng = np.random.default_rng(generator_seed)
    places = [(condition, corpus, "valence") for corpus in corpora for condition in ("speed", "fade")]
    by_seed = {place: rng.normal(-0.1, spread, seeds) for place in places}
    resampled = {place: Resampled(*rng.normal(-0.1, 0.03, (2, 40)), speaker_count=5) for place in places}
    return by_seed, resampled


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 1000), st.floats(0.5, 0.99))
def test_the_interval_is_centred_and_has_all_parts(seeds, corpora, generator_seed, confidence):
    by_seed, resampled = changes(seeds, [f"c{number}" for number in range(corpora)], generator_seed)
    found = mean_change(by_seed, resampled, confidence)
    assert found["change"] == pytest.approx(np.mean(list(by_seed.values())))
    assert found["standard_error"] >= max(found["se_utterances"], np.nan_to_num(found["se_seeds"])) - 1e-12
    assert (found["low"] + found["high"]) / 2 == pytest.approx(found["change"])
    wider = mean_change(by_seed, resampled, (1 + confidence) / 2)
    assert wider["high"] > found["high"]


def test_cells_of_one_corpus_are_paired_and_corpora_are_independent():
    by_seed, resampled = changes(1, ["a"], 0)
    first = next(iter(resampled.values()))
    opposite = dict(zip(resampled, [first, Resampled(-first.utterances, -first.speakers, 5)], strict=True))
    assert mean_change(by_seed, opposite, 0.95)["standard_error"] == pytest.approx(0, abs=1e-12)
    same = dict(zip(resampled, [first, first], strict=True))
    one = mean_change({next(iter(by_seed)): np.zeros(1)}, same, 0.95)["se_utterances"]
    assert mean_change(by_seed, same, 0.95)["se_utterances"] == pytest.approx(one)
    # The same resamples in two corpora: no covariance between them.
    apart = {("speed", "a", "valence"): first, ("speed", "b", "valence"): first}
    found = mean_change(dict.fromkeys(apart, np.zeros(1)), apart, 0.95)
    assert found["se_utterances"] == pytest.approx(one / np.sqrt(2))


def test_seeds_that_agree_on_the_mean_add_no_variance():
    by_seed, resampled = changes(1, ["a"], 0)
    moved = dict(zip(by_seed, [np.array([0.1, -0.1]), np.array([-0.1, 0.1])], strict=True))
    assert mean_change(moved, resampled, 0.95)["se_seeds"] == 0
    assert mean_change(dict([next(iter(moved.items()))]), resampled, 0.95)["se_seeds"] == pytest.approx(0.1)
