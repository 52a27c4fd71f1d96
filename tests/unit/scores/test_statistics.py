import numpy as np
import pytest
from scipy.stats import spearmanr

from valence_gap.scores import statistics
from valence_gap.scores.metrics import ccc
from valence_gap.scores.statistics import (
    bootstrap_cccs,
    ccc_estimate,
    generator,
    group_difference,
    interval,
    paired_difference,
    paired_difference_resamples,
    resample_counts,
    resampled_mean,
    spearman,
)

OPTIONS = {"resamples": 400, "confidence": 0.95}


def utterances(count, noise=0.2, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.random(count)
    return truth, truth[:, None] + noise * rng.standard_normal((count, 2)) * [1, 2]


def test_generator_depends_on_seed_and_names_alone():
    first = generator(0, "msp-podcast", "female").random(3)
    generator(0, "iemocap").random(100)
    assert (generator(0, "msp-podcast", "female").random(3) == first).all()
    for other in (
        generator(1, "msp-podcast", "female"),
        generator(0, "msp-podcast", "male"),
        generator(0, "msp-podcastfemale"),
    ):
        assert (other.random(3) != first).all()
    assert generator(-1).random() != generator(1).random()


def test_counts_sum_to_the_draws_in_every_block(monkeypatch):
    monkeypatch.setattr(statistics, "BLOCK_ELEMENTS", 50)
    blocks = list(resample_counts(7, resamples=30, rng=generator(0), sample_size=20))
    assert len(blocks) > 1
    counts = np.concatenate(blocks)
    assert counts.shape == (30, 7)
    assert (counts.sum(axis=1) == 20).all()
    assert counts.mean() == pytest.approx(20 / 7)


def test_bootstrap_equals_a_naive_loop():
    truth, predictions = utterances(12)
    found = bootstrap_cccs(truth, predictions, resamples=50, rng=generator(3))
    drawn = generator(3).integers(0, 12, (50, 12))
    naive = [[ccc(truth[row], predictions[row, series]) for series in (0, 1)] for row in drawn]
    np.testing.assert_allclose(found, naive, atol=1e-9)


def test_interval_is_the_percentiles_and_skips_undefined():
    values = np.arange(101, dtype=float)
    low, high = interval(np.append(values, np.nan)[:, None], 0.9)
    assert (low[0], high[0]) == (pytest.approx(5), pytest.approx(95))
    low, high = interval(np.full((4, 1), np.nan), 0.9)
    assert np.isnan([low, high]).all()


def test_intervals_cover_the_truth_about_as_often_as_their_confidence():
    whole, predictions = utterances(200_000, seed=1)
    expected = ccc(whole, predictions[:, 0])
    inside = 0
    for start in range(0, 200 * 100, 100):
        rows = slice(start, start + 100)
        found = ccc_estimate(whole[rows], predictions[rows, :1], resamples=200, confidence=0.9, rng=generator(start))
        assert found.value[0] == pytest.approx(ccc(whole[rows], predictions[rows, 0]))
        inside += found.low[0] <= expected <= found.high[0]
    assert 0.80 < inside / 200 < 0.97


def test_adding_a_series_changes_no_other():
    truth, predictions = utterances(40)
    alone = ccc_estimate(truth, predictions[:, :1], **OPTIONS, rng=generator(0, "x"))
    both = ccc_estimate(truth, predictions, **OPTIONS, rng=generator(0, "x"))
    assert alone.low[0] == pytest.approx(both.low[0])
    assert alone.high[0] == pytest.approx(both.high[0])


def test_paired_difference_against_a_naive_loop():
    truth, predictions = utterances(15)
    found = paired_difference(truth, predictions[:, :1], predictions[:, 1:], **OPTIONS, rng=generator(5))
    drawn = generator(5).integers(0, 15, (400, 15))
    naive = [ccc(truth[r], predictions[r, 0]) - ccc(truth[r], predictions[r, 1]) for r in drawn]
    assert found.value[0] == pytest.approx(ccc(truth, predictions[:, 0]) - ccc(truth, predictions[:, 1]))
    assert found.low[0] == pytest.approx(np.percentile(naive, 2.5))
    assert found.high[0] == pytest.approx(np.percentile(naive, 97.5))


def test_a_model_differs_from_itself_by_exactly_zero():
    truth, predictions = utterances(30)
    found = paired_difference(truth, predictions, predictions, **OPTIONS, rng=generator(0))
    assert (found.low == 0).all()
    assert (found.high == 0).all()


def test_group_difference_against_a_naive_loop():
    female, male = utterances(11, seed=1), utterances(17, noise=0.4, seed=2)
    found = group_difference(female, male, **OPTIONS, rng=generator(7))
    rng = generator(7)
    resampled = []
    for truth, predictions in (female, male):
        drawn = rng.integers(0, len(truth), (400, len(truth)))
        resampled.append(np.array([ccc(truth[row], predictions[row, 1]) for row in drawn]))
    assert found.value[1] == pytest.approx(ccc(female[0], female[1][:, 1]) - ccc(male[0], male[1][:, 1]))
    assert found.low[1] == pytest.approx(np.percentile(resampled[0] - resampled[1], 2.5))
    assert found.high[1] == pytest.approx(np.percentile(resampled[0] - resampled[1], 97.5))


def test_resampled_mean_against_a_naive_loop():
    truth, predictions = utterances(30)
    found = resampled_mean(truth, predictions, sample_size=8, **OPTIONS, rng=generator(9))
    drawn = generator(9).integers(0, 30, (400, 8))
    naive = [ccc(truth[row], predictions[row, 0]) for row in drawn]
    assert found.value[0] == pytest.approx(np.mean(naive))
    assert found.low[0] == pytest.approx(np.percentile(naive, 2.5))


def test_without_utterances_all_values_are_nan():
    found = ccc_estimate(np.empty(0), np.empty((0, 2)), **OPTIONS, rng=generator(0))
    assert np.isnan([found.value, found.low, found.high]).all()


def test_spearman_agrees_with_scipy():
    rng = np.random.default_rng(2)
    values = np.round(rng.random((19, 4)), 1)  # with ties
    np.testing.assert_allclose(spearman(values), spearmanr(values).statistic, atol=1e-12)


def test_spearman_of_a_constant_or_undefined_model_is_nan():
    values = np.array([[0.1, 0.5, 0.2], [0.3, 0.5, np.nan], [0.2, 0.5, 0.1]])
    found = spearman(values)
    assert found[0, 0] == pytest.approx(1)
    assert np.isnan(found[0, 1:]).all()


def test_the_same_series_can_be_subtracted_from_several():
    truth, predictions = utterances(60)
    found = paired_difference_resamples(truth, predictions, predictions[:, :1], resamples=30, rng=generator(2))
    assert found.shape == (31, predictions.shape[1])
    np.testing.assert_array_equal(found[:, 0], 0)
    alone = paired_difference(
        truth, predictions[:, 1:], predictions[:, :1], resamples=30, confidence=0.95, rng=generator(2)
    )
    np.testing.assert_allclose(found[0, 1:], alone.value)
    np.testing.assert_allclose(found[1:, 1].std(ddof=1), alone.se[0])
