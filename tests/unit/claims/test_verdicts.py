from dataclasses import replace
from math import ceil

import numpy as np
import pytest
from claims_data import BY_ID, STATEMENTS, MappedEvidence, RandomEvidence, around, paper_claims, statement

from valence_gap.claims.decisions import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.claims.verdicts import evaluate, summary
from valence_gap.definitions.claims import Claims, Side

OPPOSITE = {SUPPORTED: CONTRADICTED, CONTRADICTED: SUPPORTED, INCONCLUSIVE: INCONCLUSIVE}


def verdicts(statements, evidence, claims=None):
    judged = evaluate(statements, claims or paper_claims(), evidence, confidence=0.95)
    return {one.statement.id: one.verdict for one in judged}


def test_summary_counts_each_verdict():
    one, key = statement(), ("msp-podcast", "valence", "clean", "all")
    scores = {("w2v2-L-robust", *key): around(0.6), ("cnn14", *key): around(0.3)}
    judged = evaluate(
        [one, replace(one, comparison="less"), replace(one, first=Side(models="random"))],
        paper_claims(),
        MappedEvidence(scores),
        confidence=0.95,
    )
    assert summary(judged, 0.95) == (
        "3 claims: 1 supported, 1 contradicted, 1 inconclusive (1 without evidence); of 2 tested at 95 %, up to 0.1 "
        "false verdicts are expected; 2 of the supported and contradicted ones hold "
        "after correction for their number"
    )
    assert "w2v2-L-random" in judged[2].why


def test_empty_roles_are_inconclusive():
    claims = Claims(roles={"transformers": ("a", "b"), "best": ()}, corpora={"in-domain": "x"})
    judged = evaluate(STATEMENTS, claims, RandomEvidence(0), confidence=0.95)
    by_id = {one.statement.id: one for one in judged}
    assert by_id["valence-gains-most"].verdict == INCONCLUSIVE
    assert "no model in the role of best (in the paper w2v2-L-robust)" in by_id["valence-gains-most"].why
    assert "no frozen variant of a" in by_id["tuning-helps-valence"].why
    assert "no corpus in the role of cross-corpus" in by_id["equal-in-arousal-and-dominance"].why
    assert "it needs at least 4" in by_id["valence-goes-with-words"].why
    assert by_id["unequal-in-valence"].verdict != INCONCLUSIVE


def test_an_undefined_score_is_inconclusive():
    key = ("msp-podcast", "valence", "clean", "all")
    scores = {("w2v2-L-robust", *key): np.full(201, np.nan), ("cnn14", *key): around(0.3)}
    (judged,) = evaluate([statement()], paper_claims(), MappedEvidence(scores), confidence=0.95)
    assert (judged.verdict, judged.estimate) == (INCONCLUSIVE, None)
    assert "undefined" in judged.why


def test_each_statement_holds_in_some_world_and_does_not_in_another():
    # Claims on table I have the same verdict in each world: the table is published.
    claims, seen = paper_claims(), {one.id: set() for one in STATEMENTS if not one.contrast}
    for seed in range(400):
        open_ones = [one for one in STATEMENTS if one.id in seen and not {SUPPORTED, CONTRADICTED} <= seen[one.id]]
        for name, verdict in verdicts(open_ones, RandomEvidence(seed), claims).items():
            seen[name].add(verdict)
    assert {name for name, found in seen.items() if not {SUPPORTED, CONTRADICTED} <= found} == set()


DIRECTED = [one for one in STATEMENTS if one.comparison in ("greater", "less")]
SWAPPABLE = [one for one in DIRECTED if one.second and not one.threshold and one.quantity != "correlation_over_models"]


