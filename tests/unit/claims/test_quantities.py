from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from claims_data import BY_ID, MappedEvidence, around, paper_claims, statement
from scipy.stats import spearmanr

from valence_gap.claims.cases import cases_of
from valence_gap.claims.decisions import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from valence_gap.claims.quantities import rank_correlations
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.claims.verdicts import evaluate
from valence_gap.definitions.claims import Side
from valence_gap.scores import statistics


def only_case(one, evidence, claims=None):
    (rows,) = cases_of(ResolvedStatement(one, claims or paper_claims(), evidence)).values()
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
    tuning = only_case(statement(quantity="gain_of_tuning", first=side, second=None), MappedEvidence(scores))
    fusion = only_case(statement(quantity="gain_of_fusion", first=side, second=None), MappedEvidence(scores))
    own = clean(scores, "hubert-L", "arousal")
    np.testing.assert_allclose(tuning, own - clean(scores, "hubert-L-frozen", "arousal"))
    np.testing.assert_allclose(fusion, clean(scores, "hubert-L-fusion", "arousal") - own)


def test_lead_in_one_dimension_over_that_in_others():
    scores = scores_of(["w2v2-L-robust", "cnn14"])
    cases = cases_of(ResolvedStatement(BY_ID["valence-gains-most"], paper_claims(), MappedEvidence(scores)))
    leads = {
        name: clean(scores, "w2v2-L-robust", name) - clean(scores, "cnn14", name)
        for name in ("arousal", "dominance", "valence")
    }
    assert [other.dimension for _, other in cases] == ["arousal", "dominance"]
    for (_, other), rows in cases.items():
        np.testing.assert_allclose(rows, leads["valence"] - leads[other.dimension])
    averaged = replace(BY_ID["valence-gains-most"], quantifier="mean", over=())
    found = only_case(averaged, MappedEvidence(scores))
    np.testing.assert_allclose(found, leads["valence"] - (leads["arousal"] + leads["dominance"]) / 2)


def test_relative_drop():
    scores = scores_of(["w2v2-L-robust", "cnn14"], corpora=("msp-podcast", "iemocap"))
    cases = cases_of(ResolvedStatement(BY_ID["best-loses-less-across-corpora"], paper_claims(), MappedEvidence(scores)))
    assert [one.dimension for one, _ in cases] == ["arousal", "dominance"]
    for (one, _), rows in cases.items():
        drops = [
            1 - clean(scores, model, one.dimension, "iemocap") / clean(scores, model, one.dimension)
            for model in ("w2v2-L-robust", "cnn14")
        ]
        np.testing.assert_allclose(rows, drops[0] - drops[1])


def test_a_relative_drop_from_zero_is_inconclusive():
    scores = scores_of(["w2v2-L-robust", "cnn14"], corpora=("msp-podcast", "iemocap"))
    scores["cnn14", "msp-podcast", "arousal", "clean", "all"] = around(0.005)
    (judged,) = evaluate(
        [BY_ID["best-loses-less-across-corpora"]], paper_claims(), MappedEvidence(scores), confidence=0.95
    )
    assert judged.verdict == INCONCLUSIVE
    assert "cnn14, arousal" in judged.why


