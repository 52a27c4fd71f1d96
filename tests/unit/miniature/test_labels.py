"""The intents, deliveries and raters of the miniature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.definitions.values import DIMENSIONS
from valence_gap.miniature.labels import (
    ANNOTATIONS,
    CORRELATION,
    VALENCE_DISAGREEMENT,
    Intent,
    delivery,
    draws,
    emotion,
    intent,
    ratings,
)

unit = st.floats(0, 1)


def test_draws_depend_on_seed_and_name_alone():
    first = draws(1, "msp-podcast", "a.wav", "intent").random(3)
    draws(1, "msp-podcast", "b.wav", "intent").random(100)
    assert np.array_equal(first, draws(1, "msp-podcast", "a.wav", "intent").random(3))
    others = [draws(2, "msp-podcast", "a.wav", "intent"), draws(1, "msp-podcast", "a.wav", "raters")]
    assert all(first[0] != other.random() for other in others)


@pytest.mark.parametrize("corpus", ANNOTATIONS)
def test_arousal_and_dominance_are_correlated_and_independent_of_valence(corpus):
    annotation = ANNOTATIONS[corpus]
    rng = np.random.default_rng(0)
    words = rng.random(5000)
    affect = [intent(annotation, valence, rng) for valence in words]
    arousal, dominance, valence = (np.array([one[dimension] for one in affect]) for dimension in DIMENSIONS)
    assert np.corrcoef(arousal, dominance)[0, 1] == pytest.approx(CORRELATION, abs=0.04)
    assert abs(np.corrcoef(arousal, valence)[0, 1]) < 0.05
    assert np.corrcoef(words, valence)[0, 1] > 0.99
    assert arousal.mean() == pytest.approx(annotation.arousal[0], abs=0.02)
    assert dominance.std() == pytest.approx(annotation.dominance[1], abs=0.02)


def test_corpora_differ_in_what_is_expressed():
    assert len({(one.scale, one.arousal, one.dominance, one.valence_offset) for one in ANNOTATIONS.values()}) == 3


@given(unit, unit, unit, st.floats(0.05, 0.5))
def test_delivery_carries_arousal_and_dominance_but_not_valence(arousal, dominance, valence, more):
    base = delivery(Intent(arousal, dominance, valence))
    aroused = delivery(Intent(arousal + more, dominance, valence))
    dominant = delivery(Intent(arousal, dominance + more, valence))
    assert aroused.rate_wpm > base.rate_wpm
    assert aroused.pitch_range > base.pitch_range
    assert aroused.volume > base.volume
    assert dominant.pitch < base.pitch
    assert (dominant.rate_wpm, dominant.pitch_range) == (base.rate_wpm, base.pitch_range)
    assert delivery(Intent(arousal, dominance, 1 - valence)) == base


def test_extreme_deliveries_stay_within_the_engine_s_limits():
    for arousal in (0.0, 1.0):
        for dominance in (0.0, 1.0):
            one = delivery(Intent(arousal, dominance, 0.5))
            assert 80 <= one.rate_wpm <= 449
            assert 0 <= one.pitch <= 99
            assert 0 <= one.pitch_range <= 99
            assert 0 <= one.volume <= 200


@pytest.mark.parametrize("corpus", ANNOTATIONS)
@given(truth=unit, seed=st.integers(0, 1000))
def test_without_noise_every_rater_gives_the_nearest_answer(corpus, truth, seed):
    annotation = ANNOTATIONS[corpus]
    low, high = annotation.scale
    answers = ratings(annotation, "arousal", truth, raters=4, rater_noise=0.0, rng=np.random.default_rng(seed))
    assert answers.shape == (4,)
    assert len(set(answers.tolist())) == 1
    assert abs(answers[0] - (low + (high - low) * truth)) <= 0.5


@given(truth=unit, noise=st.floats(0, 1), seed=st.integers(0, 1000))
def test_answers_never_leave_the_scale(truth, noise, seed):
    rng = np.random.default_rng(seed)
    answers = ratings(ANNOTATIONS["cmu-mosi"], "valence", truth, raters=5, rater_noise=noise, rng=rng)
    assert answers.min() >= -3
    assert answers.max() <= 3


def _error_of_mean(dimension: str) -> float:
    annotation, rng = ANNOTATIONS["msp-podcast"], np.random.default_rng(3)
    truths = rng.uniform(0.35, 0.65, 4000)
    errors = [
        np.mean(ratings(annotation, dimension, truth, raters=5, rater_noise=0.05, rng=rng) - 1) / 6 - truth
        for truth in truths
    ]
    return float(np.std(errors))


def test_the_mean_of_the_raters_is_as_noisy_as_defined_and_valence_noisier():
    # A whole step is 1/6 wide, so rounding adds a variance of (1/6)^2 / 12 to that of each of the five raters.
    rounding = (1 / 6) ** 2 / 12 / 5
    assert _error_of_mean("dominance") == pytest.approx(np.sqrt(0.05**2 + rounding), rel=0.06)
    expected = np.sqrt((0.05 * VALENCE_DISAGREEMENT) ** 2 + rounding)
    assert _error_of_mean("valence") == pytest.approx(expected, rel=0.06)


def test_emotions_are_in_the_corners():
    assert emotion(Intent(0.9, 0.5, 0.5)) == "neutral"
    assert emotion(Intent(0.5, 0.5, 0.9)) == "happy"
    assert emotion(Intent(0.9, 0.5, 0.1)) == "angry"
    assert emotion(Intent(0.1, 0.5, 0.1)) == "sad"
