from dataclasses import replace

import numpy as np
import pytest
from claims_data import STATEMENTS, MappedEvidence, RandomEvidence, around, paper_claims, statement
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from valence_gap.claims.cases import cases_of
from valence_gap.claims.decisions import CONTRADICTED, INCONCLUSIVE, SUPPORTED, bounds, decide, satisfied, sides
from valence_gap.claims.evidence import MissingEvidenceError
from valence_gap.claims.intervals import Intervals
from valence_gap.claims.published import PublishedEvidence
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.claims.verdicts import evaluate, summary
from valence_gap.definitions.claims import Claims, Side
from valence_gap.scores import statistics

OPPOSITE = {SUPPORTED: CONTRADICTED, CONTRADICTED: SUPPORTED, INCONCLUSIVE: INCONCLUSIVE}


def verdicts(statements, evidence, claims=None):
    judged = evaluate(statements, claims or paper_claims(), evidence, confidence=0.95)
    return {one.statement.id: one.verdict for one in judged}


@pytest.mark.parametrize(
    ("comparison", "threshold", "margin", "low", "high", "expected"),
    [
        ("greater", 0.1, None, 0.11, 0.2, SUPPORTED),
        ("greater", 0.1, None, 0.09, 0.2, INCONCLUSIVE),
        ("greater", 0.1, None, 0.0, 0.1, CONTRADICTED),
        ("greater", 0.0, None, 0.0, 0.0, CONTRADICTED),
        ("less", 0.1, None, 0.0, 0.09, SUPPORTED),
        ("less", 0.1, None, 0.0, 0.11, INCONCLUSIVE),
        ("less", 0.1, None, 0.1, 0.2, CONTRADICTED),
        ("at least", 0.0, 0.02, -0.01, 0.2, SUPPORTED),
        ("at least", 0.0, 0.02, -0.03, 0.2, INCONCLUSIVE),
        ("at least", 0.0, 0.02, -0.2, -0.02, CONTRADICTED),
        ("at most", 0.0, 0.02, -0.2, 0.01, SUPPORTED),
        ("at most", 0.0, 0.02, -0.2, 0.03, INCONCLUSIVE),
        ("at most", 0.0, 0.02, 0.02, 0.2, CONTRADICTED),
        ("within", 0.26, 0.05, 0.22, 0.3, SUPPORTED),
        ("within", 0.26, 0.05, 0.22, 0.32, INCONCLUSIVE),
        ("within", 0.26, 0.05, 0.1, 0.4, INCONCLUSIVE),
        ("within", 0.26, 0.05, 0.1, 0.2, CONTRADICTED),
        ("within", 0.26, 0.05, 0.32, 0.4, CONTRADICTED),
    ],
)
def test_interval_decides(comparison, threshold, margin, low, high, expected):
    one = statement(comparison=comparison, threshold=threshold, margin=margin)
    supports, contradicts = sides(np.array([low]), np.array([high]), bounds(one))
    assert (supports[0], contradicts[0]) == (expected == SUPPORTED, expected == CONTRADICTED)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=2), st.floats(-1, 1), st.floats(0.01, 0.5))
def test_no_interval_is_on_both_sides(ends, threshold, margin):
    low, high = np.array([min(ends)]), np.array([max(ends)])
    for comparison in ("greater", "less", "at least", "at most", "within"):
        limits = bounds(statement(comparison=comparison, threshold=threshold, margin=margin))
        supports, contradicts = sides(low, high, limits)
        assert not (supports & contradicts).any()


CASES = {"clear": around(0.2), "against": around(-0.2), "open": around(0.001)}


@pytest.mark.parametrize(
    ("quantifier", "cases", "expected", "decides"),
    [
        ("each", ["clear", "clear"], SUPPORTED, 0),
        ("each", ["clear", "open"], INCONCLUSIVE, 1),
        ("each", ["clear", "open", "against"], CONTRADICTED, 2),
        ("some", ["against", "open", "clear"], SUPPORTED, 2),
        ("some", ["against", "open"], INCONCLUSIVE, 1),
        ("some", ["against", "against"], CONTRADICTED, 0),
        ("most", ["clear", "clear", "against"], SUPPORTED, 0),
        ("most", ["clear", "open", "against"], INCONCLUSIVE, 1),
        ("most", ["clear", "open", "open"], INCONCLUSIVE, 1),
        ("most", ["clear", "against"], CONTRADICTED, 1),
    ],
)
def test_quantifiers(quantifier, cases, expected, decides):
    rows = np.stack([CASES[name] for name in cases], axis=1)
    found = decide(rows, statement(quantifier=quantifier, over=("models",)), 0.95)
    assert (found.verdict, found.case) == (expected, decides)
    assert found.low <= rows[0, decides] <= found.high


