from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from claims_data import BY_ID, Given, around, paper_claims, statement
from scipy.stats import spearmanr

from valence_gap import statistics
from valence_gap.claims.cases import cases_of
from valence_gap.claims.definitions import Side
from valence_gap.claims.quantities import converged, rank_correlations
from valence_gap.claims.questions import Question
from valence_gap.claims.verdicts import UNTOLD, evaluate


def only_case(one, evidence, claims=None):
    (rows,) = cases_of(Question(one, claims or paper_claims(), evidence)).values()
    return rows


def scores_of(models, corpora=("msp-podcast",), dimensions=("arousal", "dominance", "valence"), **more):
    rng = np.random.default_rng(0)
    conditions, groups = more.get("conditions", ("clean",)), more.get("groups", ("all",))
    return {
        (model, corpus, dimension, condition, group): rng.uniform(0.1, 0.9, 201)
        for model in models
        for corpus in corpora
        for dimension in dimensions
        for condition in conditions
        for group in groups
    }


def clean(scores, model, dimension, corpus="msp-podcast", condition="clean", group="all"):
    return scores[model, corpus, dimension, condition, group]


def test_gain_over_counterparts():
    scores = scores_of(["hubert-L", "hubert-L-frozen", "hubert-L-fusion"])
    side = Side(models="strong", dimensions=("arousal",))
    tuning = only_case(statement(quantity="gain_of_tuning", first=side, second=None), Given(scores))
    fusion = only_case(statement(quantity="gain_of_fusion", first=side, second=None), Given(scores))
    own = clean(scores, "hubert-L", "arousal")
    np.testing.assert_allclose(tuning, own - clean(scores, "hubert-L-frozen", "arousal"))
    np.testing.assert_allclose(fusion, clean(scores, "hubert-L-fusion", "arousal") - own)


def test_lead_in_one_dimension_over_that_in_others():
    scores = scores_of(["w2v2-L-robust", "cnn14"])
    found = only_case(BY_ID["valence-gains-most"], Given(scores))
    leads = {
        name: clean(scores, "w2v2-L-robust", name) - clean(scores, "cnn14", name)
        for name in ("arousal", "dominance", "valence")
    }
    np.testing.assert_allclose(found, leads["valence"] - (leads["arousal"] + leads["dominance"]) / 2)


def test_relative_drop():
    scores = scores_of(["w2v2-L-robust", "cnn14"], corpora=("msp-podcast", "iemocap"))
    cases = cases_of(Question(BY_ID["best-loses-less-across-corpora"], paper_claims(), Given(scores)))
    assert [one.dimension for one, _ in cases] == ["arousal", "dominance"]
    for (one, _), rows in cases.items():
        drops = [
            1 - clean(scores, model, one.dimension, "iemocap") / clean(scores, model, one.dimension)
            for model in ("w2v2-L-robust", "cnn14")
        ]
        np.testing.assert_allclose(rows, drops[0] - drops[1])


def test_a_share_of_nothing_is_no_drop():
    scores = scores_of(["w2v2-L-robust", "cnn14"], corpora=("msp-podcast", "iemocap"))
    scores["cnn14", "msp-podcast", "arousal", "clean", "all"] = around(0.005)
    (judged,) = evaluate([BY_ID["best-loses-less-across-corpora"]], paper_claims(), Given(scores), confidence=0.95)
    assert judged.verdict == UNTOLD
    assert "cnn14, arousal" in judged.why


def test_change_is_the_mean_over_conditions_corpora_and_dimensions():
    claims = paper_claims(conditions={"human": ("a", "b"), "interior": ("c",)})
    corpora = ("msp-podcast", "iemocap", "cmu-mosi")
    scores = scores_of(["w2v2-L-robust"], corpora, conditions=("clean", "a", "b", "c"))
    scores = {key: rows for key, rows in scores.items() if key[1] != "cmu-mosi" or key[2] == "valence"}
    places = [(corpus, name) for corpus in corpora[:2] for name in ("arousal", "dominance", "valence")]
    places.append(("cmu-mosi", "valence"))

    def change(condition):
        pairs = [
            [clean(scores, "w2v2-L-robust", name, corpus, which) for which in (condition, "clean")]
            for corpus, name in places
        ]
        return np.mean([one - two for one, two in pairs], axis=0)

    found = only_case(BY_ID["human-sounds-hurt-most"], Given(scores), claims)
    np.testing.assert_allclose(found, (change("a") + change("b")) / 2 - change("c"))


def test_gender_gaps():
    scores = scores_of(["hubert-L"], groups=("female", "male"))
    side = Side(models="strong")
    signed = only_case(statement(quantity="gender_gap", first=side, second=None), Given(scores))
    absolute = only_case(statement(quantity="absolute_gender_gap", first=side, second=None), Given(scores))
    gaps = [
        clean(scores, "hubert-L", name, group="female") - clean(scores, "hubert-L", name, group="male")
        for name in ("arousal", "dominance", "valence")
    ]
    np.testing.assert_allclose(signed, np.mean(gaps, axis=0))
    np.testing.assert_allclose(absolute, np.mean(np.abs(gaps), axis=0))


