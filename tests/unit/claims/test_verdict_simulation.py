"""A small version of `benchmarks/verdict_simulation.py`, on a population with made-up variances."""

import sys
from pathlib import Path

import numpy as np
import pytest

from valence_gap.scores.metrics import ccc

ROOT = Path(__file__).parents[3]
SPEAKERS, EACH = 30, 6


@pytest.fixture
def simulation(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import verdict_simulation

    yield verdict_simulation
    for name in ("verdict_simulation", "fitted_scores"):
        sys.modules.pop(name)


@pytest.fixture
def populations(simulation):
    """Models that differ in their slopes; seeds move the slopes, those of CNN14 most."""
    from fitted_scores import Population

    count, kinds = len(simulation.KINDS), simulation.KINDS.values()
    one = Population(
        mean=0.5,
        label_sd=(0.04, 0.15),
        intercepts=np.linspace(0.2, 0.3, count),
        slopes=np.linspace(0.4, 0.6, count),
        between=np.full((count, count), 0.0004) + 0.0004 * np.eye(count),
        within=np.full((count, count), 0.003) + 0.003 * np.eye(count),
        slope_sd=np.array([0.1 if kind == "CNN14" else 0.04 for kind in kinds]),
        noise_sd=np.full(count, 0.05),
    )
    return dict.fromkeys(("arousal", "dominance", "valence"), one)


def test_the_true_value_is_that_of_a_very_large_test_set(simulation, populations):
    one, rng = populations["valence"], np.random.default_rng(0)
    speaker = np.repeat(np.arange(2000), 5)
    label, errors = one.test_set(speaker, rng)
    found = [np.mean([ccc(label, one.training(0, label, errors, rng)) for _ in range(100)])]
    assert found == pytest.approx(one.true_cccs()[:1], abs=0.02)


def test_the_fitted_variances_are_those_of_the_population(simulation, populations):
    from fitted_scores import fit

    one, rng = populations["valence"], np.random.default_rng(0)
    speaker = np.repeat(np.arange(300), 10)
    label, errors = one.test_set(speaker, rng)
    runs = {
        model: [one.training(index, label, errors, rng) for _ in range(40)]
        for index, model in enumerate(simulation.KINDS)
    }
    found = fit(label, speaker, runs, simulation.KINDS)
    np.testing.assert_allclose(found.slopes, one.slopes, atol=0.06)
    np.testing.assert_allclose(found.slope_sd, one.slope_sd, rtol=0.3)
    np.testing.assert_allclose(found.noise_sd, one.noise_sd, rtol=0.05)
    np.testing.assert_allclose(np.diag(found.within), np.diag(one.within), rtol=0.15)
    np.testing.assert_allclose(np.diag(found.between), np.diag(one.between), rtol=0.4)


def test_intervals_hold_the_true_value_and_no_two_runs_contradict_each_other(simulation, populations):
    speaker = np.repeat(np.arange(SPEAKERS), EACH)
    judged = simulation.simulate(populations, speaker, repetitions=12, resamples=150)
    found = simulation.numbers(judged)
    assert judged.low.shape == (12, 2, 12)
    assert 0.90 <= found["coverage"] <= 0.995  # 288 intervals that depend on each other
    # The draws depend on the linear algebra of the CPU: one of 144 verdicts may be reversed.
    assert max(found["reversed"], found["reversed_other_test_set"]) < 0.01
    assert found["power_0.05"] < found["power_0.10"]


def test_intervals_over_utterances_alone_do_not(simulation, populations):
    speaker = np.repeat(np.arange(SPEAKERS), EACH)
    judged = simulation.simulate(populations, speaker, repetitions=12, resamples=150, utterances_only=True)
    assert simulation.numbers(judged)["coverage"] < 0.9


def test_the_page_has_all_numbers(simulation, populations):
    speaker = np.repeat(np.arange(SPEAKERS), EACH)
    found = simulation.simulated(populations, speaker, repetitions=2, resamples=50)
    text = simulation.page(found | {"fitted_to": {"cnn14": 3}, "cpu": "a processor", "seconds": 1})
    assert all(words in text for words in simulation.ROWS.values())
    assert text.count("| best minus baseline |") == 3
    assert "a processor" in text