def test_one_of_many_has_to_be_clearer_than_one():
    rng = np.random.default_rng(0)
    rows = np.concatenate([np.full((1, 20), -1.0), -1 + 0.45 * rng.standard_normal((4000, 20))])
    alone = decide(rows[:, :1], statement(threshold=-2, quantifier="some", over=("models",)), 0.95)
    among = decide(rows, statement(threshold=-2, quantifier="some", over=("models",)), 0.95)
    assert (alone.verdict, among.verdict) == (SUPPORTED, INCONCLUSIVE)
    assert among.low < alone.low
    each = statement(threshold=-2, quantifier="each", over=("models",))
    assert decide(rows, each, 0.95).verdict == SUPPORTED


def test_intervals_of_many_cases_hold_all_of_them_at_once():
    rng = np.random.default_rng(0)
    scales = np.geomspace(0.01, 1, 84)
    low, high = Intervals.of(scales * rng.standard_normal((1000, 84)), 0.95).joint
    others = scales * rng.standard_normal((4000, 84))
    assert ((others > low) & (others < high)).all(axis=1).mean() == pytest.approx(0.95, abs=0.02)
    bonferroni = scales * norm.ppf(1 - 0.025 / 84)
    np.testing.assert_allclose(high, bonferroni, rtol=0.2)
    np.testing.assert_allclose(low, -bonferroni, rtol=0.2)


def test_intervals_of_correlated_cases_are_widened_less():
    rng = np.random.default_rng(0)
    alone = np.exp(rng.standard_normal((1000, 1)))  # skewed, so the halves differ
    plain = statistics.interval(alone, 0.95)
    np.testing.assert_array_equal(Intervals.of(alone, 0.95).joint, plain)
    both = Intervals.of(np.repeat(alone, 84, axis=1), 0.95).joint
    np.testing.assert_allclose(both, np.repeat(plain, 84, axis=1), rtol=0.01)


def test_intervals_without_width_or_resamples_are_not_widened():
    rng = np.random.default_rng(0)
    values = np.stack([np.full(400, 0.3), rng.standard_normal(400), np.full(400, np.nan)], axis=1)
    values[::7, 1] = np.nan
    low, high = Intervals.of(values, 0.95).joint
    assert (low[0], high[0]) == (0.3, 0.3)
    assert (low[1], high[1]) == (pytest.approx(-1.96, abs=0.3), pytest.approx(1.96, abs=0.3))
    assert np.isnan([low[2], high[2]]).all()


def test_summary_counts_each_verdict():
    one, key = statement(), ("msp-podcast", "valence", "clean", "all")
    scores = {("w2v2-L-robust", *key): around(0.6), ("cnn14", *key): around(0.3)}
    judged = evaluate(
        [one, replace(one, comparison="less"), replace(one, first=Side(models="random"))],
        paper_claims(),
        MappedEvidence(scores),
        confidence=0.95,
    )
    assert summary(judged) == "3 claims: 1 supported, 1 contradicted, 1 inconclusive"
    assert "w2v2-L-random" in judged[2].why


def test_empty_roles_are_inconclusive():
    claims = Claims(roles={"transformers": ("a", "b"), "best": ()}, corpora={"in-domain": "x"})
    judged = evaluate(STATEMENTS, claims, RandomEvidence(0), confidence=0.95)
    by_id = {one.statement.id: one for one in judged}
    assert by_id["valence-gains-most"].verdict == INCONCLUSIVE
    assert "no model in the role of best" in by_id["valence-gains-most"].why
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
    claims, seen = paper_claims(), {one.id: set() for one in STATEMENTS}
    for seed in range(400):
        open_ones = [one for one in STATEMENTS if not {SUPPORTED, CONTRADICTED} <= seen[one.id]]
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


def test_published_scores_support_the_claims_that_they_cover():
    claims, published, checked = paper_claims(), PublishedEvidence(), 0
    for one in STATEMENTS:
        try:
            cases = cases_of(ResolvedStatement(one, claims, published))
        except MissingEvidenceError:
            continue
        checked += 1
        meets = [satisfied(float(rows[0]), one) for rows in cases.values()]
        assert {"each": all(meets), "some": any(meets), "most": 2 * sum(meets) > len(meets)}.get(
            one.quantifier, meets[0]
        ), one.id
    assert checked >= 10