def test_change_is_the_mean_over_conditions_corpora_and_dimensions():
    claims = paper_claims(conditions={"human": ("a", "b"), "natural": ("d", "e"), "interior": ("c",)})
    corpora = ("msp-podcast", "iemocap", "cmu-mosi")
    scores = scores_of(["w2v2-L-robust"], corpora, conditions=("clean", *"abcde"))
    scores = {key: rows for key, rows in scores.items() if key[1] != "cmu-mosi" or key[2] == "valence"}
    places = [(corpus, name) for corpus in corpora[:2] for name in ("arousal", "dominance", "valence")]
    places.append(("cmu-mosi", "valence"))

    def change(condition):
        pairs = [
            [clean(scores, "w2v2-L-robust", name, corpus, which) for which in (condition, "clean")]
            for corpus, name in places
        ]
        return np.mean([one - two for one, two in pairs], axis=0)

    cases = cases_of(ResolvedStatement(BY_ID["human-sounds-hurt-most"], claims, MappedEvidence(scores)))
    assert [other.condition for _, other in cases] == ["natural", "interior"]
    human, natural = ((change(one) + change(other)) / 2 for one, other in ("ab", "de"))
    np.testing.assert_allclose([*cases.values()], [human - natural, human - change("c")])
    (only,) = cases_of(ResolvedStatement(BY_ID["human-sounds-hurt-most"], claims, MappedEvidence(scores)), [*cases][1])
    assert only == [*cases][1]
    averaged = replace(BY_ID["human-sounds-hurt-most"], quantifier="mean", over=())
    found = only_case(averaged, MappedEvidence(scores), claims)
    np.testing.assert_allclose(found, human - (change("c") + change("d") + change("e")) / 3)


def test_gender_gaps():
    scores = scores_of(["hubert-L"], groups=("female", "male"))
    side = Side(models="strong")
    signed = only_case(statement(quantity="gender_gap", first=side, second=None), MappedEvidence(scores))
    gaps = [
        clean(scores, "hubert-L", name, group="female") - clean(scores, "hubert-L", name, group="male")
        for name in ("arousal", "dominance", "valence")
    ]
    np.testing.assert_allclose(signed, np.mean(gaps, axis=0))


def around_all(values, errors):
    """Rows by name: numbers, and resamples with these errors, (resamples,) each."""
    return {name: np.concatenate([[value], value + errors[name]]) for name, value in values.items()}


def test_absolute_gender_gap_is_that_beyond_chance():
    errors = {"arousal": np.array([0.1, -0.1]), "valence": np.array([0.3, -0.3])}
    women, men = around_all({"arousal": 0.5, "valence": 0.4}, errors), {"arousal": 0.7, "valence": 0.2}
    scores = {("hubert-L", "msp-podcast", name, "clean", "female"): rows for name, rows in women.items()}
    scores |= {("hubert-L", "msp-podcast", name, "clean", "male"): np.full(3, value) for name, value in men.items()}
    one = statement(quantity="absolute_gender_gap", first=Side(models="strong"), second=None)
    found = only_case(one, MappedEvidence(scores, resamples=2))
    # Gaps of -.2 and .2 with errors of .1 and .3: squares of .04 less .01 and less .09, on average -.01.
    squares = [(0.03 - 0.05) / 2, (0.1**2 - 0.02 + 0.5**2 - 0.18) / 2, (0.3**2 - 0.02 + 0.1**2 - 0.18) / 2]
    np.testing.assert_allclose(found, [-0.1, np.sqrt(squares[1]), -np.sqrt(-squares[2])])
    # An average of 0 with errors of .2: its square is 0 less .04, and of the resamples .04 less .08.
    average = only_case(replace(one, quantity="absolute_average_gender_gap"), MappedEvidence(scores, resamples=2))
    np.testing.assert_allclose(average, [-0.2, -0.2, -0.2])


def models_that_differ(by_dimension, errors=(0.0,)):
    """Five transformers by their offsets in each dimension; the resamples of one of them have the errors."""
    claims = paper_claims(roles={"transformers": tuple("abcde")})
    scores = {
        (model, "msp-podcast", dimension, "clean", "all"): 0.5 + off + np.array([0.0, *errors]) * (model == "a")
        for dimension, offsets in by_dimension.items()
        for model, off in zip("abcde", offsets, strict=True)
    }
    return claims, MappedEvidence(scores, resamples=len(errors))


STAIRS = np.arange(-2, 3) / np.sqrt(2.5)  # five numbers of variance 1


def test_spread_over_models_is_that_of_each_dimension():
    claims, evidence = models_that_differ(
        {"arousal": 0.1 * STAIRS, "dominance": -0.1 * STAIRS, "valence": 0.05 * STAIRS}
    )
    np.testing.assert_allclose(only_case(BY_ID["unequal-in-valence"], evidence, claims), 0.05 - 0.1)


