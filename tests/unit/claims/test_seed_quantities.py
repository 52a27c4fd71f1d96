from dataclasses import replace

import numpy as np
import pytest
from claims_data import BY_ID, MappedEvidence, paper_claims
from scipy.stats import chi2, f

from valence_gap.claims.cases import cases_of
from valence_gap.claims.decisions import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.claims.verdicts import evaluate
from valence_gap.scores import statistics

EARLIER, STEADIER = BY_ID["pre-trained-converges-earlier"], BY_ID["pre-trained-is-steadier"]
CALMER = BY_ID["pre-trained-fluctuates-less"]


def only_case(one, evidence):
    (rows,) = cases_of(ResolvedStatement(one, paper_claims(), evidence)).values()
    return rows


def shares(one, worlds):
    """How often a statement is supported, and how often contradicted."""
    verdicts = [evaluate([one], paper_claims(), world, confidence=0.95)[0].verdict for world in worlds]
    return np.mean([verdict == SUPPORTED for verdict in verdicts]), np.mean(
        [verdict == CONTRADICTED for verdict in verdicts]
    )


@pytest.mark.parametrize(
    ("curve", "epochs"),
    [
        ([0.6, 0.6, 0.6, 0.6], 1),
        ([0.1, 0.3, 0.57, 0.6, 0.6, 0.6, 0.6], 4),
        ([0.1, 0.3, 0.585, 0.6, 0.6], 3),
        ([0.1, 0.3, 0.6, 0.1, 0.2], 2),  # the level is that of the end, not the best epoch
        ([0.3, 0.7, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3], 1),
        ([*np.linspace(0.1, 0.6, 20), *np.full(40, 0.6)], 20),
    ],
)
def test_epochs_to_the_level_that_a_run_converges_to(curve, epochs):
    evidence = MappedEvidence(curves={"w2v2-b": [np.array(curve)] * 3})
    assert only_case(replace(EARLIER, second=None), evidence)[0] == pytest.approx(epochs)


def test_a_better_model_does_not_converge_earlier_because_it_is_better():
    shape = 1 - 0.5 ** np.arange(1, 21)
    curves = {"w2v2-b": [0.8 * shape] * 3, "cnn14": [0.4 * shape] * 3}
    assert only_case(EARLIER, MappedEvidence(curves=curves))[0] >= 0


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        ([np.linspace(0.1, 0.5, 5)] * 3, "has not converged: it improves in the last quarter of its epochs"),
        ([np.array([0.5])] * 3, "has too few epochs to show that it converged"),
        ([np.full(8, 0.01)] * 3, "has not learnt anything: its best dev CCC is 0.010"),
    ],
)
def test_runs_that_did_not_converge_are_inconclusive(runs, why):
    evidence = MappedEvidence(curves={"w2v2-b": [np.full(5, 0.5)] * 3, "cnn14": runs})
    (judged,) = evaluate([EARLIER], paper_claims(), evidence, confidence=0.95)
    assert (judged.verdict, judged.why) == (INCONCLUSIVE, f"a run of cnn14 {why}")


@pytest.mark.parametrize(
    ("late", "expected"),
    [((12, 13, 12), (1, 0)), ((2, 9, 14), (0, 0)), ((1, 2, 1), (0, 0)), ((1, 1, 1), (0, 0))],
)
def test_convergence_is_decided_where_seeds_agree_and_models_do_not(late, expected):
    curves = {
        "w2v2-b": [np.array([0.55, 0.6, 0.6])] * 3,
        "cnn14": [np.r_[np.zeros(epochs), np.full(20 - epochs, 0.5)] for epochs in late],
    }
    assert shares(EARLIER, [MappedEvidence(curves=curves, resamples=2000)]) == expected
    swapped = {"w2v2-b": curves["cnn14"], "cnn14": curves["w2v2-b"]}
    assert shares(EARLIER, [MappedEvidence(curves=swapped, resamples=2000)]) == expected[::-1]


def test_one_seed_or_no_score_is_inconclusive():
    curves = {"w2v2-b": [np.full(3, 0.5)] * 2}
    for runs, why in (
        ([np.ones(3)], "cnn14 was trained with one seed"),
        ([np.ones(3), np.full(3, np.nan)], "a run of cnn14 has no dev CCC"),
    ):
        for one in (EARLIER, STEADIER, CALMER):
            (judged,) = evaluate(
                [one], paper_claims(), MappedEvidence(curves=curves | {"cnn14": runs}), confidence=0.95
            )
            assert (judged.verdict, judged.why) == (INCONCLUSIVE, why)


def test_few_seeds_give_wide_intervals():
    curves = {"w2v2-b": [np.r_[np.zeros(late), np.full(20 - late, 0.5)] for late in (1, 3, 8)]}
    rows = only_case(replace(EARLIER, second=None), MappedEvidence(curves=curves, resamples=20_000))
    low, high = statistics.interval(rows[1:, None], 0.95)
    half = 4.303 * np.std([2, 4, 9], ddof=1) / np.sqrt(3)
    assert (low[0], high[0]) == (pytest.approx(5 - half, rel=0.1), pytest.approx(5 + half, rel=0.1))


def test_seeds_with_equal_epochs_have_an_error_of_half_an_epoch():
    curves = {"w2v2-b": [np.full(4, 0.5)] * 3}
    rows = only_case(replace(EARLIER, second=None), MappedEvidence(curves=curves, resamples=20_000))
    low, high = statistics.interval(rows[1:, None], 0.95)
    half = 4.303 * 0.5 / np.sqrt(3)
    assert (rows[0], low[0], high[0]) == (1, pytest.approx(1 - half, abs=0.1), pytest.approx(1 + half, abs=0.1))