@pytest.mark.parametrize("seed", range(5))
def test_the_opposite_claim_gets_the_opposite_verdict(seed):
    averages = [replace(one, quantifier="mean", over=()) for one in DIRECTED if "speakers" not in one.over]
    turned = [replace(one, comparison="less" if one.comparison == "greater" else "greater") for one in averages]
    found, opposite = verdicts(averages, RandomEvidence(seed)), verdicts(turned, RandomEvidence(seed))
    assert {name: OPPOSITE[verdict] for name, verdict in found.items()} == opposite


@pytest.mark.parametrize("seed", range(5))
def test_swapped_sides_get_the_opposite_verdict(seed):
    averages = [replace(one, quantifier="mean", over=()) for one in SWAPPABLE]
    claims, world = paper_claims(), RandomEvidence(seed)
    turned = [
        replace(
            one,
            first=ResolvedStatement(one, claims, world).second(),
            second=replace(one.first, models=one.first.models),
        )
        for one in averages
    ]
    assert len(turned) > 20
    found, opposite = verdicts(averages, world, claims), verdicts(turned, world, claims)
    assert {name: OPPOSITE[verdict] for name, verdict in found.items()} == opposite


def test_an_inconclusive_claim_says_how_many_utterances_it_would_take():
    one, key = statement(), ("msp-podcast", "valence", "clean", "all")
    wide = MappedEvidence({("w2v2-L-robust", *key): around(0.62, width=0.04), ("cnn14", *key): np.full(201, 0.6)})
    (judged,) = evaluate([one], paper_claims(), wide, confidence=0.95)
    # The interval is .02 +- 1.96 standard errors, so these must shrink to .02.
    error = 1.959964 * np.linspace(-0.04, 0.04, 200).std(ddof=1)
    assert judged.needs.utterances == {"msp-podcast": ceil(1000 * (error / 0.02) ** 2)}
    assert judged.would_take == (
        f"would take these utterances, speakers in proportion: {judged.needs.utterances['msp-podcast']:,} of "
        "msp-podcast instead of 1,000"
    )
    assert (judged.limited_by, judged.needs.seeds) == ("utterances", None)
    assert judged.would_take in judged.why
    near = MappedEvidence({("w2v2-L-robust", *key): around(0.603, width=0.04), ("cnn14", *key): np.full(201, 0.6)})
    (judged,) = evaluate([one], paper_claims(), near, confidence=0.95)
    assert judged.would_take == "no number decides it, because an interval is centred on the threshold"
    assert (judged.limited_by, judged.needs.utterances, judged.needs.seeds) == ("centre", None, None)
    clear = MappedEvidence({("w2v2-L-robust", *key): around(0.7), ("cnn14", *key): np.full(201, 0.6)})
    (judged,) = evaluate([one], paper_claims(), clear, confidence=0.95)
    assert (judged.verdict, judged.would_take) == (SUPPORTED, "")


def test_the_numbers_that_decide_are_of_the_data_of_the_claim():
    words = BY_ID["words-alone-predict-valence"]
    spoken = MappedEvidence(
        {("w2v2-L-robust", "msp-podcast", "valence", "synthesised", "all"): around(0.12, width=0.1)}
    )
    (judged,) = evaluate([words], paper_claims(), spoken, confidence=0.95)
    assert "of msp-podcast instead of 500" in judged.would_take
    drops = {
        (model, corpus, name, "clean", "all"): around(0.5 - 0.2 * (corpus == "iemocap"), width=0.02)
        for model in ("w2v2-L-robust", "cnn14")
        for corpus in ("msp-podcast", "iemocap")
        for name in ("arousal", "dominance")
    }
    drops |= {key: rows[::-1] + 0.02 for key, rows in drops.items() if key[0] == "cnn14" and key[1] == "iemocap"}
    loss = BY_ID["best-loses-less-across-corpora"]
    (judged,) = evaluate([loss], paper_claims(), MappedEvidence(drops), confidence=0.95)
    assert judged.verdict == INCONCLUSIVE
    assert "of iemocap instead of 1,000" in judged.would_take
    assert "of msp-podcast instead of 1,000" in judged.would_take
    domain = BY_ID["best-abstracts-from-domain"]
    apart = {("w2v2-L-robust", "corpus"): around(0.78, width=0.1), ("cnn14", "corpus"): np.full(201, 0.8)}
    (judged,) = evaluate([domain], paper_claims(), MappedEvidence(separations=apart), confidence=0.95)
    assert "embedded utterances instead of 100" in judged.would_take
    curves = {"w2v2-b": [np.full(4, 0.5)] * 3, "cnn14": [np.r_[np.zeros(k), np.full(20 - k, 0.5)] for k in (2, 9, 14)]}
    earlier = BY_ID["pre-trained-converges-earlier"]
    (judged,) = evaluate([earlier], paper_claims(), MappedEvidence(curves=curves), confidence=0.95)
    assert judged.verdict == INCONCLUSIVE
    assert judged.would_take.endswith("seeds instead of 3")