def test_spread_over_models():
    names = paper_claims().roles["transformers"]
    scores = scores_of(names)
    found = only_case(BY_ID["unequal-in-valence"], Given(scores))
    rest = [(clean(scores, name, "arousal") + clean(scores, name, "dominance")) / 2 for name in names]
    expected = np.std([clean(scores, name, "valence") for name in names], axis=0, ddof=1) - np.std(rest, axis=0, ddof=1)
    np.testing.assert_allclose(found, expected)


def test_correlation_over_models():
    names = paper_claims().roles["transformers"]
    scores = scores_of(names, conditions=("original", "synthesised"))
    found = only_case(BY_ID["valence-goes-with-words"], Given(scores))
    for row in range(5):
        sides_of = [
            [clean(scores, name, "valence", condition=which)[row] for name in names]
            for which in ("original", "synthesised")
        ]
        assert found[row] == pytest.approx(spearmanr(*sides_of).statistic)


def test_rank_correlations_with_ties_and_constants():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 3, (2, 9, 30)).astype(float)
    first[:, 7] = 1.0
    found = rank_correlations(first, second)
    assert np.isnan(found[7])
    kept = [column for column in range(30) if column != 7]
    expected = [spearmanr(first[:, column], second[:, column]).statistic for column in kept]
    np.testing.assert_allclose(found[kept], expected)


def test_speakers():
    rng = np.random.default_rng(0)
    names = paper_claims().roles["transformers"]
    by_model = {name: {speaker: rng.uniform(0, 1, 201) for speaker in "abcde"} for name in names}
    evidence = Given(speakers=by_model)
    own = np.stack(list(by_model["w2v2-L-robust"].values()))
    median = np.median(own, axis=0)

    share = statement(quantity="speakers_near_median", tolerance=0.2, second=None)
    np.testing.assert_allclose(only_case(share, evidence), (np.abs(own - median) <= 0.2).mean(axis=0))

    low = replace(BY_ID["some-speakers-badly-recognised"], first=Side(models="best", dimensions=("valence",)))
    cases = cases_of(Question(low, paper_claims(), evidence))
    assert [one.speaker for one, _ in cases] == list("abcde")
    np.testing.assert_allclose(np.stack(list(cases.values())), own - median)

    agreement = statement(quantity="speaker_agreement", first=Side(models="transformers", dimensions=("valence",)))
    found = only_case(replace(agreement, second=None), evidence)
    columns = [[by_model[name][speaker][0] for speaker in "abcde"] for name in names]
    assert found[0] == pytest.approx(np.mean([spearmanr(a, b).statistic for a, b in combinations(columns, 2)]))


@pytest.mark.parametrize(
    ("curve", "epochs"),
    [([0.5], 1), ([0.1, 0.3, 0.5, 0.52], 3), ([0.1, 0.3, 0.5, 0.53], 4), ([0.6, 0.1, 0.2], 1)],
)
def test_epochs_to_converge(curve, epochs):
    assert converged(curve) == epochs


def test_convergence_and_steadiness_of_several_seeds():
    quick, slow = np.array([0.6, 0.6, 0.6, 0.6, 0.6]), np.array([0.1, 0.2, 0.3, 0.4, 0.6])
    curves = {"w2v2-b": [quick, quick, quick], "cnn14": [slow, slow + 0.1, slow - 0.1]}
    epochs = only_case(BY_ID["pre-trained-converges-earlier"], Given(curves=curves))
    np.testing.assert_allclose(epochs, 1 - 5)
    spread = only_case(BY_ID["pre-trained-is-steadier"], Given(curves=curves))
    np.testing.assert_allclose(spread, 0 - 0.1)
    (judged,) = evaluate(
        [BY_ID["pre-trained-is-steadier"]], paper_claims(), Given(curves=curves | {"cnn14": [slow]}), confidence=0.95
    )
    assert (judged.verdict, judged.why) == (UNTOLD, "cnn14 was trained with one seed")


def test_few_seeds_give_wide_intervals():
    curves = {
        "w2v2-b": [np.full(9, 0.5)] * 3,
        "cnn14": [np.r_[np.zeros(late), np.full(9 - late, 0.5)] for late in (1, 3, 8)],
    }
    rows = only_case(BY_ID["pre-trained-converges-earlier"], Given(curves=curves, resamples=20_000))
    low, high = statistics.interval(rows[1:, None], 0.95)
    half = 4.303 * np.std([2, 4, 9], ddof=1) / np.sqrt(3)
    assert (low[0], high[0]) == (pytest.approx(-4 - half, rel=0.05), pytest.approx(-4 + half, rel=0.15))
