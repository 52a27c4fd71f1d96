import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from valence_gap.figures.intervals import mean_over_seeds, seed_values
from valence_gap.scores.seed_variance import DIFFERENCES

KINDS = {"a": "fine-tuned", "b": "fine-tuned", "c": "fine-tuned", "cnn": "CNN14"}


def table_of(values, se_utterances=0.03, se_speakers=0.04, speakers=10):
    """A row for each value: {model: values of its seeds}."""
    rows = [("x", "valence", model, seed, ccc) for model, cccs in values.items() for seed, ccc in enumerate(cccs)]
    table = pd.DataFrame(rows, columns=["corpus", "dimension", "model", "seed", "ccc"])
    return table.assign(se_utterances=se_utterances, se_speakers=se_speakers, speakers=speakers)


def test_both_parts_are_in_the_interval():
    found = mean_over_seeds(table_of({"a": [0.5, 0.6, 0.7], "b": [0.2, 0.4]}), KINDS, 0.95).set_index("model")
    variance = (2 * np.var([0.5, 0.6, 0.7], ddof=1) + np.var([0.2, 0.4], ddof=1)) / 3
    row = found.loc["a"]
    assert row.se_seeds == pytest.approx(np.sqrt(variance / 3))
    assert row.standard_error == pytest.approx(np.sqrt(0.04**2 + variance / 3))
    terms = 0.04**4 / 9 + row.se_seeds**4 / 3
    assert row.degrees_of_freedom == pytest.approx(row.standard_error**4 / terms)
    half = student.ppf(0.975, row.degrees_of_freedom) * row.standard_error
    assert (row.low, row.high) == (pytest.approx(0.6 - half), pytest.approx(0.6 + half))
    assert (row.seeds, row.minimum, row.maximum) == (3, 0.5, 0.7)
    assert seed_values(row.by_seed) == [0.5, 0.6, 0.7]
    assert (found.borrowed_from == "").all()
    assert (found.interval_covers == "utterances and seeds").all()


def test_a_model_with_one_seed_borrows_from_its_kind_alone():
    values = {"a": [0.5, 0.6], "b": [0.1, 0.3], "c": [0.4], "cnn": [0.2]}
    found = mean_over_seeds(table_of(values), KINDS, 0.95).set_index("model")
    assert found.borrowed_from.to_dict() == {"a": "", "b": "", "c": "a, b", "cnn": ""}
    assert found.se_seeds["c"] == pytest.approx(np.sqrt((0.005 + 0.02) / 2))
    assert np.isnan(found.se_seeds["cnn"])
    assert found.interval_covers["cnn"] == "utterances only"
    assert found.standard_error["cnn"] == 0.04
    assert (found.high - found.low)["cnn"] / 2 == pytest.approx(student.ppf(0.975, 9) * 0.04)


def test_variances_are_pooled_within_a_condition():
    one = table_of({"a": [0.5, 0.5], "b": [0.1]}).assign(section="quiet")
    two = table_of({"a": [0.2, 0.6], "b": [0.1]}).assign(section="loud")
    keys = ["corpus", "dimension", "model", "section"]
    found = mean_over_seeds(pd.concat([one, two]), KINDS, 0.95, keys=keys, condition="section")
    by_section = found[found.model == "b"].set_index("section").se_seeds
    assert by_section["quiet"] == 0
    assert by_section["loud"] == pytest.approx(np.sqrt(0.08))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=4),
    st.floats(0, 0.5),
    st.one_of(st.just(float("nan")), st.floats(0, 0.5)),
    st.floats(0.5, 0.99),
)
def test_intervals_contain_their_mean_and_stay_within_bounds(cccs, utterances, speakers, confidence):
    row = mean_over_seeds(table_of({"a": cccs}, utterances, speakers), KINDS, confidence).iloc[0]
    assert -1 <= row.low <= row.ccc + 1e-9
    assert row.ccc - 1e-9 <= row.high <= 1
    assert row.standard_error >= max(utterances, np.nan_to_num(speakers)) - 1e-12
    wide = mean_over_seeds(table_of({"a": cccs}, utterances, speakers), KINDS, confidence, bounds=DIFFERENCES).iloc[0]
    assert (wide.low <= row.low, row.high <= wide.high) == (True, True)


def test_rows_keep_the_order_of_occurrence():
    found = mean_over_seeds(table_of({"cnn": [0.1], "a": [0.5]}), KINDS, 0.95)
    assert found.model.tolist() == ["cnn", "a"]
