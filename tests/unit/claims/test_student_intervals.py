import numpy as np
import pytest
from claims_data import statement
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from valence_gap.claims.decisions import INCONCLUSIVE, decide
from valence_gap.claims.errors import Errors
from valence_gap.claims.seed_parts import KindPart
from valence_gap.claims.student_intervals import StudentIntervals

QUANTIFIERS = ("mean", "each", "some", "most")
COMPARISONS = ("greater", "less", "at least", "at most", "within")


def made_up(rng, cases, draws=2000):
    """Errors of correlated cases; some have a part of seeds with few degrees of freedom."""
    utterances = rng.uniform(0.02, 0.2, cases)
    changes = 0.1 * rng.standard_normal((3, cases))
    kinds = (KindPart("one", (3,), ((changes,),)),) if rng.random() < 0.5 else ()
    speakers = rng.uniform(0.02, 0.2, cases) if rng.random() < 0.5 else None
    deviations = rng.standard_normal((draws, cases)) @ rng.normal(0, 1, (cases, cases))
    deviations = (deviations - deviations.mean(axis=0)) / deviations.std(axis=0)
    return Errors(utterances, speakers, 10, kinds, deviations)


def only_utterances(errors, deviations=None):
    count = len(errors)
    return Errors(np.array(errors), None, 0, (), np.empty((0, count)) if deviations is None else deviations)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(QUANTIFIERS), st.sampled_from(COMPARISONS), st.sampled_from([0.9, 0.95]))
def test_a_verdict_is_conclusive_just_if_its_p_value_is_small(seed, quantifier, comparison, confidence):
    rng = np.random.default_rng(seed)
    cases = 1 if quantifier == "mean" else int(rng.integers(1, 6))
    errors = made_up(rng, cases)
    over = () if quantifier == "mean" else ("models",)
    one = statement(quantifier=quantifier, over=over, comparison=comparison, threshold=0.125, margin=0.25)
    found = decide(rng.normal(0, 0.3, (1, cases)), one, confidence, errors=errors)
    assert (found.verdict != INCONCLUSIVE) == (found.p_value <= 1 - confidence + 1e-9)


def test_the_interval_of_one_case_is_students():
    changes = np.array([[0.1], [0.3], [0.2]])
    errors = Errors(np.array([0.0]), None, 0, (KindPart("one", (3,), ((changes,),)),), np.empty((0, 1)))
    low, high = StudentIntervals.of(np.array([0.5]), errors, 0.95).pointwise
    expected = stats.t.interval(0.95, 2, 0.5, 0.1 / np.sqrt(3))
    assert (low[0], high[0]) == pytest.approx(expected)
    supports, contradicts = StudentIntervals.of(np.array([0.5]), errors, 0.95).pointwise_p(1, np.array([0.4]))
    assert supports == pytest.approx([2 * stats.t.sf(0.1 / (0.1 / np.sqrt(3)), 2)])
    assert contradicts == [1]


def test_simultaneous_intervals_hold_all_cases_at_once():
    rng = np.random.default_rng(0)
    errors = only_utterances(np.geomspace(0.01, 1, 40), rng.standard_normal((4000, 40)))
    low, high = StudentIntervals.of(np.zeros(40), errors, 0.95).joint
    others = np.geomspace(0.01, 1, 40) * rng.standard_normal((4000, 40))
    assert ((others > low) & (others < high)).all(axis=1).mean() == pytest.approx(0.95, abs=0.02)
    alike = only_utterances(np.full(40, 0.1), np.repeat(rng.standard_normal((4000, 1)), 40, axis=1))
    assert StudentIntervals.of(np.zeros(40), alike, 0.95).joint_critical == pytest.approx(1.96, abs=0.1)


def test_an_estimate_without_error_decides_and_one_without_evidence_does_not():
    assert decide(np.array([[0.1]]), statement(), 0.95, errors=only_utterances([0.0])).p_value == 0
    at_threshold = decide(np.array([[0.0]]), statement(), 0.95, errors=only_utterances([0.0]))
    assert at_threshold.verdict == "contradicted"
    undefined = decide(np.array([[0.1]]), statement(), 0.95, errors=only_utterances([np.nan]))
    assert (undefined.verdict, undefined.p_value) == (INCONCLUSIVE, 1.0)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(QUANTIFIERS), st.sampled_from(COMPARISONS))
def test_as_many_utterances_or_seeds_as_stated_decide(seed, quantifier, comparison):
    rng = np.random.default_rng(seed)
    cases = 1 if quantifier == "mean" else int(rng.integers(1, 5))
    errors, estimates = made_up(rng, cases), rng.normal(0, 0.3, cases)
    over = () if quantifier == "mean" else ("models",)
    one = statement(quantifier=quantifier, over=over, comparison=comparison, threshold=0.1, margin=0.15)
    found = decide(estimates[None], one, 0.95, errors=errors)
    if found.verdict != INCONCLUSIVE:
        assert (found.growth, found.seeds) == (1.0, 0.0)
    elif found.centred:
        assert np.isinf([found.growth, found.seeds]).all()
    if found.verdict == INCONCLUSIVE and np.isfinite(found.growth):
        kinds = errors.kinds
        shrunk = errors.bootstrap / np.sqrt(1.01 * found.growth)
        if not kinds:  # the t of few speakers is kept, so that compare with the same degrees of freedom
            again = Errors(shrunk, None, 0, (), errors.deviations)
            assert decide(estimates[None], one, 0.95, errors=again).verdict != INCONCLUSIVE
    if found.verdict == INCONCLUSIVE and np.isfinite(found.seeds):
        assert errors.kinds
        before = int(found.seeds) - 1
        reached = StudentIntervals.of(estimates, errors, 0.95, seeds=int(found.seeds))
        short = StudentIntervals.of(estimates, errors, 0.95, seeds=before)
        assert (reached.standard_errors <= short.standard_errors).all()
        assert found.seeds > 1


def test_a_claim_that_only_seeds_can_settle():
    changes = np.array([[-0.1], [0.0], [0.1]])
    errors = Errors(np.array([0.001]), None, 0, (KindPart("one", (3,), ((changes,),)),), np.empty((0, 1)))
    found = decide(np.array([[0.03]]), statement(), 0.95, errors=errors)
    assert (found.verdict, found.growth, found.centred) == (INCONCLUSIVE, np.inf, False)

    def half(seeds):
        return stats.t.ppf(0.975, seeds - 1) * 0.1 / np.sqrt(seeds)

    assert half(found.seeds) < 0.03 < half(found.seeds - 1)