def test_spread_over_models_is_that_beyond_chance():
    valence = replace(BY_ID["unequal-in-valence"], second=None)
    claims, evidence = models_that_differ({"valence": 0.1 * STAIRS}, errors=(0.2, -0.2))
    found = only_case(valence, evidence, claims)
    # Errors of +-.2 in one of five models have a variance of .04 / 5 over the models.
    drawn = [np.var(0.1 * STAIRS + [0.2 * sign, 0, 0, 0, 0], ddof=1) - 2 * 0.04 / 5 for sign in (1, -1)]
    np.testing.assert_allclose(found, [np.sqrt(0.01 - 0.008), *(np.sign(drawn) * np.sqrt(np.abs(drawn)))])


# Valence is the noisiest, as in the paper's corpora.
NOISE = {"arousal": 0.03, "dominance": 0.04, "valence": 0.08}


def noisy(rng, keys, truth, noise, resamples=300):
    """Rows of scores: a true value with normal errors, as a bootstrap would give them."""
    found = {}
    for key in keys:
        estimate = truth[key[2]] + noise[key[2]] * rng.standard_normal()
        found[key] = np.r_[estimate, estimate + noise[key[2]] * rng.standard_normal(resamples)]
    return found


def shares(one, worlds, claims=None):
    """How often a statement is supported, and how often contradicted."""
    verdicts = [evaluate([one], claims or paper_claims(), world, confidence=0.95)[0].verdict for world in worlds]
    return np.mean([verdict == SUPPORTED for verdict in verdicts]), np.mean(
        [verdict == CONTRADICTED for verdict in verdicts]
    )


def test_equal_models_do_not_differ_most_where_scores_are_noisiest():
    rng, names = np.random.default_rng(0), paper_claims().roles["transformers"]
    keys = [(name, "msp-podcast", dimension, "clean", "all") for name in names for dimension in NOISE]
    worlds = [MappedEvidence(noisy(rng, keys, dict.fromkeys(NOISE, 0.5), NOISE), resamples=300) for _ in range(200)]
    assert max(shares(BY_ID["unequal-in-valence"], worlds)) <= 0.04
    offsets = dict(zip(names, np.linspace(-0.3, 0.3, len(names)), strict=True))
    apart = {key: rows + offsets[key[0]] * (key[2] == "valence") for key, rows in worlds[0].cccs.items()}
    assert shares(BY_ID["unequal-in-valence"], [MappedEvidence(apart, resamples=300)]) == (1, 0)


def test_scores_without_a_gender_gap_are_not_less_fair_where_they_are_noisiest():
    rng, names = np.random.default_rng(0), ("a", "b", "c", "d")
    claims = paper_claims(roles={"transformers": names})
    keys = [
        (name, corpus, dimension, "clean", gender)
        for name in names
        for corpus in ("msp-podcast", "iemocap")
        for dimension in NOISE
        for gender in ("female", "male")
    ]
    worlds = [MappedEvidence(noisy(rng, keys, dict.fromkeys(NOISE, 0.5), NOISE), resamples=300) for _ in range(200)]
    assert max(shares(BY_ID["valence-less-fair"], worlds, claims)) <= 0.04
    gap = {key: rows + 0.3 * (key[2] == "valence" and key[4] == "male") for key, rows in worlds[0].cccs.items()}
    assert shares(BY_ID["valence-less-fair"], [MappedEvidence(gap, resamples=300)], claims) == (1, 0)