def test_a_corpus_can_have_a_margin_of_its_own():
    places = [("msp-podcast", "arousal"), ("cmu-mosi", "valence")]
    scores = {("w2v2-L-robust-12", *place, "clean", "all"): around(0.5 - 0.01, width=0.005) for place in places}
    scores |= {("w2v2-L-robust", *place, "clean", "all"): np.full(201, 0.5) for place in places}
    scores |= {(*key[:1], "msp-podcast", "valence", *key[3:]): rows for key, rows in scores.items()}
    one = replace(
        BY_ID["half-the-layers-suffice"],
        first=Side(models="half-depth", corpora=("in-domain", "sentiment"), dimensions=("valence",)),
    )
    lost = {key: rows - 0.025 * (key[:2] == ("w2v2-L-robust-12", "cmu-mosi")) for key, rows in scores.items()}
    (judged,) = evaluate([one], paper_claims(), MappedEvidence(lost), confidence=0.95)
    assert judged.verdict == SUPPORTED
    (judged,) = evaluate([replace(one, margins={})], paper_claims(), MappedEvidence(lost), confidence=0.95)
    assert (judged.verdict, judged.supporting) == (CONTRADICTED, 1)


def test_claims_without_an_interval_are_not_counted_as_tests():
    known = [one for one in STATEMENTS if one.contrast]
    judged = evaluate(known, paper_claims(), RandomEvidence(0), confidence=0.95)
    assert len(judged) == 5
    assert {(one.verdict, one.p_value, one.p_adjusted) for one in judged} == {(SUPPORTED, None, None)}


@pytest.mark.parametrize("quantifier", ["mean", "each", "some", "most"])
def test_equal_models_get_a_false_verdict_as_rarely_as_stated(quantifier):
    """At a true difference of zero, `greater` must not be supported in more than 2.5 %, nor found with p below .05."""
    rng, names = np.random.default_rng(0), [*paper_claims().roles["transformers"], "cnn14"]
    over = () if quantifier == "mean" else ("models",)
    one = statement(first=Side(models="transformers", dimensions=("valence",)), quantifier=quantifier, over=over)
    verdicts, p_values = [], []
    for _ in range(400):
        rows = {
            (name, "msp-podcast", "valence", "clean", "all"): np.r_[0.5 + error, 0.5 + error + 0.03 * noise]
            for name, error, noise in zip(
                names, 0.03 * rng.standard_normal(8), rng.standard_normal((8, 400)), strict=True
            )
        }
        (judged,) = evaluate([one], paper_claims(), MappedEvidence(rows, resamples=400), confidence=0.95)
        verdicts.append(judged.verdict)
        p_values.append(judged.p_value)
    assert np.mean([verdict == SUPPORTED for verdict in verdicts]) <= 0.025 + 2 * np.sqrt(0.025 / 400)
    assert np.mean(np.array(p_values) <= 0.05) <= 0.05 + 2 * np.sqrt(0.05 / 400)
    assert [p <= 0.05 for p in p_values] == [verdict != INCONCLUSIVE for verdict in verdicts]