def test_interval_of_the_spread_over_seeds_follows_chi_square():
    offsets = np.array([0.0, 0.03, -0.03])
    curves = {"w2v2-b": [np.linspace(0.1, 0.5, 40) + off for off in offsets]}
    rows = only_case(replace(STEADIER, second=None), MappedEvidence(curves=curves, resamples=20_000))
    assert rows[0] == pytest.approx(0.03)
    expected = np.sqrt(2 * 0.03**2 / chi2(2).ppf([0.975, 0.5, 0.025]))
    np.testing.assert_allclose(np.percentile(rows[1:], [2.5, 50, 97.5]), expected, rtol=0.05)


@pytest.mark.parametrize(("ratio", "expected"), [(0.9, False), (1.1, True)])
def test_spreads_differ_if_the_f_interval_of_the_ratio_of_variances_does(ratio, expected):
    factor = np.sqrt(ratio * f(2, 2).ppf(0.975))
    curves = {
        name: [np.full(3, 0.5 + scale * off) for off in (0.0, 0.01, -0.01)]
        for name, scale in (("w2v2-b", 1.0), ("cnn14", factor))
    }
    assert shares(STEADIER, [MappedEvidence(curves=curves, resamples=20_000)]) == (expected, 0)


def test_spread_over_seeds_is_of_all_epochs_of_each_model():
    # The baseline is on its first plateau for the five epochs that the other model has.
    curves = {
        "w2v2-b": [np.full(5, 0.5) + sign * 0.01 for sign in (-1, 0, 1)],
        "cnn14": [np.r_[np.zeros(5), np.full(55, 0.5)] + sign * np.repeat([0, 0.05], [5, 55]) for sign in (-1, 0, 1)],
    }
    expected = 0.01 - 0.05 * np.sqrt(55 / 60)
    assert only_case(STEADIER, MappedEvidence(curves=curves))[0] == pytest.approx(expected)


def test_fluctuation_is_what_seeds_do_not_share_from_epoch_to_epoch():
    rng = np.random.default_rng(0)
    learning = 0.6 * (1 - 0.5 ** np.arange(1, 61))
    noise = 0.05 * rng.standard_normal((3, 60))
    expected = np.sqrt(np.diff(noise, axis=1).var(axis=0, ddof=1).mean() / 2)
    alone = replace(CALMER, second=None)
    for curve in (np.full(60, 0.5), learning):
        for offsets in ((0, 0, 0), (-0.1, 0, 0.1)):
            runs = [curve + own + off for own, off in zip(noise, offsets, strict=True)]
            assert only_case(alone, MappedEvidence(curves={"w2v2-b": runs}))[0] == pytest.approx(expected)
    assert expected == pytest.approx(0.05, rel=0.1)


def test_fluctuation_of_many_epochs_is_known_better_than_that_of_few():
    rng, alone = np.random.default_rng(0), replace(CALMER, second=None)
    widths = []
    for epochs in (3, 60):
        runs = [0.5 + 0.05 * rng.standard_normal(epochs) for _ in range(3)]
        rows = only_case(alone, MappedEvidence(curves={"w2v2-b": runs}, resamples=5000))
        low, high = statistics.interval(rows[1:, None], 0.95)
        widths.append((high[0] - low[0]) / rows[0])
    assert widths[1] < 0.6 < 2 < widths[0]


def test_a_baseline_that_jitters_five_times_as_much_is_found():
    rng = np.random.default_rng(0)
    curves = {
        name: [0.5 + scale * rng.standard_normal(epochs) for _ in range(3)]
        for name, scale, epochs in (("w2v2-b", 0.01, 5), ("cnn14", 0.05, 60))
    }
    assert shares(CALMER, [MappedEvidence(curves=curves, resamples=2000)]) == (1, 0)


def test_one_epoch_has_no_fluctuation():
    curves = {"w2v2-b": [np.full(1, 0.5)] * 3, "cnn14": [np.full(4, 0.5)] * 3}
    (judged,) = evaluate([CALMER], paper_claims(), MappedEvidence(curves=curves), confidence=0.95)
    assert (judged.verdict, judged.why) == (INCONCLUSIVE, "w2v2-b was trained for one epoch")


class Laws(MappedEvidence):
    """Three runs of each of two models; random numbers differ between seeds."""

    def __init__(self, seed, law, epochs):
        rng = np.random.default_rng(seed)
        curves = {
            name: [law(rng, count) for _ in range(3)] for name, count in zip(("w2v2-b", "cnn14"), epochs, strict=True)
        }
        super().__init__(curves=curves, resamples=400)
        self.seed = seed

    def generator(self, *names):
        return statistics.generator(self.seed, *names)


def jitter(rng, epochs):
    return 0.6 + 0.05 * rng.standard_normal(epochs)


def rising(rng, epochs):
    return 0.6 * np.minimum(np.arange(1, epochs + 1) / 20, 1) + 0.03 * rng.standard_normal(epochs)


def offset(rng, epochs):
    return 0.6 + 0.02 * rng.standard_normal() + 0.005 * rng.standard_normal(epochs)


@pytest.mark.parametrize(
    ("one", "law"),
    [(one, law) for one in (EARLIER, STEADIER, CALMER) for law in (jitter, rising, offset)],
    ids=lambda what: getattr(what, "id", getattr(what, "__name__", "")),
)
def test_recipes_with_fewer_epochs_win_no_more_often_than_by_chance(one, law):
    worlds = [Laws(seed, law, epochs=(5, 60)) for seed in range(200)]
    assert max(shares(one, worlds)) <= 0.05