def test_correlation_over_models():
    names = paper_claims().roles["transformers"]
    scores = scores_of(names, conditions=("original", "synthesised"))
    found = only_case(BY_ID["valence-goes-with-words"], MappedEvidence(scores))
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
    evidence = MappedEvidence(speakers=by_model)
    own = np.stack(list(by_model["w2v2-L-robust"].values()))
    median = np.median(own, axis=0)

    # Resamples of statistics over speakers are around the estimate; the tolerance is for 200 utterances of a speaker.
    for draws, tolerance in ((200, 0.2), (50, 0.1)):
        share = statement(quantity="speakers_near_median", tolerance=tolerance, second=None)
        near = (np.abs(own - median) <= 0.2).mean(axis=0)
        expected = [near[0], *np.clip(near[1:] - np.median(near[1:]) + near[0], 0, 1)]
        found = only_case(share, MappedEvidence(speakers=by_model, speaker_draws=draws))
        np.testing.assert_allclose(found, np.mean([expected] * 3, axis=0))

    low = replace(BY_ID["some-speakers-badly-recognised"], first=Side(models="best", dimensions=("valence",)))
    cases = cases_of(ResolvedStatement(low, paper_claims(), evidence))
    assert [one.speaker for one, _ in cases] == list("abcde")
    np.testing.assert_allclose(np.stack(list(cases.values())), own - median)

    agreement = statement(quantity="speaker_agreement", first=Side(models="transformers", dimensions=("valence",)))
    found = only_case(replace(agreement, second=None), evidence)
    columns = [[by_model[name][speaker][0] for speaker in "abcde"] for name in names]
    assert found[0] == pytest.approx(np.mean([spearmanr(a, b).statistic for a, b in combinations(columns, 2)]))
    low, high = statistics.interval(found[1:, None], 0.95)
    assert low[0] <= found[0] <= high[0]


LOWEST = replace(
    BY_ID["every-model-fails-for-some-speaker"],
    first=Side(models="transformers", dimensions=("valence",)),
    quantifier="mean",
    over=(),
)


def speakers_around(truth, rng, error=0.05, resamples=300):
    """Nineteen speakers by their true CCC, with the errors of an estimate and of its resamples."""
    estimates = np.array(truth) + error * rng.standard_normal(len(truth))
    rows = {f"{k}": np.r_[one, one + error * rng.standard_normal(resamples)] for k, one in enumerate(estimates)}
    return MappedEvidence(speakers={"a": rows}, resamples=resamples)


@pytest.mark.parametrize(
    "truth",
    [np.full(19, 0.43), np.linspace(0.43, 0.8, 19), [0.43, *np.full(18, 0.7)]],
    ids=["equal", "stairs", "alone"],
)
def test_a_lowest_speaker_at_the_limit_is_not_found_below_it(truth):
    rng, claims = np.random.default_rng(0), paper_claims(roles={"transformers": ("a",)})
    worlds = [speakers_around(truth, rng) for _ in range(200)]
    assert max(shares(LOWEST, worlds, claims)) <= 0.05


def test_a_lowest_speaker_is_found_if_it_is_low_and_is_not_if_none_is():
    rng, claims = np.random.default_rng(0), paper_claims(roles={"transformers": ("a",)})
    assert shares(LOWEST, [speakers_around([0.1, *np.full(18, 0.7)], rng)], claims) == (1, 0)
    assert shares(LOWEST, [speakers_around(np.full(19, 0.7), rng)], claims) == (0, 1)


def test_the_lowest_of_speakers_without_errors_is_the_minimum():
    rows = {name: np.full(3, value) for name, value in {"x": 0.7, "y": 0.2, "z": 0.5}.items()}
    evidence = MappedEvidence(speakers={"a": rows}, resamples=2)
    found = only_case(LOWEST, evidence, paper_claims(roles={"transformers": ("a",)}))
    np.testing.assert_allclose(found, 0.2)


def test_all_models_are_the_transformers_and_the_baseline():
    rng = np.random.default_rng(0)
    names = [*paper_claims().roles["transformers"], "cnn14"]
    by_model = {name: {speaker: rng.uniform(0, 1, 201) for speaker in "abcde"} for name in names}
    cases = cases_of(
        ResolvedStatement(
            BY_ID["every-model-fails-for-some-speaker"], paper_claims(), MappedEvidence(speakers=by_model)
        )
    )
    assert [one.model for one, _ in cases] == names
