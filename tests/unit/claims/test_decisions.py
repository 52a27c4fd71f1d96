import numpy as np
import pytest
from claims_data import around, statement
from hypothesis import given, settings
from hypothesis import strategies as st

from valence_gap.claims.decisions import CONTRADICTED, INCONCLUSIVE, SUPPORTED, bounds, decide, sides


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


QUANTIFIERS = ("mean", "each", "some", "most")
COMPARISONS = ("greater", "less", "at least", "at most", "within")


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from(QUANTIFIERS),
    st.sampled_from(COMPARISONS),
    st.sampled_from([0.9, 0.95, 0.99]),
    st.booleans(),
)
def test_a_verdict_is_conclusive_just_if_its_p_value_is_small(seed, quantifier, comparison, confidence, rounded):
    rng = np.random.default_rng(seed)
    cases = 1 if quantifier == "mean" else int(rng.integers(1, 6))
    rows = rng.normal(0, 0.2, cases) + 0.1 * rng.standard_normal((401, cases)) @ rng.normal(0, 1, (cases, cases))
    if rounded and cases == 1:  # with ties; with several cases, rounding errors of the common factor would decide them
        rows = np.round(8 * rows) / 8
    over = () if quantifier == "mean" else ("models",)
    one = statement(quantifier=quantifier, over=over, comparison=comparison, threshold=0.125, margin=0.25)
    found = decide(rows, one, confidence)
    assert (found.verdict != INCONCLUSIVE) == (found.p_value <= 1 - confidence + 1e-9)


def test_undefined_resamples_decide_nothing():
    rows = np.full((201, 2), np.nan)
    rows[0] = 0.5
    found = decide(rows, statement(quantifier="each", over=("models",)), 0.95)
    assert (found.verdict, found.p_value) == (INCONCLUSIVE, 1.0)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(QUANTIFIERS), st.sampled_from(COMPARISONS))
def test_as_many_utterances_as_stated_decide(seed, quantifier, comparison):
    rng = np.random.default_rng(seed)
    cases = 1 if quantifier == "mean" else int(rng.integers(1, 6))
    grid = np.linspace(-1, 1, 401)[:, None]
    centres, widths = rng.normal(0, 0.2, cases), rng.uniform(0.01, 0.4, cases)
    over = () if quantifier == "mean" else ("models",)
    one = statement(quantifier=quantifier, over=over, comparison=comparison, threshold=0.1, margin=0.15)

    def decided(growth):
        resamples = centres + widths * grid / np.sqrt(growth)
        return decide(np.r_[centres[None], resamples], one, 0.95)

    found = decided(1.0)
    if found.verdict != INCONCLUSIVE:
        assert found.growth == 1
    elif np.isfinite(found.growth):
        assert decided(1.001 * found.growth).verdict != INCONCLUSIVE
        assert decided(max(1.0, 0.999 * found.growth)).verdict == INCONCLUSIVE
    else:
        edges = np.array([bound.limits for bound in bounds(one, None, cases)])
        assert (np.abs(centres - edges) < 0.005).any()


def test_each_case_can_have_a_margin_of_its_own():
    rows = np.stack([around(-0.01, 0.001), around(-0.03, 0.001)], axis=1)
    one = statement(comparison="at least", margin=0.02, quantifier="each", over=("corpora",))
    assert decide(rows, one, 0.95).verdict == CONTRADICTED
    assert decide(rows, one, 0.95, [0.02, 0.05]).verdict == SUPPORTED
